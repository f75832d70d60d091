"""Steps that all training scripts share: YAML, set-up, latents, clean end.

Authors
 * The speechbrain_flashsr developers 2026
"""

import atexit
import copy
import dataclasses
import io
import os
import pathlib
import sys

import speechbrain as sb
import torch
from filelock import FileLock, Timeout
from hyperpyyaml import load_hyperpyyaml
from hyperpyyaml.core import recursive_update
from ruamel.yaml import YAML
from speechbrain.utils.distributed import ddp_init_group, run_on_main

from speechbrain_flashsr.checkpoints import load_strictly
from speechbrain_flashsr.data.latents import LatentPairs, cache_latents

LOCK = "training.lock"
"""File in the output folder that a training locks. The system unlocks it when
the process is gone."""

LOCK_SECONDS = 15
"""To wait for a lock: the workers of a data loader outlive a training that was
killed by 5 seconds."""

_locks = {}


def follow_base(hparams_file, overrides=""):
    """Resolves a YAML that only holds what differs from another one.

    Its key `based_on` names the other, relative to itself; all its other keys
    override keys of that one. The key `adds_to` does the same for a YAML that
    also has keys of its own. Paths in them (of an `!include:`) are relative to
    the other YAML.

    Arguments
    ---------
    hparams_file : str or Path
        The YAML.
    overrides : str
        YAML of further overrides, which win.

    Returns
    -------
    hparams_file : pathlib.Path
        The YAML that all are based on.
    overrides : str
        All that differs from it.

    Raises
    ------
    KeyError
        If a key of the overrides, or of a YAML with `based_on`, is unknown.

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
    file, complete, changes = _merged(pathlib.Path(hparams_file))
    given = yaml.load(overrides) or {}
    recursive_update(complete, given, must_match=True)
    recursive_update(changes, given)
    text = io.StringIO()
    if changes:
        yaml.dump(changes, text)
    return file, text.getvalue()


def _merged(path):
    """The YAML that one is based on in the end, all keys, and those that
    differ."""
    content = YAML().load(path)
    adds_to = content.pop("adds_to", None)
    base = content.pop("based_on", adds_to)
    if base is None:
        return path, content, {}
    file, complete, changes = _merged(path.parent / base)
    recursive_update(complete, content, must_match=adds_to is None)
    # Loaded once more: updates would change nodes that both have.
    changes = copy.deepcopy(changes)
    recursive_update(changes, copy.deepcopy(content))
    return file, complete, changes


def load_recipe(arguments):
    """Reads a recipe's YAML, starts distributed training if torchrun did, and
    makes the experiment's folder.

    Arguments
    ---------
    arguments : list of str
        Of the command line: the YAML (see :func:`follow_base`), options and
        overrides.

    Returns
    -------
    hparams : dict
        The loaded hyperparameters.
    run_opts : dict
        SpeechBrain's run options; those that the YAML names (`precision` and
        the like) are taken from it unless the command line sets them.

    Raises
    ------
    FileNotFoundError
        If a manifest is missing.
    RuntimeError
        If another training writes into the same folder.
    """
    hparams_file, run_opts, overrides = sb.parse_arguments(arguments)
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
    run_on_main(lock_folder, args=[hparams["output_folder"]])
    sb.create_experiment_directory(
        experiment_directory=hparams["output_folder"],
        hyperparams_to_save=hparams_file,
        overrides=overrides,
    )
    return hparams, run_opts


def lock_folder(folder):
    """Keeps other trainings out of a folder until this process ends, however
    it ends.

    Arguments
    ---------
    folder : str or Path
        The output folder.

    Raises
    ------
    RuntimeError
        If another process trains into it.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> lock_folder(folder)
    >>> lock_folder(folder)  # the same process may
    """
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
    """Reads the command line of a script that starts training stages.

    Arguments
    ---------
    parser : argparse.ArgumentParser
        Knows the script's own options. It ends the process with one line if
        an argument cannot be an option of the stages either.
    arguments : list of str
        Of the command line.

    Returns
    -------
    options : argparse.Namespace
        The script's own options.
    passed_on : list of str
        The arguments for the stages.

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
    whose training was complete, and torchrun then reports a failure.
    """
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def end_training():
    """Ends a training script whose work is done, and unlocks its folder.

    A distributed process exits here without finalising Python: threads of
    PyTorch's gloo backend outlive their group and sometimes abort the process
    while Python is finalised, which torchrun reports as a failure.
    """
    while _locks:
        _locks.popitem()[1].release()
    if torch.distributed.is_initialized():
        leave_group()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def load_starting_weights(hparams, needed=()):
    """Loads the weights from which a stage starts.

    Arguments
    ---------
    hparams : dict
        `starting_weights` {name: module}, and for each name `<name>_file`, the
        path of its weights or None.
    needed : sequence of str
        Names whose weights the stage needs.

    Raises
    ------
    ValueError
        If a needed file is not given.
    """
    for name, module in hparams["starting_weights"].items():
        path = hparams[f"{name}_file"]
        if path is not None:
            load_strictly(module, path)
        elif name in needed:
            raise ValueError(
                f"`student_mel_fraction` needs the trained weights of "
                f"the {name}, but `{name}_file` is not set."
            )


def prepare_latents(hparams, run_opts):
    """Caches the latents of a stage that trains on them.

    Arguments
    ---------
    hparams : dict
        `train_segments`, `valid_segments`, `features`, `autoencoder`,
        `latents_folder`, `cache_opts`, `draws_per_epoch`, `train_latents`,
        `valid_draws`.
    run_opts : dict
        `device`, where to encode.

    Returns
    -------
    train_data : speechbrain_flashsr.data.latents.LatentPairs
        One epoch is `draws_per_epoch`.
    valid_data : speechbrain_flashsr.data.latents.LatentPairs
        All of `valid_draws`.
    """
    folder = pathlib.Path(hparams["latents_folder"])
    for name in ("train", "valid"):
        segments = hparams[f"{name}_segments"]
        cache_latents(
            segments,
            hparams["features"],
            hparams["autoencoder"],
            folder / name,
            len(segments),
            device=run_opts.get("device") or "cpu",
            **hparams["cache_opts"],
        )
    return (
        LatentPairs(folder / "train", hparams["draws_per_epoch"]),
        LatentPairs(folder / "valid"),
    )
