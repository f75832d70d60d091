"""Super-resolution of the clips of a batch.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch

from speechbrain_flashsr.audio import block_frames
from speechbrain_flashsr.audio.resampling import resampled_length
from speechbrain_flashsr.inference.reporting import warn_of_unrestored
from speechbrain_flashsr.inference.restoration import restore_stream
from speechbrain_flashsr.inference.signal_analysis import (
    GROUP,
    analyse,
    channel_groups,
)


def restore_clips(
    flashsr, clips, num_samples, sample_rate, cutoffs, settings, loop
):
    """Restores clips [batch, time, channels], of which the first `num_samples`
    each count, at a rate in Hz; returns them at the model's rate.

    `cutoffs` are those of the clips in Hz, None to have them detected. For the
    rest see :meth:`~speechbrain_flashsr.inference.FlashSR.super_resolve_batch`.
    """
    batch, time, channels = clips.shape
    time = resampled_length(time, sample_rate, flashsr.sample_rate)
    output = clips.new_zeros(batch, time, channels)
    tracks, silent = [], []
    for members, part in clip_groups(
        num_samples, channels, flashsr.batch_windows
    ):
        # They go through as the channels of one recording.
        rows = clips[members, : num_samples[members[0]], part]
        size = rows.shape[2]
        rows = rows.transpose(1, 2).flatten(0, 1)
        blocks = rows.split(block_frames(len(rows)), dim=1)
        analysis = analyse(
            blocks,
            sample_rate,
            cutoffs and [cutoffs[i] for i in members for _ in range(size)],
            channels_per_clip=size,
            loop=loop,
            first_channel=part.start,
        )
        tracks += analysis.tracks
        silent += analysis.silent
        restored = restore_stream(flashsr, blocks, analysis, settings)
        high = torch.cat(list(restored), dim=1)
        high = high.unflatten(0, (len(members), -1)).transpose(1, 2)
        output[members, : high.shape[1], part] = high
    warn_of_unrestored(tracks, silent, "the batch")
    return output


def clip_groups(num_samples, channels, batch_windows):
    """Groups clips of one length and number of channels, by their lengths:
    yields their numbers and a slice of their channels. A group has `GROUP`
    channels, or as many as fill a batch of the model.

    Example
    -------
    >>> list(clip_groups([9, 5, 9], channels=2, batch_windows=1))
    [([1], slice(0, 2, None)), ([0, 2], slice(0, 2, None))]
    """
    for length in sorted(set(num_samples)):
        members = [i for i, n in enumerate(num_samples) if n == length]
        for part in channel_groups(channels):
            size = part.stop - part.start
            count = max(1, max(GROUP, batch_windows) // size)
            for first in range(0, len(members), count):
                yield members[first : first + count], part
