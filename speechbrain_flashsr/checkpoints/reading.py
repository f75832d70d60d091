"""Reads checkpoints without running the code in them.

Authors
 * The speechbrain_flashsr developers 2026
"""

import hashlib
import os
import pickle
import zipfile
from pathlib import Path

import torch
from safetensors.torch import load

MAX_SHARING = 4
"""How many times the size of its file a checkpoint's tensors may have
together. Weights that are shared between layers are stored once."""

_MAGIC_BYTES = 64
"""Bytes at the start of a file that identify its format."""


class CheckpointError(ValueError):
    """A checkpoint that does not fit its module, or cannot be read.

    The message names the file, the module and the keys."""


def read_checkpoint(path):
    """Reads a checkpoint to the CPU, without running any code in it.

    The content decides whether it is a safetensors file or one that
    ``torch.save`` wrote, not its name. The weights of the latter stay in the
    file and are read when they are used. Raises a CheckpointError if the file
    is missing or damaged, is something else, or holds pickled code.

    Example
    -------
    >>> path = getfixture("tmp_path") / "page.ckpt"
    >>> _ = path.write_text("<!DOCTYPE html><html>Sign in</html>")
    >>> read_checkpoint(path)
    Traceback (most recent call last):
    ...
    speechbrain_flashsr.checkpoints.reading.CheckpointError: ...is a web page...
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
        return load(path.read_bytes())  # `load_file` leaks memory
    is_archive = start.startswith(b"PK")
    if is_archive:
        _check_archive(path)
    elif not start.startswith(pickle.PROTO):
        raise ValueError("of an unknown format")
    return torch.load(
        path, map_location="cpu", weights_only=True, mmap=is_archive
    )


def _reason(start, error):
    """Explains why a file with these first bytes could not be read."""
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
    """Returns the state of a checkpoint; raises a CheckpointError if it is not
    a dictionary of tensors, or has more of them than its file has room for."""
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
    """Computes the SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def digest_of_model(source):
    """SHA-256 of the weights and hyperparameters in a model's folder; a hub
    name is returned as it is.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "hyperparams.yaml").write_text("sample_rate: 48000")
    >>> digest_of_model(folder)[:8], digest_of_model("user/model")
    ('ace0e8a2', 'user/model')
    """
    if not Path(source).is_dir():
        return str(source)
    files = [
        f"{digest_of_file(path)}  {path.name}"
        for path in sorted(Path(source).iterdir())
        if path.suffix in (".yaml", ".ckpt", ".safetensors")
        and path.is_file()  # a pipe would never end
    ]
    return hashlib.sha256("\n".join(files).encode()).hexdigest()


def _is_plain(value):
    """Whether a value is a dense tensor with its values in memory."""
    return (
        torch.is_tensor(value)
        and value.device.type == "cpu"
        and value.layout == torch.strided
        and not value.is_quantized
        and not value.is_nested
    )
