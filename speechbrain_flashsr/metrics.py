"""How far a restored recording is from the true one, each measure with its
exact definition.

All measures share one short-time spectrum: frames of 2048 samples that start
every 512 samples (the last is filled up with zeros), a periodic Hann window,
and the power of the discrete Fourier transform, not normalised, of samples
with full scale 1. A frame counts where the reference's energy is within 40 dB
of its loudest frame. A band [low_hz, high_hz) holds the bins of frequencies
low_hz <= f < high_hz.

The log-spectral distance is that of Gray and Markel 1976
(https://doi.org/10.1109/TASSP.1976.1162849) in decades of power.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch

N_FFT = 2048
HOP_LENGTH = 512
POWER_FLOOR = 1e-8
ACTIVE_RANGE_DB = 40.0
BAND_WIDTH_HZ = 1000.0
ENVELOPE_TOP_HZ = 16000.0
MIN_LEVEL_STD_DB = 0.1
MIN_ENVELOPE_FRAMES = 8


def power_spectrogram(wavs, lengths=None):
    """Power of the short-time spectrum, not normalised.

    Arguments
    ---------
    wavs : torch.Tensor
        Waveforms, [batch, time].
    lengths : torch.Tensor, optional
        Relative lengths in 0..1, [batch]; what lies beyond is taken as zero.

    Returns
    -------
    power : torch.Tensor
        In double precision, [batch, frames, 1025].
    valid : torch.Tensor
        Which frames begin no later than the last that a clip alone would
        have, bool, [batch, frames].

    Raises
    ------
    ValueError
        If `wavs` is not [batch, time] with at least one sample.

    Example
    -------
    >>> power, valid = power_spectrogram(torch.ones(1, 4096))
    >>> power.shape, valid.sum().item()
    (torch.Size([1, 5, 1025]), 5)
    """
    if wavs.ndim != 2 or wavs.shape[1] == 0:
        raise ValueError(
            f"waveforms of shape {tuple(wavs.shape)} were given: metrics take "
            "[batch, time] with at least one sample."
        )
    wavs = wavs.double()
    batch, time = wavs.shape
    if lengths is None:
        num_samples = torch.full((batch,), time, device=wavs.device)
    else:
        num_samples = (lengths.to(wavs.device) * time).round().long()
        position = torch.arange(time, device=wavs.device)
        wavs = wavs * (position < num_samples[:, None])
    num_frames = 1 + _ceil_div((num_samples - N_FFT).clamp_min(0), HOP_LENGTH)
    padded = N_FFT + (int(num_frames.max()) - 1) * HOP_LENGTH
    wavs = torch.nn.functional.pad(wavs, (0, max(0, padded - time)))
    spectrum = torch.stft(
        wavs[:, :padded],
        N_FFT,
        HOP_LENGTH,
        window=torch.hann_window(
            N_FFT, dtype=torch.float64, device=wavs.device
        ),
        center=False,
        return_complex=True,
    ).transpose(1, 2)
    power = spectrum.real**2 + spectrum.imag**2
    frames = torch.arange(power.shape[1], device=wavs.device)
    return power, frames < num_frames[:, None]


def log_spectral_distance(
    predicted,
    target,
    lengths=None,
    low_hz=0.0,
    high_hz=None,
    sample_rate=48000,
):
    """Log-spectral distance within a band.

    Per frame the root mean square over the band's bins of the difference of
    log10(max(power, 1e-8)), then the mean over the frames that count. The
    unit is the decade of power: a gain of 6.02 dB gives 0.602. The full, lower
    and upper distance of the project's tables are those of [0, roll-off),
    [0, cut-off) and [cut-off, roll-off), with the roll-off up to which the
    target has content.

    Arguments
    ---------
    predicted : torch.Tensor
        Waveforms to judge, full scale 1, [batch, time].
    target : torch.Tensor
        True waveforms, [batch, time].
    lengths : torch.Tensor, optional
        Relative lengths in 0..1, [batch].
    low_hz : float or torch.Tensor
        Lower end of the band, one for all or [batch].
    high_hz : float or torch.Tensor, optional
        Upper end of the band, one for all or [batch]. Default: no end.
    sample_rate : int
        In Hz.

    Returns
    -------
    torch.Tensor
        Distances, [batch]; nan where the band holds no bin.

    Raises
    ------
    ValueError
        If the shapes differ or are not [batch, time].

    Example
    -------
    >>> wavs = torch.randn(2, 48000)
    >>> log_spectral_distance(2 * wavs, wavs, high_hz=8000).round(decimals=3)
    tensor([0.6020, 0.6020], dtype=torch.float64)
    """
    ours, theirs, active = _spectrograms(predicted, target, lengths)
    in_band = _bins_between(low_hz, high_hz, sample_rate, ours)
    difference = _log10(ours) - _log10(theirs)
    mean_square = (difference**2 * in_band[:, None]).sum(2) / in_band.sum(
        1, keepdim=True
    )
    return (mean_square.sqrt() * active).sum(1) / active.sum(1)


def envelope_correlation(
    predicted,
    target,
    lengths=None,
    cutoff_hz=4000.0,
    rolloff_hz=None,
    sample_rate=48000,
):
    """How well the level of the high band follows that of the target.

    From the cut-off on, the bands [cut-off, cut-off + 1 kHz), [cut-off + 1
    kHz, ...) that end at 16 kHz and at the target's roll-off at most are
    looked at. A band's level in a frame is 10 log10(max(mean power of its
    bins, 1e-8)). Pearson's correlation coefficient of the predicted and the
    target's level over the frames that count is averaged over the bands.

    A band in which the target's level is constant (standard deviation below
    0.1 dB) is left out, for there is nothing to follow. Where the target's
    level moves but the prediction's is constant, the band counts as 0.

    Arguments
    ---------
    predicted : torch.Tensor
        Waveforms to judge, full scale 1, [batch, time].
    target : torch.Tensor
        True waveforms, [batch, time].
    lengths : torch.Tensor, optional
        Relative lengths in 0..1, [batch].
    cutoff_hz : float or torch.Tensor
        Where the restored band begins, one for all or [batch].
    rolloff_hz : float or torch.Tensor, optional
        Up to where the target has content, one for all or [batch].
    sample_rate : int
        In Hz.

    Returns
    -------
    torch.Tensor
        Correlations in -1..1, [batch]; nan where no band is left or fewer
        than 8 frames count.

    Raises
    ------
    ValueError
        If the shapes differ or are not [batch, time].

    Example
    -------
    >>> bursts = torch.sin(torch.arange(48000) / 3000).relu()
    >>> wavs = bursts * torch.randn(1, 48000)
    >>> envelope_correlation(0.1 * wavs, wavs).item() > 0.99
    True
    """
    ours, theirs, active = _spectrograms(predicted, target, lengths)
    batch = len(ours)
    cutoff = _per_clip(cutoff_hz, ours)
    top = torch.full_like(cutoff, min(ENVELOPE_TOP_HZ, sample_rate / 2))
    if rolloff_hz is not None:
        top = torch.minimum(top, _per_clip(rolloff_hz, ours))
    total = ours.new_zeros(batch)
    num_bands = ours.new_zeros(batch)
    low = cutoff
    while bool((low + BAND_WIDTH_HZ <= top).any()):
        high = low + BAND_WIDTH_HZ
        in_band = _bins_between(low, high, sample_rate, ours)
        levels = [
            10
            * _log10(
                (power * in_band[:, None]).sum(2) / in_band.sum(1)[:, None]
            )
            for power in (ours, theirs)
        ]
        correlation, moves = _correlation(*levels, active)
        counts = moves & (high <= top)
        total += torch.where(counts, correlation, 0.0)
        num_bands += counts
        low = high
    enough = active.sum(1) >= MIN_ENVELOPE_FRAMES
    return torch.where(enough, total / num_bands, torch.nan)


def _spectrograms(predicted, target, lengths):
    """Both power spectrograms and the frames that count, [batch, frames]."""
    if predicted.shape != target.shape:
        raise ValueError(
            f"the prediction is {tuple(predicted.shape)} and the target "
            f"{tuple(target.shape)}: give waveforms of the same shape."
        )
    ours, _ = power_spectrogram(predicted, lengths)
    theirs, valid = power_spectrogram(target, lengths)
    energy = theirs.sum(2) * valid
    loudest = energy.amax(1, keepdim=True)
    active = valid & (energy >= loudest * 10 ** (-ACTIVE_RANGE_DB / 10))
    return ours, theirs, active


def _correlation(ours, theirs, active):
    """Pearson's coefficient over active frames; whether `theirs` moves."""
    weight = active / active.sum(1, keepdim=True)
    ours = ours - (ours * weight).sum(1, keepdim=True)
    theirs = theirs - (theirs * weight).sum(1, keepdim=True)
    our_std = (ours**2 * weight).sum(1).sqrt()
    their_std = (theirs**2 * weight).sum(1).sqrt()
    covariance = (ours * theirs * weight).sum(1)
    follows = (our_std >= MIN_LEVEL_STD_DB) & (their_std >= MIN_LEVEL_STD_DB)
    correlation = torch.where(
        follows, covariance / (our_std * their_std).clamp_min(1e-12), 0.0
    )
    return correlation, their_std >= MIN_LEVEL_STD_DB


def _bins_between(low_hz, high_hz, sample_rate, power):
    """Bins of a band, [batch, bins], as 0 and 1."""
    bins = torch.arange(power.shape[2], device=power.device)
    frequency = (bins * (sample_rate / N_FFT)).double()
    inside = frequency >= _per_clip(low_hz, power)[:, None]
    if high_hz is not None:
        inside = inside & (frequency < _per_clip(high_hz, power)[:, None])
    return inside.double()


def _per_clip(value, power):
    value = torch.as_tensor(value, dtype=torch.float64, device=power.device)
    return value.expand(len(power))


def _log10(power):
    return power.clamp_min(POWER_FLOOR).log10()


def _ceil_div(numerator, denominator):
    return -torch.div(-numerator, denominator, rounding_mode="floor")
