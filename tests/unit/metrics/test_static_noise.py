"""The static-noise baseline.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import scipy.signal
import torch

from speechbrain_flashsr.metrics import spectral
from speechbrain_flashsr.metrics.static_noise import (
    StaticNoise,
    mean_log_power_spectrum,
)


def test_static_noise_has_the_spectrum_it_was_given():
    stationary = torch.randn(4, 48000, dtype=torch.float64)
    mean = mean_log_power_spectrum(stationary.float(), [24000.0] * 4).double()
    sos = scipy.signal.butter(12, 6000, fs=48000, output="sos")
    low = torch.from_numpy(scipy.signal.sosfiltfilt(sos, stationary).copy())
    noise = StaticNoise(mean)
    filled = noise(low, 6000.0, torch.Generator().manual_seed(0))
    # Two independent noises of the same spectrum: 0.79, whatever its shape
    distance = spectral.lsd(filled, stationary, 7000.0, 24000.0)
    assert distance.numpy() == pytest.approx(0.79, abs=0.03)
    assert spectral.lsd(filled, low, 0.0, 5900.0).max() < 1e-3
    correlation = spectral.envelope_correlation(filled, stationary, 6000)
    assert correlation.abs().max() < 0.2


@pytest.mark.parametrize("match_level", [True, False])
def test_noise_is_as_loud_as_the_recording(match_level):
    """At twice the level of a recording it is the same noise, twice as loud."""
    low = torch.randn(1, 48000, generator=torch.Generator().manual_seed(0))
    system = StaticNoise(torch.zeros(1025), match_level)
    noise, loud = (
        system(x, 4000.0, torch.Generator().manual_seed(1)) - x
        for x in (low, 2 * low)
    )
    torch.testing.assert_close(loud, 2 * noise, rtol=1e-3, atol=1e-5)


def test_unmatched_noise_has_the_level_of_the_mean():
    """Whatever the kilohertz below the cut-off is like; the peak is at 0.5."""
    low = torch.zeros(1, 48000)
    low[0, 0], low[0, 1] = 0.5, -0.5
    mean = torch.full((1025,), -3.0)
    noise = StaticNoise(mean, match_level=False)(
        low, 4000.0, torch.Generator().manual_seed(0)
    )
    level = spectral.log_power_spectrum(noise)[0, 200:, 10:].mean()
    assert level.item() == pytest.approx(-3.0, abs=0.02)
