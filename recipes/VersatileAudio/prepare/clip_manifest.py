"""From the audio files of any corpus to 48 kHz clips and JSON manifests.

A corpus needs a script that finds its files and knows their licences and their
split; the rest is here: each file is measured, filtered (clip_filter.py),
converted once, cut into entries (clip_audio.py), and the manifests are written:

    {entry id: {wav, start, stop, sample_rate, duration, domain, group,
                rolloff_hz, source, licence}}

``wav`` begins with ``{data_root}``, which SpeechBrain's DynamicItemDataset
replaces by the folder of the clips; ``start`` and ``stop`` count samples.

Authors
 * The speechbrain_flashsr developers 2026
"""

import hashlib
import json
import logging
import os
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import soundfile
from clip_audio import cut, limit_peak, read_mono, resample, without_padding
from clip_filter import is_loud_enough, measure, why_left_out
from speechbrain.utils.parallel import parallel_map

from speechbrain_flashsr.audio import SAMPLE_RATE
from speechbrain_flashsr.audio.writing import complete_file
from speechbrain_flashsr.data.manifest import write_json

logger = logging.getLogger(__name__)

DONE = "prepared.json"


@dataclass(frozen=True)
class Clip:
    """An audio file that may go into the manifests."""

    path: str
    source: str  # how the manifest names it: its path inside the corpus
    corpus: str  # its name; the ids begin with it
    domain: str  # "speech", "music" or "effects"
    split: str  # key of the manifest that it belongs to, such as "train"
    group: str  # speaker, language or song; no group is in two splits
    licence: str
    padded: bool = False  # digital silence at its ends does not belong to it
    longest_seconds: float | None = None  # of the beginning; None: all is used


@dataclass
class Outcome:
    """Result for a clip: entries of the manifest, or the reason why it was left
    out, or the error if the file could not be read."""

    clip: Clip
    entries: dict = field(default_factory=dict)
    left_out: str = ""
    error: str = ""


def prepare_clips(
    clips, save_folder, manifests, segment_seconds=6.0, choose_splits=None
):
    """Measures, filters, converts and cuts clips, and writes the manifests.

    A file that cannot be read is reported and left out; of files with the same
    content the first one counts. Clips converted by an earlier, interrupted run
    are not converted again. For the arguments see
    :func:`corpus.prepare_corpus`; `manifests` are {split: path}. Raises a
    RuntimeError if no clip passes the filter."""
    os.makedirs(save_folder, exist_ok=True)
    Path(save_folder, DONE).unlink(missing_ok=True)
    digests, outcomes = _digests(clips)
    process = partial(
        process_clip, save_folder=save_folder, segment_seconds=segment_seconds
    )
    bar = {"total": len(digests), "desc": "Clips", "unit": "clip"}
    outcomes += parallel_map(
        process, digests.items(), chunk_size=4, progress_bar_kwargs=bar
    )
    for outcome in outcomes:
        if outcome.error:
            logger.warning(
                "Left out %s: %s", outcome.clip.source, outcome.error
            )
    if not any(outcome.entries for outcome in outcomes):
        raise RuntimeError(
            f"none of the {len(clips)} audio files found can be used:"
            f" {_reasons(outcomes)}"
        )
    if choose_splits is not None:
        splits = choose_splits({o.clip.group for o in outcomes if o.entries})
        for outcome in outcomes:
            split = splits.get(outcome.clip.group, "")
            outcome.clip = replace(outcome.clip, split=split)
    for split, path in manifests.items():
        entries = {}
        for outcome in outcomes:
            if outcome.clip.split == split:
                entries.update(outcome.entries)
        write_json(path, entries)
    print(summary(outcomes, manifests))


def process_clip(digest_and_clip, save_folder, segment_seconds):
    """Measures one clip, which comes with the digest of its file; if it is to
    be used, converts and cuts it for `save_folder`. Returns its Outcome."""
    digest, clip = digest_and_clip
    try:
        wav, sample_rate = read_mono(clip.path)
        if clip.padded:
            wav = without_padding(wav)
        if clip.longest_seconds is not None:
            wav = wav[: int(clip.longest_seconds * sample_rate)]
        clip_measure = measure(wav, sample_rate)
    except (OSError, RuntimeError, ValueError) as error:
        message = " ".join(str(error).split()).strip(" :")
        return Outcome(clip, error=message or "the file cannot be decoded")
    reason = why_left_out(clip_measure, clip.domain)
    if reason:
        return Outcome(clip, left_out=reason)

    clip_id = "-".join(
        (_slug(clip.corpus), _slug(Path(clip.source).stem), digest[:8])
    )
    relative = f"wavs/{_slug(clip.corpus)}/{clip_id}.wav"
    path = os.path.join(save_folder, relative)
    if not os.path.exists(path):
        wav = limit_peak(resample(wav, sample_rate))
        with complete_file(path) as part:
            soundfile.write(
                part, wav, SAMPLE_RATE, format="WAV", subtype="PCM_16"
            )
    wav, _ = soundfile.read(path, dtype="float32")

    about = {
        "domain": clip.domain,
        "group": clip.group,
        "rolloff_hz": min(clip_measure.rolloff_hz, SAMPLE_RATE // 2),
        "source": clip.source,
        "licence": clip.licence,
    }
    entries = {}
    for index, (start, stop) in enumerate(cut(len(wav), segment_seconds)):
        if not is_loud_enough(wav[start:stop]):
            continue
        entries[f"{clip_id}-{index:03d}"] = {
            "wav": "{data_root}/" + relative,
            "start": start,
            "stop": stop,
            "sample_rate": SAMPLE_RATE,
            "duration": (stop - start) / SAMPLE_RATE,
            **about,
        }
    return Outcome(clip, entries=entries)


def mark_prepared(save_folder, options):
    """Notes that a preparation with these options (a dict) is complete."""
    write_json(os.path.join(save_folder, DONE), options)


def is_prepared(save_folder, manifests, options):
    """Whether a preparation with these options was completed, and all that it
    wrote, the clips and the manifest of each split, is still there."""
    try:
        if json.loads(Path(save_folder, DONE).read_text("utf-8")) != options:
            return False
        wavs = {
            entry["wav"]
            for path in manifests.values()
            for entry in json.loads(Path(path).read_text("utf-8")).values()
        }
    except (OSError, ValueError):
        return False
    return all(
        os.path.exists(wav.replace("{data_root}", str(save_folder)))
        for wav in wavs
    )


def summary(outcomes, splits):
    """Reports counts, minutes and licences of each split (in the order given)
    and domain, and the files that were left out."""
    lines = [f"{'':14} {'clips':>6} {'entries':>7} {'minutes':>7}  licences"]
    for split in splits:
        for domain in ("speech", "music", "effects"):
            kept = [
                outcome
                for outcome in outcomes
                if outcome.entries
                and (outcome.clip.split, outcome.clip.domain) == (split, domain)
            ]
            if not kept:
                continue
            minutes = defaultdict(float)
            for outcome in kept:
                for entry in outcome.entries.values():
                    minutes[entry["licence"]] += entry["duration"] / 60
            licences = ", ".join(
                f"{licence} ({minutes[licence]:.1f})"
                for licence in sorted(minutes, key=minutes.get, reverse=True)
            )
            entries = sum(len(outcome.entries) for outcome in kept)
            lines.append(
                f"{split:6} {domain:7} {len(kept):6} {entries:7}"
                f" {sum(minutes.values()):7.1f}  {licences}".rstrip()
            )
    return "\n".join(lines) + f"\nLeft out: {_reasons(outcomes) or 'none'}."


def _reasons(outcomes):
    """Counts of the reasons why clips were left out, the commonest first."""
    reasons = Counter(
        "unreadable" if outcome.error else outcome.left_out or "silent"
        for outcome in outcomes
        if not outcome.entries
    )
    return ", ".join(
        f"{count} {reason}" for reason, count in reasons.most_common()
    )


def _digests(clips):
    """Digest -> first clip with this content, and outcomes of the others."""
    digests, outcomes = {}, []
    for clip in clips:
        try:
            content = Path(clip.path).read_bytes()
        except OSError as error:
            outcomes.append(Outcome(clip, error=str(error)))
            continue
        digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        if digest in digests:
            outcomes.append(Outcome(clip, left_out="duplicate"))
        else:
            digests[digest] = clip
    return digests, outcomes


def _slug(text):
    """A name of ASCII letters, digits and _ for ids and files."""
    return re.sub("[^A-Za-z0-9]+", "_", text).strip("_") or "clip"
