"""Runs all stages and exports a pretrained folder.

To run it:
> python train_all.py --data_folder=... --output_folder=... [--minutes=180]

Each stage has its own folder with checkpoints below the output folder. Run
again, the stages continue. Unknown options are passed on to every stage
(`--precision=bf16`, `--device=cuda`).

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import pathlib
import subprocess
import sys

from speechbrain_flashsr.brains.recipe import parse_known_arguments
from speechbrain_flashsr.checkpoints import read_checkpoint
from speechbrain_flashsr.checkpoints.export import (
    export_pretrained,
    model_of_recipe,
)

HERE = pathlib.Path(__file__).parent

STAGES = {
    "autoencoder": (0.1, {}),
    "teacher": (0.25, {"autoencoder_file": "autoencoder/autoencoder.ckpt"}),
    "student": (
        0.1,
        {
            "autoencoder_file": "autoencoder/autoencoder.ckpt",
            "teacher_file": "teacher/unet.ckpt",
        },
    ),
    "joint": (
        0.25,
        {
            "autoencoder_file": "autoencoder/autoencoder.ckpt",
            "student_file": "student/unet.ckpt",
        },
    ),
    "sr_vocoder": (
        0.3,
        {
            "autoencoder_file": "joint/autoencoder.ckpt",
            "student_file": "joint/unet.ckpt",
        },
    ),
}
"""For each stage, in order, its share of the minutes and the weights that it
needs: {option: path in the output folder}."""

PREDICTED = 0.7
"""Share of the vocoder's spectrograms that the stages before it predict."""

EXPORTED = {
    "autoencoder": "joint",
    "unet": "joint",
    "vocoder": "sr_vocoder",
}
"""The stage whose weights are exported, for each module."""


def parse_arguments(arguments):
    """Reads the command line; returns the options and the unknown ones."""
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
        help="for all stages together; default: all epochs",
    )
    return parse_known_arguments(parser, arguments)


def train_all(options, passed_on):
    """Runs the stages in turn and exports; returns the pretrained folder."""
    output = pathlib.Path(options.output_folder)
    for stage, (share, files) in STAGES.items():
        command = [
            sys.executable,
            str(HERE / f"train_{stage}.py"),
            str(pathlib.Path(options.hparams_folder) / f"train_{stage}.yaml"),
            f"--data_folder={options.data_folder}",
            f"--output_folder={output / stage}",
        ]
        command += [f"--{k}={output / path}" for k, path in files.items()]
        if stage == "sr_vocoder":
            command.append(f"--student_mel_fraction={PREDICTED}")
        if options.minutes is not None:
            command.append(f"--max_minutes={options.minutes * share}")
        subprocess.run(command + passed_on, check=True)

    states = {
        name: read_checkpoint(output / stage / f"{name}.ckpt")
        for name, stage in EXPORTED.items()
    }
    model = model_of_recipe(output / "joint" / "hyperparams.yaml")
    return export_pretrained(output / "pretrained", model, states)


if __name__ == "__main__":
    print(f"Exported to {train_all(*parse_arguments(sys.argv[1:]))}")
