"""Scores super-resolution systems, and makes a page to see and hear them.

To run it:
> python evaluate.py hparams/evaluate.yaml --data_folder=...

Every clip is cut at each frequency, restored by each system and compared with
the original; the original itself and the input are scored as well. Averages
with 95 % intervals per domain and cut-off are written as `results.json`,
`results.csv` (one line a clip) and `results.md`, and shown with players in
`report.html`. Clips that cannot be scored are listed, with the reason. An
evaluation that was interrupted continues when it is started again: scores are
kept in `scores.jsonl`, with a key of everything that they depend on.

Authors
 * The speechbrain_flashsr developers 2026
"""

import hashlib
import json
import os
import statistics
import sys
import time
from pathlib import Path

import soundfile
import torch
from clips import (
    RefusedError,
    choose_clips,
    list_clips,
    read_counterpart,
    read_reference,
)
from degradations import conditions, degrade
from hyperpyyaml import load_hyperpyyaml
from report import write_report
from scoring import Comparison, choose_metrics, score, summarise
from systems import (
    Trial,
    check_outputs,
    fingerprint,
    make_system,
    named_systems,
)
from tables import as_markdown, write_results
from tqdm import tqdm

from speechbrain_flashsr import __version__
from speechbrain_flashsr.audio import SAMPLE_RATE
from speechbrain_flashsr.brains.recipe import parse_arguments

SETTINGS = (
    "seed",
    "max_seconds",
    "degradation",
    "filter_order",
    "detect_cutoff",
)
"""Settings that scores depend on, as on clip, cut-off and system."""

RUN_OPTIONS = {"device": "cpu", "precision": "fp32"}
"""FlashSR's run options that scores and costs depend on, and their defaults."""


class Journal:
    """Rows that survive an interruption, each with a unique `key`."""

    def __init__(self, path):
        self.path = Path(path)
        self.rows = {}
        lines = self.path.read_text().splitlines() if path.exists() else []
        for line in lines:
            try:
                row = json.loads(line)
            except json.JSONDecodeError:  # Interrupted while writing
                continue
            self.rows[row["key"]] = row

    def add(self, row):
        """Keeps a row."""
        self.rows[row["key"]] = row
        with open(self.path, "a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # Interrupted while writing
                    file.write(b"\n")
            file.write(json.dumps(row).encode() + b"\n")


def key_of(*values):
    """A short hash of values."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


class Evaluation:
    """One evaluation, by hparams/evaluate.yaml and SpeechBrain's run options:
    what is compared, the scores so far, and the refusals."""

    def __init__(self, hparams, run_opts):
        self.hparams = hparams
        self.run_opts = {
            name: run_opts.get(name) or default
            for name, default in RUN_OPTIONS.items()
        }
        self.folder = Path(hparams["output_folder"])
        self.cutoffs = conditions(hparams)
        self.settings = named_systems(hparams["systems"])
        for settings in self.settings.values():
            check_outputs(settings, self.cutoffs)
        self.metrics, self.missing = choose_metrics(hparams["metrics"])
        self.refused = []
        (self.folder / "sounds").mkdir(parents=True, exist_ok=True)
        self.journal = Journal(self.folder / "scores.jsonl")
        self.systems = {
            label: make_system(
                label, settings, hparams["detect_cutoff"], self.run_opts
            )
            for label, settings in self.settings.items()
        }
        shared = __version__, self.metrics, [hparams[name] for name in SETTINGS]
        self.states = {
            label: key_of(
                shared,
                (settings, fingerprint(settings), self.run_opts)
                if settings
                else label,
            )
            for label, settings in self.settings.items()
        }

    def run(self):
        """Scores everything; returns the rows, in order, and the results."""
        clips, unpaired = list_clips(self.hparams)
        for name, reason in unpaired.items():
            self.refuse(name, None, None, reason)
        clips, too_short = choose_clips(clips, self.hparams)
        print(f"{len(clips)} clips; {too_short} shorter than the least length.")
        trials = [
            (clip, cutoff_hz)
            for clip in clips
            for cutoff_hz in self.cutoffs
            if clip.rolloff_hz >= cutoff_hz + 1000
        ]
        heard = self.choose_heard(clips)
        rows = []
        for clip, cutoff_hz in tqdm(trials, dynamic_ncols=True):
            rows += self.run_trial(clip, cutoff_hz, clip in heard)
        results = {
            "clips": len(clips),
            "settings": {name: self.hparams[name] for name in SETTINGS}
            | {"paired_folders": bool(self.hparams["low_folder"])},
            "report_seconds": self.hparams["report_seconds"],
            "metrics": self.metrics,
            "missing": self.missing,
            "summary": summarise(rows, self.metrics, self.hparams["seed"]),
            "systems": {
                label: {
                    "settings": settings,
                    "real_time_factor": median_factor(label, settings, rows),
                }
                for label, settings in self.settings.items()
            },
            "left_out": {
                "too_short": too_short,
                "no_high_band": len(clips) * len(self.cutoffs) - len(trials),
            },
            "refused": self.refused,
            "sounds": [
                {key: row[key] for key in ("id", "cutoff_hz", "system", "key")}
                | {"domain": row["domain"], "reference": row["reference"]}
                for row in rows
                if row["reference"] and row["system"] != "original"
            ],
        }
        return rows, results

    def choose_heard(self, clips):
        """The clips of each domain that the report lets people hear."""
        longest = self.hparams["report_seconds"]
        heard = []
        for domain in self.hparams["domains"]:
            members = [
                clip
                for clip in clips
                if clip.domain == domain
                and clip.rolloff_hz >= max(self.cutoffs) + 1000
            ]
            members.sort(key=lambda clip: -min(clip.seconds, longest))
            heard += members[: self.hparams["report_clips"]]
        return heard

    def refuse(self, name, cutoff_hz, system, reason):
        """Notes that something cannot be scored."""
        self.refused.append(
            {
                "id": name,
                "cutoff_hz": cutoff_hz,
                "system": system,
                "reason": str(reason),
            }
        )

    def run_trial(self, clip, cutoff_hz, is_heard):
        """Rows of all systems for one clip cut at one frequency."""
        reference = self.sound_key(clip) if is_heard else None
        # Nothing was taken from the original, so it is scored once.
        cutoffs = {
            label: 0.0 if label == "original" else cutoff_hz
            for label in self.states
        }
        keys = {
            label: key_of(
                self.clip_state(clip), cutoffs[label], state, reference
            )
            for label, state in self.states.items()
        }
        lacking = [
            label
            for label, key in keys.items()
            if key not in self.journal.rows
            or (is_heard and not self.sound_path(key).exists())
        ]
        if lacking:
            try:
                trial = self.prepare(clip, cutoff_hz)
            except RefusedError as reason:
                self.refuse(clip.name, cutoff_hz, None, reason)
                return []
            if is_heard:
                self.save_sound(reference, trial.original)
        for label in lacking:
            start = time.perf_counter()
            try:
                restored = self.systems[label](trial)
            except RefusedError as reason:
                self.refuse(clip.name, cutoff_hz, label, reason)
                continue
            seconds = time.perf_counter() - start
            comparison = Comparison(
                restored, trial.original, cutoffs[label], clip.rolloff_hz
            )
            values = score(comparison, clip.domain, self.metrics)
            if is_heard:
                self.save_sound(keys[label], restored)
            self.journal.add(
                {
                    "key": keys[label],
                    "id": clip.name,
                    "domain": clip.domain,
                    "reference": reference,
                    "real_time_factor": seconds * SAMPLE_RATE / len(restored),
                    **values,
                }
            )
        known = self.journal.rows
        # The label is not part of the key, so it may have been another's.
        return [
            {**known[key], "system": label, "cutoff_hz": cutoff_hz}
            for label, key in keys.items()
            if key in known
        ]

    def prepare(self, clip, cutoff_hz):
        """The original, what the systems get, and about both."""
        wav, whole = read_reference(clip, self.hparams["max_seconds"])
        if clip.low is None:
            *waves, rate = degrade(
                wav.double().numpy(),
                self.hparams["degradation"],
                cutoff_hz,
                self.hparams["filter_order"],
            )
            low, given = (torch.from_numpy(w.copy()).float() for w in waves)
        else:
            what = "The low-resolution file"
            low = read_counterpart(what, clip.low, len(wav), whole)
            given, rate = low, SAMPLE_RATE
        if self.hparams["inputs_folder"]:
            folder = Path(self.hparams["inputs_folder"]) / f"{cutoff_hz:g}"
            path = folder / f"{clip.name}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, low.numpy(), SAMPLE_RATE, "FLOAT")
        return Trial(
            clip.name,
            wav,
            low,
            given,
            rate,
            cutoff_hz,
            whole,
            self.hparams["seed"],
        )

    def clip_state(self, clip):
        """Changes when the clip's files do."""
        files = [Path(p) for p in (clip.wav, clip.low) if p is not None]
        return key_of(
            clip, [p.exists() and p.stat().st_mtime_ns for p in files]
        )

    def sound_key(self, clip):
        """Name of the original among the sounds of the report."""
        return key_of(self.clip_state(clip), self.hparams["max_seconds"])

    def sound_path(self, key):
        """Where a sound of the report is kept."""
        return self.folder / "sounds" / f"{key}.wav"

    def save_sound(self, key, wav):
        """Keeps a sound for the report."""
        soundfile.write(self.sound_path(key), wav.numpy(), SAMPLE_RATE, "FLOAT")


def median_factor(label, settings, rows):
    """Real-time factor of a system, median over clips; None of outputs that
    were made elsewhere, and of the anchors."""
    factors = [r["real_time_factor"] for r in rows if r["system"] == label]
    if "model" not in settings or not factors:
        return None
    return statistics.median(factors)


def main(argv):
    """Evaluates and writes the results."""
    hparams_file, run_opts, overrides = parse_arguments(argv)
    with open(hparams_file, encoding="utf-8") as file:
        hparams = load_hyperpyyaml(file, overrides)
    evaluation = Evaluation(hparams, run_opts)
    rows, results = evaluation.run()
    if not rows:
        for refusal in results["refused"]:
            print(f"{refusal['id']}: {refusal['reason']}")
        sys.exit("No clip could be scored: see the counts above.")
    write_results(rows, results, evaluation.folder)
    print(as_markdown(results))
    print(f"Report: {write_report(evaluation.folder)}")


if __name__ == "__main__":
    main(sys.argv[1:])
