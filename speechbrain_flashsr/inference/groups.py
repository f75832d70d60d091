"""Many channels in groups, one after the other, in bounded memory.

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
