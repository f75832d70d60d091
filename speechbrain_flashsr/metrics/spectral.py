"""How near a restored recording is to the original, exactly defined.

Log-spectral distances in the literature cannot be compared with each other;
these say what they measure. All functions take batches [batch, time] at 48 kHz
and return one value a clip, [batch], as SpeechBrain's `MetricStats` expects;
:class:`SpectralComparison` computes the spectra once for several of them.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import torch
from speechbrain.nnet.losses import cal_si_snr
from torchaudio.functional import melscale_fbanks

SAMPLE_RATE = 48000
N_FFT = 2048
HOP_LENGTH = 512
POWER_FLOOR = 1e-8
ACTIVE_RANGE_DB = 40.0
BAND_WIDTH_HZ = 1000.0
TOP_HZ = 16000.0
NUM_MELS = 128


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


class SpectralComparison:
    """Spectra of predictions and targets, for several metrics of one pair.

    The methods are described at the functions of the same names.

    Arguments
    ---------
    predictions : torch.Tensor
        [batch, time].
    targets : torch.Tensor
        [batch, time].
    lengths : torch.Tensor, optional
        Relative lengths, [batch]; frames that reach into the padding do not
        count.

    Example
    -------
    >>> wavs = torch.randn(2, 48000)
    >>> comparison = SpectralComparison(wavs / 10, wavs)
    >>> comparison.lsd(4000.0, 8000.0).round(decimals=3)
    tensor([2., 2.])
    >>> comparison.mel_distance().round(decimals=2)
    tensor([20., 20.])
    """

    def __init__(self, predictions, targets, lengths=None):
        self.prediction = log_power_spectrum(predictions)
        self.target = log_power_spectrum(targets)
        self.frames = active_frames(self.target) & _complete_frames(
            self.target, lengths, targets
        )

    def lsd(self, lower_hz=0.0, upper_hz=math.inf):
        """See :func:`lsd`."""
        bins = between(self.target, lower_hz, upper_hz)
        difference = (self.prediction - self.target) ** 2
        mean = (difference * bins).sum(1) / bins.sum(1)
        return self._mean_over_frames(mean.sqrt())

    def mel_distance(self, rolloff_hz=SAMPLE_RATE / 2):
        """See :func:`mel_distance`."""
        filters, tops = _mel_filters(self.target)
        rolloff = torch.as_tensor(rolloff_hz).to(tops).reshape(-1, 1)
        bands = (tops <= rolloff).to(tops).unsqueeze(-1)
        prediction, target = (
            10 * (filters @ 10**x).clamp_min(POWER_FLOOR).log10()
            for x in (self.prediction, self.target)
        )
        difference = (prediction - target).abs()
        return self._mean_over_frames(
            (difference * bands).sum(1) / bands.sum(1)
        )

    def envelope_correlation(self, cutoff_hz, rolloff_hz=SAMPLE_RATE / 2):
        """See :func:`envelope_correlation`."""
        batch = len(self.target)
        cutoff = torch.as_tensor(cutoff_hz).expand(batch).tolist()
        rolloff = torch.as_tensor(rolloff_hz).expand(batch).tolist()
        return torch.stack(
            [
                _clip_correlation(p[:, f], t[:, f], c, r)
                for p, t, f, c, r in zip(
                    self.prediction, self.target, self.frames, cutoff, rolloff
                )
            ]
        )

    def _mean_over_frames(self, values):
        return (values * self.frames).sum(1) / self.frames.sum(1)


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
    comparison = SpectralComparison(predictions, targets, lengths)
    return comparison.lsd(lower_hz, upper_hz)


def align_energy(predictions, targets):
    """Scales each prediction, by one factor, to the energy of its target.

    The energy-aligned log-spectral distance is the :func:`lsd` of the result:
    it forgives systems that change the level of the whole recording.

    Arguments
    ---------
    predictions : torch.Tensor
        [batch, time].
    targets : torch.Tensor
        [batch, time].

    Returns
    -------
    torch.Tensor
        [batch, time]; silent predictions stay silent.

    Example
    -------
    >>> wavs = torch.randn(2, 48000)
    >>> torch.allclose(align_energy(wavs / 10, wavs), wavs)
    True
    """
    energy = predictions.square().sum(-1, keepdim=True)
    wanted = targets.square().sum(-1, keepdim=True)
    gain = torch.where(energy > 0, wanted / energy, 1.0).sqrt()
    return predictions * gain


def mel_distance(
    predictions, targets, rolloff_hz=SAMPLE_RATE / 2, lengths=None
):
    """Mean absolute difference of the levels of 128 mel bands, in dB.

    Triangular filters of unit peak on Slaney's mel scale from 0 to 24 kHz add
    up the power spectrum (2048 points, see :func:`log_power_spectrum`); the
    bands that end below the clip's roll-off count, in the active frames of the
    target.

    Arguments
    ---------
    predictions : torch.Tensor
        [batch, time].
    targets : torch.Tensor
        [batch, time].
    rolloff_hz : float or torch.Tensor
        Scalar or [batch].
    lengths : torch.Tensor
        Relative lengths, [batch].

    Returns
    -------
    torch.Tensor
        In dB, [batch].

    Example
    -------
    >>> wavs = torch.randn(2, 48000)
    >>> mel_distance(wavs / 2, wavs).round(decimals=2)
    tensor([6.0200, 6.0200])
    """
    comparison = SpectralComparison(predictions, targets, lengths)
    return comparison.mel_distance(rolloff_hz)


def si_sdr(predictions, targets):
    """Scale-invariant signal-to-distortion ratio in dB, of the waveforms.

    SpeechBrain's, with the means of both removed: 10 log10 of the energy of
    the target, scaled to fit the prediction best, over that of the rest
    (J. Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019,
    https://arxiv.org/abs/1811.02508). 1e-8 is added to both energies, which
    makes -80 dB of silence. A high band of the right levels and other phases
    than the original's lowers it: it says whether a system leaves alone what
    it was given, not how good the restored band sounds.

    Arguments
    ---------
    predictions : torch.Tensor
        [batch, time].
    targets : torch.Tensor
        [batch, time].

    Returns
    -------
    torch.Tensor
        In dB, [batch].

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
    comparison = SpectralComparison(predictions, targets, lengths)
    return comparison.envelope_correlation(cutoff_hz, rolloff_hz)


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


def _complete_frames(log_power, lengths, wavs):
    """Frames that hold no padding, [batch, frames]."""
    frames = torch.arange(log_power.shape[-1], device=log_power.device)
    if lengths is None:
        return torch.ones_like(log_power[:, 0], dtype=torch.bool)
    samples = (lengths.to(log_power.device) * wavs.shape[-1]).round()
    last = ((samples - N_FFT) / HOP_LENGTH).floor().clamp_min(0)
    return frames <= last[:, None]


def _mel_filters(like):
    """Filters [128, 1025], and where each ends in Hz, [128]."""
    filters = melscale_fbanks(
        N_FFT // 2 + 1,
        0.0,
        SAMPLE_RATE / 2,
        NUM_MELS,
        SAMPLE_RATE,
        mel_scale="slaney",
    ).T.to(like)
    last = torch.where(filters > 0, bin_frequencies(like), 0.0)
    return filters, last.amax(dim=1)
