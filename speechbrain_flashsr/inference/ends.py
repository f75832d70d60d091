"""The extension of a recording before its first sample and after its last.

The output of a network swells at the borders of its input. So a recording is
continued beyond its ends by extrapolation or, if it is a loop, by itself.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch

from speechbrain_flashsr.inference.extrapolation import extrapolate
from speechbrain_flashsr.inference.long_audio import matched_cross_fade
from speechbrain_flashsr.random_streams import InferenceStream, generator_of

EXTENSION_SECONDS = 2
"""Length of the extension. An integer, so that it is an integer number of
samples at every rate; more than the context that windows cover."""

EXTRAPOLATED_SECONDS = 1
"""Duration of the ends that the extrapolation goes by."""

LOOP_FADE_SECONDS = 0.2
"""Duration of the fade from the band at the end of a loop to that before its
start."""


class Ends:
    """The first and last seconds of a stream, and its extension beyond them.
    A `loop` continues with its start.

    Example
    -------
    >>> ends = Ends(sample_rate=2, loop=True)
    >>> block = torch.arange(6.0)[None]
    >>> ends.update(block)
    >>> torch.cat(list(ends.extend([block])), dim=1).tolist()
    [[2.0, 3.0, 4.0, 5.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 1.0, 2.0, 3.0]]
    """

    def __init__(self, sample_rate, loop=False):
        self.extension = EXTENSION_SECONDS * sample_rate
        self.loop = loop
        seconds = EXTENSION_SECONDS if loop else EXTRAPOLATED_SECONDS
        self.kept = seconds * sample_rate
        self.head = self.tail = None

    def update(self, block):
        """Takes in consecutive samples, [channels, time]."""
        if self.tail is None:
            self.head = self.tail = block[:, :0]
        kept = self.kept
        missing = kept - self.head.shape[1]
        if missing > 0:
            self.head = torch.cat([self.head, block[:, :missing]], dim=1)
        self.tail = torch.cat([self.tail, block[:, -kept:]], dim=1)[:, -kept:]

    def extend(self, blocks):
        """Yields the stream, [channels, time], with `EXTENSION_SECONDS` more on
        both sides."""
        before, after = self.head, self.tail
        if self.loop:
            before, after = after, before
        yield self._continue(before.flip(1), 0).flip(1)
        yield from blocks
        yield self._continue(after, 1)

    def _continue(self, samples, end):
        """Continues samples, [channels, time], of the start, 0, or the end, 1:
        in a loop, the same ones again and again."""
        if self.loop:
            steps = torch.arange(self.extension, device=samples.device)
            return samples[:, steps % samples.shape[1]]
        more = extrapolate(
            samples.cpu().numpy(),
            self.extension,
            # The same signs for every seed.
            generator_of(0, end, InferenceStream.EXTRAPOLATION),
        )
        return torch.from_numpy(more).to(samples)


def crop(pairs, start, num_samples):
    """Yields `num_samples` samples from position 0 on of two streams in parts
    [any, time], whose first sample is at `start`, at most 0.

    Example
    -------
    >>> part = torch.arange(5.0)[None]
    >>> [(a.tolist(), b.tolist()) for a, b in crop([(part, -part)], -2, 2)]
    [([[2.0, 3.0]], [[-2.0, -3.0]])]
    """
    for pair in pairs:
        time = pair[0].shape[1]
        wanted = slice(max(0, -start), max(0, min(time, num_samples - start)))
        if wanted.start < wanted.stop:
            yield tuple(part[:, wanted] for part in pair)
        start += time


def close_loop(pairs, start, num_samples, sample_rate):
    """Crops like :func:`crop`, and fades the second stream at its end to what
    lies before sample 0, so that it goes on with its start."""
    fade = min(round(LOOP_FADE_SECONDS * sample_rate), num_samples, -start)
    held = None
    before = None
    for pair in crop(pairs, start + fade, num_samples + fade):
        if held is not None:
            pair = tuple(torch.cat(parts, dim=1) for parts in zip(held, pair))
        held = pair
        if before is None and held[0].shape[1] >= fade:
            before = held[1][:, :fade]
            held = tuple(part[:, fade:] for part in held)
        sure = held[0].shape[1] - fade
        if before is not None and sure > 0:
            yield tuple(part[:, :sure] for part in held)
            held = tuple(part[:, sure:] for part in held)
    yield held[0], matched_cross_fade(held[1], before)
