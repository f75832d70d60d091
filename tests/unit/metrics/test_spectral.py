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


def test_envelope_correlation_agrees_with_an_independent_computation(wavs):
    other = 0.5 * wavs + 0.02 * torch.randn(wavs.shape, dtype=wavs.dtype)
    ours = spectral.envelope_correlation(other, wavs, 4000.0, 12500.0)
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
        spectral.envelope_correlation(wavs, wavs, 4000),
        torch.ones(3, dtype=wavs.dtype),
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


def test_padding_does_not_count(wavs):
    padded = torch.nn.functional.pad(wavs, (0, 16000))
    lengths = torch.full((3,), 0.75)
    noisy = padded + 0.01 * torch.randn(padded.shape, dtype=wavs.dtype)
    torch.testing.assert_close(
        spectral.lsd(noisy, padded, lengths=lengths),
        spectral.lsd(noisy[:, :48000], wavs),
    )
    torch.testing.assert_close(
        spectral.envelope_correlation(noisy, padded, 4000, lengths=lengths),
        spectral.envelope_correlation(noisy[:, :48000], wavs, 4000),
    )


def test_nothing_to_judge_is_not_a_number(wavs):
    assert spectral.lsd(wavs, wavs, 16000.0, 15000.0).isnan().all()
    assert spectral.envelope_correlation(wavs, wavs, 15500.0).isnan().all()


@pytest.mark.parametrize("decibels", [-6.0, 20 * np.log10(0.5)])
def test_a_level_shift_is_forgiven_by_some(wavs, decibels):
    loud = 10 * wavs[:, :10000]
    shifted = loud * 10 ** (decibels / 20)
    full = torch.full((3,), -decibels, dtype=wavs.dtype)
    torch.testing.assert_close(spectral.mel_distance(shifted, loud), full)
    torch.testing.assert_close(spectral.lsd(shifted, loud), full / 10)
    aligned = spectral.align_energy(shifted, loud)
    assert spectral.lsd(aligned, loud).max() < 1e-9
    assert spectral.si_sdr(shifted, loud).min() > 80


def test_energy_of_silence_cannot_be_aligned(wavs):
    silence = torch.zeros_like(wavs)
    assert torch.equal(spectral.align_energy(silence, wavs), silence)
    assert torch.equal(spectral.align_energy(wavs, silence), silence)


def slaney_filters():
    """Slaney's mel filters, from their description alone."""

    def hz(mel):
        return np.where(
            mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27)
        )

    top = 15 + 27 * np.log(24) / np.log(6.4)
    corners = hz(np.linspace(0, top, 130))
    frequencies = np.arange(1025) * 48000 / 2048
    return np.stack(
        [
            np.interp(frequencies, corners[i : i + 3], [0, 1, 0], 0, 0)
            for i in range(128)
        ]
    )


@pytest.mark.parametrize("rolloff", [24000.0, 16000.0])
def test_mel_distance_agrees_with_an_independent_computation(wavs, rolloff):
    noisy = 0.7 * wavs + 0.01 * torch.randn(wavs.shape, dtype=wavs.dtype)
    ours = spectral.mel_distance(noisy, wavs, rolloff)
    filters = slaney_filters()
    frequencies = np.arange(1025) * 48000 / 2048
    bands = [frequencies[row > 0].max() <= rolloff for row in filters]
    assert (sum(bands) == 128) == (rolloff == 24000)
    for value, a, b in zip(ours, noisy.numpy(), wavs.numpy()):
        p, t = independent_log_power(a), independent_log_power(b)
        active = independent_active(t)
        levels = [
            10 * np.log10(np.maximum(10 ** x[active] @ filters.T, 1e-8))
            for x in (p, t)
        ]
        distance = np.abs(levels[0] - levels[1])[:, bands].mean()
        assert value.item() == pytest.approx(distance, abs=1e-6)


def test_mel_distance_of_identity_and_silence(wavs):
    assert spectral.mel_distance(wavs, wavs).abs().max() == 0
    silence = torch.zeros_like(wavs)
    assert spectral.mel_distance(silence, silence).abs().max() == 0
    assert spectral.mel_distance(silence, wavs).min() > 20


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


def test_a_comparison_gives_what_the_functions_give(wavs):
    noisy = 0.5 * wavs + 0.01 * torch.randn(wavs.shape, dtype=wavs.dtype)
    lengths = torch.tensor([1.0, 0.75, 0.5])
    together = spectral.SpectralComparison(noisy, wavs, lengths)
    for ours, theirs in (
        (
            together.lsd(4000.0, 8000.0),
            spectral.lsd(noisy, wavs, 4000.0, 8000.0, lengths),
        ),
        (
            together.mel_distance(16000.0),
            spectral.mel_distance(noisy, wavs, 16000.0, lengths),
        ),
        (
            together.envelope_correlation(4000.0, 16000.0),
            spectral.envelope_correlation(
                noisy, wavs, 4000.0, 16000.0, lengths
            ),
        ),
    ):
        assert torch.equal(ours, theirs)
        assert not torch.equal(ours[1:], ours[:-1])
