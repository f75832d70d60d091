"""Sounds for the corpora of the tests, and the scripts that prepare corpora.

Authors
 * The speechbrain_flashsr developers 2026
"""

from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import firwin, lfilter

PREPARE = Path(__file__).parents[2] / "recipes/VersatileAudio/prepare"


def noise(seed, seconds=1.0, level=0.1, sample_rate=44100):
    """White noise, as music or an effect might be; full band, steady."""
    generator = np.random.default_rng(seed)
    return level * generator.standard_normal(int(seconds * sample_rate))


def speech(seed, sample_rate=44100):
    """White noise whose level goes up and down by 26 dB twice a second."""
    wav = noise(seed, sample_rate=sample_rate)
    half = sample_rate // 2
    loud = np.arange(len(wav)) % half < half // 2
    return wav * np.where(loud, 1.0, 0.05)


def low_pass(wav, cutoff_hz, sample_rate=44100):
    """Sharp low-pass filter of more than 100 dB."""
    taps = firwin(1001, cutoff_hz, fs=sample_rate, window=("kaiser", 12.0))
    return lfilter(taps, 1.0, wav)


def write(folder, name, wav, sample_rate=44100, subtype="PCM_16"):
    """Writes a source file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wav, sample_rate, subtype=subtype)
    return path
