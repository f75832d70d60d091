"""Tests of speechbrain_flashsr.inference.ends.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch

from speechbrain_flashsr.inference.ends import Ends, close_loop, crop


def extended(wavs, loop, block_length, rate=4):
    """A recording, continued by 2 s (8 samples at 4 Hz) on both sides."""
    ends = Ends(sample_rate=rate, loop=loop)
    blocks = wavs.split(block_length, dim=1)
    for block in blocks:
        ends.update(block)
    return torch.cat(list(ends.extend(blocks)), dim=1)


@pytest.mark.parametrize("num_samples", [1, 2, 3, 8, 9, 10, 16, 17, 40])
@pytest.mark.parametrize("block_length", [1, 5, 100])
def test_loops_go_on_by_themselves(num_samples, block_length):
    wavs = torch.arange(float(num_samples))[None]
    wrapped = torch.arange(-8, num_samples + 8)[None] % num_samples
    assert torch.equal(extended(wavs, True, block_length), wrapped.float())


@pytest.mark.parametrize("block_length", [1, 7, 100, 1000])
def test_both_ends_go_on_by_what_is_next_to_them(block_length):
    """A tone that rises in the middle, and is 10 times as loud then."""
    time = torch.arange(-100.0, 500)
    low, high = torch.sin(0.3 * time), 10 * torch.sin(1.1 * time)
    wavs = torch.cat([low[100:300], high[300:500]])[None]
    (whole,) = extended(wavs, False, block_length, rate=100)
    assert torch.equal(whole[200:600], wavs[0])
    before, after = whole[180:200], whole[600:620]
    assert (before - low[80:100]).abs().max() < 0.1
    assert (after - high[500:520]).abs().max() < 1


@pytest.mark.parametrize("num_samples", [1, 2, 3, 4, 5, 8, 9, 10, 16, 17, 40])
def test_recordings_go_on_the_same_however_they_come(num_samples):
    wavs = torch.randn(2, num_samples)
    expected = extended(wavs, False, 100)
    assert expected.shape == (2, num_samples + 16)
    assert torch.equal(expected[:, 8:-8], wavs)
    for block_length in (1, 3, 5):
        assert torch.equal(extended(wavs, False, block_length), expected)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_crop_keeps_what_lies_between(size):
    stream = torch.arange(-5.0, 20.0)[None]
    pairs = [(part, -part) for part in stream.split(size, dim=1)]
    first, second = (
        torch.cat(part, dim=1) for part in zip(*crop(pairs, -5, 12))
    )
    assert first[0].tolist() == list(range(12))
    assert torch.equal(second, -first)


@pytest.mark.parametrize("size", [7, 50, 1000])
@pytest.mark.parametrize("num_samples", [20, 300])
def test_a_loop_ends_as_what_lies_before_its_start(size, num_samples):
    band = torch.randn(1, 1000, generator=torch.Generator().manual_seed(0))
    pairs = [(part, part) for part in band.split(size, dim=1)]
    low, closed = (
        torch.cat(part, dim=1)
        for part in zip(*close_loop(pairs, -100, num_samples, 200))
    )
    start = 100
    assert torch.equal(low, band[:, start : start + num_samples])
    fade = min(40, num_samples)
    sure = num_samples - fade
    assert torch.equal(closed[:, :sure], band[:, start : start + sure])
    torch.testing.assert_close(
        closed[:, -1], band[:, start - 1], rtol=0, atol=0.05
    )
