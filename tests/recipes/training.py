"""A tiny corpus and the recipes' rows of the CSV, for tests.

Authors
 * The speechbrain_flashsr developers 2026
"""

import csv
import json
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from filelock import FileLock

RECIPE = Path("recipes/VersatileAudio/SuperResolution/FlashSR")

CSV = Path(__file__).with_name("VersatileAudio.csv")

ROWS = {
    "autoencoder": "VersatileAudio_row_02",
    "teacher": "VersatileAudio_row_03",
    "student": "VersatileAudio_row_04",
    "sr_vocoder": "VersatileAudio_row_05",
    "sharpening": "VersatileAudio_row_17",
}
"""The rows of the stages."""

EXPORTED = {
    "autoencoder": "autoencoder",
    "sr_vocoder": "vocoder",
    "teacher": "unet",
    "student": "unet",
    "sharpening": "unet",
}
"""The weights of each stage that the interface needs."""


def read_rows():
    """The rows of the CSV, named as SpeechBrain names their output folders:
    {name: {column: value}}."""
    with open(CSV, encoding="utf-8", newline="") as file:
        rows = enumerate(csv.DictReader(file), start=2)
        return {f"{CSV.stem}_row_{n:02d}": row for n, row in rows}


def read_flags(row, folder):
    """The debug flags of a row, {name: value}, with a folder for tests/tmp."""
    text = row["test_debug_flags"].replace("tests/tmp", str(folder))
    return dict(flag[2:].split("=", 1) for flag in text.split())


def run_script(script, arguments, monkeypatch):
    """Runs a script in this process."""
    monkeypatch.setattr(sys, "argv", [str(script), *arguments])
    monkeypatch.syspath_prepend(str(Path(script).parent))
    runpy.run_path(str(script), run_name="__main__")


class Recipes:
    """Runs rows of the CSV, each once in all processes that share the folder,
    which stands for tests/tmp, and before it those whose output its flags
    name."""

    def __init__(self, project, folder):
        self.project, self.folder = project, folder
        self.rows = read_rows()
        with FileLock(folder / "corpus.lock"):
            if not (folder / "corpus").exists():
                write_hparams(project, folder / "hparams")
                write_corpus(folder / "corpus")

    def output_of(self, name):
        """The output folder of a row, which is run if it has not been."""
        with FileLock(self.folder / f"{name}.lock"):
            done = self.folder / f"{name}.done"
            if not done.exists():
                self._run(name)
                done.touch()
        return self.folder / name

    def _run(self, name):
        row = self.rows[name]
        for needed in re.findall(r"\w+_row_\d+", row["test_debug_flags"]):
            self.output_of(needed)
        arguments = [
            str(self.project / row["Hparam_file"]),
            f"--output_folder={self.folder / name}",
            "--noprogressbar",
            "--device=cpu",
        ]
        for flag, value in read_flags(row, self.folder).items():
            arguments.append(f"--{flag}={value}")
        with pytest.MonkeyPatch.context() as monkeypatch:
            script = self.project / row["Script_file"]
            run_script(script, arguments, monkeypatch)


def write_corpus(folder, seconds=2.0, seed=0, rolloff_hz=20000):
    """Writes six recordings of noise, two of each domain, their manifests, and
    words that they do not say."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(seed)
    entries = {}
    for index in range(6):
        name = f"clip{index}"
        wav = 0.1 * rng.standard_normal(int(48000 * seconds))
        soundfile.write(folder / f"{name}.wav", wav, 48000)
        entries[name] = {
            "wav": f"{{data_root}}/{name}.wav",
            "start": 0,
            "stop": len(wav),
            "sample_rate": 48000,
            "duration": seconds,
            "domain": ("speech", "music", "effects")[index % 3],
            "group": "one",
            "rolloff_hz": rolloff_hz,
        }
    (folder / "transcripts.tsv").write_text(
        "file\ttranscript\nclip0.wav\ta b\n"
    )
    for split in ("train", "dev", "test"):
        (folder / f"{split}.json").write_text(json.dumps(entries))


def write_hparams(project, folder):
    """Writes a YAML for each stage that is the recipe's with the tiny model."""
    folder.mkdir()
    rows = read_rows()
    for stage, name in ROWS.items():
        flags = read_flags(rows[name], folder)
        lines = [f"based_on: {project / rows[name]['Hparam_file']}"]
        for key in ("model", "train_latents", "phase_iterations"):
            if key in flags:
                lines.append(f"{key}: {flags[key]}")
        path = folder / f"train_{stage}.yaml"
        path.write_text("\n".join(lines) + "\n")


def stage_arguments(stage, folder, output, **more):
    """The command line of one stage, without the script: the flags of its row,
    with a folder that holds `hparams`, `corpus` and outputs of other rows, and
    more flags."""
    flags = read_flags(read_rows()[ROWS[stage]], folder)
    del flags["model"]
    flags.update(output_folder=output, **more)
    if "train_latents" in flags:
        flags["latents_folder"] = f"{output}/latents"
    return [
        str(folder / "hparams" / f"train_{stage}.yaml"),
        "--noprogressbar",
        "--device=cpu",
    ] + [f"--{name}={value}" for name, value in flags.items()]


def run_stage(project, stage, arguments, monkeypatch):
    """Runs a training script in this process."""
    script = project / RECIPE / f"train_{stage}.py"
    run_script(script, arguments, monkeypatch)


def exported_state(stage, output):
    """The exported weights of a stage, from its output folder."""
    path = output / f"{EXPORTED[stage]}.ckpt"
    return torch.load(path, map_location="cpu", weights_only=True)


def assert_same(state, expected):
    """Two stages exported the same weights."""
    torch.testing.assert_close(state, expected, rtol=0, atol=0)
