"""Degradations of training material: low-pass filters, resamplers, telephones,
codecs, noise.

Band-limited copies are made as in AudioSR (https://arxiv.org/abs/2309.07314): a
random filter at a random cut-off, then down to twice the cut-off and back.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.signal

from speechbrain_flashsr.audio import SAMPLE_RATE
from speechbrain_flashsr.audio.codecs import (
    OPUS_RATES,
    TELEPHONE_BAND,
    code_at,
    telephone,
    with_length,
)
from speechbrain_flashsr.data.augmentation import coloured, rms
from speechbrain_flashsr.data.resamplers import resample

FAMILIES = ("cheby1", "butter", "bessel", "ellip")
"""Filters of AudioSR's training copies, by their names in scipy.signal."""

ORDERS = (2, 10)
"""Lowest and highest order of them."""

PASS_RIPPLE_DB = 0.1
STOP_BAND_DB = 60.0
"""Of the Chebyshev and the elliptic filter, as in AudioSR."""


DEFAULT_RESAMPLERS = {
    "torchaudio": "torchaudio",
    "soxr": "soxr HQ (librosa)",
    "scipy": "scipy resample_poly",
    "ffmpeg": "ffmpeg swr",
}
"""Common resamplers with their default settings, by their names in
:data:`~speechbrain_flashsr.data.resamplers.RESAMPLERS`; librosa and the SoX
program share soxr's filter."""


def resample_at(wav, rate, resampler):
    """Brings a recording [time] at 48 kHz to a low rate in Hz and back with one
    of `DEFAULT_RESAMPLERS`; it keeps its length.

    Example
    -------
    >>> resample_at(np.random.randn(4801), 16000, "soxr").shape
    (4801,)
    """
    name = DEFAULT_RESAMPLERS[resampler]
    low = resample(wav, SAMPLE_RATE, rate, name)
    back = resample(low, rate, SAMPLE_RATE, name)
    return with_length(back, len(wav))


def low_pass(wav, sample_rate, cutoff_hz, family="cheby1", order=8):
    """Removes the band of [..., time] above a cut-off, as a low sample rate
    would; the length stays. Rate and cut-off are in Hz.

    A filter of one of `FAMILIES` runs forwards and backwards (so its
    attenuation doubles), then the signal is resampled to int(2 * cutoff_hz) Hz
    and back. Raises a ValueError if the family is unknown or the cut-off out of
    range.

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
            f"Unknown filter family '{family}'. Choose one of "
            f"{', '.join(FAMILIES)}."
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
    # Signals cannot be extended by more than their length.
    long = length > 3 * (2 * len(sos) + 1)
    padding = {} if long else {"padlen": length - 1}
    filtered = scipy.signal.sosfiltfilt(sos, wav, **padding)
    rate = int(2 * cutoff_hz)
    down = scipy.signal.resample_poly(filtered, rate, sample_rate, axis=-1)
    up = scipy.signal.resample_poly(down, sample_rate, rate, axis=-1)
    return up[..., :length]


def random_low_pass(wav, rng, min_hz=2000, max_hz=16000, log_uniform=True):
    """Applies :func:`low_pass` to [time] at 48 kHz with a random family, order
    and cut-off, between two limits in Hz; returns also the cut-off.

    If `log_uniform`, its logarithm is uniform, which favours the low, hard
    ones, rather than the cut-off itself, as in the paper. Cut-offs are
    multiples of 100 Hz, which keeps the ratio of the resampling, and its cost,
    small."""
    if log_uniform:
        cutoff = math.exp(rng.uniform(math.log(min_hz), math.log(max_hz)))
    else:
        cutoff = rng.uniform(min_hz, max_hz)
    cutoff_hz = 100 * round(cutoff / 100)
    family = FAMILIES[rng.integers(len(FAMILIES))]
    order = int(rng.integers(ORDERS[0], ORDERS[1] + 1))
    return low_pass(wav, SAMPLE_RATE, cutoff_hz, family, order), cutoff_hz


@dataclass(frozen=True)
class RandomDegradation:
    """Degrades some of the band-limited copies in training.

    Each copy gets at most one degradation: a telephone line in place of its
    low-pass filter, lossy coding, or added noise.

    Arguments
    ---------
    telephone_probability : float
        Share of the copies that go through :func:`telephone`.
    codec_probability : float
        Share that is coded as MP3, Ogg Vorbis or Opus, at the lowest rate that
        holds the copy's band or the next higher one, at any quality.
    noise_probability : float
        Share to which noise is added, white or pink, limited to the copy's
        band.
    snr_db : (float, float)
        Range of the signal-to-noise ratio, uniform.
    resampler_probability : float
        Share that one of `DEFAULT_RESAMPLERS` brings to twice the cut-off and
        back.

    Example
    -------
    >>> degrade = RandomDegradation(telephone_probability=1.0)
    >>> wav = 0.1 * np.random.default_rng(0).standard_normal(48000)
    >>> low, cutoff_hz = degrade(wav, wav, 9000, np.random.default_rng(0))
    >>> low.shape, cutoff_hz
    ((48000,), 3400)
    """

    telephone_probability: float = 0.05
    codec_probability: float = 0.1
    noise_probability: float = 0.1
    snr_db: Sequence[float] = (15.0, 50.0)
    resampler_probability: float = 0.25

    def __call__(self, high, low, cutoff_hz, rng):
        """Degrades the copy `low` of the recording `high`, both [time] at 48
        kHz, or leaves it as it is; returns it and its cut-off in Hz."""
        fate = rng.random()
        if fate < self.telephone_probability:
            return self._at_some_level(telephone, high, rng), TELEPHONE_BAND[1]
        fate -= self.telephone_probability
        if fate < self.codec_probability:
            # MP3 and Ogg Vorbis have them, too.
            rates = [rate for rate in OPUS_RATES if rate >= 2 * cutoff_hz]
            rate = rates[rng.integers(min(2, len(rates)))]
            codec = ("mp3", "ogg", "opus")[rng.integers(3)]
            quality = None if codec == "opus" else rng.random()

            def coded(wav):
                return code_at(wav, rate, codec, quality)

            return self._at_some_level(coded, low, rng), cutoff_hz
        fate -= self.codec_probability
        if fate < self.noise_probability:
            return low + self._noise(low, cutoff_hz, rng), cutoff_hz
        fate -= self.noise_probability
        if fate < self.resampler_probability:
            resampler = tuple(DEFAULT_RESAMPLERS)[
                rng.integers(len(DEFAULT_RESAMPLERS))
            ]
            return resample_at(high, int(2 * cutoff_hz), resampler), cutoff_hz
        return low, cutoff_hz

    @staticmethod
    def _at_some_level(function, wav, rng):
        """Brings the peak to -20 to -1 dB for a function, and back."""
        peak = np.abs(wav).max()
        if not peak > 0:
            return wav
        gain = 10 ** (rng.uniform(-20, -1) / 20) / peak
        return function(gain * wav) / gain

    def _noise(self, low, cutoff_hz, rng):
        """White or pink noise below the cut-off."""
        white = rng.standard_normal(len(low))
        noise = coloured(white, int(rng.random() < 0.5), cutoff_hz)
        return 10 ** (-rng.uniform(*self.snr_db) / 20) * rms(low) * noise
