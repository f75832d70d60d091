"""Low-pass simulation for training, cut-off detection for inference.

Training material is made as in AudioSR (https://arxiv.org/abs/2309.07314): a
random filter at a random cut-off, then down to twice the cut-off and back. At
inference the cut-off is what must be found.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import numpy as np
import scipy.signal
import torch

FAMILIES = ("cheby1", "butter", "bessel", "ellip")
PASS_RIPPLE_DB = 0.1
STOP_BAND_DB = 60.0


def low_pass(wav, sample_rate, cutoff_hz, family="cheby1", order=8):
    """Removes what is above a cut-off, as a low sample rate would.

    The filter runs forwards and backwards (so its attenuation doubles), then
    the signal is resampled to int(2 * cutoff_hz) Hz and back.

    Arguments
    ---------
    wav : numpy.ndarray
        [..., time].
    sample_rate : int
        In Hz.
    cutoff_hz : float
        In Hz, below half the sample rate.
    family : str
        `cheby1` (0.1 dB ripple), `butter`, `bessel` or `ellip` (0.1 and 60 dB).
    order : int
        Order of the filter.

    Returns
    -------
    numpy.ndarray
        [..., time], of the input's length.

    Raises
    ------
    ValueError
        If the family is unknown or the cut-off out of range.

    Example
    -------
    >>> low_pass(np.random.randn(4800), 48000, 4000).shape
    (4800,)
    """
    if not 0 < cutoff_hz < sample_rate / 2:
        raise ValueError(
            f"The cut-off is {cutoff_hz} Hz; it must be above 0 and below "
            f"half the sample rate of {sample_rate} Hz."
        )
    if family not in FAMILIES:
        raise ValueError(
            f"There is no filter family '{family}': give one of {FAMILIES}."
        )
    design = {
        "cheby1": {"rp": PASS_RIPPLE_DB},
        "ellip": {"rp": PASS_RIPPLE_DB, "rs": STOP_BAND_DB},
    }.get(family, {})
    sos = getattr(scipy.signal, family)(
        order, Wn=cutoff_hz, fs=sample_rate, output="sos", **design
    )
    wav = np.asarray(wav)
    length = wav.shape[-1]
    # Short signals cannot be extended by as much as sosfiltfilt would.
    padding = min(3 * (2 * len(sos) + 1), length - 1)
    filtered = scipy.signal.sosfiltfilt(sos, wav, padlen=padding)
    rate = int(2 * cutoff_hz)
    down = scipy.signal.resample_poly(filtered, rate, sample_rate, axis=-1)
    up = scipy.signal.resample_poly(down, sample_rate, rate, axis=-1)
    return up[..., :length]


def random_low_pass(
    wav,
    rng,
    sample_rate=48000,
    min_hz=2000,
    max_hz=16000,
    log_uniform=True,
    min_order=2,
    max_order=10,
):
    """Applies :func:`low_pass` with random family, order and cut-off.

    Cut-offs are multiples of 100 Hz, which keeps the ratio of the resampling,
    and its cost, small.

    Arguments
    ---------
    wav : numpy.ndarray
        [time].
    rng : numpy.random.Generator
        Source of all draws.
    sample_rate : int
        In Hz.
    min_hz : float
        Smallest cut-off, in Hz.
    max_hz : float
        Largest cut-off, in Hz.
    log_uniform : bool
        Whether the cut-off's logarithm is uniform (which favours the low,
        hard ones) rather than the cut-off itself, as in the paper.
    min_order : int
        Smallest order of the filter.
    max_order : int
        Largest order of the filter.

    Returns
    -------
    low : numpy.ndarray
        [time].
    cutoff_hz : int
        In Hz.

    Example
    -------
    >>> low, cutoff_hz = random_low_pass(
    ...     np.random.randn(4800), np.random.default_rng(0)
    ... )
    >>> low.shape, cutoff_hz % 100
    ((4800,), 0)
    """
    if log_uniform:
        cutoff = math.exp(rng.uniform(math.log(min_hz), math.log(max_hz)))
    else:
        cutoff = rng.uniform(min_hz, max_hz)
    cutoff_hz = 100 * round(cutoff / 100)
    family = FAMILIES[rng.integers(len(FAMILIES))]
    order = int(rng.integers(min_order, max_order + 1))
    return low_pass(wav, sample_rate, cutoff_hz, family, order), cutoff_hz


FRAME = 1024
HOP = 256
NEIGHBOURS = 5
"""Frames over which the least power counts, so that clicks do not."""

LEAST_LEVEL_DB = -143.0
LOWEST_EDGE_HZ = 1500.0
FULL_BAND_HZ = 17000.0
"""An edge above it is the recording's own: there is nothing to restore."""

TOP_HZ = 21000.0
STEP_DB = 9.0
"""Least fall of the level across an edge."""

FLOOR_TOLERANCE_DB = 8.0
IMAGE_REJECTION_DB = 50.0
IMAGE_REACH = 0.15
IMAGE_ERROR_DB = 2.0


class CutoffDetector:
    """Finds where the band of each channel ends, in memory flat in length.

    The edge is where the spectrum falls to the noise floor. From the mean over
    time of the power (of the least of five neighbouring frames, 1024 samples
    each) every step down of 9 dB or more is a candidate, the lowest first. If
    the levels above a candidate mirror those below it, attenuated as a
    resampler's transition band does, the axis of the mirror is the edge;
    otherwise the level half-way down is. A candidate is the edge if what lies
    above it is noise floor (or images) nearly everywhere; without one the
    channel is full-band.

    Arguments
    ---------
    sample_rate : int
        In Hz.

    Example
    -------
    >>> detector = CutoffDetector(48000)
    >>> wav = np.random.default_rng(0).standard_normal(48000)
    >>> low = low_pass(wav, 48000, 4000)
    >>> detector.update(torch.tensor(np.stack([low, wav])).float())
    >>> low_edge, full_edge = detector.result()
    >>> 3800 < low_edge < 4200, full_edge
    (True, None)
    """

    def __init__(self, sample_rate):
        self.sample_rate = sample_rate
        self.pending = None
        self.last_frames = None
        self.total = 0.0
        self.count = 0

    def update(self, block):
        """Takes in consecutive samples, [channels, time]."""
        block = block.detach().cpu().double()
        if self.pending is not None:
            block = torch.cat([self.pending, block], dim=1)
        num_frames = max(0, (block.shape[1] - FRAME) // HOP + 1)
        self.pending = block[:, num_frames * HOP :]
        if num_frames > 0:
            self._add(block[:, : (num_frames - 1) * HOP + FRAME])

    def result(self):
        """Edges in Hz, one a channel; None for full band and for silence.

        Returns
        -------
        list of float or None
        """
        if self.count == 0:
            if self.pending is None:
                return []
            # Shorter than what is needed: continued by silence.
            missing = FRAME + (NEIGHBOURS - 1) * HOP - self.pending.shape[1]
            self._add(torch.nn.functional.pad(self.pending, (0, missing)))
        power = (self.total / self.count).numpy()
        return [find_edge(channel, self.sample_rate / 2) for channel in power]

    def _add(self, samples):
        window = torch.hann_window(FRAME, dtype=torch.float64)
        frames = samples.unfold(1, FRAME, HOP) * window
        power = torch.fft.rfft(frames).abs() ** 2
        power = power / (window.square().sum() * self.sample_rate / 2)
        if self.last_frames is not None:
            power = torch.cat([self.last_frames, power], dim=1)
        self.last_frames = power[:, -(NEIGHBOURS - 1) :]
        if power.shape[1] < NEIGHBOURS:
            return
        least = power.unfold(1, NEIGHBOURS, 1).amin(dim=-1)
        self.total = self.total + least.sum(dim=1)
        self.count += least.shape[1]


def find_edge(power, nyquist_hz):
    """Where a spectrum falls to the noise floor; see :class:`CutoffDetector`.

    Arguments
    ---------
    power : numpy.ndarray
        Mean power per Hz, [bins], from 0 Hz to half the sample rate.
    nyquist_hz : float
        Half the sample rate.

    Returns
    -------
    float or None
        In Hz; None if there is no edge below 17 kHz.

    Example
    -------
    >>> power = np.where(np.arange(513) < 100, 1e-6, 1e-14)
    >>> round(find_edge(power, 24000.0) / 100)
    46
    """
    bins = np.arange(len(power), dtype=float)
    hz = nyquist_hz / (len(power) - 1)
    top = int(min(TOP_HZ, 0.995 * nyquist_hz) / hz)
    level = _decibels(power, LEAST_LEVEL_DB)
    smooth = _decibels(np.convolve(power, [0.25, 0.5, 0.25], "same"), -148.0)
    wide = _decibels(
        _band_means(power, 0.98 * bins - 1, 1.02 * bins + 1), LEAST_LEVEL_DB
    )
    step = _band_means(level, 0.93 * bins - 1.5, bins - 1.5) - _band_means(
        level, bins + 1.5, np.minimum(1.07 * bins + 1.5, top)
    )
    before = _band_means(level, 0.8 * bins - 1.5, bins - 1.5)
    after = _band_means(level, 1.16 * bins, np.minimum(1.4 * bins, top))
    step[(bins * hz <= LOWEST_EDGE_HZ) | (1.16 * bins >= top - 2)] = -np.inf

    for k in np.flatnonzero(step >= STEP_DB):
        if step[k] < step[int(0.93 * k) : int(1.07 * k) + 2].max():
            continue
        beyond = int(min(1.2 * k, 0.96 * top))
        floor = np.median(smooth[beyond : min(int(1.45 * k), top)])
        edge, error = _mirror_axis(smooth, 0.85 * k, 1.08 * k, max(floor, -145))
        mirrored = error <= IMAGE_ERROR_DB
        fall = before[k] - after[k]
        if not mirrored:
            edge = _crossing(level, k, before[k] - min(15.0, fall / 2))
        above = np.arange(
            math.ceil(1.18 * edge if mirrored else 1.05 * edge + 4), top + 1
        )
        if len(above) < 4:
            continue
        limit = np.percentile(wide[above], 5) + FLOOR_TOLERANCE_DB
        if mirrored:
            limit = np.maximum(limit, _image_levels(power, above, edge))
        empty = wide[above] <= limit
        near = (empty | (wide[above] <= before[k] - 25))[above <= 1.4 * edge]
        sharp = mirrored or step[k] >= 0.6 * fall
        enough = 0.9 if mirrored else 0.95
        if empty.mean() >= enough and near.mean() >= 0.85 and sharp:
            edge_hz = float(edge * hz)
            return edge_hz if edge_hz <= FULL_BAND_HZ else None
    return None


def _decibels(power, least):
    return 10 * np.log10(np.maximum(power, 10 ** (least / 10)))


def _band_means(values, lower, upper):
    """Means of values from bin `lower` to bin `upper`, both included."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    lower = np.clip(np.rint(lower).astype(int), 0, len(values))
    upper = np.clip(np.rint(upper).astype(int) + 1, 0, len(values))
    return (total[upper] - total[lower]) / np.maximum(upper - lower, 1)


def _crossing(level, k, threshold):
    """The last place around bin k, fractional, where the level is above."""
    first = int(0.93 * k)
    inside = np.flatnonzero(level[first : int(1.07 * k) + 3] >= threshold)
    last = first + (inside[-1] if len(inside) else 0)
    if last + 1 >= len(level):
        return float(last)
    fall = max(level[last] - level[last + 1], 1e-3)
    return last + np.clip((level[last] - threshold) / fall, 0, 1) - 0.8


def _image_gain():
    """Gain of the image at a relative distance above the edge over the signal
    as far below it, in dB, of scipy's default resampling filter."""
    taps = scipy.signal.firwin(2 * 10 * 16 + 1, 1 / 16, window=("kaiser", 5.0))
    distance = np.linspace(0, 0.2, 401)
    gains = [
        scipy.signal.freqz(taps, worN=(1 + side * distance) * np.pi / 16)[1]
        for side in (1, -1)
    ]
    above, below = (20 * np.log10(np.abs(gain) + 1e-9) for gain in gains)
    return distance, above - below


IMAGE_DISTANCE, IMAGE_GAIN_DB = _image_gain()


def _mirror_axis(level, lower, upper, floor):
    """The bin, fractional, at which the levels mirror each other best, and
    the root mean square error there in dB."""
    bins = np.arange(len(level))
    axes = np.arange(lower, upper, 0.25)
    above = np.ceil(axes + 1)[:, None] + np.arange(int(IMAGE_REACH * upper))
    distance = (above - axes[:, None]) / axes[:, None]
    expected = np.interp(2 * axes[:, None] - above, bins, level)
    expected += np.interp(distance, IMAGE_DISTANCE, IMAGE_GAIN_DB)
    counts = (distance <= IMAGE_REACH) & (expected > floor + 4)
    counts &= above < len(level) - 1
    found = level[np.minimum(above, len(level) - 1).astype(int)]
    error = np.minimum(np.abs(found - expected), 8.0)
    number = counts.sum(axis=1)
    error = np.sqrt((error**2 * counts).sum(axis=1) / np.maximum(number, 1))
    reach = (distance * counts).max(axis=1, initial=0.0)
    sure = (number >= 20) & (error <= 1.2)
    error[(number < 5) | (reach < 0.05) | ((reach < 0.085) & ~sure)] = np.inf
    best = error.argmin()
    return axes[best], error[best]


def _image_levels(power, bins, edge):
    """Levels that a resampler's further images may have, in dB."""
    order = np.round(bins / (2 * edge))
    source = np.abs(bins - 2 * edge * order)
    reach = np.maximum(0.02 * bins, 2)
    levels = [
        power[max(0, int(s - r)) : int(s + r) + 2].max()
        for s, r in zip(source, reach)
    ]
    images = _decibels(np.array(levels), -200.0) - IMAGE_REJECTION_DB
    return np.where(order > 0, images, -np.inf)
