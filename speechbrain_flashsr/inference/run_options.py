"""Run options of the interface: SpeechBrain's, and one of its own.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from speechbrain.utils.distributed import infer_device
from speechbrain.utils.logger import get_logger
from speechbrain.utils.run_opts import RunOptions

from speechbrain_flashsr.inference.checks import check_integer
from speechbrain_flashsr.lobes.fast.precision import fastest_precision

logger = get_logger(__name__)

BATCH_WINDOWS = {"cpu": 1, "cuda": 8}
"""Default number of windows in a batch of the model, per device type."""

OF_TRAININGS = ("compile", "jit", "data_parallel_backend", "distributed_launch")
"""Options that would wrap the networks, which a prepared model does not bear."""


def complete_run_options(run_opts, hparams):
    """Checks run options (a dict, or SpeechBrain's RunOptions) and adds those
    that have to be decided: `device`, `precision` and `batch_windows`, without
    "auto". Options in the hyperparameters of the model give way to run options.

    Those of trainings, as a recipe's run options may hold, have no effect, with
    a warning. Raises a ValueError if an option is unknown, the device is missing, or the
    precision does not suit it.

    Example
    -------
    >>> complete_run_options({"device": "cpu", "precision": "fp32"}, {})
    {'device': 'cpu', 'precision': 'fp32', 'batch_windows': 1}
    """
    if isinstance(run_opts, RunOptions):
        run_opts = {name: run_opts[name] for name in run_opts.overridden_args}
    known = [*RunOptions().as_dict(), "batch_windows"]
    for name in run_opts or ():
        if name not in known:
            raise ValueError(
                f"The run option {name!r} does not exist. Use one of "
                f"{', '.join(known)}."
            )
    options = {name: hparams[name] for name in known if name in hparams}
    options.update(run_opts or {})
    ignored = [name for name in OF_TRAININGS if options.get(name)]
    if ignored:
        options.update(dict.fromkeys(ignored, False))
        logger.warning(
            f"FlashSR ignores the run option {' and '.join(ignored)}, which is "
            "for trainings."
        )
    # SpeechBrain knows no torch.device.
    options["device"] = str(options.get("device") or infer_device())
    try:
        torch.empty(0, device=options["device"])
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        gpus = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
        if torch.backends.mps.is_available():
            gpus.append("mps")
        raise ValueError(
            f"PyTorch cannot use the device {options['device']!r}. Here it can "
            f"use {', '.join(['cpu', *gpus])}."
        ) from error
    device_type = options["device"].split(":")[0]
    if options.get("precision", "auto") == "auto":
        options["precision"] = fastest_precision(device_type)
    elif options["precision"] == "fp16" and device_type == "cpu":
        raise ValueError(
            "precision='fp16' needs a GPU. Use 'bf16' or 'fp32' on a CPU."
        )
    if options.get("batch_windows") is None:
        options["batch_windows"] = BATCH_WINDOWS.get(device_type, 1)
    check_integer(options["batch_windows"], "batch_windows", 1)
    return options
