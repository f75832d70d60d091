"""Runs the stages of the training and exports a pretrained folder.

To run it:
> python train_all.py --data_folder=... --output_folder=... [--minutes=180]

Each stage has its own folder below the output folder, with checkpoints and the
weights that it exports. Run again, the stages continue from their checkpoints,
or where there is none from those weights. Unknown options are passed on to
every stage (`--precision=bf16`, `--device=cuda`).

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

ENCODER = "autoencoder/autoencoder.ckpt"
TEACHER = "teacher/unet.ckpt"
STUDENT = "student/unet.ckpt"
VOCODER = "sr_vocoder/vocoder.ckpt"

STAGES = {
    "autoencoder": (
        0.15,
        {
            "autoencoder_file": ENCODER,
            "discriminator_file": "autoencoder/discriminator.ckpt",
        },
    ),
    "teacher": (0.4, {"autoencoder_file": ENCODER, "unet_file": TEACHER}),
    "student": (
        0.15,
        {
            "autoencoder_file": ENCODER,
            "teacher_file": TEACHER,
            "student_file": STUDENT,
            "discriminator_file": "student/discriminator.ckpt",
        },
    ),
    "sr_vocoder": (
        0.27,
        {
            "autoencoder_file": ENCODER,
            "student_file": STUDENT,
            "vocoder_file": VOCODER,
            "discriminator_file": "sr_vocoder/discriminator.ckpt",
        },
    ),
}
"""For each stage, in order, its share of the minutes and the weights that it
needs or starts from: {option: path below the output folder, if it exists}."""

EXPORT_SHARE = 0.03
"""Share of the minutes for the export; the sum is one."""

SETTINGS = {"sr_vocoder": {"student_mel_fraction": 0.7}}
"""{stage: {key: value}} beside its YAML."""

EXPORTED = {
    "autoencoder": (ENCODER,),
    "unet": (STUDENT, TEACHER),
    "vocoder": (VOCODER,),
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
        default=",".join(STAGES),
        help="to run, in this order (default: %(default)s)",
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

    The options are `data_folder`, `output_folder`, `hparams_folder`, `stages`
    and `minutes`; time that one stage does not use is for those that follow.
    Arguments that are passed on take precedence over the settings, {stage:
    {key: value}}."""
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
        for name, file in files.items():
            if (options.output_folder / file).is_file():
                values[name] = options.output_folder / file
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


def export(folder):
    """Exports the model whose stages have their output folders in a folder;
    returns the pretrained folder. Raises a FileNotFoundError if a stage has not
    been trained."""
    states = {}
    for name, paths in EXPORTED.items():
        found = [folder / p for p in paths if (folder / p).is_file()]
        if not found:
            raise FileNotFoundError(
                f"'{folder}' lacks {' or '.join(paths)}. Train the stage first."
            )
        states[name] = read_checkpoint(found[0])
    model = model_of_recipe(folder / "sr_vocoder" / "hyperparams.yaml")
    return export_pretrained(folder / "pretrained", model, states)


def main():
    """Trains and exports."""
    options, passed_on = parse_arguments(sys.argv[1:])
    run_stages(options, passed_on)
    print(f"Exported to {export(options.output_folder)}")


if __name__ == "__main__":
    main()
