"""Recordings of any length as overlapping windows, in bounded memory.

Windows start at multiples of the model's smallest window, so that the noise
can be keyed by its absolute position. Where two windows meet they are
cross-faded by their correlation, after M. Fink, M. Holters, U. Zoelzer,
"Signal-matched power-complementary cross-fading and dry-wet mixing", DAFx
2016, so that the level holds whether they agree in phase or not.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math
from dataclasses import dataclass

import torch

from speechbrain_flashsr.inference.parallel import map_in_order

CONTEXT = 46080
"""Samples that the model hears before the first one and after the last: 0.96 s.
Near the borders of windows its band swells: on white noise by 8 dB at the
border, 1.2 dB 0.6 s and 0.6 dB 1 s inside."""

OVERLAP = 2
"""Smallest windows that neighbours have in common, faded in the middle."""


@dataclass(frozen=True)
class WindowPlan:
    """Where the windows of a recording of `num_samples` lie: the length of all
    of them, and the first sample of each. The first starts before the
    recording, the last ends behind it. Length and starts are multiples of
    `multiple`, the model's smallest window."""

    num_samples: int
    length: int
    starts: tuple
    multiple: int


def plan_windows(num_samples, window_length, multiple, context=CONTEXT):
    """Covers a recording and `context` samples on both sides with windows of
    one length, `window_length` at most, a multiple of `multiple`. Raises a
    ValueError if the window length does not fit.

    Example
    -------
    >>> plan_windows(95, window_length=60, multiple=10, context=20).starts
    (-20, 20, 60)
    >>> plan_windows(5, window_length=60, multiple=10, context=20).length
    50
    """
    longest = window_length // multiple
    if window_length % multiple or longest <= OVERLAP:
        raise ValueError(
            f"A window of {window_length} samples does not fit: its length "
            f"must be a multiple of {multiple} and at least "
            f"{(OVERLAP + 1) * multiple}."
        )
    before = math.ceil(context / multiple)
    covered = math.ceil(num_samples / multiple) + 2 * before
    count = max(1, math.ceil((covered - OVERLAP) / (longest - OVERLAP)))
    # The shortest windows of that number: no more is computed than needed.
    hop = math.ceil((covered - OVERLAP) / count)
    length = min(covered, hop + OVERLAP)
    last = covered - length
    starts = [multiple * (n - before) for n in (*range(0, last, hop), last)]
    return WindowPlan(num_samples, multiple * length, tuple(starts), multiple)


def matched_cross_fade(old, new):
    """Fades from one signal to another, [channels, time], without a dip or bump
    of the level: those that agree linearly, unrelated ones by equal power, and
    others by their correlation.

    Example
    -------
    >>> same = torch.randn(1, 5)
    >>> torch.allclose(matched_cross_fade(same, same), same)
    True
    """
    time = old.shape[1]
    position = (torch.arange(time).to(old) + 0.5) / time
    rise = torch.sin(0.5 * math.pi * position) ** 2
    fall = 1 - rise
    energy = (old.square().sum(1) * new.square().sum(1)).sqrt()
    correlation = (old * new).sum(1) / energy.clamp_min(1e-30)
    correlation = torch.where(energy > 0, correlation, 1.0).clamp(0, 1)
    power = rise**2 + fall**2 + 2 * correlation[:, None] * rise * fall
    return (fall * old + rise * new) / power.sqrt()


def process_windows(blocks, plan, process, windows_at_a_time=1, workers=1):
    """Runs a function over the windows of a stream and joins the results.

    Takes consecutive blocks [..., time] from the start of the first window on,
    up to the end of the last at least. `process` maps some windows,
    [windows, ..., plan.length], and the list of their starts to results
    [windows, any, plan.length]; there are as many calls of it at once as
    workers. Yields consecutive samples of the stream, [..., time], and the
    joined results at the same place, [any, time].

    Holds `windows_at_a_time` + 1 windows in memory, and as many more for each
    further worker, whatever the length.

    Example
    -------
    >>> plan = plan_windows(65, window_length=50, multiple=10, context=10)
    >>> stream = [torch.randn(2, 50), torch.randn(2, 60)]
    >>> pairs = process_windows(stream, plan, lambda x, starts: 2 * x)
    >>> low, high = (torch.cat(part, dim=1) for part in zip(*pairs))
    >>> low.shape, torch.allclose(high, 2 * low)
    (torch.Size([2, 90]), True)
    """
    source = _HeldSamples(iter(blocks), plan.starts[0], OVERLAP * plan.multiple)
    middle = OVERLAP * plan.multiple // 2
    fade_start = middle - plan.multiple // 4
    fade_stop = middle + plan.multiple // 4
    # A window's result is final up to where the fade to the next begins.
    ends = [start + fade_start for start in plan.starts[1:]]
    ends.append(plan.starts[-1] + plan.length)
    ends = iter(ends)
    done = plan.starts[0]
    tail = None  # the result from sample `done` on, not yet yielded

    def batches():
        for index in range(0, len(plan.starts), windows_at_a_time):
            starts = plan.starts[index : index + windows_at_a_time]
            windows = [source.window(start, plan.length) for start in starts]
            # A single window is not copied: it may have many channels.
            stacked = torch.stack(windows) if windows[1:] else windows[0][None]
            yield stacked, list(starts)

    for results in map_in_order(
        lambda batch: process(*batch), batches(), workers
    ):
        for result in results:
            if tail is not None:
                faded = matched_cross_fade(
                    tail[:, : fade_stop - fade_start],
                    result[:, fade_start:fade_stop],
                )
                result = torch.cat([faded, result[:, fade_stop:]], dim=1)
            sure = next(ends) - done
            yield source.take(sure), result[:, :sure]
            done += sure
            tail = result[:, sure:]


class _HeldSamples:
    """The samples of a stream [..., time] from a position on of which the
    last `kept` are held after they were yielded."""

    def __init__(self, blocks, start, kept):
        self.blocks = blocks
        self.start = start
        self.given = start
        self.kept = kept
        self.buffer = next(blocks)

    def window(self, start, length):
        """The samples from `start` on."""
        parts = [self.buffer]
        held = self.start + self.buffer.shape[-1]
        while held < start + length:
            parts.append(next(self.blocks))
            held += parts[-1].shape[-1]
        if len(parts) > 1:
            self.buffer = torch.cat(parts, dim=-1)
        return self.buffer[..., start - self.start :][..., :length]

    def take(self, num_samples):
        """Returns the next samples that are held."""
        taken = self.buffer[..., self.given - self.start :][..., :num_samples]
        self.given += num_samples
        forgotten = max(0, self.given - self.kept - self.start)
        self.buffer = self.buffer[..., forgotten:]
        self.start += forgotten
        return taken
