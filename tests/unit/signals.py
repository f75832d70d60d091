"""Sounds, and what is measured on them.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import scipy.signal
import torch


def pink(*shape, seed=0):
    """Noise whose spectrum falls, as that of recordings does, [..., time]."""
    white = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    filtered = scipy.signal.lfilter([0.1], [1, -0.9], white.numpy(), axis=-1)
    return torch.from_numpy(filtered).float()


def level(wavs, sample_rate, low, high):
    """Level of a band in dB."""
    wavs = wavs.double() * torch.hann_window(wavs.shape[-1]).double()
    power = torch.fft.rfft(wavs).abs().square()
    frequency = torch.linspace(0, sample_rate / 2, power.shape[-1])
    band = (frequency >= low) & (frequency <= high)
    return 10 * torch.log10(power[..., band].sum(-1) + 1e-30)


def band_noise(top_hz, seed=0, time=48000):
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(time))
    spectrum[np.linspace(0, 24000, len(spectrum)) > top_hz] = 0
    wav = np.fft.irfft(spectrum)
    return 0.5 * wav / np.abs(wav).max()


def level_db(wav, low_hz, high_hz):
    power = np.abs(np.fft.rfft(wav)) ** 2
    hz = np.linspace(0, 24000, len(power))
    return 10 * np.log10(power[(hz >= low_hz) & (hz < high_hz)].mean() + 1e-20)


def pink_noise(seconds, seed=0):
    """Noise at 48 kHz that falls by 3 dB an octave, with a syllable-like
    envelope."""
    rng = np.random.default_rng(seed)
    length = int(48000 * seconds)
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum /= np.sqrt(np.arange(len(spectrum)) + 100)
    wav = np.fft.irfft(spectrum, n=length)
    envelope = 1 + 0.9 * np.sin(2 * np.pi * 3 * np.arange(length) / 48000)
    return 0.2 * wav * envelope / np.abs(wav).max()


def voice(seconds, seed=0):
    """Something like speech at 48 kHz: syllables of a glottal buzz through
    formants, and noises with content up to 24 kHz between them."""
    rng = np.random.default_rng(seed)
    length = int(48000 * seconds)
    times = np.arange(length) / 48000
    pitch = 120 * (1 + 0.1 * np.sin(2 * np.pi * 0.4 * times))
    pulses = np.diff(np.floor(np.cumsum(pitch) / 48000), prepend=0)
    buzz = scipy.signal.lfilter([1], [1, -0.97], pulses)
    buzz += 2e-3 * rng.standard_normal(length)
    vowel = sum(
        scipy.signal.lfilter(*scipy.signal.iirpeak(hz, 6, fs=48000), buzz)
        for hz in (600, 1400, 2500, 3500)
    )
    sibilant = np.diff(rng.standard_normal(length), prepend=0)
    syllable = np.maximum(0, np.sin(2 * np.pi * 2.3 * times))
    between = np.maximum(0, -np.sin(2 * np.pi * 2.3 * times)) ** 4
    wav = vowel / vowel.std() * syllable + 0.15 * sibilant * between
    return 0.4 * wav / np.abs(wav).max()


def tilted(low, noise):
    """A high band out of the noise: each value of the latent, held."""
    held = noise[:, 0].flatten(1).repeat_interleave(120, dim=1)
    sign = torch.ones(low.shape[1])
    sign[::2] = -1
    return 0.05 * held * sign
