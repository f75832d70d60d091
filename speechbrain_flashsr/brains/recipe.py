"""Steps that all training scripts share: YAML, set-up, latents, clean end.

Authors
 * The speechbrain_flashsr developers 2026
"""

import atexit
import copy
import dataclasses
import functools
import io
import os
import pathlib
import sys
import time

import speechbrain as sb
import torch
from filelock import FileLock, Timeout
from hyperpyyaml import load_hyperpyyaml
from hyperpyyaml.core import recursive_update
from ruamel.yaml import YAML
from speechbrain.utils.distributed import (
    ddp_init_group,
    infer_device,
    run_on_main,
)

from speechbrain_flashsr.brains.budget import Budget
from speechbrain_flashsr.checkpoints import load_strictly
from speechbrain_flashsr.data.latents import LatentPairs, cache_latents
from speechbrain_flashsr.lobes.fast.memory import keep_freed_memory

VALIDATION_SHARE = 0.2
"""Share of the time for encoding latents after which those for validation are
left as they are."""

LOCK = "training.lock"
"""File in the output folder that a training locks. The system unlocks it when
the process is gone."""

LOCK_SECONDS = 15
"""To wait for a lock: the workers of a data loader outlive a training that was
killed by 5 seconds."""

EQUALS = "\uf8ff"
"""Stands for = in a value, a character that means nothing."""

_locks = {}


def parse_arguments(arguments):
    """Reads a command line: the path of the YAML, the run options and the
    overrides, as :func:`speechbrain.parse_arguments` does, which makes a space
    of an equals sign in a value.

    Example
    -------
    >>> parse_arguments(["train.yaml", "--output_folder=results/lr=0.1"])[2]
    'output_folder: results/lr=0.1'
    """
    hidden = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not name.startswith("--"):
            name, equals, value = "", "", argument
        hidden.append(name + equals + value.replace("=", EQUALS))
    file, run_opts, overrides = sb.parse_arguments(hidden)
    return file.replace(EQUALS, "="), run_opts, overrides.replace(EQUALS, "=")


def follow_base(hparams_file, overrides=""):
    """Resolves a YAML that only holds what differs from another one.

    Its key `based_on` names the other, relative to itself; all its other keys
    override keys of that one. `based_on` may be a list: the first is the YAML
    to change, the others hold overrides that several YAMLs share, and the
    file's own keys come last. The key `adds_to` does the same for a YAML that
    also has keys of its own. Paths in them (of an `!include:`) are relative to
    the YAML that is changed.

    Returns the YAML that all are based on, and all that differs from it, with
    the overrides, which win. Raises a KeyError if a key of the overrides, or of
    a YAML with `based_on`, is unknown.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "common.yaml").write_text("lr: 1\\nbatch_size: 4")
    >>> text = "adds_to: common.yaml\\nlr: 2\\nsteps: 1"
    >>> _ = (folder / "train.yaml").write_text(text)
    >>> _ = (folder / "fast.yaml").write_text("based_on: train.yaml\\nlr: 3")
    >>> file, overrides = follow_base(folder / "fast.yaml", "batch_size: 8")
    >>> file.name, overrides
    ('common.yaml', 'lr: 3\\nsteps: 1\\nbatch_size: 8\\n')
    """
    yaml = YAML()
    path = pathlib.Path(hparams_file)
    complete = yaml.load(path)
    parts = [(yaml.load(overrides) or {}, True)]
    while {"based_on", "adds_to"} & complete.keys():
        adds_to = complete.pop("adds_to", None)
        base = complete.pop("based_on", adds_to)
        first, *shared = [base] if isinstance(base, str) else base
        own = [*(yaml.load(path.parent / name) for name in shared), complete]
        parts = [(part, adds_to is None) for part in own] + parts
        path = path.parent / first
        complete = yaml.load(path)
    changes = {}
    for part, must_match in parts:
        recursive_update(complete, part, must_match=must_match)
        # Copied: updates would change nodes that both have.
        recursive_update(changes, copy.deepcopy(part))
    text = io.StringIO()
    if changes:
        yaml.dump(changes, text)
    return path, text.getvalue()


def load_recipe(arguments):
    """Reads a recipe's YAML (see :func:`follow_base`) by the arguments of its
    command line, starts distributed training if torchrun did, and makes the
    experiment's folder.

    Returns the loaded hyperparameters, with `budget`, the clock of
    `max_minutes`, and SpeechBrain's run options; those that the YAML names
    (`precision` and the like) are taken from it unless the command line sets
    them. Raises a FileNotFoundError if a manifest is missing, a KeyError if an
    override has no counterpart, and a RuntimeError if another training writes
    into the same folder."""
    start = time.monotonic()
    keep_freed_memory()
    hparams_file, run_opts, overrides = parse_arguments(arguments)
    limit = run_opts.optimizer_step_limit
    if limit is not None:  # SpeechBrain reads it as a string.
        run_opts = dataclasses.replace(
            run_opts, optimizer_step_limit=int(limit)
        )
    ddp_init_group(run_opts)
    atexit.register(leave_group)
    hparams_file, overrides = follow_base(hparams_file, overrides)
    with open(hparams_file, encoding="utf-8") as file:
        hparams = load_hyperpyyaml(file, overrides, overrides_must_match=False)
    hparams["budget"] = Budget(hparams.get("max_minutes"), start)
    run_on_main(lock_folder, args=[hparams["output_folder"]])
    sb.create_experiment_directory(
        experiment_directory=hparams["output_folder"],
        hyperparams_to_save=hparams_file,
        overrides=overrides,
    )
    return hparams, run_opts


def lock_folder(folder):
    """Keeps other trainings out of a folder until this process ends, however it
    ends; raises a RuntimeError if another process trains into it."""
    path = pathlib.Path(folder).resolve() / LOCK
    if path in _locks:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        raise RuntimeError(
            f"Another training writes into '{folder}'. Wait for its end, or "
            "use another output_folder."
        ) from None
    _locks[path] = lock


def parse_known_arguments(parser, arguments):
    """Reads the command line of a script that starts training stages; returns
    the script's own options and the arguments for the stages. It ends the
    process with one line if an argument cannot be an option of the stages
    either.

    Example
    -------
    >>> import argparse
    >>> parser = argparse.ArgumentParser()
    >>> _ = parser.add_argument("--minutes", type=float)
    >>> parse_known_arguments(parser, ["--minutes=3", "--lr=0.1"])
    (Namespace(minutes=3.0), ['--lr=0.1'])
    """
    options, passed_on = parser.parse_known_args(arguments)
    for before, argument in zip(["", *passed_on], passed_on):
        is_value = before.startswith("--") and "=" not in before
        if not argument.startswith("--") and not is_value:
            parser.error(
                f"'{argument}' is not an option. Pass settings of the stages "
                f"as --name=value."
            )
    return options, passed_on


def leave_group():
    """Ends distributed training, if there is any.

    If the group still exists when Python exits, its threads can abort a process
    whose training was complete, and torchrun then reports a failure."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def end_training():
    """Ends a training script whose work is done, and unlocks its folder.

    A distributed process exits here without finalising Python: threads of
    PyTorch's gloo backend outlive their group and sometimes abort the process
    while Python is finalised, which torchrun reports as a failure."""
    while _locks:
        _locks.popitem()[1].release()
    if torch.distributed.is_initialized():
        leave_group()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def load_starting_weights(hparams, needed=()):
    """Loads the weights from which a stage starts: `starting_weights` {name:
    module} from the paths in <name>_file, which may be None unless they are
    needed."""
    for name, module in hparams["starting_weights"].items():
        path = hparams[f"{name}_file"]
        if path is not None:
            load_strictly(module, path)
        elif name in needed:
            raise ValueError(
                f"The trained weights of the {name} are needed, but "
                f"`{name}_file` is not set. Pass their path."
            )


def prepare_latents(hparams, run_opts):
    """Caches the latents of a stage that trains on them, as many as fit into
    its time, and logs the speed.

    Reads the hyperparameters `train_segments`, `valid_segments`, `features`,
    `autoencoder`, `latents_folder`, `cache_opts`, `cache_share` (of `budget`),
    `draws_per_epoch`, `sample_rate`, `segment_length` and `train_logger`, and
    encodes on the device and in the precision of the training. Returns training
    and validation data as
    :class:`~speechbrain_flashsr.data.latents.LatentPairs`: `draws_per_epoch` in
    an epoch, and all that are cached."""
    folder = pathlib.Path(hparams["latents_folder"])
    precision = hparams["precision"]
    if "precision" in run_opts.overridden_args:
        precision = run_opts.precision
    share = hparams["cache_share"]
    for name, until in (("valid", VALIDATION_SHARE * share), ("train", share)):
        segments = hparams[f"{name}_segments"]
        start = time.monotonic()
        encoded = cache_latents(
            segments,
            hparams["features"],
            hparams["autoencoder"],
            folder / name,
            len(segments),
            device=run_opts.device or infer_device(),
            precision=precision,
            is_over=functools.partial(hparams["budget"].is_over, until),
            **hparams["cache_opts"],
        )
        if encoded:
            seconds = encoded * hparams["segment_length"]
            seconds /= hparams["sample_rate"]
            speed = seconds / (time.monotonic() - start)
            hparams["train_logger"].log_stats(
                {f"{name}_latents": encoded, "sound_per_second": speed}
            )
    return (
        LatentPairs(folder / "train", hparams["draws_per_epoch"]),
        LatentPairs(folder / "valid"),
    )
