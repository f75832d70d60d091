"""Averages of metrics and their intervals.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import pytest
import torch

from speechbrain_flashsr.metrics.intervals import IntervalStats


def stats_of(values, **kwargs):
    stats = IntervalStats(lambda values: values, **kwargs)
    stats.append([str(i) for i in range(len(values))], torch.tensor(values))
    return stats.summarize()


def test_interval_has_the_width_that_theory_gives():
    values = torch.randn(400, generator=torch.Generator().manual_seed(0))
    summary = stats_of(values.tolist())
    half = 1.96 * values.std().item() / 20
    average = values.mean().item()
    assert summary["average"] == pytest.approx(average, abs=1e-6)
    assert summary["lower"] == pytest.approx(average - half, abs=0.15 * half)
    assert summary["upper"] == pytest.approx(average + half, abs=0.15 * half)
    assert summary == stats_of(values.tolist())
    assert summary["lower"] != stats_of(values.tolist(), seed=1)["lower"]


def test_clips_without_a_value_do_not_count():
    nan = float("nan")
    summary = stats_of([nan, 4.0, 1.0, nan, 1.0])
    assert summary["average"] == 2 and summary["count"] == 3
    assert summary["max_id"] == "1" and summary["min_id"] == "2"


def test_one_clip_has_no_interval_and_none_no_average():
    summary = stats_of([3.0])
    assert summary["average"] == 3 and math.isnan(summary["lower"])
    summary = stats_of([float("nan")])
    assert math.isnan(summary["average"]) and summary["count"] == 0
    assert summary["max_id"] is None
