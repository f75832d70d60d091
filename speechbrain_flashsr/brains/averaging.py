"""Exponential moving averages of weights.

Authors
 * The speechbrain_flashsr developers 2026
"""

from torch.optim.swa_utils import get_ema_multi_avg_fn


def average_with_warm_up(decay):
    """Exponential moving average with a smaller decay during the first steps.

    Arguments
    ---------
    decay : float
        Largest decay; after n steps it is at most (1 + n) / (10 + n).

    Returns
    -------
    callable
        For :class:`torch.optim.swa_utils.AveragedModel`.

    Example
    -------
    >>> import torch
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
