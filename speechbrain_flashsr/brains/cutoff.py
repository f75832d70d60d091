"""Trains the network that finds the cut-off.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import torch

from speechbrain_flashsr.bandwidth.network import STEP, edge_bins
from speechbrain_flashsr.brains.base import FlashSRBrain

SPREAD = 0.7
"""Width of the target distribution, in steps of the frequency axis."""

TOLERANCE = 0.05
"""An edge within 5 % is right."""


def edge_distribution(edge):
    """The target distribution, edges within a few percent, [batch, edges + 1],
    of edges in bins, 0 for full band, [batch].

    Example
    -------
    >>> edge_distribution(torch.tensor([0.0, 100.0])).argmax(dim=1)
    tensor([86, 40])
    """
    steps = (edge_bins().to(edge) / edge[:, None].clamp_min(1.0)).log()
    steps = steps / (SPREAD * math.log(STEP))
    near = torch.exp(-0.5 * steps.square()) * (edge[:, None] > 0)
    full_band = (edge[:, None] == 0).to(near)
    distribution = torch.cat([near, full_band], dim=1)
    return distribution / distribution.sum(dim=1, keepdim=True)


def share_wrong(scores, edge):
    """Share of edges that are off by more than 5 %, and of mistaken full bands,
    by scores [batch, edges + 1] and edges in bins, 0 for full band, [batch]."""
    edges = torch.cat([edge_bins(), torch.zeros(1)]).to(edge)
    found = edges[scores.argmax(dim=1)]
    off = (found - edge).abs() > TOLERANCE * edge
    return torch.where(edge == 0, found != 0, off).float().mean()


class CutoffBrain(FlashSRBrain):
    """Maximises the probability of the right edge.

    Losses: `together`, the cross-entropy after the evidence of an example's
    chunks is added to the prior; `single`, that of single chunks; `wrong`, the
    share of examples whose edge is not found, for the log."""

    trained = ("network",)
    optimized = {"network": trained}

    def compute_losses(self, batch, stage):
        """The losses of a batch of examples."""
        statistics, count = batch.statistics.data, batch.count.data
        edge = torch.as_tensor(batch.edge, device=self.device).float()
        network = self.evaluated("network", stage)
        here = count.flatten() > 0
        scores = statistics.new_zeros(len(here), len(edge_bins()) + 1)
        scores[here], prior = network(statistics.flatten(0, 1)[here])
        scores = scores.unflatten(0, count.shape)
        target = edge_distribution(edge)
        together = prior + scores.sum(dim=1)
        single = (prior + scores).log_softmax(dim=-1)
        single = -(target[:, None] * single).sum(dim=-1)
        return {
            "together": torch.nn.functional.cross_entropy(together, target),
            "single": (single * count).sum() / count.sum(),
            "wrong": share_wrong(together, edge),
        }
