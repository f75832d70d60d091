"""Augmentation of training segments: speed, formants, equalisation, mixing,
noise.

Without it, a model learns how bright, how fast and how clean the training set
is, and fails on other recordings.

Authors
 * The speechbrain_flashsr developers 2026
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.signal

from speechbrain_flashsr.audio import SAMPLE_RATE

SPEED_STEPS = 100
KNEE_HZ = (500.0, 8000.0)
TILT_END_HZ = 16000.0
RIPPLE_START_HZ = 100.0
RIPPLES = 3
LOWEST_NOISE_HZ = 20.0


@dataclass(frozen=True)
class Augmentation:
    """Random changes of recordings, made before the high band is removed.

    Arguments
    ---------
    speed : sequence of float
        Limits of the factor by which a recording is played faster, which also
        raises its pitch; (1, 1) for no change.
    speed_probability : float
        Share of the recordings whose speed changes.
    formants : sequence of float
        Limits of the factor by which the formants of speech move at the same
        pitch (:func:`~speechbrain_flashsr.data.voices.move_formants`).
    formants_probability : float
        Share of the segments of speech whose formants move.
    tilt_db : sequence of float
        Limits of the gain at 16 kHz of a spectral tilt: rising or falling
        linearly over log-frequency from a random knee at 0.5 to 8 kHz.
    ripple_db : float
        Standard deviation of each of three cosines over log-frequency, from
        100 Hz to half the sample rate, that are added to the tilt.
    mix_probability : float
        Share of the segments to which a second one is added.
    mix_gain_db : sequence of float
        Limits of the second segment's peak relative to the first's.
    noise_probability : float
        Share of the segments to which steady noise is added, of a colour
        between white and pink: a model that never saw a stationary sound makes
        it swell at the borders of its windows.
    noise_db : sequence of float
        Limits of the noise's level relative to the segment's, of root mean
        squares.
    level_db : sequence of float
        Limits of the segment's level below the one that normalisation gives it:
        a window holds passages quieter than its peak.

    Example
    -------
    >>> augmentation = Augmentation(tilt_db=(-6.0, -6.0), ripple_db=0.0)
    >>> wav = np.random.default_rng(0).standard_normal(4800)
    >>> augmentation.equalize(wav, np.random.default_rng(0)).shape
    (4800,)
    """

    speed: Sequence[float] = (0.85, 1.2)
    speed_probability: float = 0.5
    formants: Sequence[float] = (0.84, 1.19)
    formants_probability: float = 0.0
    tilt_db: Sequence[float] = (-15.0, 5.0)
    ripple_db: float = 1.5
    mix_probability: float = 0.15
    mix_gain_db: Sequence[float] = (-20.0, 0.0)
    noise_probability: float = 0.0
    noise_db: Sequence[float] = (-30.0, 20.0)
    level_db: Sequence[float] = (-20.0, 0.0)

    def draw_speed(self, rng):
        """Draws a factor, a multiple of 0.01."""
        factor = rng.uniform(*self.speed)
        if rng.random() >= self.speed_probability:
            return 1.0
        return round(factor * SPEED_STEPS) / SPEED_STEPS

    def draw_formants(self, rng):
        """Draws a factor, None for formants as they are."""
        factor = np.exp(rng.uniform(*np.log(self.formants)))
        moves = rng.random() < self.formants_probability
        return factor if moves else None

    def draw_mix(self, rng):
        """Draws the gain of a second segment, None for no second one."""
        gain = 10 ** (rng.uniform(*self.mix_gain_db) / 20)
        return gain if rng.random() < self.mix_probability else None

    def draw_level(self, rng):
        """Draws a gain for the whole segment."""
        return 10 ** (rng.uniform(*self.level_db) / 20)

    def add_noise(self, wav, rng):
        """Adds steady noise to [time], or not."""
        if rng.random() >= self.noise_probability:
            return wav
        white = rng.standard_normal(len(wav))
        noise = coloured(white, 2 * rng.uniform(0, 0.5))
        gain = 10 ** (rng.uniform(*self.noise_db) / 20)
        return wav + gain * rms(wav) * noise

    def equalize(self, wav, rng):
        """Applies a random frequency response of zero phase to [time]."""
        knee_hz = np.exp(rng.uniform(*np.log(KNEE_HZ)))
        end_db = rng.uniform(*self.tilt_db)
        sizes_db = self.ripple_db * rng.standard_normal(RIPPLES)
        phases = rng.uniform(0, 2 * np.pi, RIPPLES)

        spectrum = np.fft.rfft(wav)
        hz = np.linspace(0, SAMPLE_RATE / 2, len(spectrum))
        octaves = np.log2(np.maximum(hz, knee_hz) / knee_hz)
        gain_db = end_db * octaves / np.log2(TILT_END_HZ / knee_hz)
        top = np.log(SAMPLE_RATE / 2 / RIPPLE_START_HZ)
        place = np.log(np.maximum(hz, RIPPLE_START_HZ) / RIPPLE_START_HZ) / top
        for k, (size_db, phase) in enumerate(zip(sizes_db, phases), start=1):
            gain_db += size_db * np.cos(np.pi * k * place + phase)
        spectrum *= 10 ** (gain_db / 20)
        return np.fft.irfft(spectrum, n=len(wav))


def rms(wav):
    """Root mean square of a waveform.

    Example
    -------
    >>> print(rms(np.array([1.0, -1.0, 1.0, -1.0])))
    1.0
    """
    return np.sqrt(np.mean(np.square(wav)))


def coloured(white, slope, top_hz=SAMPLE_RATE):
    """White noise [time] at 48 kHz as noise of unit power that falls by `slope`
    times 3 dB an octave (1 is pink) and ends at `top_hz`.

    Example
    -------
    >>> noise = coloured(np.random.default_rng(0).standard_normal(480), 1.0)
    >>> print(rms(noise).round(3))
    1.0
    """
    spectrum = np.fft.rfft(white)
    hz = np.linspace(0, SAMPLE_RATE / 2, len(spectrum))
    spectrum *= np.maximum(hz, LOWEST_NOISE_HZ) ** (-slope / 2)
    spectrum[hz > top_hz] = 0
    noise = np.fft.irfft(spectrum, n=len(white))
    return noise / max(rms(noise), 1e-10)


def change_speed(wav, factor):
    """Plays a waveform [time] faster, which also raises its pitch; the factor
    is a multiple of 0.01.

    Example
    -------
    >>> change_speed(np.zeros(1200), 1.2).shape
    (1000,)
    """
    down = round(factor * SPEED_STEPS)
    if down == SPEED_STEPS:
        return wav
    return scipy.signal.resample_poly(wav, SPEED_STEPS, down)
