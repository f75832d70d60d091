"""Kills a training at random moments, and damages its newest checkpoint in
half of the cases: the weights must be those of a training left alone.

To run it:
> python -m tests.fuzz.kills --kills=50 [--seed=1]

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from tests.fuzz.damage import damage
from tests.recipes import training

STAGE = "autoencoder"
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
    """Starts a training in a process of its own."""
    arguments = training.stage_arguments(
        STAGE,
        folder / "hparams",
        folder / "data",
        output,
        number_of_epochs=epochs,
    )
    script = PROJECT / training.RECIPE / f"train_{STAGE}.py"
    return subprocess.Popen(
        [sys.executable, str(script), *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process, output):
    """Waits for the end of a training; returns its weights."""
    _, errors = process.communicate()
    assert process.returncode == 0, errors[-3000:]
    return training.exported_state(STAGE, output)


def kill(process, output, rng):
    """Kills a training at a random moment, most often amid its steps."""
    before = set(output.glob("save/CKPT*"))
    if rng.random() < 0.1:
        wait = rng.uniform(0, 5)  # while it starts
    else:
        while process.poll() is None:
            if set(output.glob("save/CKPT*")) - before:
                break
            time.sleep(0.005)
        wait = rng.uniform(0, 1)
    time.sleep(wait)
    ended = process.poll() is not None
    process.kill()
    _, errors = process.communicate()
    assert process.returncode in ((0,) if ended else (0, -9)), errors[-3000:]
    return not ended


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
