"""Metrics of an evaluation, and their summaries.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from speechbrain_flashsr.metrics import perceptual, spectral
from speechbrain_flashsr.metrics.intervals import mean_with_interval


@dataclass(frozen=True)
class Metric:
    """A metric: its name, direction, definition and function.

    `better` is "higher", "lower" or "near 0". `compute` takes a `Comparison`.
    A metric without it is the share of the way from the input to the original
    that is won in the metric `share_of`. At cut-offs from `top_hz` on, where
    its hearing ends, a metric is not computed: all systems would score the
    same. `set` is the name by which `--metrics` selects it."""

    label: str
    better: str
    digits: int
    definition: str
    compute: Callable | None = None
    speech_only: bool = False
    top_hz: float = math.inf
    share_of: str | None = None
    set: str = "spectral"


class Comparison(spectral.SpectralComparison):
    """An output and the original of a clip, [time] at 48 kHz, with cut-off and
    roll-off in Hz, as the metrics want them."""

    def __init__(self, restored, wav, cutoff_hz, rolloff_hz):
        self.wavs = restored[None].double(), wav[None].double()
        super().__init__(*self.wavs)
        self.cutoff_hz = cutoff_hz
        self.limits = cutoff_hz, rolloff_hz


METRICS = {
    "visqol": Metric(
        "ViSQOL",
        "higher",
        2,
        "ViSQOL in audio mode at 48 kHz, a mean opinion score of 1 to 4.73: "
        "the similarity of gammatone spectrograms. It ranks systems as "
        "listeners do, and hears the whole band.",
        lambda c: perceptual.visqol(*c.wavs),
        set="perceptual",
    ),
    "visqol_won": Metric(
        "ViSQOL won (%)",
        "higher",
        0,
        "Share of the way from the input's mean ViSQOL to the original's.",
        share_of="visqol",
        set="perceptual",
    ),
    "p808": Metric(
        "P.808",
        "higher",
        2,
        "DNSMOS P.808 at 16 kHz: the rating of speech, 1 to 5, that a network "
        "expects of listeners, without a reference.",
        lambda c: perceptual.p808(c.wavs[0]),
        speech_only=True,
        top_hz=8000.0,
        set="perceptual",
    ),
    "p808_won": Metric(
        "P.808 won (%)",
        "higher",
        0,
        "Share of the way from the input's mean P.808 to the original's.",
        share_of="p808",
        set="perceptual",
    ),
    "level_bias": Metric(
        "Level bias (dB)",
        "near 0",
        1,
        "Mean signed difference of the levels of 1 kHz bands from the cut-off "
        "to 16 kHz; a level is the mean power in active frames. Below 0 the "
        "restored band is too quiet.",
        lambda c: c.level_bias(*c.limits),
    ),
    "level_error": Metric(
        "Level error (dB)",
        "lower",
        1,
        "Mean absolute difference of the same levels.",
        lambda c: c.level_error(*c.limits),
    ),
    "envelope_correlation": Metric(
        "Envelope correlation",
        "higher",
        2,
        "Correlation over time of the levels of the same bands: does what was "
        "restored follow the sound? Stationary noise stays near 0.",
        lambda c: c.envelope_correlation(*c.limits),
    ),
    "lsd": Metric(
        "LSD",
        "lower",
        2,
        "Log-spectral distance: root mean square difference of the log10 power "
        "spectra (2048 points, hop 512, Hann) over all bins below the "
        "recording's own roll-off, mean over its active frames. A level "
        "that is off by 20 dB everywhere gives 2. It favours a smooth mean "
        "over the right texture.",
        lambda c: c.lsd(0.0, c.limits[1]),
    ),
    "lsd_above": Metric(
        "LSD above the cut-off",
        "lower",
        2,
        "The same from the cut-off to the roll-off: what was restored.",
        lambda c: c.lsd(*c.limits),
    ),
    "lsd_below": Metric(
        "LSD below the cut-off",
        "lower",
        2,
        "The same below the cut-off: what should have been left alone. It "
        "includes the edge of the low-pass itself.",
        lambda c: c.lsd(0.0, c.cutoff_hz),
    ),
    "si_sdr": Metric(
        "SI-SDR (dB)",
        "higher",
        1,
        "Scale-invariant signal-to-distortion ratio of the waveforms. A high "
        "band of the right level and other phases than the original's lowers "
        "it.",
        lambda c: spectral.si_sdr(*c.wavs),
    ),
    "pesq": Metric(
        "PESQ",
        "higher",
        2,
        "Wideband PESQ (ITU-T P.862.2) at 16 kHz, up to 4.64. It prefers a "
        "missing band to a restored one: a report, not a goal.",
        lambda c: perceptual.pesq(*c.wavs),
        speech_only=True,
        top_hz=8000.0,
        set="speech",
    ),
    "stoi": Metric(
        "STOI",
        "higher",
        3,
        "Short-time objective intelligibility, up to 1; it hears nothing above "
        "5 kHz.",
        lambda c: perceptual.stoi(*c.wavs),
        speech_only=True,
        top_hz=5000.0,
        set="speech",
    ),
    "estoi": Metric(
        "Extended STOI",
        "higher",
        3,
        "Extended short-time objective intelligibility, up to 1; it hears "
        "nothing above 5 kHz.",
        lambda c: perceptual.stoi(*c.wavs, extended=True),
        speech_only=True,
        top_hz=5000.0,
        set="speech",
    ),
}

SETS = {
    name: [key for key, metric in METRICS.items() if metric.set == name]
    for name in ("perceptual", "spectral", "speech")
}


def choose_metrics(sets):
    """The metrics of these `SETS` that can be computed here, and {metric:
    packages that it lacks}. Raises a ValueError if a set is unknown."""
    unknown = [name for name in sets if name not in SETS]
    if unknown:
        raise ValueError(
            f"Unknown metrics '{unknown[0]}'. Choose among {', '.join(SETS)}."
        )
    names = [metric for name in sets for metric in SETS[name]]
    missing = {
        name: perceptual.missing_packages(METRICS[name].share_of or name)
        for name in names
    }
    missing = {name: packages for name, packages in missing.items() if packages}
    return [name for name in names if name not in missing], missing


def score(comparison, domain, names):
    """All metrics, by their keys in `METRICS`, of one clip of a domain: {name:
    value}, NaN where one does not apply. Shares are left out, for they are
    those of means."""
    values = {}
    for name in names:
        metric = METRICS[name]
        if metric.share_of:
            continue
        applies = comparison.cutoff_hz < metric.top_hz and (
            domain == "speech" or not metric.speech_only
        )
        values[name] = (
            metric.compute(comparison).item() if applies else math.nan
        )
    return values


def summarise(rows, names, seed=0):
    """Averages over clips, with intervals.

    Takes rows with the `id`, `domain`, `cutoff_hz`, `system` and metrics of
    each clip, the names of the metrics, and the seed of the bootstrap. Returns
    {domain: {cutoff_hz: {system: {"clips": n, metric: {"mean", "lower",
    "upper", "clips"}}}}}. Where a metric has no value its mean is None; its
    `clips` are those that have one."""
    places = {}
    for row in rows:
        place = row["domain"], f"{row['cutoff_hz']:g}"
        systems = places.setdefault(place, {})
        systems.setdefault(row["system"], []).append(row)
    summary = {}
    for (domain, cutoff), systems in places.items():
        cells = {
            system: {"clips": len(members)}
            | {
                name: mean_with_interval([r[name] for r in members], seed)
                for name in names
                if not METRICS[name].share_of
            }
            for system, members in systems.items()
        }
        for cell in cells.values():
            for name in names:
                if METRICS[name].share_of:
                    cell[name] = _share(cell, METRICS[name].share_of, cells)
        summary.setdefault(domain, {})[cutoff] = cells
    return summary


def _share(cell, metric, cells):
    """Share of the way from the input's mean to the original's, in percent."""
    share = {**cell[metric], "mean": None, "lower": None, "upper": None}
    if {"input", "original"} <= cells.keys():
        ours = cell[metric]["mean"]
        start, goal = (cells[x][metric]["mean"] for x in ("input", "original"))
        if None not in (ours, start, goal) and start != goal:
            share["mean"] = 100 * (ours - start) / (goal - start)
    return share
