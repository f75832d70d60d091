"""How near a restored recording is to the original, exactly defined.

Log-spectral distances in the literature cannot be compared with each other;
these say what they measure. All functions take batches [batch, time] at 48 kHz
and return one value a clip, [batch], as SpeechBrain's `MetricStats` expects.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import torch

SAMPLE_RATE = 48000
N_FFT = 2048
HOP_LENGTH = 512
POWER_FLOOR = 1e-8
ACTIVE_RANGE_DB = 40.0
BAND_WIDTH_HZ = 1000.0
TOP_HZ = 16000.0


def log_power_spectrum(wavs):
    """Common logarithm of the power spectrum, floored at 1e-8.

    Short-time Fourier transform of 2048 points with a periodic Hann window and
    a hop of 512 samples, not centred; clips shorter than one frame are padded
    with zeros.

    Arguments
    ---------
    wavs : torch.Tensor
        [batch, time].

    Returns
    -------
    torch.Tensor
        [batch, 1025, frames].

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


def active_frames(log_power):
    """Frames whose energy is within 40 dB of the clip's loudest.

    Arguments
    ---------
    log_power : torch.Tensor
        Of the reference, [batch, bins, frames].

    Returns
    -------
    torch.Tensor
        Boolean, [batch, frames].

    Example
    -------
    >>> active_frames(torch.tensor([[[0.0, -3.0, -5.0]]]))
    tensor([[ True,  True, False]])
    """
    energy = 10 * torch.logsumexp(log_power * math.log(10), dim=1)
    energy = energy / math.log(10)
    return energy >= energy.amax(dim=1, keepdim=True) - ACTIVE_RANGE_DB


def lsd(predictions, targets, lower_hz=0.0, upper_hz=math.inf, lengths=None):
    """Log-spectral distance between two limits.

    The root of the mean over bins of the squared difference of
    :func:`log_power_spectrum`, averaged over the active frames of the target.
    A level that differs by 20 dB everywhere gives 2.

    Arguments
    ---------
    predictions : torch.Tensor
        [batch, time].
    targets : torch.Tensor
        [batch, time].
    lower_hz : float or torch.Tensor
        Bins at or above it count; the cut-off for the distance above it.
        Scalar or [batch].
    upper_hz : float or torch.Tensor
        Bins below it count; each clip's roll-off, or the cut-off for the
        distance below it. Scalar or [batch].
    lengths : torch.Tensor
        Relative lengths, [batch]; frames that reach into the padding do not
        count.

    Returns
    -------
    torch.Tensor
        [batch]; NaN where no bin is between the limits.

    Example
    -------
    >>> wavs = torch.randn(2, 48000)
    >>> lsd(wavs / 10, wavs).round(decimals=3)
    tensor([2., 2.])
    """
    difference = log_power_spectrum(predictions)
    target = log_power_spectrum(targets)
    difference = (difference - target) ** 2
    bins = _between(difference, lower_hz, upper_hz)
    mean = (difference * bins).sum(1) / bins.sum(1)
    frames = active_frames(target) & _complete_frames(target, lengths, targets)
    return (mean.sqrt() * frames).sum(1) / frames.sum(1)


def envelope_correlation(
    predictions, targets, cutoff_hz, rolloff_hz=24000.0, lengths=None
):
    """Correlation over time of the levels of 1 kHz bands above the cut-off.

    Bands of 1 kHz from the cut-off up to 16 kHz, as far as they are wholly
    below the clip's roll-off; their levels in dB in the active frames of the
    target; Pearson's correlation of prediction and target over time, mean over
    bands. Bands that are constant in the target do not count; one that is
    constant in the prediction alone counts 0.

    Arguments
    ---------
    predictions : torch.Tensor
        [batch, time].
    targets : torch.Tensor
        [batch, time].
    cutoff_hz : float or torch.Tensor
        Scalar or [batch].
    rolloff_hz : float or torch.Tensor
        Scalar or [batch].
    lengths : torch.Tensor
        Relative lengths, [batch].

    Returns
    -------
    torch.Tensor
        In -1..1, [batch]; NaN where no band counts.

    Example
    -------
    >>> wavs = torch.randn(2, 48000) * torch.linspace(0.1, 1, 48000)
    >>> envelope_correlation(wavs / 2, wavs, 4000).round(decimals=3)
    tensor([1., 1.])
    """
    target = log_power_spectrum(targets)
    prediction = log_power_spectrum(predictions)
    frames = active_frames(target) & _complete_frames(target, lengths, targets)
    batch = len(target)
    cutoff = torch.as_tensor(cutoff_hz).expand(batch).tolist()
    rolloff = torch.as_tensor(rolloff_hz).expand(batch).tolist()
    return torch.stack(
        [
            _clip_correlation(p[:, f], t[:, f], c, r)
            for p, t, f, c, r in zip(
                prediction, target, frames, cutoff, rolloff
            )
        ]
    )


def _clip_correlation(prediction, target, cutoff_hz, rolloff_hz):
    frequencies = bin_frequencies(target)
    correlations = []
    lower = cutoff_hz
    while lower + BAND_WIDTH_HZ <= min(TOP_HZ, rolloff_hz):
        band = (frequencies >= lower) & (frequencies < lower + BAND_WIDTH_HZ)
        levels = [
            torch.logsumexp(x[band] * math.log(10), dim=0)
            for x in (prediction, target)
        ]
        ours, theirs = (level - level.mean() for level in levels)
        spread = theirs.norm()
        if spread > 1e-3 * len(theirs) ** 0.5:
            product = ours.norm().clamp_min(1e-6) * spread
            correlations.append((ours * theirs).sum() / product)
        lower += BAND_WIDTH_HZ
    if not correlations:
        return target.new_tensor(float("nan"))
    return torch.stack(correlations).mean()


def _between(like, lower_hz, upper_hz):
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


def _complete_frames(log_power, lengths, wavs):
    """Frames that hold no padding, [batch, frames]."""
    frames = torch.arange(log_power.shape[-1], device=log_power.device)
    if lengths is None:
        return torch.ones_like(log_power[:, 0], dtype=torch.bool)
    samples = (lengths.to(log_power.device) * wavs.shape[-1]).round()
    last = ((samples - N_FFT) / HOP_LENGTH).floor().clamp_min(0)
    return frames <= last[:, None]


class StaticNoise:
    """A baseline that understands nothing: stationary noise above the cut-off.

    The noise has the mean log-spectrum of a training set, at the level that
    makes the kilohertz below the cut-off agree with the recording's. It gets a
    low log-spectral distance for nothing, and an envelope correlation of 0.

    Arguments
    ---------
    mean_log_power : torch.Tensor
        Mean of :func:`log_power_spectrum` over active frames, [1025]; see
        :func:`mean_log_power_spectrum`.

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

    def __init__(self, mean_log_power):
        self.mean_log_power = mean_log_power

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
        log_power = log_power_spectrum(low)
        below = _between(log_power, cutoff_hz - 1500.0, cutoff_hz - 500.0)
        below = below[0, :, 0] > 0
        active = active_frames(log_power)[:, None]
        levels = log_power[:, below]
        level = (levels * active).sum((1, 2)) / (
            active.sum((1, 2)) * below.sum()
        )
        offset = level - self.mean_log_power[below].mean()
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
        inside = _between(log_power, 0.0, rolloff_hz)[0, :, 0]
        active = active_frames(log_power)[0]
        total += inside * log_power[0, :, active].mean(dim=1)
        count += inside
    mean = total / count.clamp_min(1)
    last = int(count.nonzero().max())
    mean[last + 1 :] = mean[last]
    return mean
