"""Recordings of any length as overlapping windows, in bounded memory.

Windows start at multiples of the model's smallest window, so that the noise
can be keyed by its absolute position: a sample gets the same noise whatever
window it falls into, in whatever batch. Where two windows meet they are
cross-faded by their correlation, after M. Fink, M. Holters, U. Zoelzer,
"Signal-matched power-complementary cross-fading and dry-wet mixing", DAFx
2016, so that the level holds whether they agree in phase or not.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from speechbrain_flashsr.random_streams import InferenceStream, generator_of


@dataclass(frozen=True)
class WindowPlan:
    """Where the windows of a recording lie.

    Arguments
    ---------
    num_samples : int
        Length of the recording.
    length : int
        Length of every window, a multiple of `multiple`.
    starts : tuple of int
        First sample of each window, multiples of `multiple`. Neighbours
        overlap by `multiple` samples or more; the last window ends with the
        recording's last begun multiple.
    multiple : int
        Length of the model's smallest window.
    """

    num_samples: int
    length: int
    starts: tuple
    multiple: int


def plan_windows(num_samples, window_length, multiple):
    """Covers a recording with windows of one length.

    A recording shorter than a window gets the smallest window that holds it.

    Arguments
    ---------
    num_samples : int
        Length of the recording, at least 1.
    window_length : int
        Longest window, a multiple of `multiple` and at least twice that.
    multiple : int
        Length of the model's smallest window; windows overlap by as much.

    Returns
    -------
    WindowPlan

    Raises
    ------
    ValueError
        If the window length does not fit.

    Example
    -------
    >>> plan_windows(95, window_length=40, multiple=10).starts
    (0, 30, 60)
    >>> plan_windows(105, window_length=40, multiple=10).starts
    (0, 30, 60, 70)
    >>> plan_windows(5, window_length=40, multiple=10).length
    10
    """
    if window_length % multiple or window_length < 2 * multiple:
        raise ValueError(
            f"A window of {window_length} samples does not fit: its length "
            f"must be a multiple of {multiple} and at least {2 * multiple}."
        )
    covered = multiple * math.ceil(num_samples / multiple)
    length = min(window_length, covered)
    last = covered - length
    hop = window_length - multiple
    starts = (*range(0, last, hop), last)
    return WindowPlan(num_samples, length, starts, multiple)


def position_noise(
    seed, start, length, multiple, block_shape, stream=InferenceStream.LATENT
):
    """Standard normal noise of a window, keyed by seed and position.

    Arguments
    ---------
    seed : int
        Not negative.
    start : int
        First sample of the window, a multiple of `multiple`.
    length : int
        Length of the window, a multiple of `multiple`.
    multiple : int
        Samples that one block of noise stands for.
    block_shape : tuple of int
        Shape of the noise of `multiple` samples, its second axis being time:
        (channels, frames, bands) of a latent, or (1, samples).
    stream : InferenceStream
        Use of the noise.

    Returns
    -------
    torch.Tensor
        The blocks along the second axis:
        [channels, length / multiple * frames, bands] or [1, length].

    Example
    -------
    >>> a = position_noise(0, 0, 20, 10, (1, 2, 3))
    >>> b = position_noise(0, 10, 20, 10, (1, 2, 3))
    >>> a.shape, torch.equal(a[:, 2:], b[:, :2])
    (torch.Size([1, 4, 3]), True)
    """
    first = start // multiple
    blocks = [
        generator_of(seed, first + index, stream).standard_normal(
            block_shape, dtype=np.float32
        )
        for index in range(length // multiple)
    ]
    return torch.from_numpy(np.concatenate(blocks, axis=1))


def matched_cross_fade(old, new):
    """Fades from one signal to another without a dip or bump of the level.

    Two signals that agree are faded linearly, two that have nothing in common
    by equal power, and whatever lies between by their correlation.

    Arguments
    ---------
    old, new : torch.Tensor
        What ends and what begins, [channels, time].

    Returns
    -------
    torch.Tensor
        [channels, time]

    Example
    -------
    >>> same = torch.randn(1, 5)
    >>> torch.allclose(matched_cross_fade(same, same), same)
    True
    """
    time = old.shape[1]
    position = (torch.arange(time, device=old.device) + 0.5) / time
    rise = torch.sin(0.5 * math.pi * position) ** 2
    fall = 1 - rise
    energy = (old.square().sum(1) * new.square().sum(1)).sqrt()
    correlation = (old * new).sum(1) / energy.clamp_min(1e-30)
    correlation = torch.where(energy > 0, correlation, 1.0).clamp(0, 1)
    power = rise**2 + fall**2 + 2 * correlation[:, None] * rise * fall
    return (fall * old + rise * new) / power.sqrt()


def process_windows(blocks, plan, process, windows_at_a_time=1):
    """Runs a function over the windows of a stream and joins the results.

    Holds `windows_at_a_time` + 1 windows in memory, whatever the length.

    Arguments
    ---------
    blocks : iterable of torch.Tensor
        Consecutive samples, `plan.num_samples` in all, [channels, time].
    plan : WindowPlan
        See :func:`plan_windows`.
    process : callable
        Maps windows [windows, channels, plan.length] and the list of their
        starts to results [windows, any, plan.length]. Beyond the recording's
        end a window is continued by its reflection.
    windows_at_a_time : int
        Windows that `process` gets together.

    Yields
    ------
    low : torch.Tensor
        Consecutive samples of the stream, [channels, time].
    high : torch.Tensor
        The joined results at the same place, [any, time].

    Example
    -------
    >>> plan = plan_windows(95, window_length=40, multiple=10)
    >>> stream = [torch.randn(2, 50), torch.randn(2, 45)]
    >>> pairs = process_windows(stream, plan, lambda x, starts: 2 * x)
    >>> low, high = (torch.cat(part, dim=1) for part in zip(*pairs))
    >>> low.shape, torch.allclose(high, 2 * low)
    (torch.Size([2, 95]), True)
    """
    source = _Source(iter(blocks), plan.num_samples)
    fade_start = plan.multiple // 4
    fade_stop = plan.multiple - fade_start
    tail = None  # the result from sample `done` on, not yet given out
    done = 0
    for index in range(0, len(plan.starts), windows_at_a_time):
        starts = plan.starts[index : index + windows_at_a_time]
        windows = torch.stack(
            [source.window(start, plan.length) for start in starts]
        )
        for start, result in zip(starts, process(windows, list(starts))):
            if tail is None:
                tail = result
                continue
            # `tail` is sure up to where the fade begins.
            sure = tail[:, : start + fade_start - done]
            fading = tail[:, start + fade_start - done :]
            faded = matched_cross_fade(
                fading[:, : fade_stop - fade_start],
                result[:, fade_start:fade_stop],
            )
            high = torch.cat([sure, faded], dim=1)
            yield source.take(high.shape[1]), high
            done = start + fade_stop
            tail = result[:, fade_stop:]
    high = tail[:, : plan.num_samples - done]
    yield source.take(high.shape[1]), high


class _Source:
    """The samples of a stream that are still needed.

    Arguments
    ---------
    blocks : iterator of torch.Tensor
        Consecutive samples, [channels, time].
    num_samples : int
        How many there are in all.
    """

    def __init__(self, blocks, num_samples):
        self.blocks = blocks
        self.num_samples = num_samples
        self.start = 0
        self.buffer = None

    def window(self, start, length):
        """The samples from `start` on, continued by their reflection."""
        self._read(min(start + length, self.num_samples))
        index = torch.arange(start, start + length)
        if start + length > self.num_samples:
            # A triangle wave: 0 ... last ... 0 ... last ...
            last = self.num_samples - 1
            index = index % max(1, 2 * last)
            index = last - (index - last).abs()
        return self.buffer[:, (index - self.start).to(self.buffer.device)]

    def take(self, num_samples):
        """Gives out, and forgets, the first samples that are held."""
        self._read(self.start + num_samples)
        taken = self.buffer[:, :num_samples]
        self.buffer = self.buffer[:, num_samples:]
        self.start += num_samples
        return taken

    def _read(self, stop):
        """Reads on until sample `stop` is there."""
        parts = [] if self.buffer is None else [self.buffer]
        held = self.start + sum(part.shape[1] for part in parts)
        while held < stop:
            block = next(self.blocks)
            parts.append(block)
            held += block.shape[1]
        if len(parts) > 1 or self.buffer is None:
            self.buffer = torch.cat(parts, dim=1)
