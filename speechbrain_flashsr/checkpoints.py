"""Checkpoints of single modules: read without running code, checked, loaded
strictly.

SpeechBrain's default hook loads what fits and only warns of the rest. A model
that is loaded in part sounds wrong without an error, so pretrained folders
name :func:`load_strictly` in their `custom_hooks`.

Authors
 * The speechbrain_flashsr developers 2026
"""

import hashlib
import os
import pickle
import zipfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from speechbrain.utils.fetching import FetchSource
from speechbrain.utils.parameter_transfer import Pretrainer

SAFETENSORS = ".safetensors"
"""Extension of weights in exported folders."""

MAX_SHARING = 4
"""How many times the size of its file a checkpoint's tensors may have
together. Weights that are shared between layers are stored once."""

_SHOWN_KEYS = 5

_MAGIC_BYTES = 64
"""As many bytes tell the formats apart."""


class CheckpointError(ValueError):
    """A checkpoint that does not fit its module, or cannot be read.

    The message names the file, the module and the keys.
    """


class SafetensorsPretrainer(Pretrainer):
    """SpeechBrain's pretrainer for a folder of `<name>.safetensors` files.

    The base class looks for `<name>.ckpt` in the folder that it is given.
    Takes the arguments of
    :class:`speechbrain.utils.parameter_transfer.Pretrainer`.

    Example
    -------
    >>> from safetensors.torch import save_file
    >>> folder = getfixture("tmp_path")
    >>> trained, fresh = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    >>> save_file(trained.state_dict(), folder / "linear.safetensors")
    >>> pretrainer = SafetensorsPretrainer(
    ...     loadables={"linear": fresh}, custom_hooks={"linear": load_strictly}
    ... )
    >>> _ = pretrainer.collect_files(folder)
    >>> pretrainer.load_collected()
    >>> torch.equal(fresh.weight, trained.weight)
    True
    """

    def collect_files(self, default_source=None, *args, **kwargs):
        """Finds the files; arguments and result are SpeechBrain's."""
        if default_source is not None:
            for name in self.loadables.keys() - self.paths.keys():
                path = default_source
                if isinstance(default_source, FetchSource):
                    path = default_source[1]
                path = f"{path}/{name}{SAFETENSORS}"
                if isinstance(default_source, FetchSource):
                    path = FetchSource(default_source[0], path)
                self.paths[name] = path
        return super().collect_files(default_source, *args, **kwargs)


def load_strictly(module, path, sha256=None):
    """Loads a state dictionary that must fit to the last key and shape.

    Values of another floating-point type, such as half precision, are
    converted to the module's.

    Arguments
    ---------
    module : torch.nn.Module
        What is loaded into.
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
    """Checks that no weight is NaN or infinite.

    Arguments
    ---------
    state : dict
        {key: tensor}.
    name : str or Path
        Whose weights they are, for the message.

    Raises
    ------
    CheckpointError
        If one is.

    Example
    -------
    >>> check_finite_weights({"bias": torch.zeros(2)}, "linear.ckpt")
    """
    for key, value in state.items():
        bad = (~value.to(torch.float32).isfinite()).sum().item()
        if bad:
            raise CheckpointError(
                f"'{name}': {bad} of the {value.numel()} values of '{key}' "
                "are NaN or infinite. Use a checkpoint from before the "
                "training diverged."
            )


def find_misfit(expected, found):
    """Finds which weights are missing, unexpected, or of another shape or type.

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
        "of another type": [
            f"{key} {found[key].dtype} instead of {expected[key].dtype}"
            for key in expected.keys() & found.keys()
            if _kind(found[key]) != _kind(expected[key])
        ],
    }
    return {what: sorted(keys) for what, keys in problems.items() if keys}


def describe_misfit(misfit):
    """Says what :func:`find_misfit` found.

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

    The content decides what the file is, not its name. The weights stay in the
    file and are read when they are used.

    Arguments
    ---------
    path : str or Path
        A safetensors file, or one that ``torch.save`` wrote.

    Returns
    -------
    object
        What was saved.

    Raises
    ------
    CheckpointError
        If the file is missing or damaged, is something else, or holds pickled
        code.

    Example
    -------
    >>> path = getfixture("tmp_path") / "page.ckpt"
    >>> _ = path.write_text("<!DOCTYPE html><html>Sign in</html>")
    >>> read_checkpoint(path)
    Traceback (most recent call last):
    ...
    speechbrain_flashsr.checkpoints.CheckpointError: ...is a web page...
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(
            f"There is no checkpoint '{path}'. Check its name, and that the "
            "whole folder was copied."
        )
    with open(path, "rb") as file:
        start = file.read(_MAGIC_BYTES)
    try:
        return _read(path, start)
    # A damaged file makes its reader fail in any way.
    except Exception as error:
        raise CheckpointError(
            f"'{path}' cannot be loaded: {_reason(start, error)}. Download it "
            "again from a source that you trust."
        ) from error


def _read(path, start):
    """Reads a file whose first bytes are known."""
    if start[8:9] == b"{":
        return load_file(path)
    is_archive = start.startswith(b"PK")
    if is_archive:
        _check_archive(path)
    elif not start.startswith(pickle.PROTO):
        raise ValueError("of an unknown format")
    return torch.load(
        path, map_location="cpu", weights_only=True, mmap=is_archive
    )


def _reason(start, error):
    """Why a file with these first bytes could not be read."""
    if start.startswith(b"version https://git-lfs"):
        return (
            "it is a Git LFS pointer, not the weights themselves (`git lfs "
            "pull` gets them)"
        )
    if start.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "it is a web page, such as a download link leads to"
    if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
        return "it holds pickled code, which is not run"
    return "it is truncated, damaged, or not a checkpoint"


def _check_archive(path):
    """Checks the sizes and checksums in a file that ``torch.save`` wrote."""
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
        if size > os.path.getsize(path):  # torch.save does not compress
            raise zipfile.BadZipFile("larger than the file")
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(damaged)


def check_tensors(state, path):
    """Checks that a checkpoint holds a dictionary of tensors, and no more of
    them than its file has room for.

    Arguments
    ---------
    state : object
        What was read.
    path : str or Path
        Where from.

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
    >>> path = getfixture("tmp_path") / "empty.ckpt"
    >>> _ = path.write_bytes(b"")
    >>> check_tensors({}, path)
    {}
    """
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and _is_plain(value)
        for key, value in state.items()
    ):
        raise CheckpointError(
            f"'{path}' does not hold a dictionary of tensors. Save the "
            "module's state_dict()."
        )
    declared = sum(v.numel() * v.element_size() for v in state.values())
    size = os.path.getsize(path)
    if declared > MAX_SHARING * size:
        raise CheckpointError(
            f"'{path}' declares {declared} bytes of weights in a file of "
            f"{size} bytes. Do not use it."
        )
    return state


def digest_of_file(path):
    """Computes the SHA-256 of a file.

    Arguments
    ---------
    path : str or Path
        The file.

    Returns
    -------
    str
        Hexadecimal.

    Example
    -------
    >>> path = getfixture("tmp_path") / "empty"
    >>> path.touch()
    >>> digest_of_file(path)[:8]
    'e3b0c442'
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _is_plain(value):
    """Whether a value is a dense tensor with its values in memory."""
    return (
        torch.is_tensor(value)
        and value.device.type == "cpu"
        and value.layout == torch.strided
        and not value.is_quantized
        and not value.is_nested
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
