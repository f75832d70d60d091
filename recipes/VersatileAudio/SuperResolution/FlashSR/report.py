"""A page to read, see and hear the results of an evaluation.

To make it anew from the results in a folder:
> python report.py FOLDER

`report.html` needs nothing beside itself: sounds (FLAC, 16 bit), plots and
scripts are inside.

Authors
 * The speechbrain_flashsr developers 2026
"""

import base64
import io
import json
import os
import sys
from pathlib import Path

import jinja2
import numpy as np
import soundfile
from clips import middle
from figures import (
    cost_plot,
    levels,
    looks,
    metric_plots,
    overall_means,
    spectrogram,
)
from scoring import METRICS, as_text, cost_texts, notes

from speechbrain_flashsr.metrics.spectral import SAMPLE_RATE

TEMPLATE = Path(__file__).parent / "report_template.html"

OVERVIEW = ("lsd", "lsd_above", "envelope_correlation", "mel_distance", "pesq")
"""Metrics of the first table."""

DEGRADATION_NAMES = {
    "cheby1": "a Chebyshev low-pass of order {order}",
    "butter": "a Butterworth low-pass of order {order}",
    "bessel": "a Bessel low-pass of order {order}",
    "ellip": "an elliptic low-pass of order {order}",
    "g711": "telephone coding (G.711 mu-law, 300 to 3400 Hz)",
    "mp3": "MP3 coding at twice the cut-off",
    "ogg": "Ogg Vorbis coding at twice the cut-off",
}


def write_report(folder):
    """Writes report.html from the results of a folder.

    Arguments
    ---------
    folder : str or Path
        Holds results.json and sounds/.

    Returns
    -------
    Path
        The page.
    """
    folder = Path(folder)
    results = json.loads((folder / "results.json").read_text())
    environment = jinja2.Environment(autoescape=True, trim_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    page = template.render(
        results=results,
        degradation=describe_degradation(results["settings"]),
        looks=looks(results["systems"]),
        cost_texts=cost_texts,
        overview=overview(results),
        panels=[panel(results, name) for name in results["metrics"]],
        clips=clips(results, folder),
        definitions=[METRICS[name] for name in results["metrics"]],
        notes=[n for n in notes(results) if not n.startswith("- ")],
    )
    path = folder / "report.html"
    temporary = folder / "report.html.tmp"
    temporary.write_text(page, encoding="utf-8")
    os.replace(temporary, path)
    return path


def describe_degradation(settings):
    """What took the high band away, in words."""
    if settings["paired_folders"]:
        return "given as files of their own"
    name = DEGRADATION_NAMES[settings["degradation"]]
    return "made by " + name.format(order=settings["filter_order"])


def overview(results):
    """Columns and rows of the table that has one line a system."""
    names = [name for name in OVERVIEW if name in results["metrics"]]
    means = {name: overall_means(results, name) for name in names}
    names = [n for n in names if any(v is not None for v in means[n].values())]
    rows = []
    for label, cost in results["systems"].items():
        cells = [
            _overview_cell(means[name], label, METRICS[name]) for name in names
        ]
        rows.append({"label": label, "cells": cells, "cost": cost})
    return {"metrics": [METRICS[name] for name in names], "rows": rows}


def _overview_cell(means, label, metric):
    if means[label] is None:
        return {"text": "-", "best": False}
    known = [mean for mean in means.values() if mean is not None]
    best = (min if metric.better == "lower" else max)(known)
    text = f"{means[label]:.{metric.digits}f}"
    return {"text": text, "best": text == f"{best:.{metric.digits}f}"}


def panel(results, name):
    """Plots and table of one metric."""
    metric = METRICS[name]
    rows = []
    for domain, cutoffs in results["summary"].items():
        for cutoff, systems in cutoffs.items():
            cells = [
                systems[label][name] if label in systems else None
                for label in results["systems"]
            ]
            means = [c["mean"] for c in cells if c and c["mean"] is not None]
            if not means:
                continue
            best = (min if metric.better == "lower" else max)(means)
            rows.append(
                {
                    "place": f"{domain}, {float(cutoff) / 1000:g} kHz",
                    "clips": max(c["clips"] for c in cells if c),
                    "cells": [_panel_cell(c, name, best) for c in cells],
                }
            )
    return {
        "name": name,
        "metric": metric,
        "plots": metric_plots(results, name),
        "cost_plot": cost_plot(results, name),
        "rows": rows,
    }


def _panel_cell(cell, name, best):
    if cell is None or cell["mean"] is None:
        return {"mean": "-", "interval": "", "best": False}
    mean, _, interval = as_text(cell, name).partition(" ")
    return {
        "mean": mean,
        "interval": interval.strip("()"),
        "best": mean == f"{best:.{METRICS[name].digits}f}",
    }


def clips(results, folder):
    """What can be heard: for each clip the original, and for each cut-off
    each system's output."""
    found = {}
    for sound in results["sounds"]:
        clip = found.setdefault(
            sound["reference"],
            {"id": sound["id"], "domain": sound["domain"], "cutoffs": {}},
        )
        cutoff = clip["cutoffs"].setdefault(sound["cutoff_hz"], {})
        cutoff[sound["system"]] = sound["key"]
    return [
        {
            "id": clip["id"],
            "domain": clip["domain"],
            **_sounds(folder, reference, clip["cutoffs"], results),
        }
        for reference, clip in found.items()
    ]


def _sounds(folder, reference, cutoffs, results):
    """Pictures and sounds of a clip, all at one level and one brightness."""

    def read(key):
        wav, _ = soundfile.read(folder / "sounds" / f"{key}.wav")
        return middle(wav, int(results["report_seconds"] * SAMPLE_RATE))

    original = read(reference)
    wavs = {
        cutoff: {label: read(key) for label, key in systems.items()}
        for cutoff, systems in cutoffs.items()
    }
    everything = [original, *(w for ws in wavs.values() for w in ws.values())]
    gain = min(1.0, 0.999 / max(np.abs(wav).max() for wav in everything))
    brightest = levels(original * gain).max()

    def present(wav):
        return {
            "picture": spectrogram(wav * gain, brightest),
            "sound": flac(wav * gain),
        }

    return {
        "seconds": len(original) / SAMPLE_RATE,
        "original": present(original),
        "cutoffs": [
            {
                "hz": cutoff,
                "height": 100 * cutoff / (SAMPLE_RATE / 2),
                "label": f"{cutoff / 1000:g} kHz",
                "systems": {
                    label: present(wav) for label, wav in systems.items()
                },
            }
            for cutoff, systems in wavs.items()
        ],
    }


def flac(wav):
    """A data URI of [time]; lossless, so that what is heard was measured."""
    buffer = io.BytesIO()
    soundfile.write(buffer, wav, SAMPLE_RATE, "PCM_16", format="FLAC")
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return f"data:audio/flac;base64,{encoded}"


if __name__ == "__main__":
    print(write_report(sys.argv[1]))
