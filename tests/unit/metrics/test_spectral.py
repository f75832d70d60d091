"""Metrics: cases worked by hand, and an independent computation.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest
import scipy.signal
import torch

from speechbrain_flashsr.metrics import spectral


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
    ours = spectral.lsd(noisy, wavs, lower, upper)
    theirs = [
        independent_lsd(a.numpy(), b.numpy(), lower, upper)
        for a, b in zip(noisy, wavs)
    ]
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-6)


def correlation(predictions, targets, cutoff, rolloff=24000.0):
    comparison = spectral.SpectralComparison(predictions, targets)
    return comparison.envelope_correlation(cutoff, rolloff)


def test_envelope_correlation_agrees_with_an_independent_computation(wavs):
    other = 0.5 * wavs + 0.02 * torch.randn(wavs.shape, dtype=wavs.dtype)
    ours = correlation(other, wavs, 4000.0, 12500.0)
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
    assert spectral.lsd(wavs, wavs).abs().max() == 0
    torch.testing.assert_close(
        correlation(wavs, wavs, 4000), torch.ones(3, dtype=wavs.dtype)
    )


def test_six_decibels_everywhere(wavs):
    loud = 10 * wavs[:, :10000]  # nothing near the floor
    half = loud * 10 ** (-6 / 20)
    torch.testing.assert_close(
        spectral.lsd(half, loud), torch.full((3,), 0.6, dtype=wavs.dtype)
    )


def test_silence_against_a_known_level():
    silence = torch.zeros(1, 8192)
    assert spectral.lsd(silence, silence).item() == 0
    # A tone of amplitude a at the centre of a bin: (a N / 4)^2 there and a
    # quarter of it in the bins beside; all other bins of both are at the floor.
    time = torch.arange(8192, dtype=torch.float64)
    tone = torch.sin(2 * torch.pi * 100 / 2048 * time)[None]
    peak = 2 * np.log10(2048 / 4) + 8
    beside = peak - 2 * np.log10(2)
    expected = np.sqrt((peak**2 + 2 * beside**2) / 1025)
    value = spectral.lsd(silence.double(), tone)
    assert value.item() == pytest.approx(expected, rel=1e-4)


def test_half_empty_spectrum(wavs):
    # Above 12 kHz the prediction is at the floor: the distance there is the
    # target's level over the floor, and over all bins it is sqrt(1/2) of it.
    target = wavs[:1, :12000]
    spectrum = torch.fft.rfft(target)
    spectrum[:, 3000:] = 0
    half = torch.fft.irfft(spectrum, n=12000)
    above = spectral.lsd(half, target, 12000.0)
    below = spectral.lsd(half, target, 0.0, 12000.0)
    full = spectral.lsd(half, target)
    assert below < 0.2 and above > 3
    assert full.item() == pytest.approx(above.item() * 0.5**0.5, rel=0.02)


def test_limits_are_each_clips_own(wavs):
    noisy = wavs + 0.01 * torch.randn(wavs.shape, dtype=wavs.dtype)
    limits = torch.tensor([4000.0, 8000.0, 16000.0])
    together = spectral.lsd(noisy, wavs, 1000.0, limits)
    for i, limit in enumerate(limits):
        alone = spectral.lsd(noisy[i : i + 1], wavs[i : i + 1], 1000.0, limit)
        assert together[i] == alone[0]


def test_nothing_to_judge_is_not_a_number(wavs):
    assert spectral.lsd(wavs, wavs, 16000.0, 15000.0).isnan().all()
    assert correlation(wavs, wavs, 15500.0).isnan().all()
    comparison = spectral.SpectralComparison(wavs, wavs)
    assert comparison.level_bias(15500.0).isnan().all()


@pytest.mark.parametrize("decibels", [-6.0, 9.0])
def test_a_level_shift_is_told_in_decibels(wavs, decibels):
    shifted = wavs * 10 ** (decibels / 20)
    comparison = spectral.SpectralComparison(shifted, wavs)
    full = torch.full((3,), decibels, dtype=wavs.dtype)
    torch.testing.assert_close(
        comparison.level_bias(4000.0), full, atol=0.01, rtol=0
    )
    torch.testing.assert_close(
        comparison.level_error(4000.0), full.abs(), atol=0.01, rtol=0
    )
    assert spectral.si_sdr(shifted, wavs).min() > 80


def test_levels_agree_with_an_independent_computation(wavs):
    other = 0.5 * wavs + 0.02 * torch.randn(wavs.shape, dtype=wavs.dtype)
    comparison = spectral.SpectralComparison(other, wavs)
    ours = comparison.level_bias(4000.0, 12500.0)
    error = comparison.level_error(4000.0, 12500.0)
    for i, (a, b) in enumerate(zip(other.numpy(), wavs.numpy())):
        p, t = independent_log_power(a), independent_log_power(b)
        active = independent_active(t)
        frequencies = np.arange(1025) * 48000 / 2048
        differences = []
        for lower in range(4000, 12000, 1000):
            band = (frequencies >= lower) & (frequencies < lower + 1000)
            p_level, t_level = (
                10 * np.log10((10 ** x[active][:, band]).sum(axis=1).mean())
                for x in (p, t)
            )
            differences.append(p_level - t_level)
        assert ours[i].item() == pytest.approx(np.mean(differences), abs=1e-6)
        expected = np.mean(np.abs(differences))
        assert error[i].item() == pytest.approx(expected, abs=1e-6)


def test_errors_of_two_bands_do_not_cancel_out(wavs):
    spectrum = torch.fft.rfft(wavs)
    spectrum[:, 14000:15000] *= 2
    spectrum[:, 15000:16000] /= 2
    other = torch.fft.irfft(spectrum, n=wavs.shape[1])
    comparison = spectral.SpectralComparison(other, wavs)
    assert comparison.level_bias(14000.0).abs().max() < 0.5
    assert comparison.level_error(14000.0).min() > 5


def test_si_sdr_agrees_with_an_independent_computation(wavs):
    noisy = 0.3 * wavs + 0.01 * torch.randn(wavs.shape, dtype=wavs.dtype) + 0.1
    given = noisy.clone()
    ours = spectral.si_sdr(given, wavs)
    assert torch.equal(given, noisy)
    for value, a, b in zip(ours, noisy.numpy(), wavs.numpy()):
        a, b = a - a.mean(), b - b.mean()
        scaled = np.linalg.lstsq(b[:, None], a, rcond=None)[0] * b
        ratio = (scaled**2).sum() / ((a - scaled) ** 2).sum()
        assert value.item() == pytest.approx(10 * np.log10(ratio), abs=1e-6)


def test_si_sdr_of_noise_in_quadrature():
    # A tenth of the amplitude, orthogonal: 20 dB; whatever the gain.
    time = torch.arange(48000, dtype=torch.float64) / 48000
    tone = torch.sin(2 * torch.pi * 1000 * time)[None]
    other = torch.cos(2 * torch.pi * 1000 * time)[None]
    for gain in (0.1, 1.0, 3.0):
        value = spectral.si_sdr(gain * (tone + 0.1 * other), tone)
        assert value.item() == pytest.approx(20, abs=1e-6)
    assert spectral.si_sdr(torch.zeros_like(tone), tone).item() == -80
