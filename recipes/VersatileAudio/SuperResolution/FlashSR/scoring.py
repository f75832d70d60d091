"""What an evaluation measures, and how it is summed up.

Authors
 * The speechbrain_flashsr developers 2026
"""

import csv
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

import torch

from speechbrain_flashsr.metrics import perceptual, spectral
from speechbrain_flashsr.metrics.intervals import IntervalStats


@dataclass(frozen=True)
class Metric:
    """Name, direction and meaning of a metric.

    `top_hz` is where its hearing ends: at cut-offs from there on it is not
    computed, since all systems would score the same.
    """

    label: str
    better: str
    digits: int
    definition: str
    speech_only: bool = False
    top_hz: float = math.inf


METRICS = {
    "lsd": Metric(
        "LSD",
        "lower",
        2,
        "Log-spectral distance: root mean square difference of the log10 power "
        "spectra (2048 points, hop 512, Hann) over all bins below the "
        "recording's own roll-off, mean over its active frames. A level "
        "that is off by 20 dB everywhere gives 2.",
    ),
    "lsd_above": Metric(
        "LSD above the cut-off",
        "lower",
        2,
        "The same from the cut-off to the roll-off: what was restored.",
    ),
    "lsd_below": Metric(
        "LSD below the cut-off",
        "lower",
        2,
        "The same below the cut-off: what should have been left alone. It "
        "includes the edge of the low-pass itself.",
    ),
    "lsd_aligned": Metric(
        "LSD, energy-aligned",
        "lower",
        2,
        "LSD after the output was scaled by one factor to the energy of the "
        "original.",
    ),
    "mel_distance": Metric(
        "Mel distance (dB)",
        "lower",
        1,
        "Mean absolute difference of the levels of 128 mel bands below the "
        "roll-off, in active frames.",
    ),
    "envelope_correlation": Metric(
        "Envelope correlation",
        "higher",
        2,
        "Correlation over time of the levels of 1 kHz bands from the cut-off "
        "to 16 kHz: does what was restored follow the sound? Stationary noise "
        "stays near 0.",
    ),
    "si_sdr": Metric(
        "SI-SDR (dB)",
        "higher",
        1,
        "Scale-invariant signal-to-distortion ratio of the waveforms. A high "
        "band of the right level and other phases than the original's lowers "
        "it.",
    ),
    "pesq": Metric(
        "PESQ",
        "higher",
        2,
        "Wideband PESQ (ITU-T P.862.2) at 16 kHz, up to 4.64; it hears nothing "
        "above 8 kHz.",
        speech_only=True,
        top_hz=8000.0,
    ),
    "stoi": Metric(
        "STOI",
        "higher",
        3,
        "Short-time objective intelligibility, up to 1; it hears nothing above "
        "5 kHz.",
        speech_only=True,
        top_hz=5000.0,
    ),
    "estoi": Metric(
        "Extended STOI",
        "higher",
        3,
        "Extended short-time objective intelligibility, up to 1; it hears "
        "nothing above 5 kHz.",
        speech_only=True,
        top_hz=5000.0,
    ),
    "dnsmos": Metric(
        "DNSMOS",
        "higher",
        2,
        "Overall quality without a reference, 1 to 5, as a network trained on "
        "noisy speech estimates it at 16 kHz.",
        speech_only=True,
        top_hz=8000.0,
    ),
}

SETS = {
    "spectral": [
        "lsd",
        "lsd_above",
        "lsd_below",
        "lsd_aligned",
        "mel_distance",
        "envelope_correlation",
        "si_sdr",
    ],
    "speech": ["pesq", "stoi", "estoi"],
    "mos": ["dnsmos"],
}


def choose_metrics(sets):
    """The metrics of these sets that can be computed here.

    Arguments
    ---------
    sets : list of str
        Keys of `SETS`.

    Returns
    -------
    chosen : list of str
    missing : dict
        {metric: packages that it lacks}.

    Raises
    ------
    ValueError
        If there is no such set.
    """
    unknown = [name for name in sets if name not in SETS]
    if unknown:
        raise ValueError(
            f"There are no metrics '{unknown[0]}': give sets among "
            f"{', '.join(SETS)}."
        )
    names = [metric for name in sets for metric in SETS[name]]
    lacking = {name: perceptual.missing_packages(name) for name in names}
    missing = {name: packages for name, packages in lacking.items() if packages}
    return [name for name in names if name not in missing], missing


def score(restored, wav, cutoff_hz, rolloff_hz, domain, names):
    """All metrics of one clip.

    Arguments
    ---------
    restored, wav : torch.Tensor
        [time] at 48 kHz.
    cutoff_hz, rolloff_hz : float
        In Hz.
    domain : str
        Of the clip.
    names : list of str
        Keys of `METRICS`.

    Returns
    -------
    dict
        {name: value}, NaN where a metric does not apply.
    """
    ours, theirs = restored.double()[None], wav.double()[None]
    comparison = spectral.SpectralComparison(ours, theirs)
    functions = {
        "lsd": lambda: comparison.lsd(0.0, rolloff_hz),
        "lsd_above": lambda: comparison.lsd(cutoff_hz, rolloff_hz),
        "lsd_below": lambda: comparison.lsd(0.0, cutoff_hz),
        "lsd_aligned": lambda: spectral.lsd(
            spectral.align_energy(ours, theirs), theirs, 0.0, rolloff_hz
        ),
        "mel_distance": lambda: comparison.mel_distance(rolloff_hz),
        "envelope_correlation": lambda: comparison.envelope_correlation(
            cutoff_hz, rolloff_hz
        ),
        "si_sdr": lambda: spectral.si_sdr(ours, theirs),
        "pesq": lambda: perceptual.pesq(ours, theirs),
        "stoi": lambda: perceptual.stoi(ours, theirs),
        "estoi": lambda: perceptual.stoi(ours, theirs, extended=True),
        "dnsmos": lambda: perceptual.dnsmos(ours),
    }
    values = {}
    for name in names:
        metric = METRICS[name]
        applies = cutoff_hz < metric.top_hz and (
            domain == "speech" or not metric.speech_only
        )
        values[name] = functions[name]().item() if applies else math.nan
    return values


def summarise(rows, names, seed=0):
    """Averages over clips, with intervals.

    Arguments
    ---------
    rows : list of dict
        `id`, `domain`, `cutoff_hz`, `system` and the metrics of each clip.
    names : list of str
        The metrics.
    seed : int
        Of the bootstrap.

    Returns
    -------
    dict
        {domain: {cutoff_hz: {system: {"clips": n, metric: {"mean", "lower",
        "upper", "clips"}}}}}. Where a metric has no value its mean is None;
        its `clips` are those that have one.
    """
    cells = {}
    for row in rows:
        place = row["domain"], f"{row['cutoff_hz']:g}", row["system"]
        cells.setdefault(place, []).append(row)
    summary = {}
    for (domain, cutoff, system), members in cells.items():
        cell = {"clips": len(members)}
        for name in names:
            stats = IntervalStats(torch.as_tensor, seed=seed)
            stats.append(
                [row["id"] for row in members], [row[name] for row in members]
            )
            found = stats.summarize()
            cell[name] = {
                "mean": _number_or_none(found["average"]),
                "lower": _number_or_none(found["lower"]),
                "upper": _number_or_none(found["upper"]),
                "clips": found["count"],
            }
        cutoffs = summary.setdefault(domain, {})
        cutoffs.setdefault(cutoff, {})[system] = cell
    return summary


def _number_or_none(value):
    return value if math.isfinite(value) else None


def as_text(value, name):
    """A metric's `{"mean", "lower", "upper"}` for people."""
    if value["mean"] is None:
        return "-"
    digits = METRICS[name].digits
    text = f"{value['mean']:.{digits}f}"
    if value["lower"] is not None:
        text += f" ({value['lower']:.{digits}f} to {value['upper']:.{digits}f})"
    return text


def as_markdown(results):
    """Tables of the results, see `evaluate.py`."""
    summary, names = results["summary"], results["metrics"]
    labels = [METRICS[name].label for name in names]
    lines = [
        f"| domain | cut-off | clips | system | {' | '.join(labels)} |",
        "| --- " * (4 + len(names)) + "|",
    ]
    for domain, cutoffs in summary.items():
        for cutoff, systems in cutoffs.items():
            for system, cell in systems.items():
                values = " | ".join(as_text(cell[n], n) for n in names)
                lines.append(
                    f"| {domain} | {float(cutoff) / 1000:g} kHz "
                    f"| {cell['clips']} | {system} | {values} |"
                )
    lines += ["", "| system | real-time factor | peak memory |"]
    lines += ["| --- | --- | --- |"]
    for system, cost in results["systems"].items():
        lines.append(f"| {system} | {' | '.join(cost_texts(cost))} |")
    lines += ["", *notes(results)]
    return "\n".join(lines) + "\n"


def cost_texts(cost):
    """Real-time factor and peak memory for people."""
    factor, memory = cost["real_time_factor"], cost["peak_memory_mb"]
    return (
        "-" if factor is None else f"{factor:.2g}",
        "-" if memory is None else f"{memory:.0f} MB",
    )


def notes(results):
    """What was not scored and why, a sentence each."""
    left_out = results["left_out"]
    lines = []
    if left_out["too_short"]:
        lines.append(f"{left_out['too_short']} clips were too short.")
    if left_out["no_high_band"]:
        lines.append(
            f"{left_out['no_high_band']} times a clip had no content above "
            f"the cut-off."
        )
    for name, packages in results["missing"].items():
        lines.append(
            f"{METRICS[name].label} was not computed: install "
            f"{', '.join(packages)} "
            f"(pip install 'speechbrain_flashsr[evaluate]')."
        )
    if results["refused"]:
        lines.append(f"{len(results['refused'])} refusals:")
        lines += [
            f"- {r['system'] or 'all systems'}, {r['id']}"
            + (f", {r['cutoff_hz'] / 1000:g} kHz" if r["cutoff_hz"] else "")
            + f": {r['reason']}"
            for r in results["refused"]
        ]
    return lines


def write_results(rows, results, folder):
    """Writes results.csv (a line a clip), results.json and results.md."""
    folder = Path(folder)
    columns = ["id", "domain", "cutoff_hz", "system", *results["metrics"]]
    temporary = folder / "results.csv.tmp"
    with open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(temporary, folder / "results.csv")
    texts = {
        "results.json": json.dumps(results, indent=1),
        "results.md": as_markdown(results),
    }
    for name, text in texts.items():
        temporary = folder / f"{name}.tmp"
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, folder / name)
