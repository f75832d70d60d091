"""Runs a training script in double precision: python float64.py SCRIPT ...

Authors
 * The speechbrain_flashsr developers 2026
"""

import runpy
import sys

import torch

if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
