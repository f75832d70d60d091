"""Measures up to which frequency a clip has real energy, and decides whether a
model can learn the high band from it.

Many clips are sampled at 44.1 kHz and yet hold nothing above 8 or 12 kHz: they
were upsampled, or an encoder cut them. The sampling rate proves nothing, so
each clip is measured.

Definitions
-----------
Frames are 2048 samples long, 1024 apart, under a symmetric Hann window w.
A frame is active when its power is within 40 dB of the loudest frame's. The
density of a band in a frame is the mean of |X|^2 / sum(w^2) over its bins, so
that white noise of variance 1 has a density of 0 dBFS. A band is real when its
mean density over the active frames is above -60 dB relative to that of
1-4 kHz, and the 95th percentile over the active frames is above -90 dBFS.
The roll-off is the upper edge of the highest block of about 250 Hz whose 95th
percentile is within 75 dB of the strongest block's.

Authors
 * The speechbrain_flashsr developers 2026
"""

from dataclasses import dataclass

import numpy as np

FRAME, HOP = 2048, 1024
ACTIVE_RANGE_DB = 40.0
ROLLOFF_BLOCK_HZ, ROLLOFF_RANGE_DB = 250.0, 75.0
REFERENCE_BAND, LOWER_BAND, UPPER_BAND = (
    (1000, 4000),
    (14000, 16000),
    (16000, 18000),
)
REAL_BAND_DB, REAL_BAND_DBFS = -60.0, -90.0

SAMPLE_RATES = (44100, 96000)
LEAST_RMS_DB, LEAST_PEAK = -45.0, 0.01


@dataclass
class ClipMeasure:
    """Measurements of a clip for the filter.

    Those of a band are its mean density relative to 1-4 kHz, and the 95th
    percentile of its density relative to full scale, in dB."""

    sample_rate: int  # Hz
    seconds: float
    rms_db: float  # root mean square relative to full scale
    peak: float  # 1 is full scale
    active_seconds: float  # covered by active frames
    rolloff_hz: int  # upper edge of the highest block with energy
    lower_band: tuple[float, float]  # 14-16 kHz
    upper_band: tuple[float, float]  # 16-18 kHz
    lower_band_variation_db: float  # 95th less 10th percentile of 14-16 kHz

    @property
    def crest_db(self):
        """Peak over root mean square."""
        return to_db(self.peak**2) - self.rms_db


def to_db(power):
    """Power in dB, with a floor of -300 dB in place of minus infinity."""
    return 10 * np.log10(np.maximum(power, 1e-30))


def loudness(wav):
    """Root mean square in dB and peak of a waveform [time], at least one
    sample.

    Example
    -------
    >>> loudness(np.array([0.5, -0.5]))
    (-6.02..., 0.5)
    """
    power = np.mean(np.square(wav, dtype=np.float64))
    return float(to_db(power)), float(np.abs(wav).max())


def is_loud_enough(wav):
    """Whether a waveform ([time]) is more than silence or faint noise."""
    rms_db, peak = loudness(wav)
    return rms_db > LEAST_RMS_DB and peak > LEAST_PEAK


def measure(wav, sample_rate):
    """Measures a clip [time] at a rate in Hz for the filter. Raises a
    ValueError if it is empty, or holds values that are not finite.

    Example
    -------
    >>> noise = 0.1 * np.random.default_rng(0).standard_normal(44100)
    >>> measure(noise, 44100).rolloff_hz
    21963
    """
    if len(wav) == 0:
        raise ValueError("the clip holds no samples")
    if not np.isfinite(wav).all():
        raise ValueError("the clip holds samples that are NaN or infinite")
    rms_db, peak = loudness(wav)
    bin_hz = sample_rate / FRAME
    power, bands, blocks = _frame_powers(wav, bin_hz)
    active = power >= power.max() * 10 ** (-ACTIVE_RANGE_DB / 10)

    high = to_db(np.percentile(blocks[active], 95, axis=0))
    last = np.flatnonzero(high > high.max() - ROLLOFF_RANGE_DB)[-1]
    rolloff_hz = (last + 1) * _block_bins(bin_hz) * bin_hz

    mean_db = to_db(bands[active].mean(axis=0))
    low_db, high_db = to_db(np.percentile(bands[active], [10, 95], axis=0))
    relative_db = mean_db - mean_db[0]
    return ClipMeasure(
        sample_rate=sample_rate,
        seconds=len(wav) / sample_rate,
        rms_db=rms_db,
        peak=peak,
        active_seconds=(int(active.sum()) + 1) * HOP / sample_rate,
        rolloff_hz=int(rolloff_hz),
        lower_band=(float(relative_db[1]), float(high_db[1])),
        upper_band=(float(relative_db[2]), float(high_db[2])),
        lower_band_variation_db=float(high_db[1] - low_db[1]),
    )


def _block_bins(bin_hz):
    """Bins in a block of the roll-off."""
    return max(1, round(ROLLOFF_BLOCK_HZ / bin_hz))


def _frame_powers(wav, bin_hz):
    """Power of each frame [frames], density of the three bands [frames, 3] and
    of the blocks of the roll-off [frames, blocks]."""
    wav = np.pad(wav, (0, max(0, FRAME - len(wav))))
    frames = np.lib.stride_tricks.sliding_window_view(wav, FRAME)[::HOP]
    window = np.hanning(FRAME)
    size = _block_bins(bin_hz)
    count = (FRAME // 2 + 1) // size
    edges = [
        (int(low / bin_hz), int(high / bin_hz))
        for low, high in (REFERENCE_BAND, LOWER_BAND, UPPER_BAND)
    ]
    power, bands, blocks = [], [], []
    for start in range(0, len(frames), 1000):
        spectrum = np.fft.rfft(frames[start : start + 1000] * window)
        density = np.abs(spectrum) ** 2 / np.sum(window**2)
        power.append(density.sum(axis=1))
        bands.append(
            np.stack(
                [_mean(density[:, low:high]) for low, high in edges], axis=1
            )
        )
        blocks.append(
            density[:, : count * size].reshape(-1, count, size).mean(axis=2)
        )
    return np.concatenate(power), np.concatenate(bands), np.concatenate(blocks)


def _mean(density):
    """Mean over bins; 0 for a band above the Nyquist frequency."""
    if density.shape[1] == 0:
        return np.zeros(len(density))
    return density.mean(axis=1)


def _is_real(band):
    """Whether a band of a ClipMeasure holds real energy."""
    relative_db, high_dbfs = band
    return relative_db > REAL_BAND_DB and high_dbfs > REAL_BAND_DBFS


def why_left_out(clip, domain):
    """Finds the reason why the high band cannot be learned from a measured clip
    of the domain "speech", "music" or "effects": the first rule that it breaks,
    None for a clip to keep. Raises a ValueError if the domain is unknown.

    Example
    -------
    >>> noise = 0.1 * np.random.default_rng(0).standard_normal(44100)
    >>> clip = measure(noise, 44100)
    >>> why_left_out(clip, "effects") is None
    True
    >>> why_left_out(clip, "speech")
    'steady hiss at 14-16 kHz'
    """
    if domain not in ("speech", "music", "effects"):
        raise ValueError(
            f"domain is {domain!r}; it must be speech, music or effects"
        )
    speech = domain == "speech"
    seconds = {"speech": (0, np.inf), "music": (5, np.inf)}.get(
        domain, (0.25, 60)
    )
    rules = {
        "sampling rate outside 44.1-96 kHz": not (
            SAMPLE_RATES[0] <= clip.sample_rate <= SAMPLE_RATES[1]
        ),
        "too quiet": clip.rms_db <= LEAST_RMS_DB or clip.peak <= LEAST_PEAK,
        "nothing at 14-16 kHz": not _is_real(clip.lower_band),
        "nothing at 16-18 kHz": not speech and not _is_real(clip.upper_band),
        "steady hiss at 14-16 kHz": speech
        and clip.lower_band_variation_db < 12,
        "roll-off too low": clip.rolloff_hz < (15500 if speech else 16000),
        "crest too low": speech and clip.crest_db < 9,
        "peak too high": clip.peak > (1.2 if speech else 1.5),
        "too little activity": speech and clip.active_seconds < 0.2,
        "too short or too long": not seconds[0] <= clip.seconds <= seconds[1],
    }
    return next((rule for rule, broken in rules.items() if broken), None)
