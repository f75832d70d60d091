"""Kills a training at random moments, and damages its newest checkpoint in
half of the cases: the weights must be those of a training left alone.

To run it:
> python -m tests.fuzz.kills --kills=50 [--seed=1]

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import multiprocessing
import os
import random
import runpy
import sys
import tempfile
import time
from pathlib import Path

import torch

import speechbrain_flashsr.brains.autoencoder
import speechbrain_flashsr.brains.recipe  # noqa: F401
from tests.fuzz.damage import damage
from tests.recipes import training

STAGE = "autoencoder"

LONGEST = 300
"""Seconds that a training may take; the whole one takes about five."""

PROJECT = Path(__file__).parents[2]


def kill_training(folder, kills, seed, epochs):
    """Trains with and without being killed.

    Arguments
    ---------
    folder : Path
        To work in.
    kills : int
        How often.
    seed : int
        Of the moments and the damage.
    epochs : int
        Length of the training, of three steps each.

    Returns
    -------
    dict
        {what happened: how often}.

    Raises
    ------
    AssertionError
        If the weights are others, or a training fails.
    """
    rng = random.Random(seed)
    for name in ("data", "hparams"):
        (folder / name).mkdir()
    training.write_corpus(folder / "data")
    training.write_hparams(PROJECT, folder / "hparams")
    expected = finish(start(folder, folder / "whole", epochs), folder / "whole")
    done = {"kills": 0, "damaged": 0, "set aside": 0, "trainings": 0}
    while done["kills"] < kills:
        output = folder / f"killed{done['trainings']}"
        while done["kills"] < kills:
            process = start(folder, output, epochs)
            if not kill(process, output, rng):
                break  # it had come to its end
            done["kills"] += 1
            done["damaged"] += rng.random() < 0.5 and damage_newest(output, rng)
            print(f"{done}", end="\r", file=sys.stderr, flush=True)
        state = finish(start(folder, output, epochs), output)
        for key, value in expected.items():
            assert torch.equal(state[key], value), (key, done)
        done["trainings"] += 1
        done["set aside"] += len(list(output.glob("save/DAMAGED*")))
    return done


def start(folder, output, epochs):
    """Starts a training in a process of its own, which has all imports.

    It is a child of a server without threads: a child of this process would
    wait for ever for the threads with which torch works here.
    """
    arguments = training.stage_arguments(
        STAGE,
        folder / "hparams",
        folder / "data",
        output,
        number_of_epochs=epochs,
    )
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(
        target=train, args=(arguments, folder / "output.txt")
    )
    process.start()
    return process


def train(arguments, log):
    """Runs the script, with all that it says in a file."""
    with open(log, "wb") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
    sys.argv = [f"train_{STAGE}.py", *arguments]
    runpy.run_path(
        str(PROJECT / training.RECIPE / sys.argv[0]), run_name="__main__"
    )


def finish(process, output):
    """Waits for the end of a training; returns its weights."""
    process.join(LONGEST)
    log = output.parent / "output.txt"
    assert process.exitcode == 0, log.read_text()[-3000:]
    return training.exported_state(STAGE, output)


def kill(process, output, rng):
    """Kills a training at a random moment, most often amid its steps."""
    wait = rng.uniform(0, 2)
    if rng.random() < 0.9:  # otherwise while it starts
        seen = set(output.glob("save/CKPT*/CKPT.yaml"))
        more = len(seen) + rng.randint(1, 3)
        while process.is_alive() and len(seen) < more:
            seen |= set(output.glob("save/CKPT*/CKPT.yaml"))
            time.sleep(0.005)
        wait = rng.uniform(0, 1)
    time.sleep(wait)
    process.kill()
    process.join()
    log = output.parent / "output.txt"
    assert process.exitcode in (0, -9), log.read_text()[-3000:]
    return process.exitcode == -9


def damage_newest(output, rng):
    """Damages a file of the newest whole checkpoint, if there is one."""
    found = [path.parent for path in output.glob("save/CKPT*/CKPT.yaml")]
    if not found:
        return False
    newest = max(found, key=lambda path: path.stat().st_mtime_ns)
    path = rng.choice(sorted(newest.iterdir()))
    content = path.read_bytes()
    if rng.random() < 0.1 and path.name != "SHA256SUMS":
        path.unlink()
    else:
        damaged = damage(content, rng)
        path.write_bytes(damaged if damaged != content else content + b"x")
    return True


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        done = kill_training(
            Path(folder), options.kills, options.seed, options.epochs
        )
    print(", ".join(f"{count} {what}" for what, count in done.items()))


if __name__ == "__main__":
    main()
