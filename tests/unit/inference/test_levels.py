"""Tests of speechbrain_flashsr.inference.levels.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest
import torch

from speechbrain_flashsr.inference.levels import LevelMeter, RumbleFilter

RATE = 8000


def noise(seconds, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(1, int(seconds * RATE), generator=generator)


def gain(wavs, block_length=100000, loop=False):
    """The divisor of each sample, [time]."""
    meter = LevelMeter(RATE)
    for block in wavs.split(block_length, dim=1):
        meter.update(block)
    return meter.result(loop).at(0, wavs.shape[1], RATE)[0]


def decibels(ratio):
    return 20 * ratio.log10()


def test_blocks_do_not_matter():
    wavs = noise(3)
    torch.testing.assert_close(gain(wavs, 77), gain(wavs), rtol=1e-5, atol=0)


@pytest.mark.parametrize("factor", [1e-30, 1e-3, 1e30])
def test_gain_is_that_of_the_recording(factor):
    wavs = noise(2).double()
    torch.testing.assert_close(
        gain(factor * wavs) / factor, gain(wavs), rtol=1e-4, atol=0
    )


@pytest.mark.parametrize("seconds, most, at_ends", [(3, 2, 6), (10, 1.7, 4)])
def test_a_fade_is_followed(seconds, most, at_ends):
    wavs = noise(seconds)
    fade = 10 ** (-60 / 20 * torch.linspace(0, 1, wavs.shape[1]))
    off = decibels(gain(wavs * fade) / (gain(wavs) * fade))
    inside = off[RATE // 2 : -RATE // 2]
    assert inside.abs().max() < most and off.abs().max() < at_ends


def test_clicks_change_the_level_around_them_alone():
    wavs = noise(4)
    clicks = wavs.clone()
    clicks[0, RATE // 2 :: RATE] = 10.0
    change = decibels(gain(clicks) / gain(wavs))
    near = torch.zeros(len(change), dtype=torch.bool)
    for position in range(RATE // 2, len(near), RATE):
        near[position - 640 : position + 640] = True
    assert change[~near].abs().max() < 0.5
    assert (clicks[0] / gain(clicks)).abs().max() < 0.53


def test_a_loud_passage_does_not_reach_far():
    quiet = 0.01 * noise(4)
    both = torch.cat([quiet, 50 * noise(2, seed=1)], dim=1)
    change = decibels(gain(both)[: 4 * RATE] / gain(quiet))
    assert change[: -RATE // 4].abs().max() < 0.5
    assert (both[0] / gain(both)).abs().max() < 0.6


def test_rumble_and_offset_do_not_count():
    wavs = 0.1 * noise(4)
    time = torch.arange(wavs.shape[1]) / RATE
    rumble = 0.5 * torch.sin(2 * np.pi * 5 * time) + 0.3
    change = decibels(gain(wavs + rumble) / gain(wavs))
    assert change[RATE // 2 :].abs().max() < 0.5


def test_rumble_filter_keeps_the_bass():
    time = torch.arange(2 * RATE) / RATE
    bass = torch.sin(2 * np.pi * 50 * time)[None]
    kept = RumbleFilter(RATE).filtered(bass)
    ratio = kept[:, RATE:].square().mean() / bass[:, RATE:].square().mean()
    assert abs(10 * ratio.log10()) < 0.1


def test_silence_is_not_raised_beyond_measure():
    wavs = noise(3)
    wavs[:, RATE : 2 * RATE] = 0
    curve = gain(wavs)
    assert decibels(curve.max() / curve.min()) < 110
    assert gain(torch.zeros(1, RATE)).isfinite().all()


@pytest.mark.parametrize("num_samples", [1, 50, 400])
def test_short_recordings(num_samples):
    wavs = torch.ones(2, num_samples)
    wavs[:, ::2] = -1
    assert gain(wavs).isfinite().all() and (gain(wavs) > 0).all()


def test_level_of_a_loop_has_no_step_at_its_seam():
    wavs = noise(4) * torch.linspace(0.1, 1, 4 * RATE)
    curve = gain(wavs, loop=True)
    assert decibels(curve[-1] / curve[0]).abs() < 0.1
