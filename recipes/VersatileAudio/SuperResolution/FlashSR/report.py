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
from scoring import METRICS
from tables import as_text, factor_text, notes

from speechbrain_flashsr.audio import SAMPLE_RATE
from speechbrain_flashsr.audio.writing import complete_file

TEMPLATE = Path(__file__).parent / "report_template.html"

DYNAMIC_RANGE = 90.0
"""Between the darkest and the brightest level of spectrograms, in dB."""

SPECTROGRAM_FRAME = 1024
SPECTROGRAM_SIZE = (560, 224)


def write_report(folder):
    """Writes report.html from the results.json and sounds/ of a folder; returns
    its path."""
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
        places=places(results),
        factor_text=factor_text,
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
    script or style, and no other. The HTML has the element, "script" or
    "style", once, the same as in the page.

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


def places(results):
    """A table for each domain and cut-off: the systems and their metrics.

    Metrics that do not apply there are left out."""
    tables = []
    for domain, cutoffs in results["summary"].items():
        for cutoff, systems in cutoffs.items():
            best = {name: best_of(systems, name) for name in results["metrics"]}
            names = [name for name in best if best[name] is not None]
            tables.append(
                {
                    "name": f"{domain}, {float(cutoff) / 1000:g} kHz",
                    "clips": max(cell["clips"] for cell in systems.values()),
                    "metrics": [METRICS[name] for name in names],
                    "rows": {
                        label: [_cell(cell[n], n, best[n]) for n in names]
                        for label, cell in systems.items()
                    },
                }
            )
    return tables


def best_of(systems, name):
    """The best mean of a metric, as text; None if there is none. The original
    does not compete."""
    metric = METRICS[name]
    means = [
        cell[name]["mean"]
        for label, cell in systems.items()
        if label != "original" and cell[name]["mean"] is not None
    ]
    if not means:
        return None
    choose = max if metric.better == "higher" else min
    key = abs if metric.better == "near 0" else None
    return f"{choose(means, key=key):.{metric.digits}f}"


def _cell(value, name, best):
    mean, _, interval = as_text(value, name).partition(" ")
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
    """A picture of [time] at 48 kHz, from 0 to 24 kHz, as a data URI, up to the
    brightest level in dB (see :func:`levels`)."""
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
    """A data URI of [time], lossless: the page plays what is scored."""
    buffer = io.BytesIO()
    soundfile.write(buffer, wav, SAMPLE_RATE, "PCM_16", format="FLAC")
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return f"data:audio/flac;base64,{encoded}"


if __name__ == "__main__":
    print(write_report(sys.argv[1]))
