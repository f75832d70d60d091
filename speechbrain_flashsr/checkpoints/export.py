"""Writes pretrained folders: resolved hyperparameters and weights.

Such a folder loads with `FlashSR.from_hparams(source=folder)` and needs no
other file of this repository.

Authors
 * The speechbrain_flashsr developers 2026
"""

import contextlib
import io
import os
import pathlib
import shutil

import torch
from ruamel.yaml import YAML

from speechbrain_flashsr.checkpoints import read_checkpoint

WINDOW_LENGTH = 245760
"""Length of an inference window in samples, 5.12 s as in the paper."""

LOADING = """
window_length: {window_length}

modules:
    super_resolver: !ref <super_resolver>

pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
{loadables}
    custom_hooks:
{hooks}
"""


def model_of_recipe(hyperparams_file):
    """The model's part of the hyperparameters that a training run saved.

    Arguments
    ---------
    hyperparams_file : str
        `hyperparams.yaml` in a recipe's output folder.

    Returns
    -------
    str
        YAML whose top level is what the recipe had under `model`.

    Raises
    ------
    ValueError
        If there is no `model` in it.
    """
    yaml = YAML()
    with open(hyperparams_file, encoding="utf-8") as file:
        hparams = yaml.load(file)
    if "model" not in hparams:
        raise ValueError(
            f"{hyperparams_file} has no `model`: give the hyperparams.yaml in "
            f"the output folder of one of the four training stages."
        )
    text = io.StringIO()
    yaml.dump(hparams["model"], text)
    return text.getvalue()


def export_pretrained(folder, model, states, half=True, extra=""):
    """Writes a pretrained folder, complete or not at all.

    Arguments
    ---------
    folder : str
        Where to write; an older model there is replaced.
    model : str
        YAML of the model, references allowed, without includes.
    states : dict
        {module name: state dictionary}, of `autoencoder`, `unet` and
        `vocoder`.
    half : bool
        Whether weights are stored in half precision.
    extra : str
        YAML that is added to the hyperparameters.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    FileExistsError
        If the folder holds anything else than a model.

    Example
    -------
    >>> folder = getfixture("tmp_path") / "exported"
    >>> states = {"unet": torch.nn.Linear(1, 1).state_dict()}
    >>> _ = export_pretrained(folder, "sample_rate: 48000", states)
    >>> sorted(path.name for path in folder.iterdir())
    ['hyperparams.yaml', 'unet.ckpt']
    """
    with _complete_folder(folder) as partial:
        for name, state in states.items():
            if half:
                state = _as_type(state, torch.half)
            torch.save(state, partial / f"{name}.ckpt")
        text = model.rstrip() + "\n" + _loading(states) + extra
        (partial / "hyperparams.yaml").write_text(text, encoding="utf-8")
    return pathlib.Path(folder)


def export_with_weights(folder, pretrained, states):
    """Writes a pretrained folder that is another one with other weights,
    complete or not at all.

    Arguments
    ---------
    folder : str
        Where to write; an older model there is replaced.
    pretrained : str
        The other folder; its model card (README.md) is left out.
    states : dict
        {module name: state dictionary}, of the modules whose weights are
        others. They are stored in the precision of those that they replace.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    FileExistsError
        If the folder holds anything else than a model.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> old, new = (torch.nn.Linear(1, 1).state_dict() for _ in range(2))
    >>> before = export_pretrained(folder / "old", "a: 1", {"unet": old})
    >>> after = export_with_weights(folder / "new", before, {"unet": new})
    >>> stored = torch.load(after / "unet.ckpt")["bias"]
    >>> torch.equal(stored, new["bias"].half())
    True
    """
    pretrained = pathlib.Path(pretrained)
    with _complete_folder(folder) as partial:
        for path in pretrained.iterdir():
            if path.suffix in (".yaml", ".ckpt"):
                shutil.copyfile(path, partial / path.name)
        for name, state in states.items():
            stored = read_checkpoint(pretrained / f"{name}.ckpt")
            dtypes = {v.dtype for v in stored.values() if v.is_floating_point()}
            if len(dtypes) == 1:
                state = _as_type(state, *dtypes)
            torch.save(state, partial / f"{name}.ckpt")
    return pathlib.Path(folder)


@contextlib.contextmanager
def _complete_folder(folder):
    """A folder beside, which replaces the folder in the end; nothing is left
    of it if anything goes wrong."""
    folder = pathlib.Path(folder)
    partial = folder.with_name(folder.name + ".partial")
    replaced = folder.with_name(folder.name + ".replaced")
    if folder.exists() and not (folder / "hyperparams.yaml").exists():
        if not folder.is_dir() or any(folder.iterdir()):
            raise FileExistsError(
                f"'{folder}' is there and no pretrained folder, so it is not "
                f"replaced. Give a folder that is new, empty, or holds an "
                f"earlier model."
            )
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        if folder.exists():
            shutil.rmtree(replaced, ignore_errors=True)
            os.replace(folder, replaced)
        try:
            os.replace(partial, folder)
        except BaseException:
            if replaced.exists():
                os.replace(replaced, folder)
            raise
        shutil.rmtree(replaced, ignore_errors=True)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _as_type(state, dtype):
    """A state dictionary with floating-point values of another type."""
    return {
        key: value.to(dtype) if value.is_floating_point() else value
        for key, value in state.items()
    }


def _loading(states):
    """YAML that loads the weights."""
    return LOADING.format(
        window_length=WINDOW_LENGTH,
        loadables="\n".join(f"        {n}: !ref <{n}>" for n in states),
        hooks="\n".join(
            f"        {n}: !name:speechbrain_flashsr.checkpoints.load_strictly"
            for n in states
        ),
    )
