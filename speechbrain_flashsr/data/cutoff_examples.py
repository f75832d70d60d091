"""Training examples of the cut-off network: statistics of spectra, and their
edges.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from speechbrain_flashsr.audio import SAMPLE_RATE
from speechbrain_flashsr.audio.writing import complete_file
from speechbrain_flashsr.bandwidth.statistics import (
    NUM_BINS,
    NUM_STATISTICS,
    SILENT_DB,
    all_statistics,
    bin_width,
    num_bins,
)
from speechbrain_flashsr.data.band_limits import ExampleMaker
from speechbrain_flashsr.data.manifest import read_manifest
from speechbrain_flashsr.data.segments import read_finite

MAX_CHUNKS = 4
SHORT_SHARE = 0.1
"""Of the examples last less than half a second, the others up to 2.1 s."""

LOWEST_MOVED_BIN, TOP_MOVED_BIN = 32, 365
"""Edges are not moved beyond them, 1.5 and 17.1 kHz."""


def cache_examples(
    folder, manifest, data_root, num_examples, file_examples=400, seed=0
):
    """Makes random examples, rounded up to whole files of `file_examples`, of
    the recordings at 48 kHz in a manifest (see
    :func:`~speechbrain_flashsr.data.manifest.read_manifest`) and writes them to
    a folder. Files that are there stay."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    domains = {}
    for entry in read_manifest(manifest, data_root).values():
        domains.setdefault(entry["domain"], []).append(entry)
    for number in tqdm(range(math.ceil(num_examples / file_examples))):
        path = folder / f"{number:04}.npz"
        if not path.exists():
            rng = np.random.default_rng([seed, number])
            examples = _make_examples(domains, rng, file_examples)
            with (
                complete_file(path) as temporary,
                open(temporary, "wb") as file,
            ):
                np.savez(file, **examples)


def _make_examples(domains, rng, count):
    """One file's arrays."""
    maker = ExampleMaker(rng)
    chunks, owner, cutoff_hz, rates = [], [], [], []
    while len(cutoff_hz) < count:
        entries = domains[sorted(domains)[rng.integers(len(domains))]]
        entry = entries[rng.integers(len(entries))]
        wav = _draw_piece(entry, rng)
        if len(wav) < 1000 or np.abs(wav).max() < 1e-3:
            continue
        for example in maker(wav, entry["rolloff_hz"]):
            statistics = _draw_chunks(example, rng)
            chunks.append(statistics.numpy().astype(np.float16))
            owner += [len(cutoff_hz)] * len(statistics)
            cutoff_hz.append(example.cutoff_hz or 0.0)
            rates.append(example.sample_rate)
    return {
        "statistics": np.concatenate(chunks),
        "owner": np.array(owner),
        "edge_hz": np.array(cutoff_hz),
        "sample_rate": np.array(rates),
    }


def _draw_piece(entry, rng):
    """A random piece of a recording."""
    short = rng.random() < SHORT_SHARE
    seconds = rng.uniform(0.03, 0.5) if short else rng.uniform(0.7, 2.1)
    length = int(seconds * SAMPLE_RATE)
    length = min(length, entry["stop"] - entry["start"])
    start = rng.integers(entry["start"], entry["stop"] - length + 1)
    return read_finite(entry["wav"], start, start + length)


def _draw_chunks(example, rng):
    """Up to four chunks of an example, [chunks, 5, 512]."""
    samples = torch.from_numpy(example.wav).float()
    statistics = all_statistics(samples, example.sample_rate)
    return statistics[rng.permutation(len(statistics))[:MAX_CHUNKS]]


class CutoffExamples(torch.utils.data.Dataset):
    """Examples that :func:`cache_examples` has written.

    Arguments
    ---------
    folder : str or Path
        Of .npz files.
    first, stop : int, optional
        Which of the files, by name; default: all.
    max_stretch : float
        Spectra and edges are moved up by a random factor up to it.
    min_stretch : float
        Spectra with an edge are also moved down, by a factor down to it.
    """

    def __init__(
        self, folder, first=None, stop=None, max_stretch=1.0, min_stretch=1.0
    ):
        paths = sorted(Path(folder).glob("*.npz"))[first:stop]
        if not paths:
            raise ValueError(
                f"There are no examples in '{folder}'. Run without skip_prep."
            )
        self.max_stretch, self.min_stretch = max_stretch, min_stretch
        self.chunks, edges = [], []
        for path in paths:
            file = np.load(path)
            rates = file["sample_rate"]
            starts = np.searchsorted(file["owner"], np.arange(1, len(rates)))
            chunks = np.split(file["statistics"], starts)
            for values, rate in zip(chunks, rates):
                values = values[:, :, : num_bins(rate)]
                self.chunks.append(np.maximum(values, 1 + SILENT_DB))
            edges.append(file["edge_hz"] / [bin_width(r) for r in rates])
        self.edges = np.concatenate(edges)

    def __len__(self):
        return len(self.chunks)

    def __getitem__(self, draw):
        """Returns an example by its number, which may exceed the length: `id`;
        `statistics`, [chunks, 5, 512]; which of them `count`, [chunks]; the
        `edge` in bins, 0 for full band."""
        chunks = self.chunks[draw % len(self)]
        edge = self.edges[draw % len(self)]
        lowest, highest = 1.0, self.max_stretch
        if edge:
            lowest = min(1.0, max(self.min_stretch, LOWEST_MOVED_BIN / edge))
            highest = max(1.0, min(highest, TOP_MOVED_BIN / edge))
        stretch = np.random.default_rng(draw).uniform(lowest, highest)
        width = min(NUM_BINS, int(chunks.shape[2] * stretch))
        sources = (np.arange(width) / stretch).astype(int)
        statistics = torch.full(
            (MAX_CHUNKS, NUM_STATISTICS, NUM_BINS), SILENT_DB
        )
        statistics[: len(chunks), :, :width] = torch.from_numpy(
            chunks[:, :, sources]
        )
        return {
            "id": str(draw),
            "statistics": statistics,
            "count": (torch.arange(MAX_CHUNKS) < len(chunks)).float(),
            "edge": float(edge * stretch),
        }
