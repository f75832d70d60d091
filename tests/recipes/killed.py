"""Runs a script that is killed while it saves: python killed.py N SCRIPT ...

The process kills itself with SIGKILL, which nothing can catch, halfway through
the n-th file of weights that it writes.

Authors
 * The speechbrain_flashsr developers 2026
"""

import io
import itertools
import os
import runpy
import signal
import sys

import torch

if __name__ == "__main__":
    torch.set_num_threads(1)
    fatal = int(sys.argv[1])
    sys.argv = sys.argv[2:]
    files = itertools.count(1)
    save = torch.save

    def save_or_die(content, path, *args, **kwargs):
        """Saves, unless it is the fatal file."""
        if next(files) < fatal:
            return save(content, path, *args, **kwargs)
        buffer = io.BytesIO()
        save(content, buffer)
        with open(path, "wb") as file:
            file.write(buffer.getvalue()[: buffer.tell() // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    torch.save = save_or_die
    runpy.run_path(sys.argv[0], run_name="__main__")
