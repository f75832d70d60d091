"""Checkpoints of single modules, loaded strictly.

SpeechBrain's default hook loads what fits and only warns of the rest. A model
that is loaded in part sounds wrong without an error, so pretrained folders
name :func:`load_strictly` in their `custom_hooks`.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch

from speechbrain_flashsr.checkpoints.reading import (
    CheckpointError,
    check_tensors,
    digest_of_file,
    read_checkpoint,
)

_SHOWN_KEYS = 5


def load_strictly(module, path, sha256=None):
    """Loads a state dictionary that must fit to the last key and shape. Values
    of another floating-point type are converted to the module's.

    Arguments
    ---------
    module : torch.nn.Module
        The module that gets the values.
    path : str or Path
        A safetensors file, or one that ``torch.save`` wrote.
    sha256 : str, optional
        Hexadecimal SHA-256 that the file must have.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or holds pickled code; if its SHA-256
        is another one; if keys are missing, extra, or of another shape or
        type; or if a value is not finite. The module is then unchanged.

    Example
    -------
    >>> path = getfixture("tmp_path") / "linear.ckpt"
    >>> trained, fresh = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    >>> torch.save(trained.half().state_dict(), path)
    >>> load_strictly(fresh, path)
    >>> torch.equal(fresh.weight, trained.weight.float())
    True
    """
    if not isinstance(module, torch.nn.Module):
        raise CheckpointError(
            f"'{path}' cannot be loaded into a {type(module).__name__}, which "
            "is not a torch.nn.Module. Check the hyperparameters."
        )
    state = check_tensors(read_checkpoint(path), path)
    if sha256 is not None and digest_of_file(path) != sha256:
        raise CheckpointError(
            f"'{path}' is not the file that its folder was exported with: its "
            f"SHA-256 is {digest_of_file(path)} instead of {sha256}. "
            "Download the whole folder again."
        )
    expected = module.state_dict()
    misfit = find_misfit(expected, state)
    if misfit:
        raise CheckpointError(
            f"'{path}' does not fit {type(module).__name__}: of its "
            f"{len(expected)} keys, {describe_misfit(misfit)}. Use the "
            "checkpoint that belongs to these hyperparameters."
        )
    check_finite_weights(state, path)
    module.load_state_dict(state)


def check_finite_weights(state, name):
    """Raises a CheckpointError if a value of {key: tensor} is not finite."""
    for key, value in state.items():
        bad = (~value.to(torch.float32).isfinite()).sum().item()
        if bad:
            raise CheckpointError(
                f"'{name}': {bad} of the {value.numel()} values of '{key}' "
                "are NaN or infinite. Use a checkpoint from before the "
                "training diverged."
            )


def find_misfit(expected, found):
    """Finds weights, {name: tensor}, that are missing, unexpected, or of
    another shape or type.

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
        "of another type": [
            f"{key} {found[key].dtype} instead of {expected[key].dtype}"
            for key in expected.keys() & found.keys()
            if _kind(found[key]) != _kind(expected[key])
        ],
    }
    return {what: sorted(keys) for what, keys in problems.items() if keys}


def describe_misfit(misfit):
    """Describes the result of :func:`find_misfit` in words.

    Example
    -------
    >>> describe_misfit({"missing": ["bias"], "unexpected": ["a", "b"]})
    '1 missing (bias); 2 unexpected (a, b)'
    """
    return "; ".join(
        f"{len(keys)} {what} ({_shorten(keys)})"
        for what, keys in misfit.items()
    )


def _kind(tensor):
    """Types that are converted into each other belong to one kind."""
    if tensor.is_complex() or tensor.dtype == torch.bool:
        return tensor.dtype
    return tensor.is_floating_point()


def _shorten(keys):
    """The first few of many keys."""
    more = len(keys) - _SHOWN_KEYS
    shown = ", ".join(keys[:_SHOWN_KEYS])
    return f"{shown}, and {more} more" if more > 0 else shown
