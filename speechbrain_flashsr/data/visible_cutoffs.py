"""Whether a recording shows where a band ends: the truth behind labels.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import scipy.signal

from speechbrain_flashsr.audio import SAMPLE_RATE

STEP_HZ = (10500.0, 16500.0)
"""Codecs for music, and rates of 22 to 32 kHz, end the band there."""

STEP_DB = 12.0
"""Within a fifth of an octave: more than sound falls by itself."""

SIXTEEN_BITS_DB = -96.3
"""Noise of 16 bits with triangular dither, relative to full scale."""


def is_visible(example, wav):
    """Whether an example of a recording [time] at 48 kHz still shows its edge
    when it is stored with 16 bits. Full band counts as visible."""
    if example.cutoff_hz is None:
        return True
    return visible_floor(example, wav) > SIXTEEN_BITS_DB


def visible_floor(example, wav, margin_db=3.0):
    """The loudest noise floor, in dB relative to full scale, that shows the
    edge of an example of a recording [time] at 48 kHz.

    Loud moments of the recording exceed the floor on both sides of the edge,
    by a margin. A floor that covers the one right above it would leave the same
    sound whether the band was limited or not, and no edge to find."""
    cutoff_hz, rate = example.cutoff_hz, example.sample_rate
    below = _loud_density(example.wav, rate, 0.75 * cutoff_hz, 0.9 * cutoff_hz)
    above = _loud_density(wav, SAMPLE_RATE, 1.1 * cutoff_hz, 1.25 * cutoff_hz)
    density = max(min(below, above), 1e-24)
    return 10 * np.log10(density * rate / 2) - margin_db


def _loud_density(wav, sample_rate, low_hz, high_hz):
    """Power per Hz of a band in the loudest tenth of the moments."""
    hz, _, power = scipy.signal.spectrogram(
        wav, sample_rate, nperseg=min(512, len(wav)), noverlap=0
    )
    inside = (hz >= low_hz) & (hz <= high_hz)
    return np.quantile(power[inside].mean(axis=0), 0.9)


def has_step(wav, top_hz=SAMPLE_RATE / 2):
    """Whether the spectrum of a recording [time] at 48 kHz ends with a step of
    its own below `top_hz`, of codecs that it went through: then it is not full
    band, however far what is left above the step reaches."""
    length = min(2048, len(wav))
    hz, _, power = scipy.signal.spectrogram(
        wav, SAMPLE_RATE, nperseg=length, noverlap=length // 2
    )
    loud = np.quantile(power, 0.95, axis=1)
    for step_hz in np.arange(STEP_HZ[0], min(STEP_HZ[1], top_hz), 200.0):
        below = loud[(hz >= 0.93 * step_hz) & (hz <= step_hz)].mean()
        above = loud[(hz >= 1.04 * step_hz) & (hz <= 1.15 * step_hz)].mean()
        if below > above * 10 ** (STEP_DB / 10):
            return True
    return False
