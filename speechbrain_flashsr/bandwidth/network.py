"""A small network that finds the edge of a spectrum from its statistics.

It works on a logarithmic frequency axis, where an edge has the same shape at
every frequency: filters, and the images that resamplers leave, scale with it.
Its output is evidence: scores of edges 3 % apart, and of full band, that add up
over the chunks of a recording. Training maximises the probability of the right
edge after that sum and a prior, which counts once, so the network learns to
score all edges alike where a chunk tells nothing.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import torch

from speechbrain_flashsr.bandwidth.statistics import (
    NUM_BINS,
    NUM_LEVELS,
    NUM_STATISTICS,
    SILENT_DB,
)

STEP = 1.03
"""Ratio of neighbouring positions on the frequency axis."""

LOWEST_BIN = 8
"""375 Hz. Below, hum and offsets may exceed everything else."""

EDGE_BINS = (30, 374)
"""Edges are looked for from 1.4 to 17.5 kHz."""

RANGE_DB = 150.0

IMPOSSIBLE = -30.0
"""Score of an edge above half the sample rate."""


def positions():
    """The frequency axis, in bins of the statistics, [positions]."""
    count = math.ceil(math.log(NUM_BINS / LOWEST_BIN) / math.log(STEP))
    return LOWEST_BIN * STEP ** torch.arange(count)


def edge_bins():
    """The positions that may be edges, in bins, [edges].

    Example
    -------
    >>> edges = edge_bins()
    >>> len(edges), round(float(edges[0]), 1), round(float(edges[-1]), 1)
    (86, 30.3, 373.2)
    """
    axis = positions()
    return axis[(axis >= EDGE_BINS[0]) & (axis <= EDGE_BINS[1])]


class ResidualBlock(torch.nn.Module):
    """A dilated convolution over frequency, between two that mix channels."""

    def __init__(self, channels, inner_channels, dilation):
        super().__init__()
        self.narrow = torch.nn.Conv1d(channels, inner_channels, 1)
        self.wide = torch.nn.Conv1d(
            inner_channels,
            inner_channels,
            5,
            padding=2 * dilation,
            dilation=dilation,
        )
        self.mix = torch.nn.Conv1d(inner_channels, channels, 1)

    def forward(self, x, exists):
        """[batch, channels, positions] to the same shape; what does not exist
        stays 0."""
        hidden = self.narrow(torch.nn.functional.relu(x)) * exists
        hidden = self.wide(torch.nn.functional.relu(hidden))
        hidden = self.mix(torch.nn.functional.relu(hidden))
        return x + hidden * exists


class CutoffNetwork(torch.nn.Module):
    """Evidence for every edge, from the statistics of one chunk.

    Arguments
    ---------
    channels : int
        Of the residual stream.
    inner_channels : int
        Of the dilated convolutions.
    dilations : sequence of int
        One residual block each.

    Example
    -------
    >>> network = CutoffNetwork(channels=8, inner_channels=4)
    >>> scores, prior = network(torch.zeros(3, 5, 512))
    >>> scores.shape, prior.shape
    (torch.Size([3, 87]), torch.Size([87]))
    """

    def __init__(
        self, channels=64, inner_channels=24, dilations=(1, 2, 4, 8, 16, 32, 1)
    ):
        super().__init__()
        self.stem = torch.nn.Conv1d(NUM_STATISTICS + 2, channels, 5, padding=2)
        self.blocks = torch.nn.ModuleList(
            ResidualBlock(channels, inner_channels, dilation)
            for dilation in dilations
        )
        self.edges = torch.nn.Conv1d(channels, 1, 1)
        self.full_band = torch.nn.Linear(2 * channels, 1)
        # Score of full band before any chunk is seen
        self.prior = torch.nn.Parameter(torch.zeros(1))
        axis = positions()
        # A position gathers the bins around it.
        reach = ((STEP - 1) * axis).clamp_min(1.0)
        distance = (torch.arange(NUM_BINS)[:, None] + 0.25 - axis).abs()
        pool = (1 - distance / reach).clamp_min(0)
        near = torch.arange(math.ceil((STEP - 1) * NUM_BINS) + 1)
        near = (axis - reach / 2)[:, None] + torch.minimum(near, reach[:, None])
        nearest = near.round().long().clamp(0, NUM_BINS - 1)
        self.register_buffer("axis", axis, persistent=False)
        self.register_buffer("pool", pool, persistent=False)
        self.register_buffer("nearest", nearest, persistent=False)
        edges = torch.searchsorted(axis, edge_bins())
        self.edge_range = slice(int(edges[0]), int(edges[-1]) + 1)

    def forward(self, statistics):
        """Scores the edges of :func:`edge_bins` and, last, full band, [batch,
        edges + 1], from the statistics of a chunk [batch, 5, 512].
        Returns also the prior to add to the sum of a recording's scores,
        [edges + 1]."""
        with torch.no_grad():
            x, exists = self.view(statistics)
            # Skip frequencies that no recording of the batch has.
            count = max(1, int(exists.sum(dim=-1).max()))
            x, exists = x[..., :count], exists[..., :count]
        x = self.stem(x) * exists
        for block in self.blocks:
            x = block(x, exists)
        x = torch.nn.functional.relu(x)
        mean = x.sum(dim=-1) / exists.sum(dim=-1).clamp_min(1)
        full_band = self.full_band(torch.cat([mean, x.amax(dim=-1)], dim=1))
        scores = self.edges(x).masked_fill(exists == 0, IMPOSSIBLE)
        scores = torch.nn.functional.pad(
            scores, (0, len(self.axis) - count), value=IMPOSSIBLE
        )[:, 0, self.edge_range]
        prior = torch.nn.functional.pad(self.prior, (scores.shape[1], 0))
        return torch.cat([scores, full_band], dim=1).float(), prior

    def view(self, statistics):
        """The spectrum on a logarithmic axis: levels relative to the loudest,
        about -3 to 3, whether there is a level, where on the axis, and the mirror
        coherence, [batch, 7, positions]; and what exists, [batch, 1,
        positions]."""
        levels, mirror = statistics.float().split([NUM_LEVELS, 1], dim=1)
        has_bin = (mirror > SILENT_DB).float()
        has_bin[..., : LOWEST_BIN // 2] = 0
        share = has_bin @ self.pool
        level = (levels * has_bin) @ self.pool / share.clamp_min(1e-3)
        exists = (share > 0.5 * self.pool.sum(dim=0)).float()
        top = torch.where(exists > 0, level[:, :1], SILENT_DB)
        level = level - top.amax(dim=-1, keepdim=True)
        level = level.clamp(-RANGE_DB, 20.0) / (RANGE_DB / 5) + 2.0
        where = (self.axis.log2() / 3 - 2).expand_as(exists)
        mirror = mirror[..., self.nearest].amax(dim=-1) / 25 - 1
        x = torch.cat([level, exists, where, mirror], dim=1)
        return x * exists, exists
