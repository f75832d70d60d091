"""Kills trainings and runs over folders at random moments.

A training's newest checkpoint is damaged in half of the cases; its weights must
be those of a training left alone, and a folder's outputs likewise.

To run it:
> python -m tests.fuzz.kills --trainings=50 --folders=100 [--seed=1]

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

import soundfile
import torch

import speechbrain_flashsr.brains.autoencoder
import speechbrain_flashsr.brains.recipe
import speechbrain_flashsr.inference  # noqa: F401
from speechbrain_flashsr import cli
from tests.encoded import noise
from tests.fuzz.damage import damage
from tests.recipes import training
from tests.tiny_model import save_tiny_model

STAGE = "autoencoder"

LONGEST = 1800
"""Seconds that a process may take; the longest takes five on an idle core."""

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
    log = folder / "output.txt"
    training.write_corpus(folder / "corpus")
    training.write_hparams(PROJECT, folder / "hparams")
    expected = finish(start(folder, folder / "whole", epochs), folder / "whole")
    done = {"kills": 0, "damaged": 0, "set aside": 0, "trainings": 0}
    while done["kills"] < kills:
        output = folder / f"killed{done['trainings']}"
        while done["kills"] < kills:
            process = start(folder, output, epochs)
            if not kill(process, output, "save/CKPT*/CKPT.yaml", log, rng):
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


def kill_folder_run(folder, kills, seed, num_files=30):
    """Restores a folder with and without being killed.

    Arguments
    ---------
    folder : Path
        To work in.
    kills : int
        How often.
    seed : int
        Of the moments.
    num_files : int
        Files of the folder.

    Returns
    -------
    int
        How many runs came to their end.

    Raises
    ------
    AssertionError
        If an output is another, incomplete or missing.
    """
    rng = random.Random(seed)
    tree = folder / "tree"
    tree.mkdir()
    for number in range(num_files):
        wav = noise(16000, 1, 0.1 + 0.02 * number)
        soundfile.write(tree / f"{number}.flac", wav.T, 16000)
    model = save_tiny_model(folder / "tiny")
    arguments = [str(tree), "--source", model, "--device", "cpu", "--quiet"]
    log = folder / "output.txt"

    def outputs(out, process):
        process.join(LONGEST)
        assert process.exitcode == 0, log.read_text()[-3000:]
        files = {path.name: path.read_bytes() for path in out.glob("[!.]*")}
        assert len(files) == num_files, sorted(files)
        hidden = {path.name for path in out.glob(".*")}
        assert hidden == {".flashsr-finished.0"}, hidden
        return files

    def restore(out):
        command = [*arguments, "-o", str(out)]
        return start_process(run_command, command, log)

    expected = outputs(folder / "whole", restore(folder / "whole"))
    ended = 0
    while kills > 0:
        out = folder / f"killed{ended}"
        while kills > 0:
            if not kill(restore(out), out, "[!.]*", log, rng):
                break  # it had come to its end
            kills -= 1
            print(f"{kills} kills left", end="\r", file=sys.stderr, flush=True)
        assert outputs(out, restore(out)) == expected
        ended += 1
    return ended


def start(folder, output, epochs):
    """Starts a training."""
    arguments = training.stage_arguments(
        STAGE, folder, output, number_of_epochs=epochs
    )
    return start_process(train, arguments, folder / "output.txt")


def start_process(function, *arguments):
    """Starts a process that has all imports: a child of a server that runs no
    threads, which a child would not have."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=function, args=arguments)
    process.start()
    return process


def say_to(log):
    """Sends all that this process says to a file."""
    with open(log, "wb") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)


def run_command(arguments, log):
    """Runs the command."""
    say_to(log)
    sys.exit(cli.main(arguments))


def train(arguments, log):
    """Runs the script, with all that it says in a file."""
    say_to(log)
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


def kill(process, output, made, log, rng):
    """Kills a process at a random moment; returns whether it was still running.

    That is most often some files later: those in a folder whose names fit the
    pattern `made`. So the moments do not depend on the machine's speed."""
    wait = rng.uniform(0, 2)
    if rng.random() < 0.9:  # otherwise while it starts
        seen = set(output.glob(made))
        more = len(seen) + rng.randint(1, 3)
        while process.is_alive() and len(seen) < more:
            time.sleep(0.02)
            seen |= set(output.glob(made))
        wait = rng.uniform(0, 0.3)
    time.sleep(wait)
    process.kill()
    process.join()
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
    parser.add_argument("--trainings", type=int, default=50)
    parser.add_argument("--folders", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.folders:
        with tempfile.TemporaryDirectory() as folder:
            ended = kill_folder_run(Path(folder), options.folders, options.seed)
        print(f"{options.folders} kills of {ended} runs over a folder")
    if options.trainings:
        with tempfile.TemporaryDirectory() as folder:
            done = kill_training(
                Path(folder), options.trainings, options.seed, options.epochs
            )
        print(", ".join(f"{count} {what}" for what, count in done.items()))


if __name__ == "__main__":
    main()
