"""Where a spectrum falls to its noise floor.

Two kinds of edges are told apart. A steep one (a codec's, a good resampler's)
lies where the level falls. A gentle one, which scipy's default resampling and
others of its kind leave, has images above it: the spectrum below the edge,
mirrored and attenuated ever more. The axis of that mirror is the edge, whatever
the signal. It is found by phase (spectral_images.py) to a fraction of a percent
or, where noise hides that, by the levels.

Authors
 * The speechbrain_flashsr developers 2026
"""

import functools
import math

import numpy as np
import scipy.signal

LOUDEST_DB = (-50.0, -20.0)
"""Spectra are raised or lowered to a maximum in this range, in dB per Hz: the
noise floor is that of 16 bits below full scale, whatever full scale is."""

FLOOR_DB = -143.0
"""Lower levels are noise floor: 16 bits leave about as much at 48 kHz."""

LOWEST_HZ = 1500.0
TOP_HZ = 21000.0
"""Where sample rates of 44.1 kHz end is no edge."""

STEP_DB = 9.0
HIGH_STEP_DB = 35.0
TOLERANCE_DB = 8.0
"""What the noise floor may vary by."""

MIRROR_REACH = 0.15
MIRROR_ERROR_DB = 2.5
CLEAR_MIRROR_ERROR_DB = 1.0
LEAST_FALL_DB = 3.0
IMAGE_REJECTION_DB = 55.0


def find_edge(power, nyquist_hz, axes=()):
    """Finds where a spectrum falls to the noise floor.

    Levels are in dB per Hz, at least -143. Of the axes given the first that has
    nothing but noise floor and images above it is the edge: of all bins above,
    and of those up to twice the axis, no more than 15 % exceed the fifth
    percentile there by 8 dB, the image that scipy's default resampling filter
    leaves by 3 dB, and the images further up; the level beyond lies 3 dB or more
    lower. If all that holds at half the axis, too, half the axis is the edge:
    where the band ends well below it, the bass, about the former rate, is all
    that mirrors.

    Else, candidates are the bins where the mean level over 7 % below exceeds
    that over 7 % above by 9 dB or more, and by the most within 7 %. Each, the
    lowest first, is located:

    1. Gentle edges: among axes from 0.85 to 1.08 of the candidate the one about
       which the level up to 15 % above is best explained by the level as far
       below it plus the gain of scipy's default resampling filter above minus
       that below. It counts if the root mean square error is at most 2.5 dB.
    2. Steep edges: where the level was last within 15 dB, or half of the fall,
       of that below the edge; 60 % of the fall must be within the 7 % above.

    The first candidate that only noise floor follows is the edge: 95 % of the
    bins above (and 85 % up to 1.4 times the edge, or they are 25 dB down) are
    within 8 dB of the fifth percentile there. Above falls by 35 dB or more 87 %
    suffice: Ogg Vorbis leaves faint signal for some 8 % above its edge. Above
    gentle edges 85 % (75 % if the mirror is clear: 1 dB) suffice, and further
    images, which lie 55 dB below what they mirror, are not counted as signal.

    Arguments
    ---------
    power : numpy.ndarray
        Mean power per Hz, full scale 1, on bins about 23 Hz apart from 0 Hz to
        half the sample rate, [bins].
    nyquist_hz : float
        Half the sample rate.
    axes : list of float
        Bins about which the phases mirror each other, the lowest first.

    Returns
    -------
    float or None
        In Hz; None if the spectrum has no edge between 1.5 and 21 kHz.

    Example
    -------
    >>> power = np.where(np.arange(1025) < 200, 1e-6, 1e-14)
    >>> round(find_edge(power, 24000.0) / 100)
    46
    """
    hz = nyquist_hz / (len(power) - 1)
    bins = np.arange(len(power), dtype=float)
    top = int(min(TOP_HZ, 0.995 * nyquist_hz) / hz)
    peak_db = _decibels(power.max(), -200.0)
    if peak_db <= FLOOR_DB:
        return None
    power = power * 10 ** ((np.clip(peak_db, *LOUDEST_DB) - peak_db) / 10)
    level = _decibels(power, FLOOR_DB)
    smooth = _decibels(np.convolve(power, [0.25, 0.5, 0.25], "same"), -148.0)
    wide = _decibels(
        _band_means(power, 0.98 * bins - 1, 1.02 * bins + 1), FLOOR_DB
    )
    for axis in axes:
        if _only_images(power, wide, axis, top):
            half = axis / 2
            if half * hz >= LOWEST_HZ and _only_images(power, wide, half, top):
                axis = half
            return float(axis * hz)
    step = _band_means(level, 0.93 * bins - 1.5, bins - 1.5) - _band_means(
        level, bins + 1.5, np.minimum(1.07 * bins + 1.5, top)
    )
    before = _band_means(level, 0.8 * bins - 1.5, bins - 1.5)
    after = _band_means(level, 1.16 * bins, np.minimum(1.4 * bins, top))
    step[(bins * hz <= LOWEST_HZ) | (1.16 * bins >= top - 2)] = -np.inf

    for k in np.flatnonzero(step >= STEP_DB):
        if step[k] < step[int(0.93 * k) : int(1.07 * k) + 2].max():
            continue
        fall = before[k] - after[k]
        beyond = int(min(1.2 * k, 0.96 * top))
        floor = np.median(smooth[beyond : min(int(1.45 * k), top)])
        edge, error, count = _mirror_axis(smooth, k, max(floor, -145.0))
        gentle = error <= MIRROR_ERROR_DB
        if gentle:
            sure = error <= CLEAR_MIRROR_ERROR_DB and count >= 20
            enough = 0.75 if sure else 0.85
            first = 1.18 * edge
        else:
            if step[k] < 0.6 * fall:
                continue
            threshold = before[k] - min(15.0, fall / 2)
            edge = _crossing(level, int(0.93 * k), int(1.07 * k), threshold)
            edge -= 0.8  # half of what the window widens it by
            enough = 0.87 if step[k] >= HIGH_STEP_DB else 0.95
            first = 1.05 * edge + 4
        above = np.arange(math.ceil(first), top + 1)
        if len(above) < 4:
            continue
        limit = np.percentile(wide[above], 5) + TOLERANCE_DB
        if gentle:
            limit = np.maximum(limit, _image_levels(power, above, edge))
        empty = wide[above] <= limit
        near = (empty | (wide[above] <= before[k] - 25))[above <= 1.4 * edge]
        if empty.mean() >= enough and near.mean() >= 0.85:
            return float(edge * hz)
    return None


def _decibels(power, least):
    return 10 * np.log10(np.maximum(power, 10 ** (least / 10)))


def _band_means(values, lower, upper):
    """Means of values from bin `lower` to bin `upper`, both included."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    lower = np.clip(np.rint(lower).astype(int), 0, len(values))
    upper = np.clip(np.rint(upper).astype(int) + 1, 0, len(values))
    return (total[upper] - total[lower]) / np.maximum(upper - lower, 1)


def _crossing(level, lower, upper, threshold):
    """The last place from bin `lower` to `upper`, fractional, where the level
    is above the threshold."""
    inside = np.flatnonzero(level[lower : upper + 3] >= threshold)
    last = lower + (inside[-1] if len(inside) else 0)
    if last + 1 >= len(level):
        return float(last)
    fall = max(level[last] - level[last + 1], 1e-3)
    return last + np.clip((level[last] - threshold) / fall, 0, 1)


@functools.cache
def _mirror_gain():
    """Relative distances from the edge and the gain in dB of scipy's default
    resampling filter as far above it, relative to that as far below it."""
    taps = scipy.signal.firwin(2 * 10 * 16 + 1, 1 / 16, window=("kaiser", 5.0))
    distance = np.linspace(0, 0.2, 401)
    above, below = (
        _decibels(
            np.abs(
                scipy.signal.freqz(
                    taps, worN=(1 + side * distance) * np.pi / 16
                )[1]
            )
            ** 2,
            -180.0,
        )
        for side in (1, -1)
    )
    return distance, above - below


def _only_images(power, wide, axis, top):
    """Whether images of what is below an axis, in bins, explain what is above."""
    if 1.2 * axis >= top:
        return False
    above = np.arange(math.ceil(axis + 2), top + 1)
    limit = np.percentile(wide[above[above > 1.05 * axis + 4]], 5)
    limit = np.maximum(limit + TOLERANCE_DB, _image_levels(power, above, axis))
    distance = above / axis - 1
    near = above[distance <= 0.2]
    mirrored = np.interp(2 * axis - near, np.arange(len(wide)), wide)
    mirrored += np.interp(distance[: len(near)], *_mirror_gain()) + 3
    limit[: len(near)] = np.maximum(limit[: len(near)], mirrored)
    explained = wide[above] <= limit
    fall = _band_means(wide, 0.9 * axis, 0.99 * axis) - _band_means(
        wide, 1.18 * axis, min(1.45 * axis, top)
    )
    return (
        explained.mean() >= 0.85
        and explained[above <= 1.96 * axis].mean() >= 0.85
        and fall >= LEAST_FALL_DB
    )


def _mirror_axis(level, k, floor):
    """The bin, fractional, about which the levels mirror each other best, the
    root mean square error there in dB, and the number of bins compared."""
    bins = np.arange(len(level))
    axes = np.arange(0.85 * k, 1.08 * k, 0.25)
    above = np.ceil(axes + 1)[:, None] + np.arange(int(1.08 * MIRROR_REACH * k))
    distance = (above - axes[:, None]) / axes[:, None]
    expected = np.interp(2 * axes[:, None] - above, bins, level)
    expected += np.interp(distance, *_mirror_gain())
    compared = (distance <= MIRROR_REACH) & (expected > floor + 4)
    compared &= above < len(level) - 1
    found = level[np.minimum(above, len(level) - 1).astype(int)]
    error = np.minimum(np.abs(found - expected), 8.0)
    count = compared.sum(axis=1)
    error = np.sqrt((error**2 * compared).sum(axis=1) / np.maximum(count, 1))
    reach = (distance * compared).max(axis=1, initial=0.0)
    sure = (count >= 20) & (error <= 1.2)
    error[(count < 5) | (reach < 0.05) | ((reach < 0.1) & ~sure)] = np.inf
    best = error.argmin()
    return axes[best], error[best], count[best]


def _image_levels(power, bins, edge):
    """Levels in dB that images may have far from the mirror: those about the
    multiples of the rate of 2 * edge, and those above half the sample rate that
    are folded back."""
    reach = np.maximum(0.02 * bins, 2)
    padded = np.append(power, 0.0)
    loudest = np.zeros(len(bins))
    for turns in (0, 1):
        for side in (-1, 1):
            image = np.abs(turns * 2 * (len(power) - 1) + side * bins)
            source = np.abs(image - 2 * edge * np.round(image / (2 * edge)))
            first = np.maximum(source - reach, 0).astype(int)
            end = np.minimum((source + reach).astype(int) + 2, len(power))
            spans = np.stack([first, end], axis=1).ravel()
            found = np.maximum.reduceat(padded, spans)[::2]
            loudest = np.maximum(loudest, found)
    return _decibels(loudest, -200.0) - IMAGE_REJECTION_DB
