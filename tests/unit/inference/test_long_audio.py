"""Tests of speechbrain_flashsr.inference.long_audio.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import pytest
import torch

from speechbrain_flashsr.inference.long_audio import (
    OVERLAP,
    matched_cross_fade,
    plan_windows,
    process_windows,
)


def planned(num_samples, window_length):
    return plan_windows(num_samples, window_length, multiple=10, context=20)


@pytest.mark.parametrize(
    "num_samples", [1, 9, 10, 11, 39, 40, 41, 69, 70, 71, 99, 1234]
)
def test_windows_cover_the_recording_and_its_context(num_samples):
    plan = planned(num_samples, 60)
    assert plan.starts[0] == -20
    assert all(start % 10 == 0 for start in plan.starts)
    assert plan.length % 10 == 0 and plan.length <= 60
    end = plan.starts[-1] + plan.length - 20
    assert num_samples <= end < num_samples + 10
    for start, following in zip(plan.starts, plan.starts[1:]):
        assert 0 < following - start <= plan.length - 10 * OVERLAP


def test_no_window_is_longer_than_needed():
    """Two windows of 50 cover what one of 60 cannot."""
    plan = planned(40, 60)
    assert (plan.length, plan.starts) == (50, (-20, 10))
    assert planned(12, 60).length == 60


@pytest.mark.parametrize("window_length", [20, 45])
def test_window_length_must_fit(window_length):
    with pytest.raises(ValueError, match=str(window_length)):
        plan_windows(100, window_length, 10)


@pytest.mark.parametrize("agreement", [0.0, 0.5, 0.9, 1.0])
def test_cross_fade_holds_the_level(agreement):
    torch.manual_seed(0)
    old, other = torch.randn(2, 3, 100000)
    new = agreement * old + math.sqrt(1 - agreement**2) * other
    faded = matched_cross_fade(old, new)
    levels = faded.unflatten(1, (20, -1)).square().mean(-1)
    assert (10 * torch.log10(levels)).abs().max() < 0.4


def test_cross_fade_goes_from_old_to_new():
    old, new = torch.randn(2, 1, 10000)
    faded = matched_cross_fade(old, new)
    torch.testing.assert_close(faded[:, 0], old[:, 0], rtol=0, atol=1e-3)
    torch.testing.assert_close(faded[:, -1], new[:, -1], rtol=0, atol=1e-3)


def test_cross_fade_of_silence_is_silent():
    silence = torch.zeros(1, 100)
    assert torch.equal(matched_cross_fade(silence, silence), silence)


@pytest.mark.parametrize("num_samples", [1, 2, 10, 39, 41, 70, 95, 423])
@pytest.mark.parametrize("windows_at_a_time", [1, 3])
def test_process_windows_puts_every_sample_in_place(
    num_samples, windows_at_a_time
):
    plan = planned(num_samples, 40)
    wavs = torch.randn(2, plan.starts[-1] + plan.length + 20)
    seen = []

    def process(windows, starts):
        assert windows.shape == (len(starts), 2, plan.length)
        seen.extend(starts)
        return -windows

    blocks = wavs.split(7, dim=1)
    pairs = list(process_windows(blocks, plan, process, windows_at_a_time))
    low, high = (torch.cat(part, dim=1) for part in zip(*pairs))
    assert torch.equal(low, wavs)
    torch.testing.assert_close(high, -wavs)
    assert tuple(seen) == plan.starts


def test_windows_at_once_give_the_same():
    plan = planned(423, 40)
    wavs = torch.randn(2, plan.starts[-1] + plan.length + 20)
    results = []
    for workers in (1, 3):
        pairs = process_windows(
            wavs.split(7, dim=1), plan, lambda x, _: x.sin(), workers=workers
        )
        results.append([torch.cat(part, dim=1) for part in zip(*pairs)])
    for one, several in zip(*results):
        assert torch.equal(one, several)


def test_memory_is_bounded():
    """However long the stream, only a few windows are held."""
    alive = 0
    most = 0

    def blocks():
        nonlocal alive, most
        for _ in range(1004):
            alive += 20
            most = max(most, alive)
            yield torch.zeros(1, 20)

    plan = planned(20000, 40)
    for low, _ in process_windows(blocks(), plan, lambda x, starts: x, 2):
        alive -= low.shape[1]
    assert most <= 4 * 40
