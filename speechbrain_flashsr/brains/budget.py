"""The minutes that a training stage may take.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math
import os
import time

import torch
from speechbrain.utils.distributed import is_distributed_initialized
from torch.utils.data import Sampler

TRAINING_SHARE = 0.9
"""Share of the minutes after which the training stops; validation, checkpoint
and export have the rest."""


class Budget:
    """A clock that starts with the stage and covers all that it does:
    `minutes`, None for no limit, from `start` on, a time of `time.monotonic`.

    Example
    -------
    >>> budget = Budget(minutes=10, start=time.monotonic() - 6 * 60)
    >>> budget.is_over(0.5), budget.is_over()
    (True, False)
    >>> round(budget.elapsed_share(), 1)
    0.6
    """

    def __init__(self, minutes=None, start=None):
        self.minutes = minutes
        self.start = time.monotonic() if start is None else start

    def elapsed_share(self):
        """Share of the minutes that is over, zero without a limit. In
        distributed training, all processes must ask, and get the answer of the
        first."""
        if self.minutes is None:
            return 0.0
        elapsed = (time.monotonic() - self.start) / 60
        share = [elapsed / self.minutes if self.minutes else math.inf]
        if is_distributed_initialized():
            torch.distributed.broadcast_object_list(share, src=0)
        return share[0]

    def is_over(self, share=1.0):
        """Tells whether a share of the minutes is over."""
        return self.elapsed_share() >= share


class DrawsInTime(Sampler):
    """Numbers `num_draws` draws from 0 until the minutes are over, but at least
    one batch; the clock is asked before each.

    Example
    -------
    >>> list(DrawsInTime(5, 2, Budget(minutes=0)))
    [0, 1]
    """

    def __init__(self, num_draws, batch_size, budget):
        self.num_draws = num_draws
        self.batch_size = batch_size
        self.budget = budget

    def __len__(self):
        return self.num_draws

    def __iter__(self):
        for draw in range(self.num_draws):
            begins = draw % self.batch_size == 0
            if draw and begins and self.budget.is_over():
                return
            yield draw


def steps_of_epoch(num_draws, batch_size, factor):
    """The steps of each of the processes in an epoch, with gradients that
    accumulate over `factor` batches. Raises a ValueError if there is none.

    Example
    -------
    >>> steps_of_epoch(17, batch_size=4, factor=2)
    2
    """
    processes = int(os.environ.get("WORLD_SIZE", 1))
    steps = num_draws // processes // batch_size // factor
    if not steps:
        raise ValueError(
            f"An epoch has {num_draws} draws, but a step needs "
            f"{processes * batch_size * factor}: `batch_size` "
            f"({batch_size}) times `grad_accumulation_factor` ({factor}) "
            f"times the number of processes ({processes}). Use more "
            "draws (`draws_per_epoch`), or lower one of these."
        )
    return steps
