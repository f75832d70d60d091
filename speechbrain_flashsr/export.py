"""Writes pretrained folders: resolved hyperparameters and weights.

Such a folder loads with `FlashSR.from_hparams(source=folder)` and needs no
other file of this repository.

Authors
 * The speechbrain_flashsr developers 2026
"""

import io
import os
import pathlib
import shutil

import torch
from ruamel.yaml import YAML

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
        Where to write; an older one is replaced.
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

    Example
    -------
    >>> folder = getfixture("tmp_path") / "exported"
    >>> states = {"unet": torch.nn.Linear(1, 1).state_dict()}
    >>> _ = export_pretrained(folder, "sample_rate: 48000", states)
    >>> sorted(path.name for path in folder.iterdir())
    ['hyperparams.yaml', 'unet.ckpt']
    """
    folder = pathlib.Path(folder)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _write(partial, model, states, half, extra)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return folder


def _write(folder, model, states, half, extra):
    for name, state in states.items():
        if half:
            state = {
                key: value.half() if value.is_floating_point() else value
                for key, value in state.items()
            }
        torch.save(state, folder / f"{name}.ckpt")
    loading = LOADING.format(
        window_length=WINDOW_LENGTH,
        loadables="\n".join(f"        {n}: !ref <{n}>" for n in states),
        hooks="\n".join(
            f"        {n}: !name:speechbrain_flashsr.checkpoints.load_strictly"
            for n in states
        ),
    )
    text = model.rstrip() + "\n" + loading + extra
    (folder / "hyperparams.yaml").write_text(text, encoding="utf-8")
