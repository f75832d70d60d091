"""The alias-free activation: precision and purpose.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch

from speechbrain_flashsr.lobes.activations import AliasFree, SnakeBeta
from speechbrain_flashsr.lobes.fast.activations import FastAliasFree


@torch.no_grad()
@pytest.mark.parametrize("form", [AliasFree, FastAliasFree])
def test_half_precision_is_computed_in_single(form):
    x = torch.randn(1, 3, 200).bfloat16()
    module = form(SnakeBeta(3))
    with torch.autocast("cpu", torch.bfloat16):
        output = module(x)
    assert output.dtype == torch.bfloat16
    torch.testing.assert_close(output, module(x.float()).bfloat16())


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
