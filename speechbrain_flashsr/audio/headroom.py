"""Levels that leave headroom, for recordings of any length.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

from speechbrain_flashsr.audio import block_frames
from speechbrain_flashsr.audio.checks import AudioError
from speechbrain_flashsr.audio.temporary import TemporarySamples

LARGEST = 1 - 2**-15
"""Largest sample of 16 bits."""


class Headroom:
    """Lowers a recording, if need be, so that its peaks stay so many decibels
    below full scale. None accepts any peaks; a number below 0 raises an
    AudioError.

    One gain, `gain_db`, holds for the whole recording. The samples wait in a
    temporary file until it is known.

    Example
    -------
    >>> import torch
    >>> headroom = Headroom(6)
    >>> (block,) = headroom.lowered([torch.tensor([[0.5, -2.0]])])
    >>> block, round(headroom.gain_db)
    (tensor([[ 0.1253, -0.5012]]), -12)
    """

    def __init__(self, decibels):
        self.gain_db = 0.0
        self._limit = None
        if decibels is None:
            return
        try:
            limit = 10 ** (-float(decibels) / 20)
        except (TypeError, ValueError, OverflowError):
            limit = math.nan
        if not 0 < limit <= 1:
            raise AudioError(
                f"headroom is {decibels!r}. Choose how many dB the peaks are "
                "to stay below full scale, 0 or more, for example 1."
            )
        self._limit = min(limit, LARGEST)

    def lowered(self, blocks):
        """Yields the blocks of a recording, [channels, time], on the CPU,
        lowered by `gain_db`."""
        if self._limit is None:
            yield from blocks
            return
        peak = 0.0
        channels = 1
        with TemporarySamples() as samples:
            for block in blocks:
                channels = len(block)
                peak = max(peak, block.abs().max().item())
                samples.write(block)
            gain = min(1.0, self._limit / peak) if peak > 0 else 1.0
            self.gain_db = 20 * math.log10(gain)
            for block in samples.blocks(block_frames(channels)):
                yield gain * block
