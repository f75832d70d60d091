"""Continues a sound beyond its end by linear prediction.

I. Kauppinen, K. Roth, "Audio signal extrapolation - theory and applications",
DAFx 2002; the predictor is that of J. P. Burg, "Maximum entropy spectral
analysis", 1975. Tones and decays go on by prediction alone. Noise goes on
because the errors of the prediction do, in the order of a reflection and with
random signs: a model does not take the reflection itself for noise.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
from scipy import signal

MAX_ORDER = 128
SAMPLES_PER_TAP = 8
"""Limits of the predictor's length: at 16 kHz, 128 samples tell the harmonics of
a pitch of 125 Hz apart; more taps of a short clip would follow the chance of its
noise, and the model would take it for tones."""

FLOOR = 1e-15
"""Power of the spectrum's floor, relative to the sound's: that of 32-bit
samples, so that the predictor of a sound with an empty band is stable."""


def extrapolate(samples, num_samples, generator):
    """Continues a sound.

    Arguments
    ---------
    samples : numpy.ndarray
        [channels, time].
    num_samples : int
        Length of the continuation.
    generator : numpy.random.Generator
        Source of the signs, which are the same in all channels.

    Returns
    -------
    numpy.ndarray
        [channels, num_samples].

    Example
    -------
    >>> tone = np.sin(0.3 * np.arange(400.0))
    >>> generator = np.random.default_rng(0)
    >>> more = extrapolate(tone[None, :300], 100, generator)
    >>> bool(abs(more - tone[300:]).max() < 0.05)
    True
    """
    time = samples.shape[1]
    order = min(MAX_ORDER, time // SAMPLES_PER_TAP)
    # A triangle wave, from the last error back to the first and on.
    last = time - order - 1
    index = np.arange(1, num_samples + 1) % max(1, 2 * last)
    index = abs(last - index)
    # A few samples without a predictor are reflected as they are.
    signs = generator.choice([-1.0, 1.0], num_samples) if order else 1.0
    rows = []
    for row in samples.astype(np.float64):
        taps = prediction_error_filter(row, order)
        errors = signal.lfilter(taps, 1.0, row)[order:]
        state = signal.lfiltic([1.0], taps, row[::-1][:order])
        more, _ = signal.lfilter([1.0], taps, signs * errors[index], zi=state)
        rows.append(more)
    return np.stack(rows).astype(samples.dtype)


def prediction_error_filter(row, order):
    """Burg's filter from a sound, [time], to the errors of its prediction,
    order + 1 taps. Its inverse is stable.

    Example
    -------
    >>> prediction_error_filter(0.5 ** np.arange(20.0), 1).round(3)
    array([ 1. , -0.8])
    """
    taps = np.ones(1)
    floor = 2 * FLOOR * row.dot(row) or 1.0
    forward, backward = row[1:], row[:-1]
    for _ in range(order):
        energy = forward.dot(forward) + backward.dot(backward) + floor
        reflection = -2 * forward.dot(backward) / energy
        taps = np.append(taps, 0.0)
        taps = taps + reflection * taps[::-1]
        forward, backward = (
            (forward + reflection * backward)[1:],
            (backward + reflection * forward)[:-1],
        )
    return taps
