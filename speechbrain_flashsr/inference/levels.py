"""The level of a recording over time, and what evens it out.

The model gets every passage at about the level of its training material, so
that the band it restores follows the recording and not the loudest moment
elsewhere in the file. Output and input are multiplied and divided by the same
smooth curve.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import torch
from scipy import ndimage, signal

from speechbrain_flashsr.lobes.features import NORMALIZED_PEAK

RUMBLE_HZ = 25.0
"""Below it the model gets nothing: an octave below the lowest note of a bass
guitar, above the offset and the rumble of turntables and wind."""

FRAMES_PER_SECOND = 100

PASSAGE_FRAMES = 71
"""Frames for the level of a passage, 0.7 s: longer than the gaps between
words, short enough to follow a fade of 20 dB a second."""

PASSAGE_PERCENTILE = 90
"""Of the peaks of a passage's frames: clicks are above, the gaps below."""

SPREAD = 57
"""Frames by which this percentile widens a loud passage, on both sides
together, and a minimum narrows it again."""

PASSAGE_PEAK = 0.4 * NORMALIZED_PEAK
"""The level that passages are brought to. In training the highest peak of 5 s
is 0.5 or less, and 8 dB above the mean level of its passages."""

PASSAGE_SMOOTHING = 51
CLICK_FRAMES = 5
"""Length of the Hann windows, in frames, that smooth the level of passages and
of clicks, which may not exceed the peak of training material."""

QUIETEST = 10 ** (-100 / 20)
"""Level of silence, relative to the loudest passage of a channel."""


class RumbleFilter:
    """Removes offset and rumble from a stream: a Butterworth high-pass."""

    def __init__(self, sample_rate):
        self.sections = signal.butter(
            6, RUMBLE_HZ, "highpass", fs=sample_rate, output="sos"
        )
        self.state = None

    def filtered(self, block):
        """Filters the next samples, [channels, time]."""
        samples = block.cpu().numpy()
        if self.state is None:
            # As if the first sample had been there for ever.
            settled = signal.sosfilt_zi(self.sections)[:, None]
            self.state = settled * samples[:, :1, None].transpose(1, 0, 2)
        filtered, self.state = signal.sosfilt(
            self.sections, samples, zi=self.state
        )
        return torch.from_numpy(filtered).to(block)


class LevelMeter:
    """Measures the level of each channel of a stream in frames of 10 ms.

    Example
    -------
    >>> meter = LevelMeter(48000)
    >>> meter.update(0.1 * torch.sin(torch.arange(48000.0))[None])
    >>> divisor = meter.result().at(0, 48000, 48000)
    >>> bool((0.1 / divisor - PASSAGE_PEAK).abs().max() < 0.01)
    True
    """

    def __init__(self, sample_rate):
        self.sample_rate = sample_rate
        self.frame = max(1, round(sample_rate / FRAMES_PER_SECOND))
        self.rumble_filter = RumbleFilter(sample_rate)
        self.pending = None
        self.peaks = []

    def update(self, block):
        """Takes in consecutive samples, [channels, time]."""
        samples = self.rumble_filter.filtered(block).cpu()
        if self.pending is not None:
            samples = torch.cat([self.pending, samples], dim=1)
        whole = samples.shape[1] // self.frame * self.frame
        self.pending = samples[:, whole:]
        frames = samples[:, :whole].unflatten(1, (-1, self.frame))
        self.peaks.append(frames.abs().amax(2))

    def result(self, loop=False):
        """The level so far, as a LevelCurve; the end of a `loop` continues with
        its start."""
        peaks = torch.cat(self.peaks, dim=1)
        if peaks.shape[1] == 0 or self.pending.shape[1]:
            last = self.pending.abs().amax(1, keepdim=True)
            peaks = torch.cat([peaks, last], dim=1)
        return LevelCurve(peaks.numpy(), self.frame / self.sample_rate, loop)


class LevelCurve:
    """The curve by which the samples of a recording are divided for the model.
    It follows from the highest magnitude in each frame, an array [channels,
    frames], and the duration of a frame. The end of a `loop` continues with
    its start."""

    def __init__(self, peaks, frame_seconds, loop=False):
        self.frame_seconds = frame_seconds
        self.padding = PASSAGE_FRAMES + PASSAGE_SMOOTHING
        mode = "wrap" if loop else "symmetric"
        rows = [np.pad(row, self.padding, mode) for row in peaks]
        self.log_divisor = np.stack([_log_divisor(row) for row in rows])

    def at(self, start, length, sample_rate):
        """Divisors of `length` samples from a position on, which may be
        negative, at a rate in Hz, [channels, length]."""
        frames_per_sample = 1 / (sample_rate * self.frame_seconds)
        position = (start + np.arange(length)) * frames_per_sample
        position += self.padding - 0.5
        index = np.clip(position, 0, self.log_divisor.shape[1] - 1)
        first = int(index[0])
        rows = self.log_divisor[:, first : int(index[-1]) + 2]
        frames = np.arange(rows.shape[1])
        log_divisor = [np.interp(index - first, frames, row) for row in rows]
        return torch.from_numpy(np.exp(log_divisor)).float()


def _log_divisor(peaks):
    """Logarithm of the divisor in each frame, of one channel's peaks."""
    passage = ndimage.percentile_filter(
        peaks, PASSAGE_PERCENTILE, PASSAGE_FRAMES, mode="nearest"
    )
    # Loud passages end where they did; gaps between words stay filled.
    passage = ndimage.minimum_filter1d(passage, SPREAD, mode="nearest")
    # Where there are clicks in silence alone, they are the passage.
    loudest = passage.max() or peaks.max() or 1.0
    passage = np.maximum(passage, QUIETEST * loudest)
    # One frame more on both sides, for the interpolation between frames.
    click = ndimage.maximum_filter1d(peaks, CLICK_FRAMES + 2, mode="nearest")
    click = np.maximum(click, QUIETEST * loudest)
    return np.maximum(
        _smooth(np.log(passage / PASSAGE_PEAK), PASSAGE_SMOOTHING),
        _smooth(np.log(click / NORMALIZED_PEAK), CLICK_FRAMES),
    ).astype(np.float32)


def _smooth(values, num_taps):
    window = signal.windows.hann(num_taps + 2)[1:-1]
    return ndimage.convolve1d(values, window / window.sum(), mode="nearest")
