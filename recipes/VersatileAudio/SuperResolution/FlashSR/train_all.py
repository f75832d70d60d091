"""Runs the stages of the training and exports a pretrained folder.

To run it:
> python train_all.py --data_folder=... --output_folder=... [--minutes=180]

Each stage has its own folder below the output folder, with checkpoints and the
weights that it exports. Run again, the stages continue from their checkpoints,
or where there is none from those weights. Unknown options are passed on to every
stage (`--precision=bf16`, `--device=cuda`).

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import pathlib
import subprocess
import sys
import time

from speechbrain_flashsr.brains.recipe import parse_known_arguments
from speechbrain_flashsr.checkpoints import read_checkpoint
from speechbrain_flashsr.checkpoints.export import (
    export_pretrained,
    model_of_recipe,
)

HERE = pathlib.Path(__file__).resolve().parent

ENCODER = ("autoencoder/autoencoder.ckpt",)
LAST_ENCODER = ("joint/autoencoder.ckpt", *ENCODER)
LAST_STUDENT = ("joint/unet.ckpt", "student/unet.ckpt")

STAGES = {
    "autoencoder": (
        0.15,
        {
            "autoencoder_file": ENCODER,
            "discriminator_file": ("autoencoder/discriminator.ckpt",),
        },
    ),
    "teacher": (
        0.4,
        {"autoencoder_file": ENCODER, "unet_file": ("teacher/unet.ckpt",)},
    ),
    "student": (
        0.15,
        {
            "autoencoder_file": ENCODER,
            "teacher_file": ("teacher/unet.ckpt",),
            "student_file": ("student/unet.ckpt",),
            "discriminator_file": ("student/discriminator.ckpt",),
        },
    ),
    "joint": (
        0.25,
        {"autoencoder_file": LAST_ENCODER, "student_file": LAST_STUDENT},
    ),
    "sr_vocoder": (
        0.27,
        {
            "autoencoder_file": LAST_ENCODER,
            "student_file": LAST_STUDENT,
            "vocoder_file": ("sr_vocoder/vocoder.ckpt",),
            "discriminator_file": ("sr_vocoder/discriminator.ckpt",),
        },
    ),
}
"""For each stage, in order, its share of the minutes and the weights that it
needs or starts from: {option: paths below the output folder, of which it is given
the first that exists}."""

DEFAULT_STAGES = "autoencoder,teacher,student,sr_vocoder"

EXPORT_SHARE = 0.03
"""Share of the minutes for the export. With those of the default stages, the sum
is one."""

SETTINGS = {"sr_vocoder": {"student_mel_fraction": 0.7}}
"""{stage: {key: value}} beside its YAML."""

EXPORTED = {
    "autoencoder": LAST_ENCODER,
    "unet": (*LAST_STUDENT, "teacher/unet.ckpt"),
    "vocoder": ("sr_vocoder/vocoder.ckpt",),
}
"""For each module, the files to export it from: the first that exists."""


def parse_arguments(arguments):
    """Reads the command line; returns the options and the unknown ones."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data_folder", required=True)
    parser.add_argument("--output_folder", required=True, type=pathlib.Path)
    add_common_arguments(parser)
    return parse_known_arguments(parser, arguments)


def add_common_arguments(parser):
    """Adds the options of all scripts that run stages."""
    parser.add_argument(
        "--hparams_folder",
        type=pathlib.Path,
        default=HERE / "hparams",
        help="holds train_<stage>.yaml for each stage",
    )
    parser.add_argument(
        "--stages",
        type=stage_names,
        default=DEFAULT_STAGES,
        help=f"to run, in this order, of {','.join(STAGES)}"
        f" (default: {DEFAULT_STAGES})",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        help="for all stages and the export together; default: all epochs",
    )


def stage_names(text):
    """Reads a list of stages."""
    names = text.split(",")
    unknown = set(names) - set(STAGES)
    if unknown:
        raise argparse.ArgumentTypeError(
            f"{sorted(unknown)} are not stages; they are {','.join(STAGES)}"
        )
    return names


def run_stages(options, passed_on, settings=SETTINGS):
    """Runs stages in turn, each in a process of its own.

    Arguments
    ---------
    options : argparse.Namespace
        `data_folder`, `output_folder`, `hparams_folder`, `stages`, `minutes`.
        Time that one stage does not use is for those that follow.
    passed_on : list of str
        Arguments of all stages. They take precedence over the settings.
    settings : dict
        {stage: {key: value}}.
    """
    start = time.monotonic()
    given = {argument.split("=")[0] for argument in passed_on}
    rest = EXPORT_SHARE + sum(STAGES[stage][0] for stage in options.stages)
    for stage in options.stages:
        share, files = STAGES[stage]
        values = {
            "data_folder": options.data_folder,
            "output_folder": options.output_folder / stage,
            **settings.get(stage, {}),
        }
        for name, paths in files.items():
            path = first_file(options.output_folder, paths)
            if path is not None:
                values[name] = path
        if options.minutes is not None:
            left = options.minutes - (time.monotonic() - start) / 60
            values["max_minutes"] = max(left, 0.0) * share / rest
        rest -= share
        command = [
            sys.executable,
            str(HERE / f"train_{stage}.py"),
            str(options.hparams_folder / f"train_{stage}.yaml"),
        ]
        command += [
            f"--{name}={value}"
            for name, value in values.items()
            if f"--{name}" not in given
        ]
        subprocess.run(command + passed_on, check=True)


def first_file(folder, paths):
    """The first of several paths below a folder that is a file, or None."""
    return next((folder / p for p in paths if (folder / p).is_file()), None)


def export(folder):
    """Exports the model whose stages have their folders in a folder.

    Arguments
    ---------
    folder : pathlib.Path
        The output folder of the stages.

    Returns
    -------
    pathlib.Path
        The pretrained folder.

    Raises
    ------
    FileNotFoundError
        If a stage has not been trained.
    """
    states = {}
    for name, paths in EXPORTED.items():
        path = first_file(folder, paths)
        if path is None:
            raise FileNotFoundError(
                f"'{folder}' lacks {' or '.join(paths)}. Train the stage first."
            )
        states[name] = read_checkpoint(path)
    model = model_of_recipe(path.parent / "hyperparams.yaml")
    return export_pretrained(folder / "pretrained", model, states)


def main():
    """Trains and exports."""
    options, passed_on = parse_arguments(sys.argv[1:])
    run_stages(options, passed_on)
    print(f"Exported to {export(options.output_folder)}")


if __name__ == "__main__":
    main()
