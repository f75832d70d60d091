"""Many channels and clips in groups, one after the other, in bounded memory.

Authors
 * The speechbrain_flashsr developers 2026
"""

GROUP = 16
"""Channels that are restored at a time and compared with each other, as many as
the largest layout of cinema (9.1.6) has. Each takes about 25 MB."""


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
