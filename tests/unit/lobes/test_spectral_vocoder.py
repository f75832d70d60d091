"""The SR vocoder at the rate of frames.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch

from speechbrain_flashsr.lobes.features import LogMel
from speechbrain_flashsr.lobes.spectral_vocoder import (
    SpectralVocoder,
    enlarge_swings,
)
from speechbrain_flashsr.lobes.spectrum import (
    BandExtension,
    ShortTimeSpectrum,
    moving_mean,
    shift_up,
)

CUTOFF = torch.tensor([6000.0])


@pytest.fixture(scope="module")
def vocoder():
    torch.manual_seed(0)
    return SpectralVocoder(LogMel(), 8, 16, 1).eval()


def noise(seed, time=48000):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, time, generator=generator)


def band_energy(wavs, low_hz, high_hz):
    spectrum = torch.fft.rfft(wavs).abs().square()
    hz = torch.linspace(0, 24000, spectrum.shape[-1])
    inside = (hz >= low_hz) & (hz < high_hz)
    return spectrum[..., inside].sum().item()


def low_pass(wavs, hz):
    spectrum = torch.fft.rfft(wavs)
    spectrum[:, torch.linspace(0, 24000, spectrum.shape[1]) >= hz] = 0
    return torch.fft.irfft(spectrum)


@torch.no_grad()
def test_what_is_there_stays(vocoder):
    low = low_pass(0.1 * noise(0), 6000)
    mel = torch.full((1, 256, 100), -5.0)
    added = vocoder(mel, low, CUTOFF, noise(1)) - low
    assert band_energy(added, 0, 5000) < 1e-4 * band_energy(low, 0, 5000)
    assert band_energy(added, 6500, 24000) > 0


@torch.no_grad()
def test_level_follows_the_mel_spectrogram(vocoder):
    """A network without opinion gives noise of the level that is told."""
    features = LogMel()
    wanted = 0.05 * noise(2)
    mel = features(wanted).mean(2, keepdim=True).squeeze(1).transpose(1, 2)
    mel = mel.expand(-1, -1, 100)
    low = low_pass(0.05 * noise(0), 6000)
    restored = vocoder(mel, low, CUTOFF, noise(1))
    ratio = band_energy(restored, 8e3, 20e3) / band_energy(wanted, 8e3, 20e3)
    assert 0.5 < ratio < 2.0


@torch.no_grad()
def test_silence_stays_silent(vocoder):
    mel = torch.full((1, 256, 100), -11.5129)
    restored = vocoder(mel, torch.zeros(1, 48000), CUTOFF, noise(1))
    assert restored.abs().max() < 10 ** (-80 / 20)


@torch.no_grad()
def test_wrong_lengths_are_named(vocoder):
    low, mel = torch.zeros(1, 4800), torch.zeros(1, 256, 11)
    with pytest.raises(ValueError, match="11 mel frames need 5280 samples"):
        vocoder(mel, low, CUTOFF, low)
    with pytest.raises(ValueError, match="noise of shape .1, 4800."):
        vocoder(mel[..., :10], low, CUTOFF, low[:, :9])


def test_shifted_tones_are_tones():
    """Steady lines stay steady: all energy of a shifted tone is in one line."""
    transform = ShortTimeSpectrum(1024, 240)
    time = torch.arange(48000) / 48000
    tone = torch.sin(2 * torch.pi * 5000 * time)[None]
    shifted = shift_up(transform(tone), CUTOFF, 46.875, 240)
    # The source is 2.5 to 5.5 kHz: 5 kHz appears again 3 kHz above, and so on.
    wavs = transform.inverse(shifted)[0, 4800:-4800] * torch.hann_window(38400)
    spectrum = torch.fft.rfft(wavs).abs().square()
    hz = torch.linspace(0, 24000, len(spectrum))
    band = (hz > 6500) & (hz < 9500)
    line = spectrum * (band & ((hz - hz[(spectrum * band).argmax()]).abs() < 5))
    assert line.sum() > 0.9 * (spectrum * band).sum()


def test_shifted_clicks_are_clicks():
    transform = ShortTimeSpectrum(1024, 240)
    wavs = low_pass(torch.eye(1, 48000).roll(24000, 1), 6000)
    shifted = transform.inverse(shift_up(transform(wavs), CUTOFF, 46.875, 240))
    # Far from the click, the ripples of the filter are evened out.
    energy = shifted.square()[0, 22976:25024]
    assert energy[824:1224].sum() > 0.9 * energy.sum()


def test_band_extension_fills_what_is_empty():
    """Noise that ends at 12 kHz goes on at about the same level, and what is
    below stays."""
    features = LogMel()
    whole = 0.1 * noise(3)
    cut = low_pass(whole, 12000)
    mel = features(whole).squeeze(1).transpose(1, 2)
    extended = BandExtension(features)(cut, mel, torch.tensor([12000.0]))
    assert (extended - cut).abs().max() > 0
    below = band_energy(extended - cut, 0, 10500)
    assert below < 1e-3 * band_energy(cut, 0, 10500)
    ratio = band_energy(extended, 13e3, 23e3) / band_energy(whole, 13e3, 23e3)
    assert 0.5 < ratio < 2.0


def test_swings_of_the_level_grow_and_steady_levels_stay():
    gate = torch.ones(1, 1, 4)
    share = torch.tensor([0.3])
    steady = torch.full((1, 900, 4), -3.0)
    evened = enlarge_swings(steady, gate, torch.tensor([0.5]))
    assert torch.allclose(evened, steady, atol=1e-5)
    time = torch.arange(900)[:, None] / 200
    swing = torch.sin(2 * torch.pi * 2.5 * time).expand(1, -1, 4)
    grown = enlarge_swings(swing, gate, share)[:, 200:-200]
    assert torch.allclose(grown, 1.3 * swing[:, 200:-200], atol=0.02)
    # Of a pause, no more than 40 dB count.
    pause = torch.where(time < 2.25, 0.0, -20.0).expand(1, -1, 4)
    added = enlarge_swings(pause, gate, share) - pause
    assert added.abs().max() < 0.3 * 4.6


def test_swings_grow_less_above_4_khz():
    vocoder = SpectralVocoder(LogMel(), 8, 16, 1)
    swing = torch.sin(2 * torch.pi * 2.5 * torch.arange(300) / 100)
    mel = -4 + 0.5 * swing.expand(1, 256, -1)
    wavs, excitation = torch.zeros(1, 144000), noise(3, 144000)

    def depth(share, cutoff_hz):
        """Of the swing of the band's level."""
        vocoder.swing = share
        with torch.no_grad():
            high = vocoder(mel, wavs, torch.tensor([cutoff_hz]), excitation)
        level = high[0].unflatten(0, (-1, 480)).square().mean(1).log() / 2
        return 2 * (level * swing)[90:-90].mean()

    grown = [depth(0.8, hz) / depth(0.0, hz) for hz in (2e3, 4e3, 8e3)]
    assert grown == pytest.approx([1.8, 1.8, 1.4], abs=0.05)


@pytest.mark.parametrize("extent", [1, 3, 9, 17, 61])
@pytest.mark.parametrize("dim", [0, 1])
def test_moving_means_are_those_of_pooling(extent, dim):
    x = torch.randn(40, 40, generator=torch.Generator().manual_seed(0))
    means = torch.nn.functional.avg_pool1d(
        x.movedim(dim, -1),
        extent,
        stride=1,
        padding=extent // 2,
        count_include_pad=False,
    )
    actual = moving_mean(x, extent, dim).movedim(dim, -1)
    assert torch.allclose(actual, means, atol=1e-6)
