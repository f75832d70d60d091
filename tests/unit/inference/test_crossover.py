"""Tests of speechbrain_flashsr.inference.crossover.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import scipy.signal
import torch

from speechbrain_flashsr.inference.crossover import (
    crossover_highpass,
    cutoff_lowpass,
    filter_rows,
)

CUTOFFS = [500.0, 2000.0, 4000.0, 11025.0, 16000.0]


def gain(taps):
    """Gains at 0, 1, 2, ... Hz, [filters, 24001]."""
    return torch.fft.rfft(taps.double(), 48000).abs()


@pytest.mark.parametrize("cutoff", CUTOFFS)
def test_highpass_rises_between_nine_tenths_and_the_cutoff(cutoff):
    gains = gain(crossover_highpass([cutoff], 48000))[0]
    assert gains[: int(0.9 * cutoff)].max() < 10 ** (-85 / 20)
    assert (gains[int(cutoff) + 1 :] - 1).abs().max() < 1e-4


@pytest.mark.parametrize("cutoff", CUTOFFS)
def test_lowpass_falls_above_the_cutoff(cutoff):
    gains = gain(cutoff_lowpass([cutoff], 48000))[0]
    assert (gains[: int(cutoff)] - 1).abs().max() < 1e-4
    assert gains[int(1.1 * cutoff) + 1 :].max() < 10 ** (-85 / 20)


def test_nothing_is_limited_at_the_nyquist_frequency():
    wavs = torch.randn(1, 5000)
    filtered = filter_rows(wavs, cutoff_lowpass([24000.0], 48000))
    torch.testing.assert_close(filtered, wavs, rtol=0, atol=1e-5)


def test_every_row_has_its_own_filter():
    torch.manual_seed(0)
    wavs = torch.randn(3, 6000)
    taps = crossover_highpass([2000.0, 8000.0, 15000.0], 48000)
    filtered = filter_rows(wavs, taps)
    half = taps.shape[1] // 2
    for row in range(3):
        expected = scipy.signal.convolve(
            wavs[row].numpy(), taps[row].numpy(), mode="valid"
        )
        torch.testing.assert_close(
            filtered[row, half:-half],
            torch.from_numpy(expected),
            rtol=0,
            atol=1e-4,
        )


def test_reflection_keeps_a_constant_out_of_the_high_band():
    filtered = filter_rows(
        torch.ones(1, 4000), crossover_highpass([4000.0], 48000)
    )
    assert filtered.abs().max() < 1e-4
