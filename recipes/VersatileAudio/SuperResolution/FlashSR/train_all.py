"""Runs all four stages and exports a pretrained folder.

To run it:
> python train_all.py --data_folder=... --output_folder=... [--minutes=180]

Each stage keeps its own folder below the output folder, with its checkpoints;
run again, the stages go on where they were. What is not recognised here is
passed on to every stage (`--precision=bf16`, `--device=cuda`).

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import pathlib
import subprocess
import sys

import torch

from speechbrain_flashsr.export import export_pretrained, model_of_recipe

HERE = pathlib.Path(__file__).parent

SHARES = {
    "autoencoder": 0.15,
    "sr_vocoder": 0.35,
    "teacher": 0.35,
    "student": 0.15,
}
"""Share of the minutes that each stage gets."""


def parse_arguments(arguments):
    """Reads the command line; returns the options and what to pass on."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data_folder", required=True)
    parser.add_argument("--output_folder", required=True)
    parser.add_argument(
        "--hparams_folder",
        default=HERE / "hparams",
        help="holds train_<stage>.yaml for each stage",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        help="for all stages together; without it they run all their epochs",
    )
    return parser.parse_known_args(arguments)


def train_all(options, passed_on):
    """Runs the stages in turn and exports; returns the pretrained folder."""
    output = pathlib.Path(options.output_folder)
    files = {
        "autoencoder_file": output / "autoencoder" / "autoencoder.ckpt",
        "teacher_file": output / "teacher" / "unet.ckpt",
    }
    needed = {
        "autoencoder": [],
        "sr_vocoder": [],
        "teacher": ["autoencoder_file"],
        "student": ["autoencoder_file", "teacher_file"],
    }
    for stage, share in SHARES.items():
        command = [
            sys.executable,
            str(HERE / f"train_{stage}.py"),
            str(pathlib.Path(options.hparams_folder) / f"train_{stage}.yaml"),
            f"--data_folder={options.data_folder}",
            f"--output_folder={output / stage}",
        ]
        command += [f"--{name}={files[name]}" for name in needed[stage]]
        if options.minutes is not None:
            command.append(f"--max_minutes={options.minutes * share}")
        subprocess.run(command + passed_on, check=True)

    states = {
        name: torch.load(
            output / stage / f"{name}.ckpt",
            map_location="cpu",
            weights_only=True,
        )
        for name, stage in {
            "autoencoder": "autoencoder",
            "unet": "student",
            "vocoder": "sr_vocoder",
        }.items()
    }
    model = model_of_recipe(output / "student" / "hyperparams.yaml")
    return export_pretrained(output / "pretrained", model, states)


if __name__ == "__main__":
    print(f"Exported to {train_all(*parse_arguments(sys.argv[1:]))}")
