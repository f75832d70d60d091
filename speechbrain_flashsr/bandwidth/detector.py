"""Detects the cut-off of each channel over time.

Authors
 * The speechbrain_flashsr developers 2026
"""

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file
from scipy.ndimage import maximum_filter1d

from speechbrain_flashsr.bandwidth.network import CutoffNetwork, edge_bins
from speechbrain_flashsr.bandwidth.segmentation import (
    channel_paths,
    give_way,
    runs,
)
from speechbrain_flashsr.bandwidth.statistics import (
    CHUNK_FRAMES,
    LEAST_FRAMES,
    all_statistics,
    bin_width,
    frame_length,
)
from speechbrain_flashsr.bandwidth.track import CutoffSegment, CutoffTrack

WEIGHTS = Path(__file__).parents[1] / "pretrained/bandwidth/network.safetensors"

FULL_BAND_HZ = 17000.0
"""An edge above it is the recording's own: there is nothing to restore."""

BLOCK_CHUNKS = 16
"""Chunks in a batch of the network, which bounds the memory."""

MAX_STEPS = 8192
"""Steps that are kept, 70 minutes of chunks. Longer recordings are kept in
steps of twice the length, and so on, which bounds the memory."""

LEAST_LOG_PROBABILITY = -7.0
"""A single chunk never rules an edge out."""

BAND_BINS = 16
"""Levels are kept in bands of 750 Hz, to tell silence and noise floors."""

HEARD_BAND = 2
"""Levels count from 1.5 kHz on."""

SURE_DB, NATS_PER_DB = 15.0, 0.2
"""Pauses hold noise, which looks like full band, chunk after chunk. So what a
chunk more than 15 dB below the loudest slightly prefers does not count: 1 nat
for every 5 dB, and from 50 dB on nothing that it says. On the dev split a third of the errors under
noise vanish so; twice as much, or from 0 dB on, costs changes over time."""

FAINT_DB = 10.0
"""A chunk that is so much fainter in the octave below an edge than the loudest
around says less against it: where a dull note sinks into noise below the edge,
it looks like full band. On 2895 dev trials, a third of the errors under noise
vanish so; 5 dB do equally well, and twice the nats cost changes over time."""

HIDDEN_EDGES, HIDDEN_NATS = 4, 2.0
"""A codec takes away single bands below its edge, at times for most of a
recording. So what speaks for an edge also speaks, by 2 nats less, for the next
four above it, 12 %. Of 1620 dev trials, 63 are wrong instead of 68, codecs 18
instead of 21 of 268; with 1 nat 68, with 3 nats 66."""

SILENT_DB = -190.0

COMMON_RATES = (8000, 11025, 12000, 16000, 22050, 24000)
LIKELY_NATS = 1.0
"""Half of a common sample rate is a likelier edge than others, a priori. Of
1620 dev trials, 63 are wrong; with 1.5 nats 68, with 0.5 nats 64."""


class Steps(NamedTuple):
    """Evidence and levels of consecutive chunks."""

    evidence: np.ndarray
    """Log-probabilities of the edges, [channels, steps, states]."""

    bands: np.ndarray
    """Levels in dB per Hz, [channels, steps, bands]."""

    def joined(self, following):
        """These and what follows them."""
        pairs = zip(self, following)
        return Steps(*(np.concatenate(pair, axis=1) for pair in pairs))

    def merged(self, count):
        """Steps of `count` times the length; the last one may be shorter."""
        starts = np.arange(0, self.bands.shape[1], count)
        sizes = np.diff(starts, append=self.bands.shape[1])
        bands = np.add.reduceat(self.bands.astype("f4"), starts, axis=1)
        bands = (bands / sizes[:, None]).astype("f2")
        return Steps(np.add.reduceat(self.evidence, starts, axis=1), bands)

    def discounted(self):
        """The evidence of one recording, without what quiet steps slightly
        prefer and little of what speaks against an edge that may be hidden,
        [channels, steps, states]."""
        level = self.bands[..., HEARD_BAND:].max(axis=-1).astype("f4")
        doubt = NATS_PER_DB * (level.max() - level - SURE_DB).clip(0)
        evidence = self.evidence.astype("f4")
        evidence -= evidence.max(axis=-1, keepdims=True)
        edges = evidence[..., :-1]
        below = maximum_filter1d(
            edges,
            HIDDEN_EDGES + 1,
            mode="nearest",
            origin=HIDDEN_EDGES // 2,  # the window ends at the edge itself
        )
        np.maximum(edges, below - HIDDEN_NATS, out=edges)
        return np.minimum(evidence + doubt[..., None], 0)


@functools.cache
def shipped_network():
    """The network that ships with the package."""
    network = CutoffNetwork()
    network.load_state_dict(load_file(WEIGHTS))
    return network.eval().requires_grad_(False)


class BandwidthDetector:
    """Detects the cut-off of each channel over time, in bounded memory.

    Every half second a small network reads statistics of the spectrum at the
    input's own rate and scores the edges (network.py). The most likely path of
    edges over time, with few changes, is the track (segmentation.py).

    Arguments
    ---------
    sample_rate : int
        In Hz: the recording's own rate, before any resampling.
    channels_per_clip : int, optional
        Number of neighbouring channels that are one recording and share what
        is known about its edge. Default: all.
    network : CutoffNetwork, optional
        Default: the one that ships with the package.

    Example
    -------
    >>> from speechbrain_flashsr.data.degradations import low_pass
    >>> wide = 0.1 * torch.randn(96000)
    >>> narrow = torch.from_numpy(low_pass(wide, 48000, 4000)).float()
    >>> detector = BandwidthDetector(48000)
    >>> detector.update(torch.stack([narrow, wide]))
    >>> narrow_track, wide_track = detector.result()
    >>> 3800 < narrow_track.lowest_hz < 4200, wide_track.is_full_band
    (True, True)
    """

    def __init__(self, sample_rate, channels_per_clip=None, network=None):
        self.sample_rate = sample_rate
        self.channels_per_clip = channels_per_clip
        self.network = network or shipped_network()
        self.num_samples = 0
        self._state_hz = edge_bins().numpy() * bin_width(sample_rate)
        likely_hz = [r / 2 for r in COMMON_RATES if r < 0.95 * sample_rate]
        distance = np.log(self._state_hz[:, None] / likely_hz)
        self._prior = np.zeros(len(self._state_hz) + 1)
        self._prior[np.abs(distance).argmin(axis=0)] = LIKELY_NATS
        self._prior[-1] = self.network.prior
        self._chunk = CHUNK_FRAMES * frame_length(sample_rate)
        self._pending = torch.empty(0)
        self._steps = None
        self._step_chunks = 1

    def update(self, block):
        """Takes in consecutive samples, [channels, time]."""
        self.num_samples += block.shape[1]
        for samples in block.detach().split(BLOCK_CHUNKS * self._chunk, dim=1):
            samples = samples.to("cpu", torch.float32)
            samples = torch.cat([self._pending, samples], dim=1)
            # Whole steps, which are of 16 chunks at most for 18 hours
            size = max(BLOCK_CHUNKS, self._step_chunks) * self._chunk
            if samples.shape[1] >= size:
                self._steps = self._with(samples[:, :size])
                samples = samples[:, size:].clone()
                if self._steps.bands.shape[1] >= MAX_STEPS:
                    self._steps = self._steps.merged(2)
                    self._step_chunks *= 2
            self._pending = samples

    def result(self):
        """The cut-off so far, a list of one CutoffTrack a channel, empty before
        the first sample; may be asked for at any time."""
        if not self.num_samples:
            return []
        steps = self._steps
        least = LEAST_FRAMES * frame_length(self.sample_rate)
        if steps is None or self._pending.shape[1] >= least:
            steps = self._with(self._pending)
        size = self.channels_per_clip or len(steps.bands)
        return [
            track
            for first in range(0, len(steps.bands), size)
            for track in self._tracks(
                Steps(*(p[first : first + size] for p in steps))
            )
        ]

    def _with(self, samples):
        """The steps so far and those of the samples that follow."""
        statistics = all_statistics(samples, self.sample_rate)
        with torch.inference_mode():
            scores, _ = self.network(statistics.flatten(0, 1))
        evidence = scores.log_softmax(dim=1).clamp_min(LEAST_LOG_PROBABILITY)
        bands = statistics[:, :, 0].unflatten(-1, (-1, BAND_BINS)).mean(dim=-1)
        evidence = evidence.unflatten(0, bands.shape[:2])
        evidence[bands[..., HEARD_BAND:].amax(dim=-1) < SILENT_DB] = 0
        new = Steps(evidence.half().numpy(), bands.half().numpy())
        new = new.merged(self._step_chunks)
        return new if self._steps is None else self._steps.joined(new)

    def _tracks(self, steps):
        """The tracks of one recording."""
        seconds = self.num_samples / self.sample_rate
        evidence = steps.discounted()
        if not evidence.any():  # Digital silence
            silent = CutoffTrack((CutoffSegment(0.0, seconds, None),))
            return [silent] * len(evidence)
        prior = np.zeros_like(evidence)
        prior[:, 0] = self._prior
        prior[..., -1] += 1e-3  # Full band without evidence
        paths, _ = channel_paths(evidence + prior)
        channels = zip(evidence, paths, steps.bands)
        evidence = prior + [self._doubted(*channel) for channel in channels]
        step_s = self._step_chunks * CHUNK_FRAMES
        step_s *= frame_length(self.sample_rate) / self.sample_rate
        tracks = []
        for path, pooled, bands in zip(*channel_paths(evidence), steps.bands):
            segments = []
            path = give_way(path, self._loudest(bands, 1.1, np.inf))
            for state, start, stop in runs(path):
                cutoff_hz = self._cutoff(state, pooled[start:stop])
                stop_s = seconds if stop == len(path) else stop * step_s
                if segments and segments[-1].cutoff_hz is cutoff_hz is None:
                    start = segments.pop().start_s / step_s
                segments.append(
                    CutoffSegment(start * step_s, stop_s, cutoff_hz)
                )
            tracks.append(CutoffTrack(tuple(segments)))
        return tracks

    def _doubted(self, evidence, path, bands):
        """The evidence of a channel, [steps, states]. A step that is quiet just
        below an edge, compared with the loudest of its stretch of the path, is
        weaker evidence that the band reaches beyond this edge."""
        doubt = np.zeros_like(evidence)
        level = self._loudest(bands, 0.5, 1.0)
        for _, start, stop in runs(path):
            part = level[start:stop]
            fall = part.max(axis=0) - part
            doubt[start:stop] = NATS_PER_DB * (fall - FAINT_DB).clip(0)
        wider = np.maximum.accumulate(evidence[:, ::-1], axis=1)[:, ::-1]
        return np.minimum(evidence + doubt, wider)

    def _loudest(self, bands, low, high):
        """The loudest of the bands that start between two multiples of each
        edge, [steps, states]."""
        start = np.arange(bands.shape[1]) * BAND_BINS
        start = start[:, None] * bin_width(self.sample_rate)
        edges = np.append(self._state_hz, np.inf)
        inside = (start >= low * edges) & (start < high * edges)
        return np.where(inside, bands.astype("f4")[..., None], SILENT_DB).max(1)

    def _cutoff(self, state, evidence):
        """The cut-off in Hz that [steps, states] speaks for, near a state."""
        cutoff_hz = self.sample_rate / 2
        if state < len(self._state_hz):
            near = slice(max(0, state - 3), state + 4)
            score = evidence[:, :-1].mean(axis=0)[near]
            weights = np.exp(score - score.max())
            cutoff_hz = float(np.average(self._state_hz[near], weights=weights))
        return cutoff_hz if cutoff_hz <= FULL_BAND_HZ else None
