"""Loads pretrained folders: hyperparameters, then weights.

Authors
 * The speechbrain_flashsr developers 2026
"""

import contextlib
import gc
from pathlib import Path

import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.utils.fetching import (
    FetchConfig,
    FetchSource,
    LocalStrategy,
    fetch,
)
from speechbrain.utils.parameter_transfer import Pretrainer

from speechbrain_flashsr.audio.checks import reason
from speechbrain_flashsr.checkpoints.reading import CheckpointError
from speechbrain_flashsr.checkpoints.trust import (
    MAX_VALUES,
    SPARE_VALUES,
    VALUES_PER_BYTE,
    ModelError,
    bounded_size,
    check_hyperparams,
)

SAFETENSORS = ".safetensors"
"""Extension of weights in exported folders."""


class SafetensorsPretrainer(Pretrainer):
    """SpeechBrain's pretrainer for a folder of `<name>.safetensors` files,
    where that looks for `<name>.ckpt`.

    Example
    -------
    >>> import torch
    >>> from safetensors.torch import save_file
    >>> from speechbrain_flashsr.checkpoints import load_strictly
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


def load_folder(
    source,
    hparams_file="hyperparams.yaml",
    trust=False,
    needed=(),
    overrides=None,
    overrides_must_match=True,
    savedir=None,
    download_only=False,
    local_strategy=LocalStrategy.SYMLINK,
    fetch_config=FetchConfig(),
):
    """Loads a model as SpeechBrain's `from_hparams` does, after checks.

    Arguments
    ---------
    source, hparams_file, trust
        See :meth:`speechbrain_flashsr.inference.FlashSR.from_hparams`.
    needed : sequence of str
        Names of the modules that there must be.
    overrides : dict or str, optional
        Changes to the hyperparameters; these are always trusted.
    overrides_must_match, savedir, download_only, local_strategy, fetch_config
        Those of SpeechBrain's `from_hparams`.

    Returns
    -------
    dict
        The hyperparameters; the modules in them have their weights.

    Raises
    ------
    ModelError
        If the hyperparameters cannot be fetched, are refused, damaged or do not
        build a model.
    CheckpointError
        If weights are damaged or do not fit.
    """
    where = {"local_strategy": local_strategy, "fetch_config": fetch_config}
    try:
        path = fetch(hparams_file, source, savedir, **where)
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"The model '{source}' is not a folder here, and it cannot be "
            f"fetched ({reason(error)}). Check its name, and the network."
        ) from error
    size = contextlib.nullcontext()
    if not trust:
        check_hyperparams(path)
        size = bounded_size(_max_values(source), f"'{path}'")
    try:
        with open(path, encoding="utf-8") as file, size:
            hparams = load_hyperpyyaml(file, overrides, overrides_must_match)
        modules = torch.nn.ModuleDict(hparams["modules"])
        for name in needed:
            modules[name]
        pretrainer = hparams["pretrainer"]
        for hook in pretrainer.custom_hooks.values():
            if not callable(hook) or isinstance(hook, torch.nn.Module):
                raise TypeError("custom_hooks must be functions")
    except ModelError:
        raise
    # Any class that is built may fail in any way.
    except Exception as error:
        raise ModelError(
            f"'{path}' does not build a model: {_one_line(error)}. "
            "Download the folder again, or check the overrides."
        ) from error
    hparams["savedir"] = savedir
    pretrainer.set_collect_in(savedir)
    pretrainer.collect_files(default_source=source, **where)
    if not download_only:
        try:
            pretrainer.load_collected()
        except CheckpointError:
            raise
        # SpeechBrain loads what the folder names no function of ours for.
        except Exception as error:
            raise CheckpointError(
                f"The weights that '{path}' names cannot be loaded: "
                f"{_one_line(error)}. Download the folder again."
            ) from error
    # `pydoc.locate`, which finds the classes, leaves cycles that hold frames of
    # its callers: without this, a model stays in memory after its use.
    gc.collect()
    return hparams


def _one_line(error):
    """Kind and message of an error of any class."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _max_values(source):
    """How many parameters the weights in a folder can be for."""
    if not isinstance(source, str | Path) or not Path(source).is_dir():
        return MAX_VALUES
    size = sum(p.stat().st_size for p in Path(source).iterdir() if p.is_file())
    return VALUES_PER_BYTE * size + SPARE_VALUES
