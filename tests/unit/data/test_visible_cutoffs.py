"""Whether a recording shows where a band ends.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest
import torch

from speechbrain_flashsr.data import band_limits, visible_cutoffs
from tests.unit.signals import level, pink_noise


def test_recordings_that_end_with_a_step_are_not_full_band():
    wav = pink_noise(2)
    for cutoff_hz in (11000, 14000, 16000):
        assert visible_cutoffs.has_step(
            band_limits.filtered(wav, cutoff_hz, "fir", 8).wav
        )
    for wide in (
        wav,
        band_limits.filtered(wav, 18000, "fir", 8).wav,
        band_limits.gentle(wav, 2000),
    ):
        assert not visible_cutoffs.has_step(wide)


@pytest.mark.parametrize("own_hz", [20000, 4000])
def test_a_floor_shows_the_edge_only_where_it_leaves_both_sides(own_hz):
    """A limit takes away only sound that the recording has."""
    wav = band_limits.gentle(pink_noise(2), own_hz, order=8)
    example = band_limits.filtered(wav, 8000, "fir", 8)
    visible_db = visible_cutoffs.visible_floor(example, wav, margin_db=10)
    floor = band_limits.with_floor(example, visible_db, np.random.default_rng())
    sounds = torch.from_numpy(
        np.stack([example.wav, wav, floor.wav - example.wav])
    )
    below, _, noise_below = level(sounds, 48000, 6000, 7200)
    _, above, noise_above = level(sounds, 48000, 8800, 10000)
    margin = min(below - noise_below, above - noise_above)
    # Noise is as loud at all times: its loud moments exceed its mean by 3 dB
    assert margin == pytest.approx(7, abs=2)


def test_an_edge_that_16_bits_cover_is_not_visible():
    wav = pink_noise(2)
    dull = band_limits.gentle(wav, 1000, order=4)
    for recording, cutoff_hz, visible in (
        (wav, 12000, True),
        (dull, 2000, True),
        (dull, 12000, False),
        (1e-4 * wav, 2000, False),
    ):
        example = band_limits.filtered(recording, cutoff_hz, "fir", 8)
        assert visible_cutoffs.is_visible(example, recording) == visible
    full = band_limits.Example(1e-4 * wav, 48000, None, "full band")
    assert visible_cutoffs.is_visible(full, wav)
