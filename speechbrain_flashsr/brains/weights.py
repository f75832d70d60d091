"""Weights of networks: averaged, frozen for a turn, saved.

Authors
 * The speechbrain_flashsr developers 2026
"""

import contextlib

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from speechbrain_flashsr.audio.writing import complete_file

ADVICE = (
    "The last checkpoint is good: lower `lr` or check the data, then start "
    "again to resume."
)
"""For a training that diverges."""


def average_with_warm_up(decay):
    """Exponential moving average, for
    :class:`torch.optim.swa_utils.AveragedModel`, whose decay after n steps is
    at most (1 + n) / (10 + n).

    Example
    -------
    >>> update = average_with_warm_up(0.999)
    >>> average, current = [torch.zeros(1)], [torch.ones(1)]
    >>> update(average, current, 2)
    >>> average
    [tensor([0.7500])]
    """

    def update(averaged, current, num_averaged):
        n = int(num_averaged)
        warm = min(decay, (1 + n) / (10 + n))
        get_ema_multi_avg_fn(warm)(averaged, current, num_averaged)

    return update


@contextlib.contextmanager
def frozen(module):
    """Keeps gradients from reaching a module's parameters, all of which are
    trainable outside, though they pass through it.

    Example
    -------
    >>> linear = torch.nn.Linear(2, 1)
    >>> x = torch.ones(1, 2, requires_grad=True)
    >>> with frozen(linear):
    ...     linear(x).sum().backward()
    >>> linear.weight.grad is None, x.grad is None
    (True, False)
    """
    module.requires_grad_(False)
    try:
        yield module
    finally:
        module.requires_grad_(True)


def save_completely(state, path):
    """Saves a state dictionary; the file appears when it is complete."""
    with complete_file(path) as temporary, open(temporary, "wb") as file:
        torch.save(state, file)


def check_finite_weights(modules, step):
    """Raises a ValueError that names the first of the modules, {name: module},
    that has weights which are NaN or infinite, and the step.

    Example
    -------
    >>> check_finite_weights({"linear": torch.nn.Linear(2, 3)}, step=1)
    """
    for name, module in modules.items():
        if not all(p.isfinite().all() for p in module.parameters()):
            raise ValueError(
                f"The weights of `{name}` are not finite at step {step}. "
                f"{ADVICE}"
            )
