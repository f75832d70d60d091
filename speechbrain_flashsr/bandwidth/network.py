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


class ResidualBlock(torch.nn.Module):
    """Two convolutions over frequency, the first one dilated."""

    def __init__(self, channels, dilation):
        super().__init__()
        self.wide = torch.nn.Conv1d(
            channels, channels, 5, padding=2 * dilation, dilation=dilation
        )
        self.mix = torch.nn.Conv1d(channels, channels, 1)

    def forward(self, x, exists):
        """[batch, channels, positions] to the same shape; what does not exist
        stays 0."""
        hidden = torch.nn.functional.gelu(x)
        hidden = torch.nn.functional.gelu(self.wide(hidden))
        return x + self.mix(hidden) * exists


class CutoffNetwork(torch.nn.Module):
    """Evidence for every edge, from the statistics of one chunk.

    Dilated convolutions over frequency: images, which mirror the spectrum
    about the edge, and the level far above it are all in sight.

    Arguments
    ---------
    channels : int
        Of the hidden layers.
    dilations : sequence of int
        One residual block each, over positions of four bins.

    Example
    -------
    >>> network = CutoffNetwork(channels=8, dilations=(1, 2))
    >>> network(torch.zeros(3, 4, 512)).shape
    torch.Size([3, 129])
    """

    STRIDE = 4

    def __init__(self, channels=32, dilations=(1, 2, 4, 8, 16, 32)):
        super().__init__()
        stride = self.STRIDE
        self.stem = torch.nn.Conv1d(
            NUM_STATISTICS + 2, channels, 3 * stride, stride, padding=stride
        )
        self.blocks = torch.nn.ModuleList(
            ResidualBlock(channels, dilation) for dilation in dilations
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
        x = self.stem(torch.cat([x, exists, positions], dim=1)) * here
        for block in self.blocks:
            x = block(x, here)
        x = torch.nn.functional.gelu(x)
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
