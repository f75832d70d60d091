"""Spectral losses, limited to the band that has content.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from torch import nn

from speechbrain_flashsr.audio import SAMPLE_RATE
from speechbrain_flashsr.lobes.features import at_least_single

BAND_HZ = 1000.0
LEAST_POWER = 1e-10
"""Width of a band whose level is compared, and its smallest power."""


class MultiResolutionSTFTLoss(nn.Module):
    """Distance of magnitude spectrograms at several resolutions.

    At each, the mean absolute difference of log-magnitudes (Yamamoto et al.
    2020, https://arxiv.org/abs/1910.11480) and that of magnitudes raised to the
    power of 0.3, on the bins above each clip's cut-off.

    Arguments
    ---------
    n_ffts : sequence of int
        Length of each transform and of its Hann window; the hop is a quarter.
    floor : float
        Smallest magnitude before the logarithm.

    Example
    -------
    >>> loss = MultiResolutionSTFTLoss((256, 512))
    >>> wavs = torch.randn(2, 4800)
    >>> lower_hz = torch.tensor([4e3, 0.0])
    >>> loss(wavs, wavs, lower_hz)
    tensor(0.)
    >>> loss(0.5 * wavs, wavs, lower_hz) > 0.6
    tensor(True)
    """

    def __init__(self, n_ffts=(2048, 512, 128), floor=1e-4):
        super().__init__()
        self.n_ffts = tuple(n_ffts)
        self.floor = floor
        for n_fft in self.n_ffts:
            self.register_buffer(
                f"window_{n_fft}", torch.hann_window(n_fft), persistent=False
            )

    def forward(self, predicted, target, lower_hz):
        """Compares waveforms [batch, time] from a frequency on, [batch];
        returns the mean over the resolutions."""
        losses = []
        for n_fft in self.n_ffts:
            ours, theirs = (
                self.magnitudes(wavs, n_fft) for wavs in (predicted, target)
            )
            bins = torch.arange(n_fft // 2 + 1, device=ours.device)
            hz = bins * (SAMPLE_RATE / n_fft)
            mask = (hz >= lower_hz[:, None]).to(ours)[:, :, None]
            logarithms = (ours.log() - theirs.log()).abs()
            compressed = (ours**0.3 - theirs**0.3).abs()
            difference = (logarithms + compressed) * mask
            count = mask.sum(dim=(1, 2)).clamp_min(1) * ours.shape[-1]
            losses.append((difference.sum(dim=(1, 2)) / count).mean())
        return torch.stack(losses).mean()

    def magnitudes(self, wavs, n_fft):
        """Magnitudes not below the floor, [batch, bins, frames]."""
        spectrum = torch.stft(
            at_least_single(wavs),
            n_fft,
            n_fft // 4,
            window=getattr(self, f"window_{n_fft}"),
            return_complex=True,
        )
        power = spectrum.real**2 + spectrum.imag**2
        return power.clamp_min(self.floor**2).sqrt()


class BandLevelLoss(nn.Module):
    """Mean absolute difference of the levels of 1 kHz bands, in bels.

    A level is that of the whole segment, as the ear judges whether a band is
    too loud or too quiet; a distance of logarithms at every moment is least for
    too quiet a band.

    Example
    -------
    >>> loss = BandLevelLoss()
    >>> wavs = torch.randn(2, 9600)
    >>> lower_hz = torch.tensor([4e3, 8e3])
    >>> round(loss(10**-0.5 * wavs, wavs, lower_hz).item(), 3)
    1.0
    """

    def forward(self, predicted, target, lower_hz):
        """Compares waveforms [batch, time] above a frequency [batch]; returns a
        scalar."""
        ours, theirs = (self.levels(wavs) for wavs in (predicted, target))
        start = torch.arange(ours.shape[1], device=ours.device) * BAND_HZ
        inside = start >= lower_hz[:, None]
        difference = (ours - theirs).abs() * inside
        return (difference.sum(1) / inside.sum(1).clamp_min(1)).mean()

    def levels(self, wavs):
        """Common logarithm of each band's mean power, [batch, bands]."""
        wavs = at_least_single(wavs)
        time = wavs.shape[-1]
        spectrum = torch.fft.rfft(wavs)
        power = (spectrum.real**2 + spectrum.imag**2) * 2 / time**2
        hz = torch.arange(power.shape[1], device=wavs.device)
        band = (hz * (SAMPLE_RATE / time / BAND_HZ)).long()
        num_bands = int(SAMPLE_RATE / 2 / BAND_HZ)
        sums = power.new_zeros(len(power), num_bands + 1)
        sums = sums.index_add(1, band.clamp_max(num_bands), power)
        return sums[:, :num_bands].clamp_min(LEAST_POWER).log10()
