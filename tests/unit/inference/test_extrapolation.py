"""Tests of speechbrain_flashsr.inference.extrapolation.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest
from scipy import signal

from speechbrain_flashsr.inference.extrapolation import extrapolate

RATE = 16000


def noise(seconds, seed=0, rate=RATE):
    samples = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    return samples[None].astype(np.float32)


def continued(samples, num_samples=2 * RATE):
    return extrapolate(samples, num_samples, np.random.default_rng(1))


def decibels(samples):
    return 10 * np.log10(np.square(samples, dtype=np.float64).mean())


@pytest.mark.parametrize("seconds", [0.05, 0.2, 1.0])
def test_noise_goes_on_as_noise_that_repeats_nothing(seconds):
    samples = noise(seconds)
    more = continued(samples)
    assert abs(decibels(more) - decibels(samples)) < 0.7
    spectrum = np.fft.rfft(more[0], 2 * more.size)
    lags = np.fft.irfft(abs(spectrum) ** 2)[: more.size // 2]
    # Beyond the predictor's length; a period would reach half of it.
    assert abs(lags[200:]).max() < 0.2 * lags[0]


@pytest.mark.parametrize(
    "rate, cutoff", [(16000, 3500), (48000, 4000), (192000, 8000)]
)
def test_an_empty_band_leaves_the_level(rate, cutoff):
    taps = signal.firwin(801, cutoff, window=("kaiser", 14), fs=rate)
    samples = signal.oaconvolve(noise(0.2, rate=rate)[0], taps, "valid")
    samples = samples[None].astype(np.float32)
    more = continued(samples, 2 * rate)
    assert abs(decibels(more[:, -rate:]) - decibels(samples)) < 1


def test_tones_go_on_without_a_step():
    time = np.arange(1.5 * RATE) / RATE
    for frequencies in ([3000], [220 * k for k in range(1, 20)]):
        tone = sum(np.sin(2 * np.pi * f * time + f * f) for f in frequencies)
        more = continued(tone[None, :RATE], RATE // 10)
        error = more[0] - tone[RATE:][: more.size]
        assert decibels(error) < decibels(tone) - 40


def test_decays_go_on_falling():
    time = np.arange(0.2 * RATE) / RATE
    samples = (noise(0.2) * np.exp(-time / 0.03)).astype(np.float32)
    more = continued(samples)
    fifth = len(time) // 5
    end, after = samples[:, -fifth:], more[:, :fifth]
    assert abs(decibels(after) - decibels(end)) < 3


@pytest.mark.parametrize(
    "samples", [[1.0], [1.0, -0.5], [0.0] * 99, [0.3] * 99, [1e37, -1e37] * 50]
)
def test_samples_that_say_little(samples):
    more = continued(np.array([samples], dtype=np.float32))
    assert np.isfinite(more).all()
    assert abs(more).max() <= 1.01 * np.abs(samples).max()
    if np.ptp(samples) == 0:  # also a single sample
        assert abs(more - samples[0]).max() < 1e-3


def test_channels_keep_their_image_and_gain():
    first, second = noise(0.1), noise(0.1, seed=2)
    more = continued(np.concatenate([first, -first, 1e-3 * first, second]))
    np.testing.assert_array_equal(more[1], -more[0])
    np.testing.assert_allclose(more[2], 1e-3 * more[0], rtol=1e-3, atol=1e-7)
    assert abs(np.corrcoef(more[0], more[3])[0, 1]) < 0.05
