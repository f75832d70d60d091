"""Plots and spectrograms of the report, as text to put into a page.

Authors
 * The speechbrain_flashsr developers 2026
"""

import base64
import io
import re

import matplotlib
import numpy as np
import scipy.signal
from matplotlib.figure import Figure
from PIL import Image
from scoring import METRICS

from speechbrain_flashsr.metrics.spectral import SAMPLE_RATE

COLOURS = ("#2f7fe0", "#d9541e", "#0f9a71", "#a052d6", "#c2860c", "#d6447f")
GREY = "#8a8f98"
MARKERS = "osD^vP"
INK = "#010203"
"""Stands for the page's text colour while matplotlib draws."""

DYNAMIC_RANGE = 90.0
"""Between the darkest and the brightest level of spectrograms, in dB."""

SPECTROGRAM_FRAME = 1024
SPECTROGRAM_SIZE = (560, 224)

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.18,
    "grid.linewidth": 0.7,
    **dict.fromkeys(
        (
            "text.color",
            "axes.edgecolor",
            "axes.labelcolor",
            "xtick.color",
            "ytick.color",
            "grid.color",
        ),
        INK,
    ),
}


def looks(systems):
    """Colour and marker of each system: {label: (colour, marker)}."""
    found, used = {}, 0
    for label in systems:
        if label == "input":
            found[label] = GREY, "x"
        else:
            index = used % len(COLOURS)
            found[label] = COLOURS[index], MARKERS[index]
            used += 1
    return found


def metric_plots(results, name):
    """A metric over the cut-off with 95 % intervals, a plot a domain.

    Arguments
    ---------
    results : dict
        See `evaluate.py`.
    name : str
        The metric.

    Returns
    -------
    dict
        {domain: SVG}; domains without a value are left out.
    """
    summary = {}
    for domain, cutoffs in results["summary"].items():
        values = {
            cutoff: {
                label: cell[name]
                for label, cell in systems.items()
                if cell[name]["mean"] is not None
            }
            for cutoff, systems in cutoffs.items()
        }
        values = {c: v for c, v in sorted(values.items(), key=_as_float) if v}
        if values:
            summary[domain] = values
    limits = _limits(
        value[key]
        for cutoffs in summary.values()
        for systems in cutoffs.values()
        for value in systems.values()
        for key in ("mean", "lower", "upper")
        if value[key] is not None
    )
    return {
        domain: _draw(
            lambda axes, cutoffs=cutoffs: _over_cutoffs(
                axes, cutoffs, results["systems"], limits
            ),
            METRICS[name].label,
            f"{name}-{domain}",
        )
        for domain, cutoffs in summary.items()
    }


def cost_plot(results, name):
    """A metric, mean of all domains and cut-offs, over the real-time factor.

    What was not timed (the input, outputs made elsewhere) is a dashed line.

    Returns
    -------
    str or None
        SVG; None if no system was timed.
    """
    means = overall_means(results, name)
    points = {
        label: (cost["real_time_factor"], means[label])
        for label, cost in results["systems"].items()
        if cost["real_time_factor"] and means.get(label) is not None
    }
    if not points:
        return None

    def draw(axes):
        for label, (colour, marker) in looks(results["systems"]).items():
            if label in points:
                axes.scatter(
                    *points[label], color=colour, marker=marker, s=44, zorder=3
                )
            elif means.get(label) is not None:
                axes.axhline(means[label], color=colour, linestyle="--")
        axes.set_xscale("log")
        axes.margins(0.15)
        axes.set_xlabel("Seconds of work per second of sound")

    return _draw(draw, METRICS[name].label, f"{name}-time")


def overall_means(results, name):
    """Means over the domains and cut-offs where all systems have a value, but
    for systems that have none anywhere: {label: mean or None}."""
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
        if shared and label in present
        else None
        for label in results["systems"]
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


def _over_cutoffs(axes, cutoffs, systems, limits):
    for index, (label, (colour, marker)) in enumerate(looks(systems).items()):
        shift = 0.12 * (index - (len(systems) - 1) / 2)
        shift = shift / max(1, len(systems) / 5)
        places = [i for i, v in enumerate(cutoffs.values()) if label in v]
        values = [v[label] for v in cutoffs.values() if label in v]
        if not values:
            continue
        means = np.array([value["mean"] for value in values])
        reach = [
            [
                abs(
                    (value["mean"] if value[key] is None else value[key]) - mean
                )
                for value, mean in zip(values, means)
            ]
            for key in ("lower", "upper")
        ]
        axes.errorbar(
            np.array(places) + shift,
            means,
            reach,
            color=colour,
            marker=marker,
            markersize=5.5,
            linewidth=1.3,
            elinewidth=1.3,
            capsize=2.5,
        )
    axes.set_xticks(
        range(len(cutoffs)), [f"{float(c) / 1000:g}" for c in cutoffs]
    )
    axes.set_xlim(-0.5, len(cutoffs) - 0.5)
    axes.set_ylim(*limits)
    axes.set_xlabel("Cut-off (kHz)")


def _draw(draw, ylabel, prefix):
    """An SVG that takes on the colour and the font of the page."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.0, 2.4), layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        axes.set_ylabel(ylabel)
        buffer = io.StringIO()
        figure.savefig(
            buffer, format="svg", transparent=True, metadata={"Date": None}
        )
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # The page holds several, and sets their size.
    text = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{prefix}-", text)
    return re.sub(
        r'<svg[^>]*?(viewBox="[^"]*")[^>]*>', r"<svg \1>", text, count=1
    )


def _limits(values):
    values = list(values)
    if not values:
        return 0, 1
    low, high = min(values), max(values)
    margin = 0.06 * (high - low) or 0.5
    return low - margin, high + margin


def _as_float(item):
    return float(item[0])
