"""Distances between restored and original recordings, exactly defined.

Log-spectral distances in the literature differ in their definitions, so they
cannot be compared with each other. All take batches [batch, time] at 48 kHz and
return one value a clip, [batch], as SpeechBrain's `MetricStats` expects.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import torch
from speechbrain.nnet.losses import cal_si_snr

from speechbrain_flashsr.audio import SAMPLE_RATE

N_FFT = 2048
HOP_LENGTH = 512
POWER_FLOOR = 1e-8
ACTIVE_RANGE_DB = 40.0
BAND_WIDTH_HZ = 1000.0
TOP_HZ = 16000.0


def log_power_spectrum(wavs):
    """Common logarithm of the power spectrum of [batch, time], floored at 1e-8,
    [batch, 1025, frames].

    Short-time Fourier transform of 2048 points with a periodic Hann window and
    a hop of 512 samples, not centred; clips shorter than one frame are padded
    with zeros.

    Example
    -------
    >>> log_power_spectrum(torch.zeros(1, 4096))[0, :2, 0]
    tensor([-8., -8.])
    """
    if wavs.shape[-1] < N_FFT:
        wavs = torch.nn.functional.pad(wavs, (0, N_FFT - wavs.shape[-1]))
    spectrum = torch.stft(
        wavs,
        N_FFT,
        HOP_LENGTH,
        window=torch.hann_window(N_FFT, dtype=wavs.dtype, device=wavs.device),
        center=False,
        return_complex=True,
    )
    power = spectrum.real**2 + spectrum.imag**2
    return power.clamp_min(POWER_FLOOR).log10()


def bin_frequencies(like):
    """Frequency of each bin in Hz, [1025], of a tensor's type and device."""
    bins = torch.arange(N_FFT // 2 + 1, dtype=like.dtype, device=like.device)
    return bins * SAMPLE_RATE / N_FFT


def between(like, lower_hz, upper_hz):
    """1 for bins between the limits, else 0, [batch or 1, bins, 1]."""
    frequencies = bin_frequencies(like)
    lower, upper = (
        torch.as_tensor(limit, dtype=like.dtype, device=like.device).reshape(
            -1, 1
        )
        for limit in (lower_hz, upper_hz)
    )
    inside = (frequencies >= lower) & (frequencies < upper)
    return inside.to(like.dtype).unsqueeze(-1)


def active_frames(log_power):
    """Frames whose energy is within 40 dB of the clip's loudest, [batch,
    frames], by the reference's :func:`log_power_spectrum`."""
    energy = 10 * torch.logsumexp(log_power * math.log(10), dim=1)
    energy = energy / math.log(10)
    return energy >= energy.amax(dim=1, keepdim=True) - ACTIVE_RANGE_DB


class SpectralComparison:
    """Spectra of predictions and targets, [batch, time], for several metrics of
    one pair; each is [batch].

    The limits in Hz, the cut-off and each clip's roll-off, are scalars or
    [batch]. Only the active frames of the target count.

    Example
    -------
    >>> wavs = torch.randn(2, 48000)
    >>> comparison = SpectralComparison(wavs / 10, wavs)
    >>> comparison.lsd(4000.0, 8000.0).round(decimals=3)
    tensor([2., 2.])
    >>> comparison.level_bias(4000.0).round(decimals=2)
    tensor([-20., -20.])
    """

    def __init__(self, predictions, targets):
        self.prediction = log_power_spectrum(predictions)
        self.target = log_power_spectrum(targets)
        self.frames = active_frames(self.target)

    def lsd(self, lower_hz=0.0, upper_hz=math.inf):
        """Log-spectral distance between two limits: the root of the mean over
        bins of the squared difference of :func:`log_power_spectrum`, mean over
        frames.

        A level that differs by 20 dB everywhere gives 2; NaN where no bin is
        between the limits."""
        bins = between(self.target, lower_hz, upper_hz)
        difference = (self.prediction - self.target) ** 2
        mean = (difference * bins).sum(1) / bins.sum(1)
        return (mean.sqrt() * self.frames).sum(1) / self.frames.sum(1)

    def envelope_correlation(self, cutoff_hz, rolloff_hz=SAMPLE_RATE / 2):
        """Correlation over time of the levels of 1 kHz bands above the cut-off.

        Bands of 1 kHz from the cut-off up to 16 kHz, as far as they are wholly
        below the clip's roll-off; Pearson's correlation over time of their
        levels in dB, mean over bands, in -1..1. Bands that are constant in the
        target do not count; one that is constant in the prediction alone counts
        0. NaN where no band counts."""
        return self._over_bands(_correlation, cutoff_hz, rolloff_hz)

    def level_bias(self, cutoff_hz, rolloff_hz=SAMPLE_RATE / 2):
        """Mean difference of the levels of the same bands in dB: a negative
        value means that the prediction is too quiet. A band's level is its mean
        power over time."""
        return self._over_bands(_level_differences, cutoff_hz, rolloff_hz)

    def level_error(self, cutoff_hz, rolloff_hz=SAMPLE_RATE / 2):
        """Mean absolute difference of the same levels in dB: bands that are too
        loud do not make up for bands that are too quiet."""
        return self._over_bands(
            lambda *levels: _level_differences(*levels).abs(),
            cutoff_hz,
            rolloff_hz,
        )

    def _over_bands(self, measure, cutoff_hz, rolloff_hz):
        """Mean over the bands of each clip of a measure, [batch].

        `measure` takes the natural logarithms of the bands' powers in the
        active frames, of the prediction and of the target, [bands, frames]
        each."""
        batch = len(self.target)
        limits = (
            torch.as_tensor(limit).expand(batch).tolist()
            for limit in (cutoff_hz, rolloff_hz)
        )
        values = []
        for ours, theirs, frames, cutoff, rolloff in zip(
            self.prediction, self.target, self.frames, *limits
        ):
            bands = _bands(theirs, cutoff, rolloff)
            levels = (
                (bands.to(x) @ 10 ** x[:, frames]).log() for x in (ours, theirs)
            )
            values.append(measure(*levels).mean())
        return torch.stack(values)


def lsd(predictions, targets, lower_hz=0.0, upper_hz=math.inf):
    """Log-spectral distance of waveforms [batch, time] alone, see
    :meth:`SpectralComparison.lsd`.

    Example
    -------
    >>> wavs = torch.randn(2, 48000)
    >>> lsd(wavs / 10, wavs).round(decimals=3)
    tensor([2., 2.])
    """
    return SpectralComparison(predictions, targets).lsd(lower_hz, upper_hz)


def si_sdr(predictions, targets):
    """Scale-invariant signal-to-distortion ratio in dB of waveforms [batch,
    time], [batch].

    SpeechBrain's, with the means of both removed: 10 log10 of the energy of the
    target, scaled to fit the prediction best, over that of the rest (J. Le Roux
    et al., "SDR - half-baked or well done?", ICASSP 2019,
    https://arxiv.org/abs/1811.02508). 1e-8 is added to both energies, which
    makes -80 dB of silence. A high band of the right levels and other phases
    than the original's lowers it: it says whether a system leaves alone what it
    was given, not how good the restored band sounds.

    Example
    -------
    >>> time = torch.arange(4800) / 48
    >>> target = torch.sin(2 * torch.pi * time)[None]
    >>> noise = torch.cos(2 * torch.pi * time)[None]
    >>> si_sdr(0.5 * (target + 0.1 * noise), target).round(decimals=2)
    tensor([20.])
    """
    # The function wants [time, batch, sources] and writes to its argument.
    predictions = predictions.T[..., None].clone()
    return -cal_si_snr(targets.T[..., None], predictions)[0, :, 0]


def _bands(like, cutoff_hz, rolloff_hz):
    """Which bins belong to which 1 kHz band above the cut-off, boolean,
    [bands, bins]."""
    count = int((min(TOP_HZ, rolloff_hz) - cutoff_hz) // BAND_WIDTH_HZ)
    lower = cutoff_hz + BAND_WIDTH_HZ * torch.arange(max(0, count))
    lower = lower.to(like)[:, None]
    frequencies = bin_frequencies(like)
    return (frequencies >= lower) & (frequencies < lower + BAND_WIDTH_HZ)


def _correlation(ours, theirs):
    """Correlation over time of each band that changes in the target."""
    ours, theirs = (x - x.mean(1, keepdim=True) for x in (ours, theirs))
    spread = theirs.norm(dim=1)
    changes = spread > 1e-3 * theirs.shape[1] ** 0.5
    product = ours.norm(dim=1).clamp_min(1e-6) * spread
    return ((ours * theirs).sum(1) / product)[changes]


def _level_differences(ours, theirs):
    """Difference of the mean powers of each band in dB."""
    means = (x.logsumexp(1) for x in (ours, theirs))
    return (next(means) - next(means)) * 10 / math.log(10)
