"""The results of an evaluation as tables: Markdown, CSV and JSON.

Authors
 * The speechbrain_flashsr developers 2026
"""

import csv
from pathlib import Path

from scoring import METRICS

from speechbrain_flashsr.audio.writing import complete_file
from speechbrain_flashsr.data.manifest import write_json


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
    lines += ["", "| system | real-time factor |", "| --- | --- |"]
    for system, about in results["systems"].items():
        lines.append(f"| {system} | {factor_text(about)} |")
    lines += ["", *notes(results)]
    return "\n".join(lines) + "\n"


def factor_text(about):
    """Real-time factor of a system for people."""
    factor = about["real_time_factor"]
    return "-" if factor is None else f"{factor:.2g}"


def notes(results):
    """Sentences about clips and metrics that were not scored."""
    left_out = results["left_out"]
    lines = []
    if left_out["too_short"]:
        lines.append(f"{left_out['too_short']} clips were too short.")
    if left_out["no_high_band"]:
        lines.append(
            f"{left_out['no_high_band']} times a clip had no content above "
            f"the cut-off."
        )
    if results["missing"]:
        labels = [METRICS[name].label for name in results["missing"]]
        packages = dict.fromkeys(
            package
            for lacking in results["missing"].values()
            for package in lacking
        )
        lines.append(
            f"{', '.join(labels)}: not computed, because {', '.join(packages)} "
            "cannot be imported (pip install 'speechbrain_flashsr[evaluate]')."
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
    names = [n for n in results["metrics"] if not METRICS[n].share_of]
    columns = ["id", "domain", "cutoff_hz", "system", *names]
    with complete_file(folder / "results.csv") as temporary:
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
    write_json(folder / "results.json", results)
    with complete_file(folder / "results.md") as temporary:
        Path(temporary).write_text(as_markdown(results), encoding="utf-8")
