"""Makes the training examples of the cut-off network from a manifest.

To run it:
> python make_examples.py DATA_FOLDER/train.json examples --seed 1 --minutes 30

Each .npz file holds statistics of spectra, four chunks of half a second an
example at most, and where the band ends. It may run in several processes with
seeds of their own.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from speechbrain.dataio.dataio import load_data_json, read_audio

from speechbrain_flashsr.bandwidth.statistics import (
    CHUNK_FRAMES,
    all_statistics,
    chunk_statistics,
    frame_length,
)
from speechbrain_flashsr.data.bandwidth_examples import ExampleMaker

RATE = 48000
MAX_CHUNKS = 4
FILE_EXAMPLES = 1000


def draw_recording(entries, rng):
    """A random piece of a random recording, and its roll-off in Hz."""
    domains = sorted(entries)
    members = entries[domains[rng.integers(len(domains))]]
    entry = members[rng.integers(len(members))]
    seconds = (
        rng.uniform(0.03, 0.5) if rng.random() < 0.1 else rng.uniform(0.7, 2.1)
    )
    length = min(int(seconds * RATE), entry["stop"] - entry["start"])
    start = rng.integers(entry["start"], entry["stop"] - length + 1)
    span = {"file": entry["wav"], "start": start, "stop": start + length}
    return read_audio(span).double().numpy(), entry["rolloff_hz"]


def statistics_of(example, rng):
    """Up to four chunks of an example, [chunks, 4, 512]."""
    samples = torch.from_numpy(example.wav).float()
    statistics, rest = all_statistics(samples, example.sample_rate)
    frame = frame_length(example.sample_rate)
    if len(statistics) == 0 or len(rest) >= frame * CHUNK_FRAMES // 3:
        whole = len(rest) // frame * frame or len(rest)
        last = chunk_statistics(rest[:whole], example.sample_rate)
        statistics = torch.cat([statistics, last[None]])
    order = rng.permutation(len(statistics))[:MAX_CHUNKS]
    return statistics[order]


def make_file(maker, entries, rng, path, deadline):
    """Writes one file of examples."""
    chunks, owners, edges, rates, families = [], [], [], [], []
    while len(edges) < FILE_EXAMPLES and time.time() < deadline:
        wav, rolloff_hz = draw_recording(entries, rng)
        if np.abs(wav).max() < 1e-3 or len(wav) < 1000:
            continue
        for example in maker(wav, rolloff_hz):
            statistics = statistics_of(example, rng)
            chunks.append(statistics.numpy().astype(np.float16))
            owners += [len(edges)] * len(statistics)
            edges.append(example.edge_hz or 0.0)
            rates.append(example.sample_rate)
            families.append(example.family)
    if edges:
        np.savez(
            path,
            statistics=np.concatenate(chunks),
            owner=np.array(owners),
            edge_hz=np.array(edges),
            sample_rate=np.array(rates),
            family=np.array(families),
        )


def main():
    """Makes files of examples until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", help="JSON of recordings at 48 kHz")
    parser.add_argument("output_folder", type=Path)
    parser.add_argument("--data-root", help="default: the manifest's folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=30.0)
    args = parser.parse_args()
    data_root = args.data_root or Path(args.manifest).resolve().parent
    args.output_folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    entries = {}
    manifest = load_data_json(args.manifest, {"data_root": str(data_root)})
    for entry in manifest.values():
        entries.setdefault(entry["domain"], []).append(entry)
    maker = ExampleMaker(rng)
    deadline = time.time() + 60 * args.minutes
    number = 0
    while time.time() < deadline:
        path = args.output_folder / f"{args.seed:03}-{number:03}.npz"
        make_file(maker, entries, rng, path, deadline)
        number += 1


if __name__ == "__main__":
    main()
