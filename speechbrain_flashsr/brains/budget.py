"""The minutes that a training stage may take.

Authors
 * The speechbrain_flashsr developers 2026
"""

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
    """

    def __init__(self, minutes=None, start=None):
        self.minutes = minutes
        self.start = time.monotonic() if start is None else start

    def is_over(self, share=1.0):
        """Tells whether a share of the minutes is over. In distributed
        training, all processes must ask, and get the answer of the first."""
        if self.minutes is None:
            return False
        elapsed = (time.monotonic() - self.start) / 60
        answer = [elapsed >= share * self.minutes]
        if is_distributed_initialized():
            torch.distributed.broadcast_object_list(answer, src=0)
        return answer[0]


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
