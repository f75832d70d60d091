"""Fast convolutions give the values and gradients of plain ones.

Authors
 * The speechbrain_flashsr developers 2026
"""

import copy

import pytest
import torch
from torch import nn

from speechbrain_flashsr.lobes.convolutions import UpsamplingConv2d
from speechbrain_flashsr.lobes.fast.convolutions import (
    FastConv1d,
    FastConvTranspose1d,
    FastUpsamplingConv2d,
)
from speechbrain_flashsr.lobes.fast.preparation import prepare_for_inference


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(
    "ours, theirs, options",
    [
        (FastConv1d, nn.Conv1d, {"dilation": 3, "padding": 6}),
        (FastConv1d, nn.Conv1d, {"stride": 2, "padding": 1}),
        (FastConvTranspose1d, nn.ConvTranspose1d, {"stride": 3, "padding": 1}),
    ],
)
def test_1d_convolutions_are_torchs(ours, theirs, options, channels_last):
    torch.manual_seed(0)
    mine, reference = ours(6, 4, 5, **options), theirs(6, 4, 5, **options)
    mine.load_state_dict(reference.state_dict())
    x = torch.randn(2, 6, 31)
    if channels_last:
        x = x.transpose(1, 2).contiguous().transpose(1, 2)
    torch.testing.assert_close(mine(x), reference(x), rtol=1e-5, atol=1e-5)
    if channels_last:
        assert mine(x).transpose(1, 2).is_contiguous()


@pytest.mark.parametrize("channels_last", [False, True])
def test_upsampling_by_a_transposed_convolution(channels_last):
    """Values and gradients, the image's border included."""
    torch.manual_seed(0)
    plain, module = UpsamplingConv2d(3, 6), FastUpsamplingConv2d(3, 6)
    module.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, 5, 4, requires_grad=True)
    results = []
    for function in (module, plain):
        image = x
        if channels_last:
            image = x.contiguous(memory_format=torch.channels_last)
        output = function(image)
        leaves = [x, *function.parameters()]
        gradients = torch.autograd.grad((output**2).sum(), leaves)
        results.append((output, *gradients))
    for ours, expected in zip(*results):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("with_gradients", [False, True])
def test_upsampling_prepared_for_bfloat16_returns_single_precision(
    with_gradients,
):
    torch.manual_seed(0)
    plain = UpsamplingConv2d(3, 6)
    module = copy.deepcopy(plain)
    prepare_for_inference(module, torch.bfloat16)
    assert isinstance(module, FastUpsamplingConv2d)
    x = torch.randn(2, 3, 5, 4)
    with torch.set_grad_enabled(with_gradients):
        with torch.autocast("cpu", torch.bfloat16):
            output, expected = module(x), plain(x)
    assert output.dtype == torch.float32
    error = (output - expected).norm() / expected.norm()
    assert 1e-6 < error < 0.01
