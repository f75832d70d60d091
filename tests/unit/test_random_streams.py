"""Noise that follows from numbers alone.

Authors
 * The speechbrain_flashsr developers 2026
"""

import multiprocessing

import numpy as np
import pytest

from speechbrain_flashsr.random_streams import TrainingStream, normal_noise


def draw(number=1):
    return normal_noise(0, range(number), TrainingStream.NOISE, (1000,))


def test_noise_in_a_forked_process():
    """It does not wait for threads that the process has not."""
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("this system does not fork")
    here = draw(20)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        there = pool.apply_async(draw).get(timeout=60)
    assert np.array_equal(here[:1], there)
