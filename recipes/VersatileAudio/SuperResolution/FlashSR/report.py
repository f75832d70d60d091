"""A page to read, see and hear the results of an evaluation.

To make it again from the results in a folder:
> python report.py FOLDER

`report.html` needs nothing beside itself: sounds (FLAC, 16 bit), pictures and
scripts are inside.

Authors
 * The speechbrain_flashsr developers 2026
"""

import base64
import hashlib
import io
import json
import re
import sys
from pathlib import Path

import jinja2
import matplotlib
import numpy as np
import scipy.signal
import soundfile
from clips import middle
from degradations import NAMES
from PIL import Image
from scoring import METRICS, as_text, best_of, factor_text, notes

from speechbrain_flashsr.audio.writing import complete_file
from speechbrain_flashsr.metrics.spectral import SAMPLE_RATE

TEMPLATE = Path(__file__).parent / "report_template.html"

OVERVIEW = (
    "visqol",
    "visqol_won",
    "p808",
    "level_bias",
    "level_error",
    "envelope_correlation",
    "lsd",
)
"""Metrics of the first table."""

DYNAMIC_RANGE = 90.0
"""Between the darkest and the brightest level of spectrograms, in dB."""

SPECTROGRAM_FRAME = 1024
SPECTROGRAM_SIZE = (560, 224)


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
    text = TEMPLATE.read_text(encoding="utf-8")
    page = environment.from_string(text).render(
        style_digest=policy_digest(text, "style"),
        script_digest=policy_digest(text, "script"),
        results=results,
        degradation=describe_degradation(results["settings"]),
        arrows={"lower": "↓", "higher": "↑", "near 0": "→ 0"},
        overview=overview(results),
        panels=[panel(results, name) for name in results["metrics"]],
        clips=clips(results, folder),
        definitions=[METRICS[name] for name in results["metrics"]],
        notes=[n for n in notes(results) if not n.startswith("- ")],
    )
    path = folder / "report.html"
    with complete_file(path) as temporary:
        Path(temporary).write_text(page, encoding="utf-8")
    return path


def policy_digest(page, element):
    """The source by which a page's Content-Security-Policy allows its inline
    script or style, and no other.

    Arguments
    ---------
    page : str
        HTML that has the element once, the same as in the page.
    element : {"script", "style"}
        Which.

    Returns
    -------
    str

    Example
    -------
    >>> policy_digest("<script>alert(1)</script>", "script")[:15]
    "'sha256-bhHHL3z"
    """
    content = re.search(f"<{element}>(.*?)</{element}>", page, re.DOTALL)[1]
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def describe_degradation(settings):
    """Describes the degradation."""
    if settings["paired_folders"]:
        return "given as files of their own"
    name = NAMES[settings["degradation"]]
    return "made by " + name.format(order=settings["filter_order"])


def overview(results):
    """Columns and rows of the table that has one line a system: means over the
    domains and cut-offs."""
    names = [name for name in OVERVIEW if name in results["metrics"]]
    means = {name: overall_means(results, name) for name in names}
    names = [name for name in names if _contenders(means[name])]
    rows = [
        {
            "label": label,
            "cells": [_overview_cell(means[n], label, n) for n in names],
            "factor": factor_text(about),
        }
        for label, about in results["systems"].items()
    ]
    return {"metrics": [METRICS[name] for name in names], "rows": rows}


def overall_means(results, name):
    """Means over the domains and cut-offs where all systems that have a value
    somewhere have one: {label: mean}."""
    places = [
        {
            label: cell[name]["mean"]
            for label, cell in systems.items()
            if cell[name]["mean"] is not None
        }
        for cutoffs in results["summary"].values()
        for systems in cutoffs.values()
    ]
    present = {label for place in places for label in place}
    shared = [place for place in places if present and place.keys() == present]
    return {
        label: float(np.mean([place[label] for place in shared]))
        for label in present
        if shared
    }


def _overview_cell(means, label, name):
    if label not in means:
        return {"text": "-", "best": False}
    text = f"{means[label]:.{METRICS[name].digits}f}"
    return {"text": text, "best": text == best_of(_contenders(means), name)}


def _contenders(means):
    """The values of all systems but the original."""
    return [m for label, m in means.items() if label != "original"]


def panel(results, name):
    """Table of one metric."""
    rows = []
    for domain, cutoffs in results["summary"].items():
        for cutoff, systems in cutoffs.items():
            cells = {
                label: systems[label][name]
                for label in results["systems"]
                if label in systems and systems[label][name]["mean"] is not None
            }
            if not cells.keys() - {"original"}:
                continue
            means = {label: cell["mean"] for label, cell in cells.items()}
            best = best_of(_contenders(means), name)
            rows.append(
                {
                    "place": f"{domain}, {float(cutoff) / 1000:g} kHz",
                    "clips": max(cell["clips"] for cell in cells.values()),
                    "cells": [
                        _panel_cell(cells.get(label), name, best)
                        for label in results["systems"]
                    ],
                }
            )
    return {"name": name, "metric": METRICS[name], "rows": rows}


def _panel_cell(cell, name, best):
    if cell is None:
        return {"mean": "-", "interval": "", "best": False}
    mean, _, interval = as_text(cell, name).partition(" ")
    return {
        "mean": mean,
        "interval": interval.strip("()"),
        "best": mean == best,
    }


def clips(results, folder):
    """Sounds of the page: for each clip the original, and for each cut-off
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


def spectrogram(wav, brightest):
    """A picture of [time] at 48 kHz, from 0 to 24 kHz, as a data URI.

    Arguments
    ---------
    wav : numpy.ndarray
        [time].
    brightest : float
        Level in dB of the brightest colour, see :func:`levels`.

    Returns
    -------
    str
    """
    relative = (levels(wav) - brightest) / DYNAMIC_RANGE + 1
    colours = matplotlib.colormaps["magma"](np.clip(relative[::-1], 0, 1))
    picture = Image.fromarray((colours[..., :3] * 255).astype(np.uint8))
    picture = picture.resize(SPECTROGRAM_SIZE, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=82)
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return f"data:image/jpeg;base64,{encoded}"


def levels(wav):
    """Levels in dB, [bins, frames]."""
    wav = np.pad(wav, SPECTROGRAM_FRAME // 2)
    hop = max(1, (len(wav) - SPECTROGRAM_FRAME) // (2 * SPECTROGRAM_SIZE[0]))
    _, _, power = scipy.signal.spectrogram(
        wav,
        SAMPLE_RATE,
        "hann",
        SPECTROGRAM_FRAME,
        SPECTROGRAM_FRAME - min(hop, SPECTROGRAM_FRAME),
        detrend=False,
        scaling="spectrum",
    )
    return 10 * np.log10(power + 1e-12)


def flac(wav):
    """A data URI of [time]; lossless, so that the page plays the scored sound."""
    buffer = io.BytesIO()
    soundfile.write(buffer, wav, SAMPLE_RATE, "PCM_16", format="FLAC")
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return f"data:audio/flac;base64,{encoded}"


if __name__ == "__main__":
    print(write_report(sys.argv[1]))
