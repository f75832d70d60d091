"""Augmentation of voices: vocal tracts made longer or shorter.

The length of the vocal tract places the formants of a voice and the noise of
its fricatives, its folds set the pitch. Both vary apart from each other, so
changes of speed, which move both, do not make all voices.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import scipy.signal

from speechbrain_flashsr.audio import SAMPLE_RATE

WINDOW = 2048
HOP = 512
"""Of the short-time spectrum: 43 ms, to tell harmonics apart, every 11 ms."""

ENVELOPE_SECONDS = 1.4e-3
"""Longest quefrency of the envelope: below the periods of all voices."""

FLOOR = 1e-5
"""Least magnitude of the envelope, a share of the largest: digital silence has
no formants."""

MAX_GAIN_DB = 18.0
"""Limits what noise between formants is raised by."""

HELD_SHARE, HELD_BINS = 0.97, 40
"""From this share of the roll-off on, the envelope is the mean of as many bins
below, so that the fall of an encoder's filter does not move."""


def move_formants(wav, factor, rolloff_hz=SAMPLE_RATE / 2):
    """Stretches the spectral envelope along frequency and keeps the pitch, as
    vocal tract length perturbation does (Jaitly and Hinton, 2013).

    The envelope is the cepstrally smoothed spectrum of each moment, the changed
    one is reached by a gain of zero phase.

    Arguments
    ---------
    wav : numpy.ndarray
        Speech at 48 kHz, [time].
    factor : float
        By which formants move up; a vocal tract shorter by this factor.
    rolloff_hz : float
        Below it the recording has content, whose envelope moves.

    Returns
    -------
    numpy.ndarray
        [time]

    Example
    -------
    >>> wav = np.random.default_rng(0).standard_normal(4800)
    >>> bool(np.allclose(move_formants(wav, 1.0), wav))
    True
    """
    stft = scipy.signal.ShortTimeFFT(
        np.sqrt(scipy.signal.windows.hann(WINDOW, sym=False)), HOP, SAMPLE_RATE
    )
    spectrum = stft.stft(wav)
    size = np.abs(spectrum)
    log_size = np.log(size + FLOOR * max(size.max(), FLOOR))
    top = int(HELD_SHARE * min(rolloff_hz, SAMPLE_RATE / 2) / stft.delta_f)
    log_size[top:] = log_size[max(top - HELD_BINS, 0) : top].mean(axis=0)

    cepstrum = np.fft.irfft(log_size, axis=0)
    quefrency = np.minimum(np.arange(WINDOW), WINDOW - np.arange(WINDOW))
    rising = quefrency * np.pi / (ENVELOPE_SECONDS * SAMPLE_RATE)
    lifter = 0.5 + 0.5 * np.cos(np.minimum(rising, np.pi))
    envelope = np.fft.rfft(cepstrum * lifter[:, None], axis=0).real

    bins = np.arange(len(envelope))
    place = np.minimum(bins / factor, len(envelope) - 1)
    below = np.minimum(place.astype(int), len(envelope) - 2)
    share = (place - below)[:, None]
    moved = (1 - share) * envelope[below] + share * envelope[below + 1]
    limit = MAX_GAIN_DB / 20 * np.log(10)
    spectrum *= np.exp(np.clip(moved - envelope, -limit, limit))
    return stft.istft(spectrum, k1=len(wav))
