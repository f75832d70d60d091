"""Sums and means of named losses.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from speechbrain.utils.distributed import is_distributed_initialized


def weighted_sum(losses, weights, step):
    """Adds up losses with their weights, both by name; those without one do not
    count. Raises a ValueError, which names the step, if none has one.

    Example
    -------
    >>> weighted_sum({"mel": 2.0, "wrong": 9.0}, {"mel": 3.0}, step=1)
    6.0
    """
    weighted = [
        weights[name] * losses[name] for name in losses if name in weights
    ]
    if not weighted:
        raise ValueError(
            f"Step {step} has no loss: none of "
            f"{sorted(losses) or 'those that are switched on'} has a "
            "weight. Give one to a loss, or switch one on."
        )
    return sum(weighted)


def means_over_processes(sums):
    """The means over the samples of all processes, {name: value}, of this
    process's sums, {name: (sum, number of samples)}.

    Example
    -------
    >>> means_over_processes({"mel": (6.0, 4)})
    {'mel': 1.5}
    """
    parts = [sums]
    if is_distributed_initialized():
        parts *= torch.distributed.get_world_size()
        torch.distributed.all_gather_object(parts, sums)
    return {
        name: sum(part[name][0] for part in parts if name in part)
        / sum(part[name][1] for part in parts if name in part)
        for name in {name: None for part in parts for name in part}
    }
