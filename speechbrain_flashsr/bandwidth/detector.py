"""Finds where the band of each channel ends, over time.

Authors
 * The speechbrain_flashsr developers 2026
"""

import functools
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from speechbrain_flashsr.bandwidth.network import (
    EDGE_BINS,
    CutoffNetwork,
    edge_bins,
)
from speechbrain_flashsr.bandwidth.segmentation import channel_paths, runs
from speechbrain_flashsr.bandwidth.statistics import (
    CHUNK_FRAMES,
    MEDIAN,
    all_statistics,
    bin_width,
    chunk_statistics,
    frame_length,
    num_bins,
)
from speechbrain_flashsr.bandwidth.track import CutoffSegment, CutoffTrack

WEIGHTS = Path(__file__).parents[1] / "pretrained/bandwidth/network.ckpt"

FULL_BAND_HZ = 17000.0
"""An edge above it is the recording's own: there is nothing to restore."""

BLOCK_CHUNKS = 16
"""Chunks that are looked at together, to bound the memory."""

LEAST_FRAMES = 4
"""An end shorter than that takes the edge of the chunk before."""

MAX_STEPS = 8192
"""What is kept, 70 minutes of chunks. Longer recordings are kept in steps of
twice the length, and so on: memory is flat."""

LEAST_LOG_PROBABILITY = -7.0
"""A single chunk never rules an edge out."""

QUIET_DB = 40.0
"""Chunks whose spectrum above 1.5 kHz lies so far below the recording's
loudest tell nothing: silence, pauses, a bass channel."""

FLOOR_BINS = 16
"""The noise floor is kept in bands of 750 Hz."""

FLOOR_REACH = (1.1, 1.6)
"""Where the noise floor is measured, relative to the edge."""

SAME_EDGE = 1.05
"""Neighbouring segments whose edges are closer than this are one."""

SILENT_DB = -190.0


class Steps(NamedTuple):
    """What is kept of consecutive chunks."""

    evidence: np.ndarray
    """Log-probabilities of the edges, [channels, steps, states]."""

    level: np.ndarray
    """Of the loudest bin above 1.5 kHz in dB, [channels, steps]."""

    floor: np.ndarray
    """Median levels in bands, [channels, steps, bands]."""

    def joined(self, following):
        """These and what follows them."""
        pairs = zip(self, following)
        return Steps(*(np.concatenate(pair, axis=1) for pair in pairs))

    def halved(self):
        """Half as many steps of twice the length."""
        even = self.level.shape[1] // 2 * 2
        evidence, level, floor = (
            np.stack([part[:, :even:2], part[:, 1:even:2]]) for part in self
        )
        heard = level >= level.max(axis=0) - QUIET_DB
        return Steps(
            (evidence * heard[..., None]).sum(axis=0),
            level.max(axis=0),
            floor.mean(axis=0, dtype=np.float32).astype(floor.dtype),
        )


@functools.cache
def shipped_network():
    """The network that ships with the package."""
    network = CutoffNetwork()
    state = torch.load(WEIGHTS, map_location="cpu", weights_only=True)
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


class BandwidthDetector:
    """Finds where the band of each channel ends, in memory flat in length.

    Every half second a small network sees statistics of the spectrum at the
    input's own rate and scores the edges (network.py). The path of edges over
    time that the scores speak for, with few changes, is the track
    (segmentation.py).

    Arguments
    ---------
    sample_rate : int
        In Hz: the recording's own rate, before any resampling.
    channels_per_recording : int, optional
        How many neighbouring channels belong to one recording and share what
        is known about its edge. Default: all.
    network : CutoffNetwork, optional
        Default: the one that ships with the package.

    Example
    -------
    >>> from speechbrain_flashsr.data.degradations import low_pass
    >>> wide = 0.1 * torch.randn(48000)
    >>> narrow = torch.from_numpy(low_pass(wide, 48000, 4000)).float()
    >>> detector = BandwidthDetector(48000)
    >>> detector.update(torch.stack([narrow, wide]))
    >>> narrow_track, wide_track = detector.result()
    >>> 3800 < narrow_track.lowest_hz < 4200, wide_track.is_full_band
    (True, True)
    """

    def __init__(self, sample_rate, channels_per_recording=None, network=None):
        self.sample_rate = sample_rate
        self.channels_per_recording = channels_per_recording
        self.network = network or shipped_network()
        self.num_samples = 0
        self._edge_hz = edge_bins().numpy() * bin_width(sample_rate)
        self._pending = []
        self._num_pending = 0
        self._steps = None
        self._step_chunks = 1

    def update(self, block):
        """Takes in consecutive samples.

        Arguments
        ---------
        block : torch.Tensor
            [channels, time].
        """
        chunk = CHUNK_FRAMES * frame_length(self.sample_rate)
        for samples in block.detach().split(BLOCK_CHUNKS * chunk, dim=1):
            self._pending.append(samples.to("cpu", torch.float32, copy=True))
            self._num_pending += samples.shape[1]
            if self._num_pending >= BLOCK_CHUNKS * chunk:
                self._steps, rest = self._with_pending()
                self._pending, self._num_pending = [rest], rest.shape[1]
        self.num_samples += block.shape[1]
        if self._steps and self._steps.level.shape[1] >= MAX_STEPS:
            self._steps = self._steps.halved()
            self._step_chunks *= 2

    def result(self):
        """The cut-off so far; may be asked for at any time.

        Returns
        -------
        list of CutoffTrack
            One a channel; empty before the first sample.
        """
        if not self.num_samples:
            return []
        steps, rest = self._with_pending()
        frame = frame_length(self.sample_rate)
        if steps is None or rest.shape[1] >= LEAST_FRAMES * frame:
            whole = rest.shape[1] // frame * frame or rest.shape[1]
            last = chunk_statistics(rest[:, :whole], self.sample_rate)
            steps = self._joined(steps, last[:, None])
        channels = len(steps.level)
        size = self.channels_per_recording or channels
        tracks = []
        for first in range(0, channels, size):
            members = (part[first : first + size] for part in steps)
            tracks += self._tracks(Steps(*members))
        return tracks

    def _with_pending(self):
        """All whole chunks so far, and the samples that follow them."""
        samples = torch.cat(self._pending, dim=1)
        statistics, rest = all_statistics(samples, self.sample_rate)
        if not statistics.shape[1]:
            return self._steps, rest
        return self._joined(self._steps, statistics), rest.clone()

    def _joined(self, steps, statistics):
        """Adds the chunks of [channels, chunks, 4, 512] to steps."""
        count = num_bins(self.sample_rate)
        with torch.inference_mode():
            scores = self.network(statistics.flatten(0, 1))
        evidence = scores.log_softmax(dim=1).clamp_min(LEAST_LOG_PROBABILITY)
        lowest = min(EDGE_BINS[0], count - 1)
        bands = statistics[:, :, MEDIAN].unflatten(-1, (-1, FLOOR_BINS))
        new = Steps(
            evidence.unflatten(0, statistics.shape[:2]).half().numpy(),
            statistics[:, :, 0, lowest:count].amax(dim=-1).numpy(),
            bands.mean(dim=-1).half().numpy(),
        )
        return new if steps is None else steps.joined(new)

    def _tracks(self, steps):
        """The tracks of one recording."""
        seconds = self.num_samples / self.sample_rate
        loudest = steps.level.max()
        if loudest < SILENT_DB:
            silent = CutoffTrack((CutoffSegment(0.0, seconds, None),))
            return [silent] * len(steps.level)
        heard = steps.level >= loudest - QUIET_DB
        evidence = steps.evidence.astype(np.float32) * heard[..., None]
        evidence[..., -1] += 1e-3  # If there is nothing to tell: full band
        paths, pooled = channel_paths(evidence)
        return [
            CutoffTrack(self._segments(*channel, seconds))
            for channel in zip(paths, pooled, steps.floor)
        ]

    def _segments(self, path, evidence, floor, seconds):
        """The segments of one channel."""
        step_s = self._step_chunks * CHUNK_FRAMES
        step_s *= frame_length(self.sample_rate) / self.sample_rate
        segments = []
        for state, start, stop in runs(path):
            edge_hz = self._edge(state, evidence[start:stop])
            segment = CutoffSegment(
                start * step_s,
                seconds if stop == len(path) else stop * step_s,
                edge_hz,
                self._floor(edge_hz, floor[start:stop]),
            )
            if segments and _is_same(segments[-1].edge_hz, edge_hz):
                segment = replace(segments.pop(), stop_s=segment.stop_s)
            segments.append(segment)
        return tuple(segments)

    def _edge(self, state, evidence):
        """The edge in Hz that [steps, states] speaks for, near a state."""
        if state == len(self._edge_hz):
            edge_hz = self.sample_rate / 2
        else:
            near = slice(max(0, state - 4), state + 5)
            score = evidence[:, :-1].mean(axis=0)[near]
            weight = np.exp(score - score.max())
            edge_hz = np.average(self._edge_hz[near], weights=weight)
        return float(edge_hz) if edge_hz <= FULL_BAND_HZ else None

    def _floor(self, edge_hz, floor):
        """The noise floor above an edge, from levels in [steps, bands]."""
        width = FLOOR_BINS * bin_width(self.sample_rate)
        lower = width * np.arange(floor.shape[1])
        top = num_bins(self.sample_rate) * bin_width(self.sample_rate)
        if edge_hz is None:
            return None
        first, last = (edge_hz * reach for reach in FLOOR_REACH)
        above = (lower >= first) & (lower <= last) & (lower + width <= top)
        if not above.any():
            return None
        return float(np.quantile(floor[:, above].astype("f4"), 0.25, 0).min())


def _is_same(edge_hz, other_hz):
    """Whether two edges are one, within the accuracy of the detector."""
    if edge_hz is None or other_hz is None:
        return edge_hz is other_hz
    return 1 / SAME_EDGE < edge_hz / other_hz < SAME_EDGE
