"""A small network that sees statistics of a spectrum and says where it ends.

Its output is evidence: scores of edges 2 % apart, and of full band, that add
up over the chunks of a recording. Training maximises the probability of the
right edge after that sum, so a chunk that tells nothing learns to stay silent.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch

from speechbrain_flashsr.bandwidth.statistics import (
    NUM_BINS,
    NUM_STATISTICS,
    SILENT_DB,
)

EDGE_STEP = 1.02
FIRST_BIN, LAST_BIN = 30, 374
"""From 1.4 to 17.5 kHz."""

HUM_BINS = 3
"""Below 140 Hz an offset or hum may exceed everything else."""

RANGE_DB = 150.0

MIRROR_REACH = (8, 24)
"""Bins to either side of an axis that are compared."""


def edge_bins():
    """The edges that are told apart, in bins of the statistics, [edges].

    Example
    -------
    >>> edges = edge_bins()
    >>> len(edges), round(float(edges[0])), round(float(edges[-1]))
    (128, 30, 371)
    """
    edges = [float(FIRST_BIN)]
    while edges[-1] * EDGE_STEP < LAST_BIN:
        edges.append(edges[-1] * EDGE_STEP)
    return torch.tensor(edges)


def normalised(statistics, exists):
    """Levels relative to the loudest bin, about -3 to 3.

    Arguments
    ---------
    statistics : torch.Tensor
        In dB, [batch, 4, bins].
    exists : torch.Tensor
        Whether a bin is below half the sample rate, [batch, 1, bins].

    Returns
    -------
    torch.Tensor
        [batch, 4, bins]
    """
    level = statistics.clone()
    level[..., :HUM_BINS] = level[..., HUM_BINS : HUM_BINS + 1]
    level = level - level[:, :1].amax(dim=-1, keepdim=True)
    return (level.clamp(-RANGE_DB, 20.0) / (RANGE_DB / 5) + 2.0) * exists


def mirror_correlation(level, exists):
    """How far the fine structure of a spectrum above each bin is the mirror
    image of that below: gentle resamplers leave such images about the edge.

    Arguments
    ---------
    level : torch.Tensor
        In dB, [batch, 1, bins].
    exists : torch.Tensor
        Whether a bin is below half the sample rate, [batch, 1, bins].

    Returns
    -------
    torch.Tensor
        Correlations over 8 and 24 bins to either side of each bin and of each
        upper border of a bin, [batch, 4, bins].

    Example
    -------
    >>> left = torch.randn(1, 1, 50)
    >>> level = torch.cat([left, torch.zeros(1, 1, 1), left.flip(-1)], dim=-1)
    >>> correlation = mirror_correlation(level, torch.ones_like(level))
    >>> correlation[0, 1].argmax()
    tensor(50)
    """
    pool = torch.nn.functional.avg_pool1d
    width = 7
    trend = pool(level * exists, width, 1, width // 2)
    share = pool(exists, width, 1, width // 2).clamp_min(1 / width)
    fine = (level - trend / share).clamp(-10.0, 10.0) * exists
    reach = MIRROR_REACH[-1]
    bins = level.shape[-1]
    padded = torch.nn.functional.pad(fine, (reach, reach + 1))
    correlations = []
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
                power = pool(fine.square(), span, 1, distance) * span / 2
                correlations.append(total / power.clamp_min(1.0))
    return torch.cat(correlations, dim=1)


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

    Dilated convolutions over frequency: images, which mirror the spectrum
    about the edge, and the level far above it are all in sight.

    Arguments
    ---------
    channels : int
        Of the residual stream.
    inner_channels : int
        Of the dilated convolutions.
    dilations : sequence of int
        One residual block each, over positions of four bins.

    Example
    -------
    >>> network = CutoffNetwork(channels=8, inner_channels=4)
    >>> network(torch.zeros(3, 4, 512)).shape
    torch.Size([3, 129])
    """

    STRIDE = 4

    def __init__(
        self,
        channels=64,
        inner_channels=24,
        dilations=(1, 2, 4, 8, 16, 32, 1),
    ):
        super().__init__()
        stride = self.STRIDE
        self.stem = torch.nn.Conv1d(
            NUM_STATISTICS + 6, channels, 3 * stride, stride, padding=stride
        )
        self.blocks = torch.nn.ModuleList(
            ResidualBlock(channels, inner_channels, dilation)
            for dilation in dilations
        )
        self.edges = torch.nn.Conv1d(channels, stride, 1)
        self.full_band = torch.nn.Linear(2 * channels, 1)
        positions = torch.linspace(-1, 1, NUM_BINS)[None, None]
        self.register_buffer("positions", positions, persistent=False)
        # An edge gathers the scores of the bins around it.
        edges = edge_bins()
        bins = torch.arange(NUM_BINS) + 0.5
        reach = ((EDGE_STEP - 1) * edges).clamp_min(1.0)
        weights = 1 - (bins[:, None] - edges).abs() / reach
        weights = weights.clamp_min(0)
        self.register_buffer(
            "gather", weights / weights.sum(dim=0), persistent=False
        )

    def forward(self, statistics):
        """Scores the edges.

        Arguments
        ---------
        statistics : torch.Tensor
            In dB, see :func:`~speechbrain_flashsr.bandwidth.statistics.
            chunk_statistics`, [batch, 4, bins]: 512 bins or, to the same
            effect, only as many, a multiple of 4, as the sample rate has.

        Returns
        -------
        torch.Tensor
            Scores of the edges of :func:`edge_bins` and, last, of full band,
            [batch, edges + 1].
        """
        num_bins = statistics.shape[-1]
        exists = (statistics[:, :1] > SILENT_DB).to(statistics)
        here = torch.nn.functional.max_pool1d(exists, self.STRIDE)
        positions = self.positions[..., :num_bins] * exists
        x = normalised(statistics, exists)
        mirror = mirror_correlation(x[:, :1] * (RANGE_DB / 5), exists)
        x = torch.cat([x, exists, positions, mirror], dim=1)
        x = self.stem(x) * here
        for block in self.blocks:
            x = block(x, here)
        x = torch.nn.functional.relu(x)
        mean = x.sum(dim=-1) / here.sum(dim=-1)
        full_band = self.full_band(
            torch.cat([mean, x.amax(dim=-1).clamp_min(0)], dim=1)
        )
        scores = self.edges(x).transpose(1, 2).flatten(1).float()
        top = scores.amax(dim=1, keepdim=True)
        weights = (scores - top).exp() * exists[:, 0]
        with torch.autocast(weights.device.type, enabled=False):
            gathered = weights @ self.gather[:num_bins]
        scores = gathered.clamp_min(1e-12).log()
        return torch.cat([scores + top, full_band], dim=1)
