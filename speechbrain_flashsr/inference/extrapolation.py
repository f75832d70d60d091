"""Continues a sound beyond its end by linear prediction.

I. Kauppinen, K. Roth, "Audio signal extrapolation - theory and applications",
DAFx 2002. The predictor is that of J. P. Burg, "Maximum entropy spectral
analysis", 1975, with the order that the criterion of C. M. Hurvich, C.-L. Tsai,
"Regression and time series model selection in small samples", Biometrika 1989,
selects. Tones and decays go on by prediction alone. Noise goes on
because the errors of the prediction do, in the order of a reflection and with
random signs: a model does not take the reflection itself for noise.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
from scipy import signal

MAX_ORDER = 128
SAMPLES_PER_TAP = 4
"""Limits of the predictor's length: at 16 kHz, 128 samples tell the harmonics
of a pitch of 125 Hz apart."""

FLOOR = 1e-15
"""Power of the spectrum's floor, relative to the sound's: that of 32-bit
samples, so that the predictor of a sound with an empty band is stable."""


def extrapolate(samples, num_samples, generator):
    """Continues a sound, an array [channels, time], by [channels, num_samples].
    A numpy.random.Generator gives the signs, which all channels share.

    Example
    -------
    >>> tone = np.sin(0.3 * np.arange(400.0))
    >>> generator = np.random.default_rng(0)
    >>> more = extrapolate(tone[None, :300], 100, generator)
    >>> bool(abs(more - tone[300:]).max() < 0.05)
    True
    """
    time = samples.shape[1]
    longest = min(MAX_ORDER, time // SAMPLES_PER_TAP)
    # A few samples without a predictor are reflected as they are.
    signs = generator.choice([-1.0, 1.0], num_samples) if longest else 1.0
    steps = np.arange(1, num_samples + 1)
    rows = []
    for row in samples.astype(np.float64):
        taps = prediction_error_filter(row, longest)
        order = len(taps) - 1
        errors = signal.lfilter(taps, 1.0, row)[order:]
        # A triangle wave, from the last error back to the first and on.
        last = len(errors) - 1
        index = abs(last - steps % max(1, 2 * last))
        state = signal.lfiltic([1.0], taps, row[::-1][:order])
        more, _ = signal.lfilter([1.0], taps, signs * errors[index], zi=state)
        rows.append(more)
    return np.stack(rows).astype(samples.dtype)


def prediction_error_filter(row, longest):
    """The filter from a sound, [time], to the errors of its prediction, with
    `longest` + 1 taps at most: as many as the samples can tell. Its inverse is
    stable.

    Example
    -------
    >>> prediction_error_filter(0.5 ** np.arange(20.0), 1).round(3)
    array([ 1. , -0.8])
    >>> noise = np.random.default_rng(0).standard_normal(400)
    >>> len(prediction_error_filter(noise, 100)) < 10
    True
    """
    taps = selected = np.ones(1)
    time = len(row)
    lowest = 2 / (time - 2) if longest else 0.0
    log_error = 0.0  # of the power of the errors, relative to the sound's
    floor = 2 * FLOOR * row.dot(row) or 1.0
    forward, backward = row[1:], row[:-1]
    for order in range(1, longest + 1):
        energy = forward.dot(forward) + backward.dot(backward) + floor
        reflection = -2 * forward.dot(backward) / energy
        taps = np.append(taps, 0.0)
        taps = taps + reflection * taps[::-1]
        forward, backward = (
            (forward + reflection * backward)[1:],
            (backward + reflection * forward)[:-1],
        )
        log_error += np.log1p(-(reflection**2))
        criterion = log_error + 2 * (order + 1) / (time - order - 2)
        if criterion < lowest:
            lowest, selected = criterion, taps
    return selected
