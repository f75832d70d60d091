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
import re
import tempfile

import torch
from ruamel.yaml import YAML
from safetensors.torch import save

from speechbrain_flashsr.checkpoints.folders import SAFETENSORS
from speechbrain_flashsr.checkpoints.reading import (
    digest_of_file,
    read_checkpoint,
)
from speechbrain_flashsr.lobes.super_resolver import WINDOW_LENGTH

INTERFACE = """
window_length: {window_length}

modules:
    super_resolver: !ref <super_resolver>
"""

LOADING = """\
pretrainer: !new:speechbrain_flashsr.checkpoints.SafetensorsPretrainer
    loadables:
{loadables}
    custom_hooks:
{hooks}"""

PRETRAINER = re.compile(r"^pretrainer:.*?(?=^\S|\Z)", re.DOTALL | re.MULTILINE)
"""One part of the hyperparameters."""

MODEL_FILE = re.compile(r"hyperparams\.yaml|README\.md|.+\.(safetensors|ckpt)")
"""Names of the files in a pretrained folder."""

HOOK = """\
        {name}: !name:speechbrain_flashsr.checkpoints.load_strictly
            sha256: {sha256}
"""


def model_of_recipe(hyperparams_file):
    """Returns the YAML of what a recipe had under `model`, without comment
    lines, from the `hyperparams.yaml` in its output folder; raises a ValueError
    if there is none."""
    yaml = YAML()
    with open(hyperparams_file, encoding="utf-8") as file:
        hparams = yaml.load(file)
    if "model" not in hparams:
        raise ValueError(
            f"{hyperparams_file} has no `model`. Pass the hyperparams.yaml in "
            f"the output folder of one of the four training stages."
        )
    text = io.StringIO()
    yaml.dump(hparams["model"], text)
    return re.sub(r"(?m)^ *#.*\n", "", text.getvalue())


def export_pretrained(folder, model, states, half=True, extra=""):
    """Writes a pretrained folder, complete or not at all, and returns its path;
    an older model there is replaced.

    The weights are safetensors files, and the hyperparameters hold the SHA-256
    of each, which is checked when they are loaded.

    Arguments
    ---------
    folder : str
        Where to write.
    model, extra : str
        YAML of the model, references allowed, without includes, and what is
        added to it.
    states : dict
        {module name: state dictionary}, of `autoencoder`, `unet` and
        `vocoder`.
    half : bool
        Whether weights are stored in half precision.

    Raises
    ------
    FileExistsError
        If the folder holds anything else than a model.
    """
    interface = INTERFACE.format(window_length=WINDOW_LENGTH)
    with _complete_folder(folder) as partial:
        loading = _write_weights(partial, states, half)
        text = f"{model.rstrip()}\n{interface}\n{loading}{extra}"
        (partial / "hyperparams.yaml").write_text(text, encoding="utf-8")
    return pathlib.Path(folder)


def export_with_weights(folder, pretrained, states):
    """Writes a copy of a pretrained folder with other weights, like
    :func:`export_pretrained`.

    `states` are those of the modules whose weights are others. All are stored
    in half precision if those of the other folder, `pretrained`, are; its model
    card (README.md) is left out."""
    path = pathlib.Path(pretrained) / "hyperparams.yaml"
    text = path.read_text(encoding="utf-8")
    stored = {
        name: read_checkpoint(find_weights(pretrained, name))
        for name in YAML().load(text)["pretrainer"]["loadables"]
    }
    half = any(
        value.dtype == torch.half
        for state in stored.values()
        for value in state.values()
    )
    with _complete_folder(folder) as partial:
        loading = _write_weights(partial, {**stored, **states}, half)
        text = PRETRAINER.sub(lambda _: loading, text)
        (partial / "hyperparams.yaml").write_text(text, encoding="utf-8")
    return pathlib.Path(folder)


def find_weights(folder, name):
    """Finds <name>.safetensors or, for SpeechBrain's pretrainer, <name>.ckpt in
    a pretrained folder; raises a FileNotFoundError if there is neither."""
    for extension in (SAFETENSORS, ".ckpt"):
        path = pathlib.Path(folder) / f"{name}{extension}"
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"'{folder}' is not a pretrained folder: {name}{SAFETENSORS} is "
        "missing. Use one that train_all.py or `flashsr convert` wrote."
    )


@contextlib.contextmanager
def _complete_folder(folder):
    """A new folder, beside, that replaces the folder in the end; nothing is
    left of it if anything goes wrong."""
    folder = pathlib.Path(folder)
    if folder.exists() and not _is_replaceable(folder):
        raise FileExistsError(
            f"'{folder}' exists and holds more than a pretrained model, so it "
            "is not replaced. Name a folder that is new, empty, or holds an "
            "earlier model and nothing else."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{folder.name}-",
        dir=folder.parent,
        ignore_cleanup_errors=True,
    ) as beside:
        partial, replaced = (pathlib.Path(beside, n) for n in ("new", "old"))
        partial.mkdir()
        yield partial
        with contextlib.ExitStack() as undo:
            if folder.exists():
                os.replace(folder, replaced)
                undo.callback(os.replace, replaced, folder)
            os.replace(partial, folder)
            undo.pop_all()


def _is_replaceable(folder):
    """Whether a path is an empty folder, or one that holds only the files of a
    pretrained model: a training's output folder has more."""
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()}
    return not names or (
        "hyperparams.yaml" in names
        and all(path.is_file() for path in folder.iterdir())
        and all(MODEL_FILE.fullmatch(name) for name in names)
    )


def _write_weights(folder, states, half):
    """Writes the weights; returns the YAML that loads them."""
    hooks = []
    for name in states:  # one at a time: they may be read when asked for
        path = folder / f"{name}{SAFETENSORS}"
        state = _storable(states[name], half)
        path.write_bytes(save(state, {"format": "pt"}))
        hooks.append(HOOK.format(name=name, sha256=digest_of_file(path)))
    return LOADING.format(
        loadables="\n".join(f"        {n}: !ref <{n}>" for n in states),
        hooks="".join(hooks),
    )


def _storable(state, half):
    """A state dictionary of tensors that lie in memory one by one."""
    return {
        key: value.detach()
        .to(torch.half if half and value.is_floating_point() else value.dtype)
        .clone(memory_format=torch.contiguous_format)
        for key, value in state.items()
    }
