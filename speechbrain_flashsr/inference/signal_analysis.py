"""Measures a whole recording before it is super-resolved.

Level and cut-off over time, in one pass at the recording's own rate.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math
from dataclasses import dataclass

import torch

from speechbrain_flashsr.audio.checks import AudioError
from speechbrain_flashsr.bandwidth import (
    BandwidthDetector,
    CutoffSegment,
    CutoffTrack,
)
from speechbrain_flashsr.inference.ends import Ends
from speechbrain_flashsr.inference.levels import LevelCurve, LevelMeter

GROUP = 16
"""Channels that are restored at a time and compared with each other, as many as
the largest layout of cinema (9.1.6) has. Each takes about 25 MB."""

# A signal that moves less than this, relative to its offset, is constant.
_CONSTANT = 1e-6

# Samples beyond it, 740 dB above full scale, may not survive a filter.
_LARGEST = 1e37


@dataclass(frozen=True)
class SignalAnalysis:
    """Ends, level and cut-off of a recording.

    Arguments
    ---------
    sample_rate, num_samples : int
        The recording's rate in Hz, and its length at that rate.
    tracks : list of CutoffTrack
        Cut-off of each channel over time; full band where nothing is to be
        restored.
    silent : list of bool
        Whether a channel is constant.
    levels : LevelCurve
        What the recording is divided by for the model.
    polarity : torch.Tensor
        -1 for channels that are more like the inverted first channel of their
        clip than like itself, else 1, [channels, 1]. The model hears them
        upside down, because it does not do the same with a signal and its
        inverse.
    ends : Ends
        The extension beyond the first and the last sample.
    channels_per_clip, first_channel : int
        Number of neighbouring channels that belong together, and number that
        the first of them has in its recording.
    """

    sample_rate: int
    num_samples: int
    tracks: list[CutoffTrack]
    silent: list[bool]
    levels: LevelCurve
    polarity: torch.Tensor
    ends: Ends
    channels_per_clip: int
    first_channel: int = 0

    @property
    def loop(self):
        """Whether the end goes on with the start."""
        return self.ends.loop

    @property
    def is_full_band(self):
        """Whether there is nothing to restore at all."""
        return all(track.is_full_band for track in self.tracks)


def analyse(
    blocks,
    sample_rate,
    cutoffs=None,
    channels_per_clip=None,
    loop=False,
    first_channel=0,
):
    """Measures a recording, consecutive blocks [channels, time] at a rate in
    Hz; returns its SignalAnalysis.

    `cutoffs` are those of the channels in Hz, if they are known; otherwise they
    are detected. By default, all channels are of one clip. The end of a `loop`
    goes on with its start. `first_channel` is the number of the first channel
    in the recording that it is a part of.

    Example
    -------
    >>> block = torch.randn(2, 48000)
    >>> analysis = analyse([block[:, :99], block[:, 99:]], 48000, [4e3, 8e3])
    >>> analysis.num_samples, [track.lowest_hz for track in analysis.tracks]
    (48000, [4000.0, 8000.0])
    """
    num_samples = 0
    likeness = 0.0
    low, high = math.inf, -math.inf
    ends = Ends(sample_rate, loop)
    meter = LevelMeter(sample_rate)
    detector = None
    if cutoffs is None:
        detector = BandwidthDetector(sample_rate, channels_per_clip)
    for block in blocks:
        num_samples += block.shape[1]
        low = block.amin(dim=1).clamp_max(low)
        high = block.amax(dim=1).clamp_min(high)
        # Differences stress the upper part of the band.
        steps = (
            block.diff(dim=1)
            .double()
            .unflatten(0, (-1, channels_per_clip or len(block)))
        )
        likeness = likeness + (steps * steps[:, :1]).sum(2).flatten()
        ends.update(block)
        meter.update(block)
        if detector is not None:
            detector.update(block)
    magnitude = high.abs().maximum(low.abs())
    if (magnitude > _LARGEST).any():
        raise AudioError(
            f"The samples go up to {magnitude.max().item():.1e}. Full scale is "
            "1: divide them by their peak."
        )
    silent = (high - low <= _CONSTANT * magnitude).tolist()
    if detector is None:
        seconds = num_samples / sample_rate
        tracks = [steady_track(hz, seconds) for hz in cutoffs]
    else:
        tracks = detector.result()
    tracks = [
        steady_track(None, track.segments[-1].stop_s) if flat else track
        for track, flat in zip(tracks, silent)
    ]
    return SignalAnalysis(
        sample_rate,
        num_samples,
        tracks,
        silent,
        meter.result(loop),
        torch.where(likeness < 0, -1.0, 1.0)[:, None],
        ends,
        channels_per_clip or len(tracks),
        first_channel,
    )


def steady_track(cutoff_hz, seconds):
    """The track of a channel with one cut-off in Hz all the time, None for full
    band."""
    return CutoffTrack((CutoffSegment(0.0, seconds, cutoff_hz),))


def channel_groups(channels):
    """Divides the channels of a recording into slices of at most `GROUP`.

    Example
    -------
    >>> channel_groups(20)
    [slice(0, 16, None), slice(16, 20, None)]
    """
    return [
        slice(first, min(first + GROUP, channels))
        for first in range(0, channels, GROUP)
    ]
