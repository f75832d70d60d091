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
