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

MIRROR_REACH = (8, 24)
"""Bins to either side of an axis that are compared."""


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


def mirror_correlation(level, exists):
    """Correlates the fine structure of a spectrum above each bin with the
    mirror image of that below: gentle resamplers leave such images at the edge.

    Takes levels in dB, [batch, bins], and whether a bin is below half the
    sample rate, [batch, bins]. Returns correlations over 8 and 24 bins to
    either side of each bin and, in between, of each upper border of a bin,
    [batch, 2, 2 * bins]."""

    def pool(values, width):
        return torch.nn.functional.avg_pool1d(values, width, 1, width // 2)

    trend = pool(level * exists, 7) / pool(exists, 7).clamp_min(1 / 7)
    fine = (level - trend).clamp(-10.0, 10.0) * exists
    reach = MIRROR_REACH[-1]
    bins = level.shape[-1]
    padded = torch.nn.functional.pad(fine, (reach, reach + 1))
    axes = []
    for between in (0, 1):
        total = torch.zeros_like(fine)
        for distance in range(1, reach + 1):
            below = reach - distance + between
            above = reach + distance
            total = total + (
                padded[..., below : below + bins]
                * padded[..., above : above + bins]
            )
            if distance in MIRROR_REACH:
                span = 2 * distance + 1
                power = pool(fine.square(), span) * span / 2
                axes.append(total / power.clamp_min(1.0))
    pairs = torch.stack(axes, dim=1).unflatten(1, (2, -1))
    return pairs.permute(0, 2, 3, 1).flatten(2)


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
    >>> scores, prior = network(torch.zeros(3, 4, 512))
    >>> scores.shape, prior.shape
    (torch.Size([3, 87]), torch.Size([87]))
    """

    def __init__(
        self, channels=64, inner_channels=24, dilations=(1, 2, 4, 8, 16, 32, 1)
    ):
        super().__init__()
        self.stem = torch.nn.Conv1d(
            NUM_STATISTICS + 2 + len(MIRROR_REACH), channels, 5, padding=2
        )
        self.blocks = torch.nn.ModuleList(
            ResidualBlock(channels, inner_channels, dilation)
            for dilation in dilations
        )
        self.edges = torch.nn.Conv1d(channels, 1, 1)
        self.full_band = torch.nn.Linear(2 * channels, 1)
        # Score of full band before any chunk is seen
        self.prior = torch.nn.Parameter(torch.zeros(1))
        axis = positions()
        # A position gathers the bins around it, and the best of the axes.
        reach = ((STEP - 1) * axis).clamp_min(1.0)
        distance = (torch.arange(NUM_BINS)[:, None] + 0.25 - axis).abs()
        pool = (1 - distance / reach).clamp_min(0)
        near = torch.arange(math.ceil(2 * (STEP - 1) * NUM_BINS) + 1)
        near = torch.minimum(near, (2 * reach).floor()[:, None])
        nearest = (2 * axis - 0.5 - reach)[:, None] + near
        nearest = nearest.round().long().clamp(0, 2 * NUM_BINS - 1)
        self.register_buffer("axis", axis, persistent=False)
        self.register_buffer("pool", pool, persistent=False)
        self.register_buffer("nearest", nearest, persistent=False)
        edges = torch.searchsorted(axis, edge_bins())
        self.edge_range = slice(int(edges[0]), int(edges[-1]) + 1)

    def forward(self, statistics):
        """Scores the edges of :func:`edge_bins` and, last, full band, [batch,
        edges + 1], from the statistics of a chunk in dB, [batch, 4, 512].
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
        about -3 to 3, whether there is a level, where on the axis, and mirror
        correlations, [batch, 8, positions]; and what exists, [batch, 1,
        positions]."""
        has_bin = (statistics[:, :1] > SILENT_DB).float()
        has_bin[..., : LOWEST_BIN // 2] = 0
        share = has_bin @ self.pool
        level = (statistics * has_bin) @ self.pool / share.clamp_min(1e-3)
        exists = (share > 0.5 * self.pool.sum(dim=0)).float()
        top = torch.where(exists > 0, level[:, :1], SILENT_DB)
        level = level - top.amax(dim=-1, keepdim=True)
        level = level.clamp(-RANGE_DB, 20.0) / (RANGE_DB / 5) + 2.0
        where = (self.axis.log2() / 3 - 2).expand_as(exists)
        mirror = mirror_correlation(statistics[:, 0], has_bin[:, 0])
        mirror = mirror[..., self.nearest].amax(dim=-1)
        x = torch.cat([level, exists, where, mirror], dim=1)
        return x * exists, exists
