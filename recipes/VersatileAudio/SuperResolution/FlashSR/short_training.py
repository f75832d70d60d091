"""Trains for some minutes on another machine, such as one with a GPU.

To run it:
> python short_training.py hparams/short_training.yaml --packed_folder=... \
>     --weights_folder=... --output_folder=... --results_folder=... \
>     --stages=teacher --minutes=8

A corpus that `pack_clips.py` packed is decoded. The stages start from the given
weights (<stage>/<name>.ckpt, as this script and `train_all.py` write them). The
weights that they end with are written in half precision, as an archive in parts
of 16 MB at most. Joined and unpacked, it is the next `--weights_folder`:
> cat results/weights.tar.* | tar -x -C weights
Unknown options are passed on to every stage.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import io
import pathlib
import shutil
import sys
import tarfile
import time

import torch
import train_all
from hyperpyyaml import load_hyperpyyaml

from speechbrain_flashsr.brains.recipe import parse_known_arguments
from speechbrain_flashsr.checkpoints import read_checkpoint

sys.path.append(str(train_all.HERE.parents[1] / "prepare"))

from pack_clips import unpack_clips  # noqa: E402

NOTES = ("hyperparams.yaml", "train_log.txt")
"""Files that are written beside the weights of a stage."""


def parse_arguments(arguments):
    """Reads the command line; returns the options and the unknown ones."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("settings", help="YAML with the settings of all and of each stage")
    add("--packed_folder", required=True, help="that pack_clips.py wrote")
    add("--weights_folder", help="to start from: <stage>/<name>.ckpt")
    add("--output_folder", required=True, type=pathlib.Path)
    add("--results_folder", required=True, type=pathlib.Path)
    add(
        "--part_megabytes",
        type=float,
        default=16,
        help="size of the parts of the results (default: %(default)s)",
    )
    train_all.add_common_arguments(parser)
    return parse_known_arguments(parser, arguments)


def train(options, passed_on):
    """Unpacks the corpus and runs the stages by the options of
    :func:`parse_arguments` and the arguments of all stages."""
    start = time.monotonic()
    with open(options.settings, encoding="utf-8") as file:
        settings = load_hyperpyyaml(file)
    common = settings.pop("all_stages")
    common["device"] = "cuda" if torch.cuda.is_available() else "cpu"
    if options.weights_folder is not None:
        shutil.copytree(
            options.weights_folder, options.output_folder, dirs_exist_ok=True
        )
    options.data_folder = options.output_folder / "data"
    unpack_clips(options.packed_folder, options.data_folder)
    if options.minutes is not None:
        options.minutes -= (time.monotonic() - start) / 60
    settings = {
        stage: {**common, **settings.get(stage, {})} for stage in options.stages
    }
    train_all.run_stages(options, passed_on, settings)


def pack_weights(folder, stages):
    """Packs the exported weights of the stages that have folders in a folder:
    an archive (tar) of <stage>/<name>.ckpt, in half precision, and `NOTES`."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for stage in stages:
            for path in sorted((folder / stage).glob("*.ckpt")):
                state = {
                    key: value.half() if value.is_floating_point() else value
                    for key, value in read_checkpoint(path).items()
                }
                content = io.BytesIO()
                torch.save(state, content)
                entry = tarfile.TarInfo(f"{stage}/{path.name}")
                entry.size = content.tell()
                content.seek(0)
                tar.addfile(entry, content)
            for name in NOTES:
                tar.add(folder / stage / name, f"{stage}/{name}")
    return archive.getvalue()


def main():
    """Trains and writes the results."""
    options, passed_on = parse_arguments(sys.argv[1:])
    train(options, passed_on)
    archive = pack_weights(options.output_folder, options.stages)
    part_bytes = int(1e6 * options.part_megabytes)
    options.results_folder.mkdir(parents=True, exist_ok=True)
    for path in options.results_folder.glob("weights.tar.*"):
        path.unlink()
    for i, start in enumerate(range(0, len(archive), part_bytes)):
        path = options.results_folder / f"weights.tar.{i:02}"
        path.write_bytes(archive[start : start + part_bytes])
        print(f"Wrote {path}")


if __name__ == "__main__":
    main()
