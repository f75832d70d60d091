"""Means of metrics and their intervals.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch

from speechbrain_flashsr.metrics.intervals import mean_with_interval


def test_interval_has_the_width_that_theory_gives():
    values = torch.randn(400, generator=torch.Generator().manual_seed(0))
    found = mean_with_interval(values)
    half = 1.96 * values.std().item() / 20
    mean = values.mean().item()
    assert found["mean"] == pytest.approx(mean, abs=1e-6)
    assert found["lower"] == pytest.approx(mean - half, abs=0.15 * half)
    assert found["upper"] == pytest.approx(mean + half, abs=0.15 * half)
    assert found == mean_with_interval(values)
    assert found["lower"] != mean_with_interval(values, seed=1)["lower"]


def test_clips_without_a_value_do_not_count():
    nan = float("nan")
    found = mean_with_interval([nan, 4.0, 1.0, float("inf"), 1.0])
    assert found["mean"] == 2 and found["clips"] == 3


def test_one_clip_has_no_interval_and_none_no_mean():
    found = mean_with_interval([3.0])
    assert found["mean"] == 3 and found["lower"] is found["upper"] is None
    found = mean_with_interval([float("nan")])
    assert found["mean"] is None and found["clips"] == 0
