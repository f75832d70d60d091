"""Metrics: cases worked by hand, and an independent computation.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest
import scipy.signal
import torch

from speechbrain_flashsr import metrics


@pytest.fixture
def wavs():
    generator = torch.Generator().manual_seed(0)
    wavs = torch.randn(3, 48000, generator=generator, dtype=torch.float64)
    fade = torch.linspace(1, 1e-3, 48000, dtype=torch.float64)
    return 0.1 * wavs * fade


def independent_log_power(wav):
    window = scipy.signal.get_window("hann", 2048, fftbins=True)
    frames = np.lib.stride_tricks.sliding_window_view(wav, 2048)[::512]
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    return np.log10(np.maximum(power, 1e-8))


def independent_active(log_power):
    energy = 10 * np.log10((10**log_power).sum(axis=1))
    return energy >= energy.max() - 40


def independent_lsd(ours, theirs, lower, upper):
    ours, theirs = independent_log_power(ours), independent_log_power(theirs)
    frequencies = np.arange(1025) * 48000 / 2048
    bins = (frequencies >= lower) & (frequencies < upper)
    distance = np.sqrt(((ours - theirs)[:, bins] ** 2).mean(axis=1))
    return distance[independent_active(theirs)].mean()


@pytest.mark.parametrize(
    "lower, upper", [(0, np.inf), (4000, 20000), (0, 4000)]
)
def test_lsd_agrees_with_an_independent_computation(wavs, lower, upper):
    noisy = wavs + 0.01 * torch.randn(wavs.shape, dtype=wavs.dtype)
    ours = metrics.lsd(noisy, wavs, lower, upper)
    theirs = [
        independent_lsd(a.numpy(), b.numpy(), lower, upper)
        for a, b in zip(noisy, wavs)
    ]
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-6)


def test_envelope_correlation_agrees_with_an_independent_computation(wavs):
    other = 0.5 * wavs + 0.02 * torch.randn(wavs.shape, dtype=wavs.dtype)
    ours = metrics.envelope_correlation(other, wavs, 4000.0, 12500.0)
    for value, a, b in zip(ours, other.numpy(), wavs.numpy()):
        p, t = independent_log_power(a), independent_log_power(b)
        active = independent_active(t)
        frequencies = np.arange(1025) * 48000 / 2048
        correlations = []
        for lower in range(4000, 12000, 1000):
            band = (frequencies >= lower) & (frequencies < lower + 1000)
            levels = [
                10 * np.log10((10 ** x[active][:, band]).sum(axis=1))
                for x in (p, t)
            ]
            correlations.append(np.corrcoef(*levels)[0, 1])
        assert len(correlations) == 8
        assert value.item() == pytest.approx(np.mean(correlations), abs=1e-6)


def test_identity_is_zero_and_one(wavs):
    assert metrics.lsd(wavs, wavs).abs().max() == 0
    torch.testing.assert_close(
        metrics.envelope_correlation(wavs, wavs, 4000),
        torch.ones(3, dtype=wavs.dtype),
    )


def test_six_decibels_everywhere(wavs):
    loud = 10 * wavs[:, :10000]  # nothing near the floor
    half = loud * 10 ** (-6 / 20)
    torch.testing.assert_close(
        metrics.lsd(half, loud), torch.full((3,), 0.6, dtype=wavs.dtype)
    )


def test_silence_against_a_known_level():
    silence = torch.zeros(1, 8192)
    assert metrics.lsd(silence, silence).item() == 0
    # A tone of amplitude a at the centre of a bin: (a N / 4)^2 there and a
    # quarter of it in the bins beside; all other bins of both are at the floor.
    time = torch.arange(8192, dtype=torch.float64)
    tone = torch.sin(2 * torch.pi * 100 / 2048 * time)[None]
    peak = 2 * np.log10(2048 / 4) + 8
    beside = peak - 2 * np.log10(2)
    expected = np.sqrt((peak**2 + 2 * beside**2) / 1025)
    value = metrics.lsd(silence.double(), tone)
    assert value.item() == pytest.approx(expected, rel=1e-4)


def test_half_empty_spectrum(wavs):
    # Above 12 kHz the prediction is at the floor: the distance there is the
    # target's level over the floor, and over all bins it is sqrt(1/2) of it.
    target = wavs[:1, :12000]
    spectrum = torch.fft.rfft(target)
    spectrum[:, 3000:] = 0
    half = torch.fft.irfft(spectrum, n=12000)
    above = metrics.lsd(half, target, 12000.0)
    below = metrics.lsd(half, target, 0.0, 12000.0)
    full = metrics.lsd(half, target)
    assert below < 0.2 and above > 3
    assert full.item() == pytest.approx(above.item() * 0.5**0.5, rel=0.02)


def test_limits_are_each_clips_own(wavs):
    noisy = wavs + 0.01 * torch.randn(wavs.shape, dtype=wavs.dtype)
    limits = torch.tensor([4000.0, 8000.0, 16000.0])
    together = metrics.lsd(noisy, wavs, 1000.0, limits)
    for i, limit in enumerate(limits):
        alone = metrics.lsd(noisy[i : i + 1], wavs[i : i + 1], 1000.0, limit)
        assert together[i] == alone[0]


def test_padding_does_not_count(wavs):
    padded = torch.nn.functional.pad(wavs, (0, 16000))
    lengths = torch.full((3,), 0.75)
    noisy = padded + 0.01 * torch.randn(padded.shape, dtype=wavs.dtype)
    torch.testing.assert_close(
        metrics.lsd(noisy, padded, lengths=lengths),
        metrics.lsd(noisy[:, :48000], wavs),
    )
    torch.testing.assert_close(
        metrics.envelope_correlation(noisy, padded, 4000, lengths=lengths),
        metrics.envelope_correlation(noisy[:, :48000], wavs, 4000),
    )


def test_nothing_to_judge_is_not_a_number(wavs):
    assert metrics.lsd(wavs, wavs, 16000.0, 15000.0).isnan().all()
    assert metrics.envelope_correlation(wavs, wavs, 15500.0).isnan().all()


def test_static_noise_has_the_spectrum_it_was_given(wavs):
    stationary = torch.randn(4, 48000, dtype=torch.float64)
    mean = metrics.mean_log_power_spectrum(
        stationary.float(), [24000.0] * 4
    ).double()
    sos = scipy.signal.butter(12, 6000, fs=48000, output="sos")
    low = torch.from_numpy(scipy.signal.sosfiltfilt(sos, stationary).copy())
    noise = metrics.StaticNoise(mean)
    filled = noise(low, 6000.0, torch.Generator().manual_seed(0))
    # Two independent noises of the same spectrum: 0.79, whatever its shape
    distance = metrics.lsd(filled, stationary, 7000.0, 24000.0)
    assert distance.numpy() == pytest.approx(0.79, abs=0.03)
    assert metrics.lsd(filled, low, 0.0, 5900.0).max() < 1e-3
    correlation = metrics.envelope_correlation(filled, stationary, 6000)
    assert correlation.abs().max() < 0.2
