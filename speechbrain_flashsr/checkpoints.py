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
    state = _read_state(path)
    expected = module.state_dict()
    problems = [
        (what, sorted(keys))
        for what, keys in (
            ("missing", expected.keys() - state.keys()),
            ("unexpected", state.keys() - expected.keys()),
            (
                "of another shape",
                [
                    f"{key} {list(state[key].shape)} instead of "
                    f"{list(expected[key].shape)}"
                    for key in expected.keys() & state.keys()
                    if state[key].shape != expected[key].shape
                ],
            ),
        )
        if keys
    ]
    if problems:
        found = "; ".join(
            f"{len(keys)} {what} ({_shorten(keys)})" for what, keys in problems
        )
        raise CheckpointError(
            f"'{path}' does not fit {type(module).__name__}: of its "
            f"{len(expected)} keys, {found}. Give the checkpoint that belongs "
            "to these hyperparameters."
        )
    module.load_state_dict(state)


def _read_state(path):
    """Reads a dictionary of tensors to the CPU, without running any code."""
    if not Path(path).is_file():
        raise CheckpointError(
            f"There is no checkpoint '{path}'. Copy or export the whole folder."
        )
    try:
        state = torch.load(
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
