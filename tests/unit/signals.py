"""Sounds, and what is measured on them.

Authors
 * The speechbrain_flashsr developers 2026
"""

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
