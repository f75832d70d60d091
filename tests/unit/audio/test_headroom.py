"""Tests of speechbrain_flashsr.audio.headroom.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import pytest
import torch

from speechbrain_flashsr.audio.checks import AudioError
from speechbrain_flashsr.audio.headroom import Headroom


def test_loud_recordings_are_lowered_by_one_gain():
    torch.manual_seed(0)
    wav = 3 * torch.rand(2, 1000) - 1
    headroom = Headroom(1)
    lowered = torch.cat(list(headroom.lowered(wav.split(300, dim=1))), dim=1)
    assert lowered.abs().max() == pytest.approx(10 ** (-1 / 20))
    gain = 10 ** (headroom.gain_db / 20)
    torch.testing.assert_close(lowered, gain * wav)


def test_others_stay_as_they_are():
    wav = torch.tensor([[0.5, -0.8]])
    headroom = Headroom(1)
    assert torch.equal(next(headroom.lowered([wav])), wav)
    assert headroom.gain_db == 0
    assert torch.equal(next(Headroom(0).lowered([0 * wav])), 0 * wav)


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "loud"])
def test_values_that_mean_nothing(value):
    with pytest.raises(AudioError, match="headroom is"):
        Headroom(value)


def test_without_headroom_nothing_changes():
    block = torch.tensor([[0.5, -2.0]])
    headroom = Headroom(None)
    assert list(headroom.lowered([block])) == [block]
    assert headroom.gain_db == 0
