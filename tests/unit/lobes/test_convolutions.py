"""Convolutions give the same in every form and layout.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechbrain_flashsr.lobes.convolutions import (
    Conv1d,
    ConvTranspose1d,
    UpsamplingConv2d,
    add_to,
    silu,
)
from speechbrain_flashsr.lobes.fast.preparation import prepare_for_inference
from speechbrain_flashsr.lobes.vocoder import SRVocoder


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(
    "ours, theirs, options",
    [
        (Conv1d, nn.Conv1d, {"dilation": 3, "padding": 6}),
        (Conv1d, nn.Conv1d, {"stride": 2, "padding": 1}),
        (ConvTranspose1d, nn.ConvTranspose1d, {"stride": 3, "padding": 1}),
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
@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_residual_is_added(dtype, gradients, channels_last):
    """With the layout of inference by oneDNN, in the residual's memory."""
    torch.manual_seed(0)
    module = Conv1d(6, 6, 3, dilation=2, padding=2).to(dtype)
    x, residual = torch.randn(2, 2, 31, 6).to(dtype).transpose(2, 3)
    if not channels_last:
        x, residual = x.contiguous(), residual.contiguous()
    with torch.set_grad_enabled(gradients):
        expected = module(x).float() + residual.float()
        output = module(x, residual)
    assert output.dtype == dtype and output.requires_grad == gradients
    rtol = 1e-5 if dtype == torch.float32 else 2**-6
    torch.testing.assert_close(output.float(), expected, rtol=rtol, atol=rtol)
    if dtype == torch.float32 and channels_last and not gradients:
        assert output.data_ptr() == residual.data_ptr()


@pytest.mark.parametrize("channels_last", [False, True])
def test_upsampling_by_a_transposed_convolution(channels_last):
    """Values and gradients, the image's border included."""
    torch.manual_seed(0)
    module = UpsamplingConv2d(3, 6)
    x = torch.randn(2, 3, 5, 4, requires_grad=True)
    results = []
    for function in (
        module,
        lambda x: F.conv2d(
            F.interpolate(x, scale_factor=2.0), *module.parameters(), padding=1
        ),
    ):
        image = x
        if channels_last:
            image = x.contiguous(memory_format=torch.channels_last)
        output = function(image)
        leaves = [x, *module.parameters()]
        gradients = torch.autograd.grad((output**2).sum(), leaves)
        results.append((output, *gradients))
    for ours, expected in zip(*results):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


def test_prepared_upsampling_takes_other_weights():
    """What is computed in advance follows the weights that are loaded later,
    into the module or what holds it."""
    other, module = (nn.Sequential(UpsamplingConv2d(3, 6)) for _ in range(2))
    x = torch.randn(2, 3, 4, 5)
    prepare_for_inference(module)
    with torch.no_grad():
        before = module(x)
        module.load_state_dict(other.state_dict())
        torch.testing.assert_close(module(x), other(x))
        assert not torch.allclose(before, other(x))


@torch.no_grad()
def test_prepared_upsampling_gives_the_same():
    module = UpsamplingConv2d(3, 6)
    x = torch.randn(2, 3, 5, 4)
    expected, names = module(x), list(module.state_dict())
    prepare_for_inference(module)
    assert module.kept_kernel.shape == (3, 6, 4, 4)
    torch.testing.assert_close(module(x), expected, rtol=1e-6, atol=1e-6)
    assert list(module.state_dict()) == names == ["weight", "bias"]


@pytest.mark.parametrize("function", [lambda x: add_to(x, x + 1), silu])
def test_memory_is_used_anew_without_gradients(function):
    x = torch.randn(5)
    kept = function(x.clone().requires_grad_())
    assert kept.requires_grad
    with torch.no_grad():
        reused = function(copy := x.clone())
    assert reused.data_ptr() == copy.data_ptr()
    torch.testing.assert_close(reused, kept.detach())


@torch.no_grad()
def test_prepared_model_gives_the_same():
    torch.manual_seed(0)
    vocoder = SRVocoder(8, 16, (3, 2), (3,), (1, 3))
    inputs = torch.randn(2, 8, 40), torch.randn(2, 240)
    expected = vocoder(*inputs)
    prepare_for_inference(vocoder)
    torch.testing.assert_close(vocoder(*inputs), expected, rtol=0, atol=1e-5)
    weight = vocoder.stages[0][0].layers[0][1].weight
    assert weight.transpose(1, 2).is_contiguous()
    prepare_for_inference(vocoder, torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        half = vocoder(*inputs)
    error = (half - expected).norm() / expected.norm()
    assert 1e-6 < error < 0.05
