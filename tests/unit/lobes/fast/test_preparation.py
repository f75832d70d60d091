"""A prepared model gives what it gave before.

Authors
 * The speechbrain_flashsr developers 2026
"""

import copy

import pytest
import torch
from torch import nn

from speechbrain_flashsr.lobes.convolutions import UpsamplingConv2d
from speechbrain_flashsr.lobes.fast.preparation import (
    is_small,
    prepare_for_inference,
)
from speechbrain_flashsr.lobes.vocoder import SRVocoder


@torch.no_grad()
def test_prepared_model_gives_the_same():
    torch.manual_seed(0)
    vocoder = SRVocoder(8, 16, (3, 2), (3,), (1, 3))
    inputs = torch.randn(2, 8, 40), torch.randn(2, 240)
    expected = vocoder(*inputs)
    names = [name.split(".")[0] for name in vocoder.state_dict()]
    prepare_for_inference(vocoder)
    assert {name.split(".")[0] for name in vocoder.state_dict()} == set(names)
    torch.testing.assert_close(vocoder(*inputs), expected, rtol=0, atol=1e-5)
    weight = vocoder.stages[0][0].layers[0][1].weight
    assert weight.transpose(1, 2).is_contiguous()
    prepare_for_inference(vocoder, torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        half = vocoder(*inputs)
    error = (half - expected).norm() / expected.norm()
    assert 1e-6 < error < 0.05


@pytest.mark.parametrize("padding", [1, "same"])
@pytest.mark.parametrize("mode", ["zeros", "reflect", "circular"])
@pytest.mark.parametrize("kind", [nn.Conv1d, nn.Conv2d])
def test_convolutions_may_pad_in_any_way(kind, mode, padding):
    conv = kind(2, 3, 3, padding=padding, padding_mode=mode)
    x = torch.randn(1, 2, *[7] * (conv.weight.dim() - 2))
    with torch.no_grad():
        expected = conv(x)
        model = nn.Sequential(conv)
        prepare_for_inference(model)
        torch.testing.assert_close(model(x), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_large_model_is_prepared_without_copies_of_its_weights(dtype):
    torch.manual_seed(0)
    small = nn.Sequential(UpsamplingConv2d(2, 3), nn.Linear(10, 10))
    large = nn.Sequential(UpsamplingConv2d(2, 3), nn.Linear(10, 10))
    large.load_state_dict(small.state_dict())
    # One value, expanded: many parameters in little memory
    large.register_parameter("rest", nn.Parameter(torch.zeros(1).expand(2**26)))
    assert is_small(small) and not is_small(large)
    for model in (small, large):
        prepare_for_inference(model, dtype)
    assert len(list(small.buffers())) > len(list(large.buffers())) == 0
    x = torch.randn(1, 2, 4, 5)
    with torch.no_grad(), torch.autocast("cpu", dtype, dtype != torch.float32):
        assert torch.equal(large[0](x), small[0](x))


def test_a_prepared_model_refuses_other_weights():
    """It would go on with the forms that it has made of the former ones."""
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Linear(3, 3))
    state = model.state_dict()
    model.load_state_dict(state)
    prepare_for_inference(model)
    for prepared in (model, copy.deepcopy(model)):
        with pytest.raises(RuntimeError, match="into a model once"):
            prepared.load_state_dict(state)
        with pytest.raises(RuntimeError, match="into a model once"):
            prepared[1].load_state_dict(model[1].state_dict())
