"""Recordings for the command, and the names of its outputs.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import soundfile


def write(path, rate=8000, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    samples = 0.1 * generator.standard_normal((rate // 4, channels))
    soundfile.write(path, samples, rate)


def outputs(tmp_path):
    """Names of all files but the journals."""
    names = (
        path.relative_to(tmp_path).as_posix()
        for path in tmp_path.rglob("*")
        if path.is_file()
    )
    return sorted(name for name in names if "flashsr-finished" not in name)
