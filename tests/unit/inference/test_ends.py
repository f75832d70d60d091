"""Tests of speechbrain_flashsr.inference.ends.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch

from speechbrain_flashsr.inference.ends import Ends, close_loop, crop


def extended(num_samples, loop, block_length):
    """0, 1, 2, ... continued by 8 samples on both sides."""
    wavs = torch.arange(float(num_samples))[None]
    ends = Ends(sample_rate=4, loop=loop)
    blocks = wavs.split(block_length, dim=1)
    for block in blocks:
        ends.update(block)
    return torch.cat(list(ends.extend(blocks)), dim=1)[0].long().tolist()


@pytest.mark.parametrize("num_samples", [1, 2, 3, 8, 9, 10, 16, 17, 40])
@pytest.mark.parametrize("block_length", [1, 5, 100])
def test_recordings_go_on_by_reflection_and_loops_by_themselves(
    num_samples, block_length
):
    positions = range(-8, num_samples + 8)
    period = max(1, 2 * num_samples - 2)
    reflected = [
        min(position % period, -position % period) for position in positions
    ]
    assert extended(num_samples, False, block_length) == reflected
    wrapped = [position % num_samples for position in positions]
    assert extended(num_samples, True, block_length) == wrapped


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
