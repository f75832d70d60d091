"""The systems that an evaluation compares.

Authors
 * The speechbrain_flashsr developers 2026
"""

import glob
import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from clips import AUDIO_FILES, RefusedError, fit, read_counterpart

from speechbrain_flashsr import SHIPPED_MODEL
from speechbrain_flashsr.audio.checks import AudioError
from speechbrain_flashsr.inference import FlashSR

ANCHORS = ("original", "input")
"""Systems of every evaluation: the recording, and its low-resolution copy."""

OPTIONS = ("num_steps", "guidance_scale")
"""Options of FlashSR that may stand beside `model`."""


@dataclass(frozen=True)
class Trial:
    """A clip cut at a frequency.

    `original` and `low` are [time] at 48 kHz; `given` is what FlashSR gets,
    [time] at `given_rate`: a recording that was resampled comes at its low
    rate. `whole` is the length of the whole clip."""

    name: str
    original: torch.Tensor
    low: torch.Tensor
    given: torch.Tensor
    given_rate: int
    cutoff_hz: float
    whole: int
    seed: int


def named_systems(systems):
    """The systems of an evaluation by their labels, the anchors first: {label:
    settings}.

    `flashsr` is the model that ships. Others have a label: {label: {"model":
    <pretrained folder>}}, where `num_steps` and `guidance_scale` may stand
    beside the model, or {label: {"folder": <outputs of another system>}}.
    Raises a ValueError if two systems have one label, or the settings make no
    sense."""
    named = {anchor: {} for anchor in ANCHORS}
    for system in systems:
        if system == "flashsr":
            system = {"flashsr": {"model": str(SHIPPED_MODEL)}}
        if not isinstance(system, dict):
            raise ValueError(
                f"Unknown system '{system}'. Name flashsr, "
                "<label>: {model: <pretrained folder>} or "
                "<label>: {folder: <outputs>}."
            )
        for label, settings in system.items():
            if label in named:
                raise ValueError(
                    f"Two systems are called '{label}'. Choose other labels."
                )
            kinds = {"model", "folder"} & dict(settings).keys()
            allowed = {"folder"} if "folder" in kinds else {"model", *OPTIONS}
            unknown = settings.keys() - allowed
            if not kinds or unknown:
                raise ValueError(
                    f"The system '{label}' is {dict(settings)}. It needs a "
                    f"model, with or without {' and '.join(OPTIONS)}, or a "
                    "folder."
                )
            named[label] = dict(settings)
    return named


def make_system(label, settings, detect_cutoff=True, run_opts=None):
    """A function that restores a recording, Trial -> [time] at 48 kHz, and
    raises `RefusedError` where there is nothing to score.

    For the settings see :func:`named_systems`. Outputs of another system are
    `<folder>/<clip>.wav` or .flac, .ogg, .mp3; `{cutoff}` in the folder's name
    stands for the cut-off in Hz. FlashSR, with its run options, either has to
    detect the cut-off or is told."""
    if label in ANCHORS:
        return (
            lambda trial: trial.original if label == "original" else trial.low
        )
    if "folder" in settings:
        return lambda trial: read_output(settings["folder"], trial)
    options = dict(settings)
    flashsr = FlashSR.from_hparams(options.pop("model"), run_opts=run_opts)

    def restore(trial):
        try:
            restored = flashsr.super_resolve_batch(
                trial.given[None],
                sample_rate=trial.given_rate,
                cutoff=None if detect_cutoff else trial.cutoff_hz,
                seed=trial.seed,
                **options,
            )[0].cpu()
        except AudioError as error:
            raise RefusedError(str(error))
        return fit(restored, len(trial.original))

    return restore


def check_outputs(settings, cutoffs):
    """Outputs of several cut-offs have to lie in folders of their own."""
    folder = settings.get("folder", "{cutoff}")
    if len(cutoffs) > 1 and "{cutoff}" not in folder:
        raise ValueError(
            f"'{folder}' has outputs for one cut-off, but there are "
            f"{len(cutoffs)}: write {{cutoff}} where the folders' names have "
            f"{cutoffs[0]}, or pass one of --cutoffs."
        )


def read_output(folder, trial):
    """Another system's output for a clip."""
    folder = Path(folder.replace("{cutoff}", f"{trial.cutoff_hz:g}"))
    for suffix in AUDIO_FILES:
        path = folder / f"{trial.name}{suffix}"
        if path.exists():
            length, whole = len(trial.low), trial.whole
            return read_counterpart(f"'{path}'", path, length, whole)
    raise RefusedError(f"There is no '{folder / trial.name}.wav'.")


def fingerprint(settings):
    """Changes when the files behind a system do."""
    if not settings:
        return ""
    folder = str(settings.get("model") or settings["folder"])
    folders = "*".join(map(glob.escape, folder.split("{cutoff}")))
    states = [
        (str(path), path.stat().st_size, path.stat().st_mtime_ns)
        for found in sorted(glob.glob(folders))
        for path in sorted(Path(found).rglob("*"))
        if path.is_file()
    ]
    return hashlib.sha256(repr(states).encode()).hexdigest()
