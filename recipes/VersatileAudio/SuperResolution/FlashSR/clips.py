"""The recordings of an evaluation: from a manifest, or from two folders.

Authors
 * The speechbrain_flashsr developers 2026
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch

from speechbrain_flashsr.audio import SAMPLE_RATE
from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.bandwidth import BandwidthDetector
from speechbrain_flashsr.data.manifest import read_manifest

LENGTH_TOLERANCE = SAMPLE_RATE // 20
"""Difference of lengths that is trimmed or padded, in samples."""

AUDIO_FILES = (".wav", ".flac", ".ogg", ".mp3")


class RefusedError(Exception):
    """Why a file cannot be scored."""


@dataclass(frozen=True)
class Clip:
    """A reference recording; `low` is its low-resolution file, if it has one.

    `start` and `stop` are samples of the file `wav`, at its own rate."""

    name: str
    domain: str
    group: str
    wav: str
    start: int
    stop: int
    seconds: float
    rolloff_hz: float
    low: str | None = None


def list_clips(hparams):
    """All clips of the manifest or the folders, and {name: reason} of files
    that have no counterpart or cannot be read."""
    if hparams["reference_folder"] and hparams["low_folder"]:
        return _list_pairs(hparams)
    if not hparams["data_folder"]:
        raise ValueError(
            "There are no recordings to evaluate. Pass --data_folder, which "
            "holds test.json, or both --reference_folder and --low_folder."
        )
    entries = read_manifest(hparams["json"], hparams["data_folder"])
    clips = [
        Clip(
            name,
            entry["domain"],
            entry["group"],
            entry["wav"],
            entry["start"],
            entry["stop"],
            entry["duration"],
            entry["rolloff_hz"],
        )
        for name, entry in sorted(entries.items())
    ]
    return clips, {}


def _list_pairs(hparams):
    """Pairs files by their path inside the folders, without the suffix.

    The first folder in that path is the domain; files that lie directly in
    `reference_folder` belong to the first of `domains`."""
    references = audio_files(hparams["reference_folder"])
    lows = audio_files(hparams["low_folder"])
    clips = []
    refused = dict.fromkeys(
        sorted(lows.keys() - references.keys()),
        "There is no reference of that name.",
    )
    for name, path in references.items():
        if name not in lows:
            refused[name] = "There is no low-resolution file of that name."
            continue
        try:
            wav = read_audio("The reference", path)
        except RefusedError as reason:
            refused[name] = str(reason)
            continue
        detector = BandwidthDetector(SAMPLE_RATE)
        detector.update(wav[None])
        (track,) = detector.result()
        info = soundfile.info(path)
        domain, _, rest = name.partition("/")
        clips.append(
            Clip(
                name,
                domain if rest else hparams["domains"][0],
                name,
                str(path),
                0,
                info.frames,
                info.duration,
                track.lowest_hz or min(info.samplerate, SAMPLE_RATE) / 2,
                str(lows[name]),
            )
        )
    return clips, refused


def audio_files(folder):
    """Sound files in a folder and below: {path without suffix: path}."""
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"There is no folder '{folder}'.")
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in AUDIO_FILES
    }


def choose_clips(clips, hparams):
    """Draws up to `max_clips` of each domain, in an order set by the seed, of
    as many groups (speakers, songs) as possible. Returns also how many clips of
    these domains are shorter than `min_seconds`."""
    rng = np.random.default_rng(hparams["seed"])
    chosen, too_short = [], 0
    for domain in hparams["domains"]:
        members = [clip for clip in clips if clip.domain == domain]
        long = [c for c in members if c.seconds >= hparams["min_seconds"]]
        too_short += len(members) - len(long)
        rng.shuffle(long)
        drawn, rounds = Counter(), {}
        for clip in long:
            rounds[clip] = drawn[clip.group]
            drawn[clip.group] += 1
        chosen += sorted(long, key=rounds.get)[: hparams["max_clips"]]
    return chosen, too_short


def read_audio(what, path, start=0, stop=None):
    """Reads a file, called `what` in errors, as [time] at 48 kHz. Raises a
    RefusedError if it cannot be read, is empty, holds samples that are not
    numbers, or has channels that differ."""
    try:
        samples, rate = soundfile.read(
            path, start=start, stop=stop, dtype="float32", always_2d=True
        )
    except (OSError, RuntimeError) as error:
        raise RefusedError(f"{what} cannot be read: {error}")
    if not len(samples):
        raise RefusedError(f"{what} holds no samples.")
    if not np.isfinite(samples).all():
        raise RefusedError(f"{what} holds samples that are not finite.")
    if (samples != samples[:, :1]).any():
        raise RefusedError(
            f"{what} has {samples.shape[1]} different channels: only mono is "
            "scored."
        )
    wav = torch.from_numpy(samples[:, 0].copy())[None]
    return Resampler(rate, SAMPLE_RATE)(wav)[0]


def middle(wav, num_samples):
    """The middle of [time]."""
    start = max(0, len(wav) - num_samples) // 2
    return wav[start : start + num_samples]


def fit(wav, num_samples):
    """[time] trimmed or padded with zeros at its end."""
    # A negative number of zeros removes samples.
    return torch.nn.functional.pad(wav, (0, num_samples - len(wav)))


def read_reference(clip, max_seconds):
    """The middle of a clip, [time] at 48 kHz, and the samples of the whole
    clip. Raises a RefusedError if it cannot be read or its middle is silent."""
    whole = read_audio("The reference", clip.wav, clip.start, clip.stop)
    wav = middle(whole, int(max_seconds * SAMPLE_RATE))
    if not wav.any():
        raise RefusedError("The reference is silent in its middle.")
    return wav, len(whole)


def read_counterpart(what, path, num_samples, whole):
    """Another version of a clip, or of its middle, [num_samples] at 48 kHz;
    `whole` are the samples of the whole clip. For `what` see
    :func:`read_audio`.

    Lengths that differ by up to 50 ms, as after coding and resampling, are
    trimmed or padded at the end. Raises a RefusedError if the file cannot be
    read or has another length."""
    wav = read_audio(what, path)
    for length in (num_samples, whole):
        difference = length - len(wav)
        if abs(difference) <= LENGTH_TOLERANCE:
            return middle(fit(wav, length), num_samples)
    raise RefusedError(
        f"{what} lasts {len(wav) / SAMPLE_RATE:.3f} s, the clip "
        f"{num_samples / SAMPLE_RATE:.3f} s"
        + (f" (in full {whole / SAMPLE_RATE:.3f} s)" * (whole > num_samples))
        + "."
    )
