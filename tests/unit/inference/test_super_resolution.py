"""Tests of the rules of the sound, on batches.

Authors
 * The speechbrain_flashsr developers 2026
"""

import logging
import math

import numpy as np
import pytest
import scipy.signal
import torch

from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.inference import AudioError
from tests.tiny_model import toy_interface
from tests.unit.signals import level, pink, tilted

# Length, delay, gain -------------------------------------------------------


@pytest.mark.parametrize(
    "rate", [4000, 8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000]
)
def test_length_is_exact(rate):
    time = rate // 3 + 5
    out = toy_interface(tilted).super_resolve_batch(
        pink(2, time), sample_rate=rate, cutoff=1900
    )
    assert out.shape == (2, round(time * 48000 / rate))
    assert out.isfinite().all()


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(4000,), (3, 4000), (2, 4000, 8)])
def test_shapes(flashsr, shape):
    out = flashsr.super_resolve_batch(
        0.1 * torch.randn(shape), sample_rate=8000, cutoff=4000
    )
    expected = list(shape)
    expected[min(1, len(shape) - 1)] = 24000
    assert list(out.shape) == expected


def test_model_alone_has_no_delay_and_unit_gain():
    wavs = pink(1, 48000) + 0.2
    out = toy_interface().super_resolve_batch(
        wavs, sample_rate=16000, cutoff=8000, low_band="model"
    )
    expected = Resampler(16000, 48000)(wavs)
    lags = scipy.signal.correlate(
        out[0].numpy(), expected[0].numpy(), method="fft"
    )
    assert lags.argmax() == out.shape[1] - 1
    assert abs(level(out, 48000, 0, 7000) - level(expected, 48000, 0, 7000)) < (
        0.01
    )
    assert (out.mean() - expected.mean()).abs() < 1e-5


@pytest.mark.parametrize("gain", [1e-4, 1.0, 30.0])
def test_gain_is_the_inputs(flashsr, gain):
    wavs = pink(1, 16000)
    once = flashsr.super_resolve_batch(wavs, sample_rate=16000, cutoff=8000)
    scaled = flashsr.super_resolve_batch(
        gain * wavs, sample_rate=16000, cutoff=8000
    )
    torch.testing.assert_close(scaled / gain, once, rtol=0, atol=1e-3)


@pytest.mark.parametrize("gain", [1e-3, 0.03])
def test_model_hears_every_gain_alike(gain):
    """So its band follows the gain, whatever the model."""
    wavs = pink(1, 48000)
    heard = []
    for scaled in (wavs, gain * wavs):
        flashsr = toy_interface()
        flashsr.super_resolve_batch(scaled, sample_rate=48000, cutoff=8000)
        heard.append(flashsr.mods["super_resolver"].calls[0][0])
    torch.testing.assert_close(heard[0], heard[1], rtol=0, atol=1e-5)


def test_channels_keep_their_own_gain():
    wavs = pink(1, 48000)
    panned = torch.stack([wavs, 0.01 * wavs], dim=2)
    out = toy_interface(tilted).super_resolve_batch(
        panned, sample_rate=48000, cutoff=8000
    )
    torch.testing.assert_close(
        100 * out[..., 1], out[..., 0], rtol=0, atol=1e-4
    )


# The low band ----------------------------------------------------------------


@pytest.mark.slow
def test_cutoffs_of_any_kind(flashsr):
    wavs = 0.1 * torch.randn(2, 800)
    cutoffs = [2000.0, 3000.0]
    first, *others = (
        flashsr.super_resolve_batch(
            wavs, sample_rate=8000, cutoff=kind(cutoffs)
        )
        for kind in (list, tuple, np.array, torch.tensor)
    )
    assert all(torch.equal(other, first) for other in others)


def test_highest_cutoff_is_that_of_the_output(flashsr):
    wavs = 0.1 * torch.randn(1, 9600)
    out = flashsr.super_resolve_batch(wavs, sample_rate=96000, cutoff=24000)
    assert out.shape == (1, 4800) and out.isfinite().all()


@pytest.mark.slow
@pytest.mark.parametrize("cutoff", [2000, 4000, 12000])
def test_low_band_is_the_input(flashsr, cutoff):
    wavs = pink(1, 96000)
    out = flashsr.super_resolve_batch(wavs, sample_rate=48000, cutoff=cutoff)
    low = level(out - wavs, 48000, 0, 0.9 * cutoff)
    assert low - level(wavs, 48000, 0, 0.9 * cutoff) < -80
    raw = flashsr.super_resolve_batch(
        wavs, sample_rate=48000, cutoff=cutoff, low_band="model"
    )
    assert level(raw - wavs, 48000, 0, 0.9 * cutoff) > low + 40


@pytest.mark.parametrize("cutoff", [2000, 4000, 12000])
def test_crossover_leaves_no_notch_bump_or_line(cutoff, even_level):
    """A model that keeps the low band and goes on above it is transparent."""
    torch.manual_seed(0)
    full = torch.randn(1, 144000)
    taps = scipy.signal.firwin(2001, cutoff, fs=48000)
    low = torch.from_numpy(
        scipy.signal.oaconvolve(full[0].numpy(), taps, mode="same")
    ).float()[None]
    # One window of 9 blocks, two of them before the recording.
    margins = (2 * 30720, 7 * 30720 - 144000)
    missing = torch.nn.functional.pad(full - low, margins)
    flashsr = toy_interface(lambda *_: missing, window_length=9 * 30720)
    out = flashsr.super_resolve_batch(low, sample_rate=48000, cutoff=cutoff)
    transfer = spectrum_ratio(out, full)
    frequency = np.linspace(0, 24000, len(transfer))
    near = (frequency > 0.8 * cutoff) & (frequency < 1.2 * cutoff)
    assert np.abs(transfer[near]).max() < 0.5


def spectrum_ratio(out, reference):
    """Welch levels of one signal over the other, in dB."""
    powers = [
        scipy.signal.welch(wav[0].numpy(), 48000, nperseg=1024)[1]
        for wav in (out, reference)
    ]
    return 10 * np.log10(powers[0] / powers[1])


# Independence of batches and windows ------------------------------------------


def test_errors_are_one_line_whatever_is_passed(flashsr):
    with pytest.raises(AudioError) as error:
        flashsr.super_resolve_batch(
            torch.zeros(1, 800),
            sample_rate=8000,
            num_steps=torch.nn.ModuleList([torch.nn.ReLU(), torch.nn.ReLU()]),
        )
    assert "num_steps is ModuleList" in str(error.value)
    assert "\n" not in str(error.value)


def test_another_default_type_changes_nothing(flashsr):
    wavs = 0.1 * torch.randn(1, 8000)
    expected = flashsr.super_resolve_batch(wavs, sample_rate=8000)
    torch.set_default_dtype(torch.float64)
    try:
        found = flashsr.super_resolve_batch(wavs, sample_rate=8000)
    finally:
        torch.set_default_dtype(torch.float32)
    torch.testing.assert_close(found, expected)


# Seams -----------------------------------------------------------------------


# Findings --------------------------------------------------------------------


def test_full_band_comes_back_unchanged_and_says_so(flashsr, caplog):
    wavs = 0.3 * torch.randn(2, 96000)
    with caplog.at_level(logging.WARNING):
        out = flashsr.super_resolve_batch(wavs, sample_rate=48000)
    assert torch.equal(out, wavs)
    assert "full band" in caplog.text


def test_edge_of_telephone_speech_is_found(flashsr):
    wavs = pink(1, 24000)
    detected = flashsr.super_resolve_batch(wavs, sample_rate=8000)
    expected = Resampler(8000, 48000)(wavs)
    low = level(expected, 48000, 0, 3300)
    assert level(detected - expected, 48000, 0, 3300) - low < -60
    assert level(detected, 48000, 5000, 20000) > -60


def test_rate_above_is_said_aloud(flashsr, caplog):
    with caplog.at_level(logging.WARNING):
        out = flashsr.super_resolve_batch(pink(1, 96000), sample_rate=96000)
    assert out.shape == (1, 48000)
    assert "96000 Hz" in caplog.text and "48000 Hz" in caplog.text


@pytest.mark.parametrize("value", [0.0, 0.3, -1.0])
def test_silence_and_constant_offset(flashsr, value):
    wavs = torch.full((1, 8000), value)
    out = flashsr.super_resolve_batch(wavs, sample_rate=8000)
    torch.testing.assert_close(
        out, torch.full((1, 48000), value), rtol=0, atol=1e-4
    )


def test_silent_channel_stays_silent(flashsr):
    wavs = torch.stack([pink(1, 8000), torch.zeros(1, 8000)], dim=2)
    out = flashsr.super_resolve_batch(wavs, sample_rate=8000, cutoff=4000)
    assert (out[..., 1] == 0).all()
    assert level(out[..., 0], 48000, 5000, 20000) > -60


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 96000])
def test_single_sample(flashsr, rate):
    out = flashsr.super_resolve_batch(torch.tensor([[0.5]]), sample_rate=rate)
    assert out.shape == (1, max(1, round(48000 / rate)))
    assert out.isfinite().all() and out.abs().max() < 1


def test_clipped_input(flashsr):
    wavs = (10 * pink(1, 16000)).clamp(-1, 1)
    out = flashsr.super_resolve_batch(wavs, sample_rate=16000, cutoff=8000)
    assert out.shape == (1, 48000) and out.isfinite().all()


# Options ---------------------------------------------------------------------


def test_steps_and_guidance_reach_the_model():
    flashsr = toy_interface(num_steps=4, guidance_scale=3.5)
    wavs = pink(1, 1000)
    flashsr.super_resolve_batch(wavs, sample_rate=48000, cutoff=8000)
    flashsr.super_resolve_batch(
        wavs, sample_rate=48000, cutoff=8000, num_steps=1, guidance_scale=1.0
    )
    assert {
        (
            options["num_steps"],
            options["guidance_scale"],
            options["cutoff_hz"].item(),
        )
        for _, _, options in flashsr.mods.super_resolver.calls
    } == {(4, 3.5, 8000), (1, 1.0, 8000)}


@pytest.mark.slow
def test_many_steps_with_guidance_differ_from_one(flashsr):
    wavs = pink(1, 8000)
    options = {"sample_rate": 8000, "cutoff": 4000}
    one = flashsr.super_resolve_batch(wavs, **options)
    four = flashsr.super_resolve_batch(
        wavs, num_steps=4, guidance_scale=2.0, **options
    )
    assert four.shape == one.shape and four.isfinite().all()
    assert not torch.allclose(one, four, atol=1e-5)


def test_the_rate_of_a_batch_is_required(flashsr):
    with pytest.raises(AudioError, match="batch is None.*Pass it in Hz"):
        flashsr.enhance_batch(pink(1, 1000), torch.ones(1))
    assert flashsr(pink(1, 1000), torch.ones(1), 16000).shape == (1, 3000)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_surrounding_autocast_changes_nothing(flashsr, dtype):
    wavs = pink(1, 8000)
    options = {"sample_rate": 8000, "cutoff": 4000}
    expected = flashsr.super_resolve_batch(wavs, **options)
    with torch.autocast("cpu", dtype):
        out = flashsr.super_resolve_batch(wavs, **options)
    assert torch.equal(out, expected)


@pytest.mark.slow
def test_strength_raises_the_restored_band_alone(flashsr):
    wavs = pink(1, 16000)
    options = {"sample_rate": 16000, "cutoff": 8000}
    plain = flashsr.super_resolve_batch(wavs, **options)
    raised = flashsr.super_resolve_batch(
        wavs, **options, strength=np.float32(6)
    )
    change = level(raised, 48000, 9000, 20000) - level(
        plain, 48000, 9000, 20000
    )
    assert abs(change - 6) < 0.01
    difference = level(raised - plain, 48000, 0, 7000)
    assert difference < level(plain, 48000, 0, 7000) - 80


def test_output_that_is_not_finite_is_an_error():
    flashsr = toy_interface(lambda low, noise: math.nan * low)
    with pytest.raises(AudioError, match="NaN or infinite.*weights"):
        flashsr.super_resolve_batch(
            pink(1, 8000), sample_rate=48000, cutoff=8000
        )


@pytest.mark.slow
def test_samples_far_beyond_full_scale(flashsr):
    wavs = pink(1, 8000)
    options = {"sample_rate": 16000, "cutoff": 8000}
    expected = flashsr.super_resolve_batch(wavs, **options)
    loud = flashsr.super_resolve_batch(1e36 * wavs, **options)
    torch.testing.assert_close(loud / 1e36, expected, rtol=0, atol=1e-5)
    with pytest.raises(AudioError, match="Full scale is 1"):
        flashsr.super_resolve_batch(
            3e38 * wavs.sign(), sample_rate=16000, cutoff=8000
        )


@pytest.mark.parametrize(
    "wavs, options, words",
    [
        (np.zeros((1, 100)), {}, "ndarray"),
        (torch.zeros(1, 100, dtype=torch.int16), {}, "int16.*32768"),
        (torch.zeros(1, 2, 3, 4), {}, r"\[1, 2, 3, 4\]"),
        (torch.zeros(1, 0), {}, r"\[1, 0\]"),
        (torch.zeros(1, 2, 100), {}, r"\[1, 2, 100\].*transpose"),
        (torch.zeros(1, 100).to_sparse(), {}, "sparse"),
        (torch.zeros(1, 100, device="meta"), {}, "meta"),
        (None, {}, "NoneType"),
        (torch.zeros(1, 100), {"lengths": "full"}, "lengths is 'full'"),
        (torch.zeros(1, 100), {"strength": "loud"}, "strength is 'loud'"),
        (torch.zeros(1, 100), {"strength": 99}, "strength is 99"),
        (
            torch.zeros(1, 100),
            {"strength": 3, "low_band": "model"},
            "Leave one out",
        ),
        (torch.tensor([[0.0, math.nan]]), {}, "nan.*torch|NaN"),
        (torch.tensor([[0.0, math.inf]]), {}, "inf"),
        (torch.zeros(1, 100), {"sample_rate": 3999}, "3999"),
        (torch.zeros(1, 100), {"sample_rate": 1e9}, "1000000000"),
        (torch.zeros(1, 100), {"sample_rate": 8000.5}, "8000.5"),
        (torch.zeros(1, 100), {"sample_rate": "8k"}, "8k"),
        (torch.zeros(1, 100), {"cutoff": -1}, "-1"),
        (torch.zeros(1, 100), {"cutoff": 4001, "sample_rate": 8000}, "4001"),
        (torch.zeros(1, 100), {"cutoff": 24001, "sample_rate": 96000}, "24001"),
        (torch.zeros(1, 100), {"cutoff": [4000, 4000]}, "2 cut-offs for 1"),
        (torch.zeros(1, 100), {"lengths": torch.ones(2)}, "lengths"),
        (torch.zeros(1, 100), {"lengths": torch.zeros(1)}, "lengths"),
        (torch.zeros(1, 100), {"seed": -1}, "seed is -1"),
        (torch.zeros(1, 100), {"seed": 0.5}, "seed is 0.5"),
        (torch.zeros(1, 100), {"num_steps": 0}, "num_steps is 0"),
        (torch.zeros(1, 100), {"guidance_scale": math.nan}, "guidance_scale"),
        (torch.zeros(1, 100), {"low_band": "both"}, "both"),
    ],
)
def test_wrong_input_is_named(flashsr, wavs, options, words):
    with pytest.raises(AudioError, match=words):
        flashsr.super_resolve_batch(wavs, **{"sample_rate": 48000, **options})


def test_a_batch_of_several_lengths_is_spoken_of_once(caplog):
    wavs = 0.1 * torch.randn(3, 48000)
    wavs[2] = 0
    lengths = torch.tensor([1.0, 0.5, 0.75])
    with caplog.at_level(logging.WARNING, "speechbrain_flashsr"):
        toy_interface().super_resolve_batch(wavs, lengths, sample_rate=48000)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith("2 of 3 channels of the batch are full band")
    assert said[1].startswith("1 of 3 channels of the batch is silent")
