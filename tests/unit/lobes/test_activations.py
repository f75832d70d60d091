"""The alias-free activation against its definition, and what it is for.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch
from torch.nn import functional as F

from speechbrain_flashsr.lobes import activations
from speechbrain_flashsr.lobes.activations import (
    AliasFree,
    SnakeBeta,
    kaiser_sinc_filter,
)


def alias_free_by_definition(activation, x):
    """Zero-stuffed upsampling, activation, filtered downsampling."""
    channels = x.shape[1]
    taps = kaiser_sinc_filter().to(x.dtype).view(1, 1, -1)
    taps = taps.expand(channels, -1, -1)
    up = F.pad(x, (5, 5), mode="replicate")
    up = 2 * F.conv_transpose1d(up, taps, stride=2, groups=channels)
    up = activation(up[..., 15:-15])
    up = F.pad(up, (5, 6), mode="replicate")
    return F.conv1d(up, taps, stride=2, groups=channels)


@pytest.fixture
def activation():
    generator = torch.Generator().manual_seed(0)
    activation = SnakeBeta(3).double()
    for parameter in activation.parameters():
        parameter.data = torch.randn(3, generator=generator).double() / 2
    return activation


def in_layout(channels_last, *shape):
    """Noise [batch, channels, time] whose channels are adjacent or not."""
    batch, channels, time = shape
    if channels_last:
        return torch.randn(batch, time, channels).double().transpose(1, 2)
    return torch.randn(shape).double()


@pytest.fixture(params=["whole", "in chunks"])
def chunk(request, monkeypatch):
    """Blocks one by one, or as many as there are."""
    if request.param == "in chunks":
        monkeypatch.setattr(activations, "CHUNK", 1)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("gradients", [False, True])
# A signal's end may lie in two blocks of 16.
@pytest.mark.parametrize(
    "time", [1, 2, 5, 6, 7, 15, 16, 17, 18, 19, 20, 21, 32, 33, 34, 64, 1001]
)
def test_matches_the_definition(
    activation, time, gradients, channels_last, chunk
):
    x = in_layout(channels_last, 2, 3, time)
    with torch.set_grad_enabled(gradients):
        output = AliasFree(activation)(x)
    torch.testing.assert_close(
        output, alias_free_by_definition(activation, x), rtol=1e-9, atol=1e-9
    )


@torch.no_grad()
def test_half_precision_is_computed_in_single(activation):
    x = in_layout(True, 1, 3, 200).bfloat16()
    module = AliasFree(activation.float())
    with torch.autocast("cpu", torch.bfloat16):
        output = module(x)
    assert output.dtype == torch.bfloat16
    torch.testing.assert_close(output, module(x.float()).bfloat16())


@pytest.mark.parametrize("time", [1, 2, 3, 8, 13, 16, 17, 40])
def test_gradients_match_the_definition(activation, time, chunk):
    x = torch.randn(2, 3, time, dtype=torch.float64)
    gradients = []
    for function in (
        AliasFree(activation),
        lambda x: alias_free_by_definition(activation, x),
    ):
        leaf = x.clone().requires_grad_()
        inputs = [leaf, activation.alpha, activation.beta]
        output = (function(leaf) ** 3).sum()
        gradients.append(torch.autograd.grad(output, inputs))
    for ours, theirs in zip(*gradients):
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("gradients", [False, True])
def test_snake_beta_is_its_formula(activation, gradients, channels_last, chunk):
    x = in_layout(channels_last, 2, 3, 11)
    alpha = activation.alpha.exp()[:, None]
    beta = activation.beta.exp()[:, None]
    expected = x + torch.sin(alpha * x) ** 2 / (beta + 1e-9)
    with torch.set_grad_enabled(gradients):
        torch.testing.assert_close(activation(x), expected)


def test_there_are_fewer_aliases():
    # sin^2 of a tone at 0.35 of the rate makes a second harmonic at 0.7, which
    # folds to 0.3.
    time = torch.arange(4096, dtype=torch.float64)
    x = 0.5 * torch.sin(2 * torch.pi * 0.35 * time).view(1, 1, -1)
    snake = SnakeBeta(1).double()

    def alias(y):
        spectrum = torch.fft.rfft(y.flatten() * torch.hann_window(4096))
        bin_of_alias = round(0.3 * 4096)
        return spectrum[bin_of_alias - 3 : bin_of_alias + 4].abs().max()

    assert alias(AliasFree(snake)(x)) < 0.3 * alias(snake(x))
