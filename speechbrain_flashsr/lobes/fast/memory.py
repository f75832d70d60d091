"""Keeps memory that a network has freed, for its next tensors.

Authors
 * The speechbrain_flashsr developers 2026
"""

import ctypes
import os

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Numbers of the settings, from glibc's malloc.h."""

LARGEST_INT = 2**31 - 1

VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")
"""Of glibc. Who has set one decides alone how memory is kept."""

LARGEST_THRESHOLD = 32 * 2**20
"""Largest value of M_MMAP_THRESHOLD in older versions."""


def keep_freed_memory():
    """Asks glibc's allocator to keep freed memory instead of returning it;
    tells whether it does.

    By default, large tensors are returned to the system when they are freed,
    and the next ones cause a page fault every 4 kB. The process keeps the
    memory of its peak afterwards. Does nothing where the C library is not
    glibc, as on macOS and Windows, or where a variable of the environment sets
    the same.

    Example
    -------
    >>> keep_freed_memory() in (True, False)
    True
    """
    if any(name in os.environ for name in VARIABLES):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    mapped = any(
        mallopt(M_MMAP_THRESHOLD, size)
        for size in (LARGEST_INT, LARGEST_THRESHOLD)
    )
    return mapped and bool(mallopt(M_TRIM_THRESHOLD, LARGEST_INT))
