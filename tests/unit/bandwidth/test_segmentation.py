"""Paths of edges over time.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np

from speechbrain_flashsr.bandwidth import CutoffSegment, CutoffTrack
from speechbrain_flashsr.bandwidth.segmentation import best_path, channel_paths


def evidence_of(path, confidence=4.0, states=5):
    """Log-probabilities that speak for a path."""
    evidence = np.full((len(path), states), -confidence)
    evidence[np.arange(len(path)), path] = 0
    return evidence


def test_a_moment_of_another_edge_is_not_worth_a_change():
    path, _ = best_path(evidence_of([2] * 20 + [4] * 2 + [2] * 20))
    assert (path == 2).all()


def test_seconds_of_another_edge_are():
    truth = [2] * 20 + [4] * 10 + [2] * 20
    assert best_path(evidence_of(truth))[0].tolist() == truth


def test_faint_evidence_adds_up():
    """No chunk knows for sure, and some are wrong."""
    rng = np.random.default_rng(0)
    truth = np.where(rng.random(200) < 0.6, 1, rng.integers(0, 5, 200))
    assert (best_path(evidence_of(truth, confidence=0.3))[0] == 1).all()


def test_what_tells_nothing_takes_the_neighbours_edge():
    evidence = evidence_of([1] * 10 + [3] * 10)
    evidence[:2] = evidence[18:] = 0
    path, _ = best_path(evidence)
    assert path.tolist() == [1] * 10 + [3] * 10


def test_channels_share_a_path_unless_they_clearly_differ():
    same, other = evidence_of([1] * 30), evidence_of([4] * 30)
    faint = evidence_of([4] * 30, confidence=0.15)
    paths, pooled = channel_paths(np.stack([same, other, faint, same]))
    assert paths[:, 0].tolist() == [1, 4, 1, 1]
    assert np.allclose(pooled[0], 2 * same + faint)


def test_a_track_answers_for_every_time():
    track = CutoffTrack(
        (CutoffSegment(0.0, 3599.6, 8000.0), CutoffSegment(3599.6, 3700, None))
    )
    assert track.cutoff_at(-1) == track.cutoff_at(3599) == 8000.0
    assert track.cutoff_at(3600) is track.cutoff_at(9999) is None
    assert not track.is_full_band
    assert track.summary() == (
        "0:00-1:00:00 restored above 8.0 kHz, 1:00:00-1:01:40 full band"
    )
