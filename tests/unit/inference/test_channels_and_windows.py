"""Clips, channels and windows: each gets what it would get alone.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import numpy as np
import pytest
import scipy.signal
import torch

from tests.tiny_model import toy_interface
from tests.unit.signals import level, pink, tilted


def test_batch_padding_and_window_batch_do_not_matter(flashsr, monkeypatch):
    long, short = pink(1, 60000, seed=1), pink(1, 20011, seed=2)
    padded = torch.cat(
        [torch.nn.functional.pad(short, (0, 39989), value=0.9), long]
    )
    lengths = torch.tensor([20011 / 60000, 1.0])
    options = {"sample_rate": 16000, "cutoff": 7000}
    together = flashsr.super_resolve_batch(padded, lengths, **options)
    alone = [
        flashsr.super_resolve_batch(wavs, **options) for wavs in (short, long)
    ]
    torch.testing.assert_close(
        together[:1, : 3 * 20011], alone[0], rtol=0, atol=1e-5
    )
    assert (together[0, 3 * 20011 :] == 0).all()
    torch.testing.assert_close(together[1:], alone[1], rtol=0, atol=1e-5)
    monkeypatch.setattr(flashsr, "batch_windows", 4)
    batched = flashsr.super_resolve_batch(padded, lengths, **options)
    torch.testing.assert_close(batched, together, rtol=0, atol=1e-5)


def test_seed_decides_the_noise(flashsr):
    wavs = pink(1, 8000)
    options = {"sample_rate": 8000, "cutoff": 4000}
    first, again, other = (
        flashsr.super_resolve_batch(wavs, seed=seed, **options)
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, rtol=0, atol=1e-5)


def test_padding_may_hold_nan(flashsr):
    wavs = pink(2, 8000)
    wavs[0, 4000:] = math.nan
    out = flashsr.super_resolve_batch(
        wavs, torch.tensor([0.5, 1.0]), sample_rate=8000, cutoff=4000
    )
    assert out.isfinite().all()


def test_equal_channels_stay_equal(flashsr):
    left = pink(1, 16000)
    same = torch.stack([left, left], dim=2)
    out = flashsr.super_resolve_batch(same, sample_rate=16000, cutoff=8000)
    assert torch.equal(out[..., 0], out[..., 1])


def test_inverted_channels_stay_inverted(flashsr):
    left = pink(1, 16000)
    inverted = torch.stack([left, -left], dim=2)
    out = flashsr.super_resolve_batch(inverted, sample_rate=16000, cutoff=8000)
    assert torch.equal(out[..., 0], -out[..., 1])


def noise_that_sounds(low, noise, excitation, **_):
    """A model that adds its excitation as it is."""
    return low + 0.1 * excitation


@pytest.mark.parametrize("agreement", [-1.0, -0.5, 0.0, 0.5, 0.8, 1.0])
def test_channels_are_as_similar_above_the_cutoff_as_below(
    agreement, monkeypatch
):
    flashsr = toy_interface()
    monkeypatch.setattr(
        flashsr.mods["super_resolver"], "forward", noise_that_sounds
    )
    first, other = 0.1 * torch.randn(
        2, 32000, generator=torch.Generator().manual_seed(0)
    )
    second = agreement * first + math.sqrt(1 - agreement**2) * other
    wavs = torch.stack([first, second], dim=1)[None]
    out = flashsr.super_resolve_batch(wavs, sample_rate=16000, cutoff=7000)
    highpass = scipy.signal.butter(8, 8000, "highpass", fs=48000, output="sos")
    above = scipy.signal.sosfilt(highpass, out[0].numpy(), axis=0)
    assert abs(np.corrcoef(above.T)[0, 1] - agreement) < 0.05


def test_clips_of_a_batch_are_not_mixed_with_each_other(flashsr):
    """Stereo clips of one length get what each gets alone."""
    wavs = torch.stack([pink(2, 16000), pink(2, 16000, seed=1)], dim=2)
    options = {"sample_rate": 16000, "cutoff": 7000}
    together = flashsr.super_resolve_batch(wavs, **options)
    for clip, expected in zip(wavs, together):
        alone = flashsr.super_resolve_batch(clip[None], **options)[0]
        torch.testing.assert_close(alone, expected, rtol=0, atol=1e-5)


def test_excitation_is_keyed_by_position():
    """White noise for the vocoder is the same however a file is cut up."""
    outputs = []
    for window_length in (122880, 30720 * 10):
        flashsr = toy_interface(window_length=window_length)
        toy = flashsr.mods["super_resolver"]
        flashsr.super_resolve_batch(
            pink(1, 6 * 30720), sample_rate=48000, cutoff=8000, seed=3
        )
        outputs.append(
            torch.cat([options["excitation"] for _, _, options in toy.calls])
        )
    many, (one,) = outputs
    assert one.shape == (10 * 30720,)
    assert abs(one.std() - 1) < 0.02 and abs(one.mean()) < 0.01
    # Windows of four blocks, which overlap by two.
    expected = one.unfold(0, 122880, 2 * 30720)
    torch.testing.assert_close(many, expected)


def test_minute_in_one_window_and_in_many():
    """A model that sees no further than a sample gives the same either way."""
    wavs = pink(1, 60 * 48000)

    def high_band(low, noise):
        return tilted(low, noise) * low.abs()

    many = toy_interface(high_band).super_resolve_batch(
        wavs, sample_rate=48000, cutoff=6000
    )
    one = toy_interface(
        high_band, window_length=30720 * 98
    ).super_resolve_batch(wavs, sample_rate=48000, cutoff=6000)
    assert level(many, 48000, 7000, 24000) > -10
    torch.testing.assert_close(many, one, rtol=0, atol=1e-5)


@pytest.mark.parametrize("agreement", [0.0, 0.7])
def test_no_step_in_level_or_spectrum_at_borders(agreement, even_level):
    """Windows whose high bands disagree still join at an even level."""
    generator = torch.Generator().manual_seed(9)
    common = torch.randn(44 * 48000, generator=generator)
    hop = 61440
    calls = 0

    def high_band(low, noise):
        nonlocal calls
        own = torch.randn(low.shape, generator=generator)
        shared = common[calls * hop :][: low.shape[1]]
        calls += 1
        return 0.05 * (agreement * shared + math.sqrt(1 - agreement**2) * own)

    wavs = pink(1, 40 * 48000)
    out = toy_interface(high_band).super_resolve_batch(
        wavs, sample_rate=48000, cutoff=6000
    )
    assert calls == 33
    frames = out[0, : 31 * hop].unfold(0, 1920, 1920)
    for low_edge in (7000, 12000, 18000):
        levels = level(frames, 48000, low_edge, low_edge + 4000)
        # Mean over the 31 windows at each place in a window; the cross-fade
        # lies in frames 12 to 19, its middle in 15 and 16.
        levels = levels.unflatten(0, (31, 32)).mean(0)
        assert abs(levels[14:18].mean() - levels[24:].mean()) < 0.25
        assert (levels - levels.mean()).abs().max() < 0.5
