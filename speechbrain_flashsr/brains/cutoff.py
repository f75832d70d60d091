"""Training of the cut-off network.

Authors
 * The speechbrain_flashsr developers 2026
"""

from pathlib import Path

import numpy as np
import speechbrain as sb
import torch

from speechbrain_flashsr.bandwidth.network import EDGE_STEP, edge_bins
from speechbrain_flashsr.bandwidth.statistics import (
    NUM_BINS,
    NUM_STATISTICS,
    SILENT_DB,
    bin_width,
    num_bins,
)

TOP_BIN = 365
"""Edges are not moved beyond it, 17.1 kHz."""


class CutoffExamples(torch.utils.data.Dataset):
    """Examples that recipes/VersatileAudio/BandwidthDetection/make_examples.py
    has written.

    Arguments
    ---------
    folder : str or Path
        Of .npz files.
    first, stop : int, optional
        Which of the files, by name; default: all.
    max_chunks : int
        Of one example; missing ones are marked.
    max_stretch : float
        Spectra and edges are moved up by a random factor up to it.
    """

    def __init__(
        self, folder, first=None, stop=None, max_chunks=4, max_stretch=1.0
    ):
        paths = sorted(Path(folder).glob("*.npz"))[first:stop]
        if not paths:
            raise ValueError(
                f"There are no examples in '{folder}': run make_examples.py."
            )
        self.max_chunks = max_chunks
        self.max_stretch = max_stretch
        self.chunks, self.edges = [], []
        for path in paths:
            file = np.load(path)
            starts = np.searchsorted(
                file["owner"], np.arange(1, len(file["edge_hz"]))
            )
            chunks = np.split(file["statistics"], starts)
            for values, rate in zip(chunks, file["sample_rate"]):
                values = values[:, :, : num_bins(rate)]
                self.chunks.append(np.maximum(values, 1 + SILENT_DB))
            widths = [bin_width(rate) for rate in file["sample_rate"]]
            self.edges.append(file["edge_hz"] / np.array(widths))
        self.edges = np.concatenate(self.edges).astype(np.float32)

    def __len__(self):
        return len(self.chunks)

    def __getitem__(self, index):
        """Statistics, [chunks, 4, 512], which of them count, and the edge in
        bins, 0 for full band."""
        chunks, edge = self.chunks[index], self.edges[index]
        highest = self.max_stretch
        if edge:
            highest = max(1.0, min(highest, TOP_BIN / edge))
        stretch = np.float32(1 + (highest - 1) * torch.rand(1).item())
        width = min(NUM_BINS, int(chunks.shape[2] * stretch))
        sources = (np.arange(width) / stretch).astype(int)
        chunks = chunks[:, :, sources]
        statistics = np.full(
            (self.max_chunks, NUM_STATISTICS, NUM_BINS), SILENT_DB, np.float32
        )
        statistics[: len(chunks), :, : chunks.shape[2]] = chunks
        counts = (np.arange(self.max_chunks) < len(chunks)).astype(np.float32)
        return statistics, counts, edge * stretch


def edge_distribution(edge):
    """The distribution that is learned: edges within a few percent.

    Arguments
    ---------
    edge : torch.Tensor
        In bins, 0 for full band, [batch].

    Returns
    -------
    torch.Tensor
        [batch, edges + 1]

    Example
    -------
    >>> edge_distribution(torch.tensor([0.0, 100.0])).argmax(dim=1)
    tensor([128,  61])
    """
    steps = (edge_bins().to(edge) / edge[:, None].clamp_min(1.0)).log()
    steps = steps / np.log(EDGE_STEP)
    near = torch.exp(-0.5 * steps.square()) * (edge[:, None] > 0)
    full_band = (edge[:, None] == 0).to(near)
    distribution = torch.cat([near, full_band], dim=1)
    return distribution / distribution.sum(dim=1, keepdim=True)


class CutoffBrain(sb.Brain):
    """Maximises the probability of the right edge, after one chunk and after
    all."""

    def compute_forward(self, batch, stage):
        """Scores of every chunk, [batch, chunks, edges + 1]."""
        statistics, counts, _ = (x.to(self.device) for x in batch)
        scores = self.modules.network(statistics.flatten(0, 1))
        return scores.unflatten(0, counts.shape)

    def compute_objectives(self, predictions, batch, stage):
        """Cross-entropy of the sum and, by a weight, of single chunks."""
        _, counts, edge = (x.to(self.device) for x in batch)
        target = edge_distribution(edge)
        together = (predictions * counts[..., None]).sum(dim=1)
        loss = -(target * together.log_softmax(-1)).sum(-1).mean()
        single = -(target[:, None] * predictions.log_softmax(-1)).sum(-1)
        single = (single * counts).sum() / counts.sum()
        if stage != sb.Stage.TRAIN:
            self.right.append(self._is_right(together, edge).cpu())
        return loss + self.hparams.single_weight * single

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """Follows the schedule of the learning rate."""
        self.scheduler.step()

    def on_fit_start(self):
        """Prepares the schedule of the learning rate."""
        super().on_fit_start()
        self.scheduler = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            self.hparams.lr,
            total_steps=self.hparams.number_of_steps + 1,
            pct_start=0.1,
        )

    def on_stage_start(self, stage, epoch=None):
        """Forgets what was counted."""
        self.right = []

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Logs, and keeps the last weights."""
        if stage == sb.Stage.TRAIN:
            self.train_loss = stage_loss
            return
        right = torch.cat(self.right).float().mean().item()
        self.hparams.train_logger.log_stats(
            {"epoch": epoch},
            train_stats={"loss": self.train_loss},
            valid_stats={"loss": stage_loss, "right": right},
        )

    @staticmethod
    def _is_right(scores, edge):
        """Whether the edge is within 5 %, or full band recognised."""
        best = scores.argmax(dim=1)
        edges = torch.cat([edge_bins(), torch.zeros(1)]).to(edge)
        found = edges[best]
        near = (found - edge).abs() <= 0.05 * edge
        return torch.where(edge == 0, found == 0, near)
