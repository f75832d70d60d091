"""The systems that an evaluation compares, by name.

Run as a program it measures the memory that one of them takes:
> python systems.py SYSTEM SECONDS RUN_OPTIONS_AS_JSON

Authors
 * The speechbrain_flashsr developers 2026
"""

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from clips import AUDIO_FILES, RefusedError, read_counterpart

from speechbrain_flashsr.audio.checks import AudioError
from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.data.degradations import low_pass
from speechbrain_flashsr.inference import FlashSR
from speechbrain_flashsr.inference.super_resolution import SHIPPED_MODEL
from speechbrain_flashsr.metrics.spectral import SAMPLE_RATE
from speechbrain_flashsr.metrics.static_noise import StaticNoise

STATIC_NOISE_FILE = Path(__file__).parent / "static_noise.json"

STATIC_NOISE = {
    "static_noise": {"match_level": True},
    "unmatched_noise": {"match_level": False},
}
"""Names of the baseline and its settings."""

OPTIONS = {"steps": ("num_steps", int), "guidance": ("guidance_scale", float)}
"""What may follow a question mark: names and types in `FlashSR`."""


@dataclass(frozen=True)
class Trial:
    """A clip cut at a frequency; `whole` is the length of the whole clip."""

    name: str
    cutoff_hz: float
    whole: int
    seed: int


def named_systems(systems):
    """Labels and names of systems; without a label a name is its own.

    Arguments
    ---------
    systems : list of str or dict
        Names, or {label: name}.

    Returns
    -------
    dict
        {label: name}.

    Raises
    ------
    ValueError
        If two systems have one label.
    """
    named = {}
    for system in systems:
        pairs = system if isinstance(system, dict) else {system: system}
        for label, name in pairs.items():
            if label in named:
                raise ValueError(
                    f"Two systems are called '{label}': give them labels, "
                    f"<label>: <system>."
                )
            named[label] = name
    return named


def make_system(name, detect_cutoff=True, run_opts=None):
    """A function that restores a recording.

    Arguments
    ---------
    name : str
        `input` (the low-resolution recording as it is), `sinc` (brought down
        to twice the cut-off and back by windowed-sinc resampling),
        `static_noise` and `unmatched_noise` (baselines), `folder:<outputs>`
        (another system's files, `<outputs>/<clip>.wav` or .flac, .ogg, .mp3;
        `{cutoff}` in it stands for the cut-off in Hz), or `flashsr` for the
        model that ships or `flashsr:<pretrained folder>`, followed or not by
        options as in `flashsr?steps:4&guidance:2`.
    detect_cutoff : bool
        Whether FlashSR has to find the cut-off; otherwise it is told.
    run_opts : dict, optional
        Run options of FlashSR.

    Returns
    -------
    callable
        (low [time], Trial) -> [time], both at 48 kHz. It raises `RefusedError`
        where there is nothing to score.

    Raises
    ------
    ValueError
        If there is no such system.
    """
    kind, _, rest = name.partition(":")
    if name == "input":
        return lambda low, trial: low
    if name == "sinc":
        return resample
    if name in STATIC_NOISE:
        return make_static_noise(**STATIC_NOISE[name])
    if kind == "folder" and rest:
        return lambda low, trial: read_output(rest, low, trial)
    source, options = parse_flashsr(name)
    flashsr = FlashSR.from_hparams(source, run_opts=run_opts)

    def restore(low, trial):
        cutoff = None if detect_cutoff else trial.cutoff_hz
        try:
            return flashsr.super_resolve_batch(
                low[None],
                sample_rate=SAMPLE_RATE,
                cutoff=cutoff,
                seed=trial.seed,
                **options,
            )[0].cpu()
        except AudioError as error:
            raise RefusedError(str(error))

    return restore


def parse_flashsr(name):
    """The model's folder and the options of `flashsr:<folder>?<options>`."""
    system, _, query = name.partition("?")
    kind, _, folder = system.partition(":")
    if kind != "flashsr":
        raise ValueError(
            f"There is no system '{name}': give input, sinc, static_noise, "
            f"unmatched_noise, flashsr, flashsr:<pretrained folder> or folder:<outputs>."
        )
    options = {}
    for part in filter(None, query.split("&")):
        key, _, value = part.partition(":")
        try:
            option, kind = OPTIONS[key]
            options[option] = kind(value)
        except (KeyError, ValueError):
            raise ValueError(
                f"'{part}' in '{name}' is not valid: the options are "
                f"steps:<whole number> and guidance:<number>."
            )
    return folder or SHIPPED_MODEL, options


def check_outputs(name, cutoffs):
    """Outputs of several cut-offs have to lie in folders of their own."""
    if name.startswith("folder:") and len(cutoffs) > 1:
        if "{cutoff}" not in name:
            raise ValueError(
                f"'{name}' has outputs for one cut-off, but there are "
                f"{len(cutoffs)}: write {{cutoff}} where the folders' names "
                f"have {cutoffs[0]}, or give one of --cutoffs."
            )


def resample(low, trial):
    """What a player does: windowed-sinc interpolation."""
    rate = int(2 * trial.cutoff_hz)
    down = Resampler(SAMPLE_RATE, rate)(low[None])
    up = Resampler(rate, SAMPLE_RATE)(down)[0, : len(low)]
    return torch.nn.functional.pad(up, (0, len(low) - len(up)))


def make_static_noise(match_level):
    """The baseline, with the spectrum that make_static_noise.py measured."""
    spectrum = json.loads(STATIC_NOISE_FILE.read_text())["log_power"]
    noise = StaticNoise(torch.tensor(spectrum), match_level)

    def restore(low, trial):
        generator = torch.Generator().manual_seed(trial.seed)
        return noise(low[None], float(trial.cutoff_hz), generator)[0]

    return restore


def read_output(folder, low, trial):
    """Another system's output for a clip."""
    folder = Path(folder.replace("{cutoff}", f"{trial.cutoff_hz:g}"))
    for suffix in AUDIO_FILES:
        path = folder / f"{trial.name}{suffix}"
        if path.exists():
            try:
                return read_counterpart(path, len(low), trial.whole)
            except RefusedError as reason:
                raise RefusedError(f"'{path}' {reason}")
    raise RefusedError(f"There is no '{folder / trial.name}.wav'.")


def fingerprint(name):
    """Changes when the files behind a system do."""
    kind, _, rest = name.partition(":")
    if kind.startswith("flashsr"):
        folder = Path(parse_flashsr(name)[0])
    elif kind == "folder":
        folder = Path(rest.partition("{cutoff}")[0] or ".")
    elif name in STATIC_NOISE:
        folder = STATIC_NOISE_FILE
    else:
        return ""
    files = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    states = [
        (str(path), path.stat().st_size, path.stat().st_mtime_ns)
        for path in files
        if path.is_file()
    ]
    return hashlib.sha256(repr(states).encode()).hexdigest()


def peak_memory(name, seconds, run_opts=None):
    """Memory that a system needs, in MB (10^6 bytes).

    The growth of the resident memory in a process of its own, from after the
    imports to the peak while the system is made and restores one recording.
    Memory of a GPU is not in it.

    Arguments
    ---------
    name : str
        See :func:`make_system`.
    seconds : float
        Length of the recording.
    run_opts : dict, optional
        Run options of FlashSR: strings and numbers.

    Returns
    -------
    float or None
        None for outputs of other systems, where Linux's /proc is missing, and
        where the process failed, which is said.
    """
    if name.startswith("folder:") or not Path("/proc/self/status").exists():
        return None
    result = subprocess.run(
        [sys.executable, __file__, name, str(seconds), json.dumps(run_opts)],
        capture_output=True,
        text=True,
    )
    if result.returncode:
        print(f"The memory of '{name}' was not measured: {result.stderr}")
        return None
    return float(result.stdout.split()[-1])


def _resident_kilobytes(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) for x in lines if x.startswith(field))


if __name__ == "__main__":
    name, seconds, run_opts = sys.argv[1:]
    noise = np.random.default_rng(0).standard_normal(
        int(float(seconds) * SAMPLE_RATE)
    )
    low = 0.1 * low_pass(noise, SAMPLE_RATE, 4000)
    low = torch.from_numpy(low.copy()).float()
    Path("/proc/self/clear_refs").write_text("5")  # The peak begins here
    before = _resident_kilobytes("VmRSS")
    system = make_system(name, run_opts=json.loads(run_opts))
    system(low, Trial("noise", 4000, len(low), 0))
    print((_resident_kilobytes("VmHWM") - before) * 1024 / 1e6)
