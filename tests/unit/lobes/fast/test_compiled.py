"""Compiled activations are the plain ones, faster.

Authors
 * The speechbrain_flashsr developers 2026
"""

import copy

import pytest
import torch
from torch import nn

from speechbrain_flashsr.lobes import activations
from speechbrain_flashsr.lobes.activations import AliasFree, SnakeBeta
from speechbrain_flashsr.lobes.fast import compiled
from speechbrain_flashsr.lobes.fast.compiled import compile_activations
from tests.compiler import needs_compiler


def alias_free(channels):
    """An activation of random coefficients, plain and compiled."""
    generator = torch.Generator().manual_seed(channels)
    plain = AliasFree(SnakeBeta(channels))
    for parameter in plain.parameters():
        parameter.data.normal_(0, 0.3, generator=generator)
    fast = copy.deepcopy(plain)
    compile_activations(fast)
    return plain, fast


def in_layout(channels_last, batch, channels, time):
    if channels_last:
        return torch.randn(batch, time, channels).transpose(1, 2)
    return torch.randn(batch, channels, time)


@pytest.fixture(params=["whole", "in pieces"])
def chunk(request, monkeypatch):
    """Two rows at a time, or as many as there are."""
    if request.param == "in pieces":
        monkeypatch.setattr(compiled, "CHUNK", 1)


@needs_compiler
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 32, 48])
@pytest.mark.parametrize("time", [1, 7, 8, 9, 40, 1001])
@torch.no_grad()
def test_alias_free_is_the_plain_one(channels, time, channels_last, chunk):
    plain, fast = alias_free(channels)
    x = in_layout(channels_last, 2, channels, time)
    torch.testing.assert_close(fast(x), plain(x), rtol=0, atol=1e-5)
    memory = plain(x)
    assert fast(x, memory).data_ptr() == memory.data_ptr()


@needs_compiler
@pytest.mark.parametrize("channels", [3, 48])
@torch.no_grad()
def test_bfloat16_is_computed_in_single(channels, chunk):
    plain, fast = alias_free(channels)
    x = in_layout(True, 1, channels, 500).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        output = fast(x)
    assert output.dtype == torch.bfloat16
    torch.testing.assert_close(output, plain(x), rtol=2**-7, atol=1e-5)


@needs_compiler
@pytest.mark.parametrize("channels_last", [False, True])
@torch.no_grad()
def test_snake_is_its_formula_at_any_phase(channels_last):
    activation = SnakeBeta(3)
    activation.alpha.data = torch.tensor([-1.0, 0.0, 0.5])
    compile_activations(activation)
    x = 200 * in_layout(channels_last, 2, 3, 1000)
    exact = copy.deepcopy(activation).double()(x.double())
    # Single precision holds a phase of 1000 to 6e-5.
    torch.testing.assert_close(
        activation(x).double(), exact, rtol=1e-6, atol=1e-4
    )


def test_only_inference_is_compiled():
    """Gradients, double precision and other models are what they were."""
    plain, fast = alias_free(3)
    assert plain.inference is activations.alias_free
    assert fast.inference is compiled.alias_free
    assert fast.activation.inference is compiled.snake
    x = torch.randn(1, 3, 200, requires_grad=True)
    gradients = [
        torch.autograd.grad(module(x).square().sum(), x)[0]
        for module in (plain, fast)
    ]
    assert torch.equal(*gradients)
    plain, fast, x = plain.double(), fast.double(), x.detach().double()
    with torch.no_grad():
        assert torch.equal(fast(x), plain(x))


def test_other_modules_are_left_alone():
    model = nn.Sequential(nn.Conv1d(2, 3, 1), SnakeBeta(3))
    keys = list(model.state_dict())
    compile_activations(model)
    assert list(model.state_dict()) == keys
