"""The static-noise baseline.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import scipy.signal
import torch

from speechbrain_flashsr import metrics
from speechbrain_flashsr.static_noise import (
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
    distance = metrics.lsd(filled, stationary, 7000.0, 24000.0)
    assert distance.numpy() == pytest.approx(0.79, abs=0.03)
    assert metrics.lsd(filled, low, 0.0, 5900.0).max() < 1e-3
    correlation = metrics.envelope_correlation(filled, stationary, 6000)
    assert correlation.abs().max() < 0.2
