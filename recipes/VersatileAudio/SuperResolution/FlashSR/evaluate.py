"""Scores super-resolution systems on a manifest.

To run it:
> python evaluate.py hparams/evaluate.yaml --data_folder=...

Every clip is cut at each frequency, restored by each system and compared with
the original; the means per domain and cut-off are written as `results.json`,
`results.csv` (one line a clip) and `results.md`, and printed.

Authors
 * The speechbrain_flashsr developers 2026
"""

import csv
import json
import pathlib
import sys

import numpy as np
import speechbrain as sb
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.dataio.dataio import load_data_json, read_audio
from tqdm import tqdm

from speechbrain_flashsr import metrics
from speechbrain_flashsr.degradation import low_pass
from speechbrain_flashsr.inference import FlashSR

METRICS = {
    "lsd": "LSD",
    "lsd_above": "LSD above the cut-off",
    "lsd_below": "LSD below the cut-off",
    "envelope_correlation": "Envelope correlation",
}


def make_system(name, hparams, run_opts):
    """A function (low [time], cutoff_hz, seed) -> restored [time]."""
    if name == "input":
        return lambda low, cutoff_hz, seed: low
    if name == "static_noise":
        path = pathlib.Path(__file__).parent / hparams["static_noise_file"]
        spectrum = torch.tensor(json.loads(path.read_text())["log_power"])
        noise = metrics.StaticNoise(spectrum)

        def add_noise(low, cutoff_hz, seed):
            generator = torch.Generator().manual_seed(seed)
            return noise(low[None], float(cutoff_hz), generator)[0]

        return add_noise
    kind, _, folder = name.partition(":")
    if kind != "flashsr":
        raise ValueError(
            f"There is no system '{name}': give input, static_noise, flashsr "
            f"or flashsr:<pretrained folder>."
        )
    source = {"source": folder} if folder else {}
    flashsr = FlashSR.from_hparams(**source, run_opts=run_opts)

    def restore(low, cutoff_hz, seed):
        cutoff = None if hparams["detect_cutoff"] else cutoff_hz
        return flashsr.super_resolve_batch(
            low[None], sample_rate=48000, cutoff=cutoff, seed=seed
        )[0].cpu()

    return restore


def choose_clips(hparams):
    """The entries of the manifest to score: {id: entry}, and how many were
    left out as too short."""
    entries = load_data_json(
        hparams["json"], {"data_root": hparams["data_folder"]}
    )
    rng = np.random.default_rng(hparams["seed"])
    chosen, too_short = {}, 0
    for domain in hparams["domains"]:
        names = sorted(n for n, e in entries.items() if e["domain"] == domain)
        long = [
            n for n in names if entries[n]["duration"] >= hparams["min_seconds"]
        ]
        too_short += len(names) - len(long)
        rng.shuffle(long)
        for name in long[: hparams["max_clips"]]:
            chosen[name] = entries[name]
    return chosen, too_short


def read_middle(entry, max_seconds):
    """The middle of a clip, [time], double precision."""
    start, stop = entry["start"], entry["stop"]
    excess = stop - start - int(max_seconds * entry["sample_rate"])
    if excess > 0:
        start += excess // 2
        stop = start + int(max_seconds * entry["sample_rate"])
    wav = read_audio({"file": entry["wav"], "start": start, "stop": stop})
    return wav.double()


def score(restored, wav, cutoff_hz, rolloff_hz):
    """All metrics of one clip: {name: value}."""
    ours, theirs = restored.double()[None], wav[None]
    values = {
        "lsd": metrics.lsd(ours, theirs, 0.0, rolloff_hz),
        "lsd_above": metrics.lsd(ours, theirs, cutoff_hz, rolloff_hz),
        "lsd_below": metrics.lsd(ours, theirs, 0.0, cutoff_hz),
        "envelope_correlation": metrics.envelope_correlation(
            ours, theirs, cutoff_hz, rolloff_hz
        ),
    }
    return {name: value.item() for name, value in values.items()}


def evaluate(hparams, run_opts):
    """Scores all systems; returns one row a clip, cut-off and system."""
    systems = {
        name: make_system(name, hparams, run_opts)
        for name in hparams["systems"]
    }
    clips, too_short = choose_clips(hparams)
    print(f"{len(clips)} clips; {too_short} shorter than the least length.")
    rows, skipped = [], 0
    for name, entry in tqdm(clips.items(), dynamic_ncols=True):
        wav = read_middle(entry, hparams["max_seconds"])
        for cutoff_hz in hparams["cutoffs"]:
            if entry["rolloff_hz"] < cutoff_hz + 1000:
                skipped += 1
                continue
            low = low_pass(
                wav.numpy(),
                48000,
                cutoff_hz,
                hparams["filter_family"],
                hparams["filter_order"],
            )
            low = torch.from_numpy(low.copy()).float()
            for system, restore in systems.items():
                restored = restore(low, cutoff_hz, hparams["seed"])
                rows.append(
                    {
                        "id": name,
                        "domain": entry["domain"],
                        "cutoff_hz": cutoff_hz,
                        "system": system,
                        **score(restored, wav, cutoff_hz, entry["rolloff_hz"]),
                    }
                )
    print(f"{skipped} times a clip had no content above the cut-off.")
    return rows


def summarise(rows):
    """Means over clips: {domain: {cutoff_hz: {system: {metric: mean}}}}, with
    `clips`, how many."""
    summary = {}
    for row in rows:
        cell = summary.setdefault(row["domain"], {})
        cell = cell.setdefault(row["cutoff_hz"], {})
        cell.setdefault(row["system"], []).append(row)
    for cutoffs in summary.values():
        for systems in cutoffs.values():
            for system, cell in systems.items():
                means = {
                    metric: float(np.nanmean([row[metric] for row in cell]))
                    for metric in METRICS
                }
                systems[system] = {"clips": len(cell), **means}
    return summary


def as_markdown(summary):
    """The summary as a table."""
    lines = [
        "| domain | cut-off | clips | system | "
        + " | ".join(METRICS.values())
        + " |",
        "| --- " * (4 + len(METRICS)) + "|",
    ]
    for domain, cutoffs in summary.items():
        for cutoff_hz, systems in cutoffs.items():
            for system, cell in systems.items():
                values = " | ".join(f"{cell[m]:.3f}" for m in METRICS)
                lines.append(
                    f"| {domain} | {cutoff_hz / 1000:g} kHz | {cell['clips']} "
                    f"| {system} | {values} |"
                )
    return "\n".join(lines) + "\n"


def write_results(rows, folder):
    """Writes results.csv, results.json and results.md; returns the table."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "results.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    summary = summarise(rows)
    (folder / "results.json").write_text(json.dumps(summary, indent=2))
    table = as_markdown(summary)
    (folder / "results.md").write_text(table)
    return table


if __name__ == "__main__":
    hparams_file, run_opts, overrides = sb.parse_arguments(sys.argv[1:])
    with open(hparams_file, encoding="utf-8") as file:
        hparams = load_hyperpyyaml(file, overrides)
    rows = evaluate(hparams, run_opts)
    if not rows:
        sys.exit("No clip could be scored: see the counts above.")
    print(write_results(rows, hparams["output_folder"]))
