"""Several windows at once, each on some of the processor's cores.

The operations of a small model are short: a core each for several windows is
faster than all cores for one.

Authors
 * The speechbrain_flashsr developers 2026
"""

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import torch

MOST_WORKERS = 4
"""Windows of a small model that are worked on at once, at most. Each takes
about 110 MB."""

SMALL_MODEL = 2**25
"""Parameters of a model up to which it counts as small."""


def count_workers(model, device_type, num_calls):
    """How many of a number of calls of a model are worked on at once.

    One in all threads but the main one: :func:`map_in_order` changes PyTorch's
    number of threads meanwhile, which only one thread may do.

    Example
    -------
    >>> count_workers(torch.nn.Linear(1, 1), "cuda", num_calls=9)
    1
    """
    if threading.current_thread() is not threading.main_thread():
        return 1
    size = sum(parameter.numel() for parameter in model.parameters())
    if device_type != "cpu" or size > SMALL_MODEL:
        return 1
    return min(MOST_WORKERS, torch.get_num_threads(), num_calls)


def map_in_order(function, items, workers):
    """Like `map`, but works on as many items at once as there are workers,
    which share PyTorch's threads; without gradients.

    Takes items only as far as they are needed to keep the workers busy. Raises
    what the function raises.

    Example
    -------
    >>> list(map_in_order(lambda x: x + 1, range(5), workers=2))
    [1, 2, 3, 4, 5]
    """
    if workers == 1:
        yield from map(function, items)
        return
    threads = torch.get_num_threads()
    share = max(1, threads // workers)
    pool = ThreadPoolExecutor(
        workers, initializer=torch.set_num_threads, initargs=[share]
    )
    function = torch.no_grad()(function)
    pending = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        # A worker's setting is also the default of later threads.
        torch.set_num_threads(threads)
