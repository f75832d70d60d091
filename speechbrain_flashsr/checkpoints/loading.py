"""Checkpoints of single modules, loaded strictly.

SpeechBrain's default hook loads what fits and only warns of the rest. A model
that is loaded in part sounds wrong without an error, so pretrained folders
name :func:`load_strictly` in their `custom_hooks`.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pickle
import zipfile
from pathlib import Path

import torch

_SHOWN_KEYS = 5


class CheckpointError(ValueError):
    """A checkpoint that does not fit its module, or cannot be read.

    The message names the file, the module and the keys.
    """


def load_strictly(module, path):
    """Loads a state dictionary that must fit to the last key and shape.

    Values of another floating-point type, such as half precision, are
    converted to the module's.

    Arguments
    ---------
    module : torch.nn.Module
        What is loaded into.
    path : str or Path
        File written by ``torch.save(other.state_dict(), path)``.

    Raises
    ------
    CheckpointError
        If the file is missing, truncated, or holds pickled code; or if keys
        are missing, extra, or of another shape. The module is then unchanged.

    Example
    -------
    >>> path = getfixture("tmp_path") / "linear.ckpt"
    >>> trained, fresh = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    >>> torch.save(trained.half().state_dict(), path)
    >>> load_strictly(fresh, path)
    >>> torch.equal(fresh.weight, trained.weight.float())
    True
    """
    state = check_tensors(read_checkpoint(path), path)
    expected = module.state_dict()
    misfit = find_misfit(expected, state)
    if misfit:
        raise CheckpointError(
            f"'{path}' does not fit {type(module).__name__}: of its "
            f"{len(expected)} keys, {describe_misfit(misfit)}. Give the "
            "checkpoint that belongs to these hyperparameters."
        )
    module.load_state_dict(state)


def find_misfit(expected, found):
    """Finds which weights are missing, unexpected, or of another shape.

    Arguments
    ---------
    expected : dict
        {name: tensor}, all that there must be.
    found : dict
        {name: tensor}, what there is.

    Returns
    -------
    dict
        {what is wrong: names}, empty if both fit.

    Example
    -------
    >>> find_misfit({"bias": torch.zeros(2)}, {"weight": torch.zeros(3)})
    {'missing': ['bias'], 'unexpected': ['weight']}
    """
    problems = {
        "missing": expected.keys() - found.keys(),
        "unexpected": found.keys() - expected.keys(),
        "of another shape": [
            f"{key} {list(found[key].shape)} instead of "
            f"{list(expected[key].shape)}"
            for key in expected.keys() & found.keys()
            if found[key].shape != expected[key].shape
        ],
    }
    return {what: sorted(keys) for what, keys in problems.items() if keys}


def describe_misfit(misfit):
    """What :func:`find_misfit` found, in words.

    Arguments
    ---------
    misfit : dict
        {what is wrong: names}.

    Returns
    -------
    str

    Example
    -------
    >>> describe_misfit({"missing": ["bias"], "unexpected": ["a", "b"]})
    '1 missing (bias); 2 unexpected (a, b)'
    """
    return "; ".join(
        f"{len(keys)} {what} ({_shorten(keys)})"
        for what, keys in misfit.items()
    )


def read_checkpoint(path):
    """Reads a checkpoint to the CPU, without running any code in it.

    The weights stay in the file and are read when they are used.

    Arguments
    ---------
    path : str or Path
        File written by ``torch.save``.

    Returns
    -------
    object
        What was saved.

    Raises
    ------
    CheckpointError
        If the file is missing, truncated, or holds pickled code.
    """
    if not Path(path).is_file():
        raise CheckpointError(
            f"There is no checkpoint '{path}'. Check its name, and that the "
            "whole folder was copied."
        )
    try:
        return torch.load(
            path,
            map_location="cpu",
            weights_only=True,
            mmap=zipfile.is_zipfile(path),
        )
    except (pickle.UnpicklingError, EOFError, RuntimeError, OSError) as error:
        if "Unsupported" in str(error) or "GLOBAL" in str(error):
            reason = "it holds pickled code, which is not run"
        else:
            reason = "it is truncated or no checkpoint"
        raise CheckpointError(
            f"'{path}' cannot be loaded: {reason}. Get it anew from a source "
            "that you trust."
        ) from error


def check_tensors(state, path):
    """Checks that what a checkpoint holds is a dictionary of tensors.

    Arguments
    ---------
    state : object
        What was read.
    path : str or Path
        Where from, for the message.

    Returns
    -------
    dict
        The same.

    Raises
    ------
    CheckpointError
        If it is something else.

    Example
    -------
    >>> check_tensors({}, "empty.ckpt")
    {}
    """
    if not isinstance(state, dict) or not all(
        torch.is_tensor(value) for value in state.values()
    ):
        raise CheckpointError(
            f"'{path}' holds no dictionary of tensors. Save the module's "
            "state_dict()."
        )
    return state


def _shorten(keys):
    """The first few of many keys."""
    more = len(keys) - _SHOWN_KEYS
    shown = ", ".join(keys[:_SHOWN_KEYS])
    return f"{shown}, and {more} more" if more > 0 else shown
