"""A baseline of super-resolution that understands nothing of the sound.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import torch

from speechbrain_flashsr.lobes.features import normalize
from speechbrain_flashsr.metrics.spectral import (
    N_FFT,
    SAMPLE_RATE,
    active_frames,
    between,
    log_power_spectrum,
)


class StaticNoise:
    """A baseline that understands nothing: stationary noise above the cut-off.

    The noise has the mean log-spectrum of a training set, which is nearer than
    its mean power. It gets a low log-spectral distance for nothing, and a
    low envelope correlation: 0 but for clips that fade.

    Arguments
    ---------
    mean_log_power : torch.Tensor
        Mean of :func:`~speechbrain_flashsr.metrics.spectral.log_power_spectrum` over
        active frames, [1025]; see :func:`mean_log_power_spectrum`.
    match_level : bool
        Whether the noise has the level that makes the kilohertz below the
        cut-off agree with the recording's. Otherwise it has the mean's level
        beside the recording brought to a peak of 0.5, as the training set is.

    Example
    -------
    >>> system = StaticNoise(torch.zeros(1025))
    >>> low = torch.randn(2, 48000)
    >>> generator = torch.Generator().manual_seed(0)
    >>> system(low, 4000.0, generator).shape
    torch.Size([2, 48000])
    """

    LOG_MEAN_OF_NOISE = -0.2507
    """Mean of the common logarithm of a squared Rayleigh variable of mean 1."""

    def __init__(self, mean_log_power, match_level=True):
        self.mean_log_power = mean_log_power
        self.match_level = match_level

    def __call__(self, low, cutoff_hz, generator):
        """Adds noise to recordings.

        Arguments
        ---------
        low : torch.Tensor
            Band-limited recordings, [batch, time].
        cutoff_hz : float
            Where the noise begins.
        generator : torch.Generator
            Source of the noise.

        Returns
        -------
        torch.Tensor
            [batch, time].
        """
        offset = self._offset(low, cutoff_hz)
        wanted = self.mean_log_power + offset[:, None]

        noise = torch.randn(low.shape, generator=generator).to(low)
        spectrum = torch.fft.rfft(noise)
        frequencies = torch.linspace(
            0, SAMPLE_RATE / 2, spectrum.shape[-1], device=low.device
        ).to(low.dtype)
        # Power of white noise of variance 1 in a bin of the windowed transform
        white = math.log10(0.375 * N_FFT) + self.LOG_MEAN_OF_NOISE
        position = frequencies / (SAMPLE_RATE / 2) * (N_FFT // 2)
        left = position.long().clamp_max(N_FFT // 2 - 1)
        weight = position - left
        gain = torch.lerp(wanted[:, left], wanted[:, left + 1], weight) - white
        gain = 10 ** (gain / 2) * (frequencies >= cutoff_hz)
        shaped = torch.fft.irfft(spectrum * gain, n=low.shape[-1])
        return low + shaped

    def _offset(self, low, cutoff_hz):
        """What to add to the mean log-spectrum, [batch]."""
        if not self.match_level:
            _, _, scale = normalize(low)
            return 2 * scale[:, 0].log10()
        log_power = log_power_spectrum(low)
        below = between(log_power, cutoff_hz - 1500.0, cutoff_hz - 500.0)
        below = below[0, :, 0] > 0
        active = active_frames(log_power)[:, None]
        levels = log_power[:, below]
        level = (levels * active).sum((1, 2)) / (
            active.sum((1, 2)) * below.sum()
        )
        return level - self.mean_log_power[below].mean()


def mean_log_power_spectrum(wavs, rolloffs_hz):
    """Mean log-spectrum of recordings, for :class:`StaticNoise`.

    Arguments
    ---------
    wavs : iterable of torch.Tensor
        Recordings, [time] each.
    rolloffs_hz : iterable of float
        Frequency up to which each counts.

    Returns
    -------
    torch.Tensor
        [1025]; above all roll-offs it goes on as at the last one.

    Example
    -------
    >>> mean_log_power_spectrum([torch.zeros(4096)], [20000.0])[[0, -1]]
    tensor([-8., -8.])
    """
    total = torch.zeros(N_FFT // 2 + 1)
    count = torch.zeros(N_FFT // 2 + 1)
    for wav, rolloff_hz in zip(wavs, rolloffs_hz):
        log_power = log_power_spectrum(wav[None])
        inside = between(log_power, 0.0, rolloff_hz)[0, :, 0]
        active = active_frames(log_power)[0]
        total += inside * log_power[0, :, active].mean(dim=1)
        count += inside
    mean = total / count.clamp_min(1)
    last = int(count.nonzero().max())
    mean[last + 1 :] = mean[last]
    return mean
