"""Band-limited recordings, for the cut-off network and its test.

A recording is full band, or low-passed, resampled or coded in one of the common
ways; then noise, tones, clicks, an offset and 16 bits are added.

Authors
 * The speechbrain_flashsr developers 2026
"""

import dataclasses
import functools

import numpy as np
import scipy.signal

from speechbrain_flashsr.audio import SAMPLE_RATE
from speechbrain_flashsr.audio.codecs import CODECS, code
from speechbrain_flashsr.data.augmentation import coloured
from speechbrain_flashsr.data.degradations import FAMILIES, low_pass
from speechbrain_flashsr.data.resamplers import (
    INTERPOLATIONS,
    available_resamplers,
    resample,
)
from speechbrain_flashsr.data.visible_cutoffs import (
    has_step,
    is_visible,
    visible_floor,
)

FILE_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
BAND_RATES = (3200, 4000, 6000, 8000, 11025, 12000, 16000, 22050, 24000, 32000)

LOWEST_HZ = 1500.0
FULL_BAND_HZ = 17300.0
OWN_RATE = 0.95
"""An edge above this part of half the file's rate is the rate's own."""

HARD_RESAMPLERS = (
    *("repetition", "ffmpeg swr, 128 taps") * 2,
    *("SoX -l", "soxr LQ", "torchaudio kaiser fast"),
)
HARD_CODECS = ("mp3", "mp3", "mp3-abr", "mp3-abr", "aac")
"""Further entries of what is drawn: their edges are missed most."""


@dataclasses.dataclass(frozen=True)
class Example:
    """A waveform, [time], and where its band ends: None if it is full band or
    if the file's own rate is the limit."""

    wav: np.ndarray
    sample_rate: int
    cutoff_hz: float | None
    family: str

    def with_wav(self, wav):
        """The same with other samples."""
        return dataclasses.replace(self, wav=wav)


def limited(wav, sample_rate, cutoff_hz, family):
    """An :class:`Example` whose edge counts only where it differs from full
    band."""
    top = min(FULL_BAND_HZ, OWN_RATE * sample_rate / 2)
    return Example(
        wav, sample_rate, float(cutoff_hz) if cutoff_hz < top else None, family
    )


def filtered(wav, cutoff_hz, family, order):
    """Low-passed at 48 kHz, see :func:`~speechbrain_flashsr.data.degradations.
    low_pass`; family "fir" is a steep linear-phase filter."""
    if family == "fir":
        taps = scipy.signal.firwin(
            1023, cutoff_hz, window=("kaiser", float(order)), fs=SAMPLE_RATE
        )
        low = scipy.signal.fftconvolve(wav, taps, mode="same")
    else:
        low = low_pass(wav, SAMPLE_RATE, cutoff_hz, family, order)
    return limited(low, SAMPLE_RATE, cutoff_hz, f"filter {family}")


def resampled(wav, band_rate, file_rate, down, up):
    """Brought from 48 kHz to a low rate and on to the file's."""
    low = resample(wav, SAMPLE_RATE, band_rate, down)
    high = resample(low, band_rate, file_rate, up)
    cutoff_hz = cutoff_of_resamplers(down, up) * band_rate / 2
    return limited(high, file_rate, cutoff_hz, up)


@functools.cache
def cutoff_of_resamplers(down, up):
    """Where two resamplers leave a millionth of the power of noise that goes
    down to 16 kHz and back to 48, as a share of 8 kHz: down to 0.92 behind wide
    filters, 1 if images follow."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(SAMPLE_RATE // 4)
    low = resample(noise, SAMPLE_RATE, 16000, down)
    back = resample(low, 16000, SAMPLE_RATE, up)
    left_hz = highest_left(noise, back, SAMPLE_RATE, 1e-6, nperseg=2048)
    return min(1.0, left_hz / 8000)


def coded(wav, rate, codec, quality, file_rate, resampler):
    """Coded at a rate and brought to the file's; the edge is measured."""
    low = resample(wav, SAMPLE_RATE, rate, resampler)
    decoded = code(low, rate, codec, quality)
    cutoff_hz = rate / 2
    if not CODECS[codec].keeps_band:
        cutoff_hz = cutoff_of_codec(low, decoded, rate)
    if file_rate != rate:
        own = cutoff_of_resamplers(resampler, resampler)
        cutoff_hz = min(cutoff_hz, own * rate / 2)
    high = resample(decoded, rate, file_rate, resampler)
    return limited(high, file_rate, cutoff_hz, codec)


def cutoff_of_codec(wav, decoded, rate):
    """Highest frequency where a codec leaves a tenth of the power, in Hz."""
    cutoff_hz = highest_left(wav, decoded, rate, 0.1)
    return rate / 2 if cutoff_hz > 0.97 * rate / 2 else cutoff_hz


def highest_left(wav, processed, rate, share, nperseg=1024):
    """Highest frequency in Hz where at least a share (0 to 1) of the power of a
    waveform is left in the processed one, both [time] at a rate in Hz."""
    power = [
        scipy.signal.welch(
            signal, rate, "blackmanharris", nperseg=min(nperseg, len(wav))
        )
        for signal in (wav, processed)
    ]
    frequencies = power[0][0]
    original, left = (np.convolve(p, np.ones(5) / 5, "same") for _, p in power)
    kept = (left > share * original) & (original > 1e-13)
    kept = np.convolve(kept, np.ones(7) / 7, "same") > 0.5
    return frequencies[kept].max(initial=0.0)


def gentle(wav, corner_hz, order=2):
    """A roll-off of `order` times 6 dB an octave."""
    sos = scipy.signal.butter(order, corner_hz, fs=SAMPLE_RATE, output="sos")
    return scipy.signal.sosfilt(sos, wav)


def telephone_band(wav, rng):
    """About 300 to 3400 Hz."""
    low, high = rng.uniform(150, 400), rng.uniform(3000, 3600)
    order = int(rng.integers(3, 9))
    sos = scipy.signal.butter(
        order, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos"
    )
    return scipy.signal.sosfilt(sos, wav)


def with_floor(example, level_db, rng, slope=0.0):
    """Adds a noise floor, its level in dB relative to full scale."""
    noise = coloured(rng.standard_normal(len(example.wav)), slope)
    return example.with_wav(example.wav + 10 ** (level_db / 20) * noise)


def with_tone(example, level_db, rng):
    """Adds a steady tone above the edge (anywhere if there is none)."""
    lowest = 1.15 * (example.cutoff_hz or 500.0)
    highest = 0.97 * example.sample_rate / 2
    if lowest >= highest:
        return example
    hz = rng.uniform(lowest, highest)
    turns = hz * np.arange(len(example.wav)) / example.sample_rate
    phase = 2 * np.pi * (turns + rng.random())
    tone = np.sqrt(2) * 10 ** (level_db / 20) * np.sin(phase)
    return example.with_wav(example.wav + tone)


def with_clicks(example, per_second, rng, decay_s=0.0):
    """Adds clicks, or bursts of noise that decay, at random times."""
    wav = example.wav.copy()
    seconds = len(wav) / example.sample_rate
    peak = np.abs(wav).max() * 10 ** (rng.uniform(-20, 0) / 20)
    for _ in range(rng.poisson(per_second * seconds)):
        start = int(rng.integers(len(wav)))
        length = 1 + int(5 * decay_s * example.sample_rate)
        click = np.full(1, rng.choice([-1.0, 1.0]))
        if decay_s:
            times = np.arange(length) / example.sample_rate
            click = rng.standard_normal(length) * np.exp(-times / decay_s)
        click = click[: len(wav) - start]
        wav[start : start + len(click)] += peak * rng.uniform(0.3, 1) * click
    return example.with_wav(wav)


def with_sixteen_bits(example, rng=None):
    """Rounds to 16 bits, with triangular dither if there is a generator."""
    scaled = np.clip(example.wav, -1, 1) * 32767
    if rng is not None:
        scaled = scaled + rng.random(len(scaled)) - rng.random(len(scaled))
    return example.with_wav(np.round(scaled) / 32768)


class ExampleMaker:
    """Draws examples at random from a numpy generator.

    Example
    -------
    >>> make = ExampleMaker(np.random.default_rng(0))
    >>> wav = np.random.default_rng(1).standard_normal(24000)
    >>> len({example.cutoff_hz for example in make(wav, 20000, copies=4)})
    1
    """

    def __init__(self, rng):
        self.rng = rng
        names = available_resamplers()
        self.down = [name for name in names if name not in INTERPOLATIONS]
        self.up = names + [name for name in HARD_RESAMPLERS if name in names]

    def __call__(self, wav, rolloff_hz, copies=4):
        """Makes examples of a recording [time] at 48 kHz whose own band ends at
        `rolloff_hz`: `copies` of one edge, with other noise, tones and clicks.
        There are none if the recording does not serve the kind that was drawn.
        """
        rng = self.rng
        if rng.random() < 0.4:
            wav, rolloff_hz = self._varied(wav, rolloff_hz)
        wav = wav * 10 ** (rng.uniform(-25, -0.5) / 20) / np.abs(wav).max()
        kinds = (self._full, self._filtered, self._resampled, self._coded)
        kind = kinds[rng.choice(4, p=(0.25, 0.13, 0.44, 0.18))]
        example = kind(wav, rolloff_hz)
        if example is None or (example.cutoff_hz or LOWEST_HZ) < LOWEST_HZ:
            return []
        if not is_visible(example, wav):
            return []
        return [self._disturbed(example, wav) for _ in range(copies)]

    def _varied(self, wav, rolloff_hz):
        """Another timbre, or synthetic sound in the recording's place."""
        rng = self.rng
        fate = rng.random()
        times = np.arange(len(wav)) / SAMPLE_RATE
        if fate < 0.6:  # A tilt of up to 6 dB an octave
            spectrum = np.fft.rfft(wav)
            hz = np.linspace(0, SAMPLE_RATE / 2, len(spectrum))
            slope = rng.uniform(-0.5, 1.0)
            spectrum *= np.maximum(hz, 100.0) ** -slope
            return np.fft.irfft(spectrum, n=len(wav)), rolloff_hz
        if fate < 0.9:  # Noise, steady or pulsing
            slope = rng.uniform(0, 2)
            noise = coloured(rng.standard_normal(len(wav)), slope)
            depth, rate = rng.uniform(0, 1), rng.uniform(0.3, 8)
            pulse = 1 + depth * np.sin(2 * np.pi * rate * times)
            return noise * pulse, SAMPLE_RATE / 2
        if fate < 0.93:  # Clicks in silence
            per_second = np.exp(rng.uniform(np.log(2), np.log(200)))
            clicks = np.zeros(len(wav))
            clicks[:: int(SAMPLE_RATE / per_second)] = 1.0
            return clicks, SAMPLE_RATE / 2
        pitch = np.exp(rng.uniform(np.log(80), np.log(1500)))
        glide = pitch * (
            1 + 0.03 * np.sin(2 * np.pi * rng.uniform(0, 3) * times)
        )
        phase = 2 * np.pi * np.cumsum(glide) / SAMPLE_RATE
        fall = rng.uniform(0.3, 1.5)
        wav = sum(
            np.sin(k * phase + rng.uniform(0, 6)) / k**fall
            for k in range(1, min(60, int(23000 / pitch)))
        )
        return wav + 1e-3 * rng.standard_normal(len(wav)), SAMPLE_RATE / 2

    def _full(self, wav, rolloff_hz):
        """Full band, or as wide as the file's rate."""
        rng = self.rng
        rates = [r for r in FILE_RATES if r <= 2.1 * rolloff_hz]
        rate = int(rng.choice(rates)) if rng.random() < 0.35 else 48000
        rate = rate if rng.random() < 0.7 else 44100
        if min(rate / 2, 17500) > rolloff_hz or has_step(wav, rate / 2):
            return None
        fate = rng.random()
        if fate < 0.12:  # Quiet
            wav = wav * 10 ** (rng.uniform(-40, -15) / 20)
        elif fate < 0.3:  # Dull: a gentle roll-off is not an edge
            corner_hz = np.exp(rng.uniform(np.log(300), np.log(8000)))
            wav = gentle(wav, corner_hz, int(rng.integers(1, 3)))
        elif fate < 0.37:  # Bass alone
            corner_hz = np.exp(rng.uniform(np.log(60), np.log(900)))
            wav = gentle(wav, corner_hz, int(rng.integers(2, 9)))
        elif fate < 0.45:  # A loud narrow band over quiet, wide programme
            hz = float(rng.choice((4000, 8000, 11025)))
            narrow = low_pass(np.roll(wav, len(wav) // 3), SAMPLE_RATE, hz)
            wav = narrow + wav * 10 ** (rng.uniform(-25, -5) / 20)
        elif fate < 0.52:  # A fade
            times = np.linspace(0, 1, len(wav))[:: rng.choice((-1, 1))]
            wav = wav * 10 ** (-times * rng.uniform(20, 80) / 20)
        wav = resample(wav, SAMPLE_RATE, rate, rng.choice(self.down))
        return Example(wav, rate, None, "full band")

    def _filtered(self, wav, rolloff_hz):
        rng = self.rng
        highest = min(17000.0, 0.96 * rolloff_hz)
        cutoff_hz = np.exp(rng.uniform(np.log(1500), np.log(highest)))
        cutoff_hz = 100 * round(cutoff_hz / 100)
        family = rng.choice((*FAMILIES, "fir"))
        order = int(rng.integers(2, 11))
        example = filtered(wav, cutoff_hz, family, order)
        if rng.random() < 0.4:
            example = self._at_file_rate(example)
        return example

    def _resampled(self, wav, rolloff_hz):
        rng = self.rng
        band_rate = int(rng.choice(BAND_RATES))
        if rng.random() < 0.35:
            band_rate = 50 * round(
                np.exp(rng.uniform(np.log(3000), np.log(34000))) / 50
            )
        rates = [r for r in (*FILE_RATES, 96000) if r >= 1.12 * band_rate]
        if band_rate / 2 > 0.97 * rolloff_hz or not rates:
            return None
        file_rate = int(rng.choice(rates)) if rng.random() < 0.6 else 48000
        if file_rate not in rates:
            return None
        if band_rate == 8000 and rng.random() < 0.3:
            wav = telephone_band(wav, rng)
        up = str(rng.choice(self.up))
        down = up if rng.random() < 0.6 else str(rng.choice(self.down))
        if down in INTERPOLATIONS:
            down = str(rng.choice(self.down))
        example = resampled(wav, band_rate, file_rate, down, up)
        if file_rate == 48000 and rng.random() < 0.1:
            example = self._at_file_rate(example)
        return example

    def _coded(self, wav, rolloff_hz):
        rng = self.rng
        codec = str(rng.choice([*CODECS, *HARD_CODECS]))
        rate = int(rng.choice(CODECS[codec].rates))
        if min(rate / 2, 17000) > rolloff_hz:
            return None
        if rate == 8000 and rng.random() < 0.3:
            wav = telephone_band(wav, rng)
        rates = [r for r in FILE_RATES if r >= rate]
        file_rate = rate if rng.random() < 0.4 else int(rng.choice(rates))
        file_rate = 48000 if rng.random() < 0.35 else file_rate
        try:
            return coded(
                wav,
                rate,
                codec,
                rng.random() if CODECS[codec].has_quality else None,
                file_rate,
                str(rng.choice(self.down)),
            )
        except ValueError:  # Not all rates have all bit rates
            return None

    def _at_file_rate(self, example):
        """Brings an example to a lower rate that still holds its band."""
        rates = [r for r in FILE_RATES if 0.9 * r / 2 > example.cutoff_hz]
        if not rates:
            return example
        rate = int(self.rng.choice(rates))
        name = str(self.rng.choice(self.down))
        wav = resample(example.wav, example.sample_rate, rate, name)
        return limited(wav, rate, example.cutoff_hz, example.family)

    def _disturbed(self, example, wav):
        rng = self.rng
        if rng.random() < 0.7:
            level_db = rng.uniform(-95, -40)
            if example.cutoff_hz:
                margin_db = rng.uniform(3, 15)
                level_db = min(level_db, visible_floor(example, wav, margin_db))
            slope = 0.0 if rng.random() < 0.75 else rng.uniform(0, 1.5)
            if level_db > -110:
                example = with_floor(example, level_db, rng, slope)
        while rng.random() < 0.2:
            example = with_tone(example, rng.uniform(-75, -30), rng)
        if rng.random() < 0.2:
            rate = np.exp(rng.uniform(np.log(0.5), np.log(14)))
            decay_s = 0.0 if rng.random() < 0.6 else rng.uniform(0.001, 0.01)
            example = with_clicks(example, rate, rng, decay_s)
        if rng.random() < 0.08:
            offset = rng.uniform(-0.3, 0.3)
            example = example.with_wav(0.7 * example.wav + offset)
        if rng.random() < 0.75:
            dithered = rng.random() < 0.25
            example = with_sixteen_bits(example, rng if dithered else None)
        return example
