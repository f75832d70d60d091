"""Tests of the front-end: what it restores, what it lets pass, its errors.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math
from pathlib import Path

import pytest
import soundfile
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.dataio.preprocess import AudioNormalizer

from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.inference import (
    AudioError,
    SuperResolutionFrontEnd,
    SuperResolutionLayer,
)
from tests.tiny_model import toy_interface
from tests.tiny_pipelines import tiny_pipeline


def tone(low, noise):
    """The known high band that the toy model adds: 6 kHz."""
    time = torch.arange(low.shape[1]) / 48000
    return 0.2 * torch.sin(2 * math.pi * 6000 * time).expand_as(low)


def noise(rate, band=None, seconds=1.0, channels=None, seed=0):
    """White noise at `rate` up to `band` Hz, [time] or [time, channels]."""
    band_rate = rate if band is None else 2 * band
    generator = torch.Generator().manual_seed(seed)
    wavs = 0.1 * torch.randn(
        channels or 1, round(seconds * band_rate), generator=generator
    )
    wavs = Resampler(band_rate, rate)(wavs)
    return wavs[0] if channels is None else wavs.T


def level(wav, low, high, rate=16000):
    """Power of [time] between two frequencies."""
    power = torch.fft.rfft(wav).abs().square() / len(wav) ** 2
    frequency = torch.linspace(0, rate / 2, len(power))
    return power[(frequency > low) & (frequency < high)].sum().item()


@pytest.fixture()
def front_end():
    return SuperResolutionFrontEnd(
        toy_interface(tone, window_length=245760), sample_rate=16000
    )


def calls(front_end):
    return len(front_end.flashsr.mods.super_resolver.calls)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_narrow_band_is_restored_and_its_low_band_kept(front_end, rate):
    wav = noise(rate, band=4000)
    plain = AudioNormalizer(16000)(wav, rate)
    restored = front_end(wav, rate)
    assert restored.shape == plain.shape
    assert calls(front_end) == 1
    assert level(restored, 5900, 6100) > 1e4 * level(plain, 5900, 6100)
    inner = slice(1000, -1000)  # resamplers differ at the ends
    difference = (restored - plain)[inner]
    kept = level(difference, 100, 3000) / level(plain[inner], 100, 3000)
    assert kept < 1e-3


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
@pytest.mark.parametrize("channels", [None, 2])
def test_full_band_passes_bit_identical(front_end, rate, channels):
    wav = noise(rate, channels=channels)
    assert torch.equal(front_end(wav, rate), AudioNormalizer(16000)(wav, rate))
    assert calls(front_end) == 0


def test_wideband_telephony_passes_and_a_wider_need_does_not(front_end):
    wav = noise(16000, band=7200)
    assert torch.equal(front_end(wav, 16000), wav)
    flashsr = front_end.flashsr
    assert SuperResolutionFrontEnd(flashsr, sample_rate=48000).is_needed(
        wav, 16000
    )
    assert not SuperResolutionFrontEnd(flashsr, sample_rate=8000).is_needed(
        wav, 16000
    )


def test_one_narrow_channel_is_enough(front_end):
    wav = torch.stack([noise(16000), noise(16000, band=4000)], dim=1)
    assert front_end.is_needed(wav, 16000)
    assert not front_end.is_needed(wav[:, :1], 16000)


def test_silence_passes(front_end):
    wav = torch.zeros(8000)
    assert torch.equal(front_end(wav, 8000), torch.zeros(16000))
    assert calls(front_end) == 0


def test_channels_are_mixed_or_kept(front_end):
    wav = noise(8000, channels=2)
    assert front_end(wav, 8000).shape == (16000,)
    keep = SuperResolutionFrontEnd(
        front_end.flashsr, sample_rate=16000, mix="keep"
    )
    stereo = keep(wav, 8000)
    assert stereo.shape == (16000, 2)
    for channel in stereo.T:
        assert level(channel, 5900, 6100) > 1e-4


@pytest.mark.parametrize("rate", [8000, 11025, 12000])
def test_length_is_that_of_plain_resampling(front_end, rate):
    for length in torch.randint(400, 9000, (6,)).tolist():
        wav = torch.randn(length)
        plain = AudioNormalizer(16000)(wav, rate)
        assert front_end(wav, rate).shape == plain.shape


def test_batch_is_the_clips_by_themselves(front_end):
    narrow = noise(16000, band=4000)
    wide = noise(16000, seconds=0.5)
    wavs = torch.nn.utils.rnn.pad_sequence([narrow, wide], batch_first=True)
    wavs[1, 8000:] = 99.0  # padding is not looked at
    prepared, lengths = front_end.prepare_batch(
        wavs, torch.tensor([1.0, 0.5]), 16000
    )
    assert lengths.tolist() == [1.0, 0.5]
    assert torch.equal(prepared[0], front_end(narrow, 16000))
    assert torch.equal(prepared[1, :8000], wide)
    assert not prepared[1, 8000:].any()


@pytest.mark.parametrize("rate", [8000, 16000])
def test_no_gradient_comes_back_whether_it_is_restored_or_not(front_end, rate):
    wavs = noise(rate)[None].requires_grad_()
    layer = SuperResolutionLayer(front_end, rate)
    assert not layer(wavs).requires_grad


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_recipe_in_half_precision_changes_nothing(front_end, dtype):
    wavs, lengths = noise(8000)[None], torch.ones(1)
    layer = SuperResolutionLayer(front_end, 8000)
    prepared, _ = front_end.prepare_batch(wavs, lengths, 8000)
    with torch.autocast("cpu", dtype):
        within, _ = front_end.prepare_batch(wavs, lengths, 8000)
        layered = layer(wavs, lengths=lengths)
    assert torch.equal(within, prepared) and torch.equal(layered, prepared)


def test_dynamic_item_and_layer_from_yaml(tmp_path, front_end, monkeypatch):
    monkeypatch.setattr(
        "speechbrain_flashsr.inference.FlashSR.from_hparams",
        lambda: front_end.flashsr,
    )
    hparams = load_hyperpyyaml("""
front_end: !new:speechbrain_flashsr.inference.SuperResolutionFrontEnd
    sample_rate: 16000
audio_pipeline: !apply:speechbrain_flashsr.inference.audio_pipeline
    front_end: !ref <front_end>
layer: !new:speechbrain_flashsr.inference.SuperResolutionLayer
    front_end: !ref <front_end>
    sample_rate: 8000
fbank: !new:speechbrain.lobes.features.Fbank
features: !new:speechbrain.nnet.containers.LengthsCapableSequential
    - !ref <layer>
    - !ref <fbank>
""")
    wav = noise(8000)
    path = tmp_path / "call.wav"
    soundfile.write(path, wav.numpy(), 8000, subtype="FLOAT")
    data = DynamicItemDataset({"call": {"wav": str(path)}})
    data.add_dynamic_item(hparams["audio_pipeline"])
    data.set_output_keys(["sig"])
    heard = data[0]["sig"]
    assert torch.equal(heard, front_end(wav, 8000))
    features = hparams["features"](wav[None], lengths=torch.ones(1))
    assert torch.allclose(features, hparams["fbank"](heard[None]))
    assert len(hparams["features"].state_dict()) == len(
        hparams["fbank"].state_dict()
    )


def test_relative_lengths_hold_behind_the_layer(front_end):
    wavs, lengths = torch.randn(2, 1000), torch.tensor([0.5, 0.25])
    restored = SuperResolutionLayer(front_end, 8000)(wavs, lengths)
    assert restored.shape == (2, 2000)
    assert restored[0, :1000].any() and restored[1, :500].any()
    assert not restored[0, 1000:].any() and not restored[1, 500:].any()
    assert SuperResolutionLayer(front_end, 8000)(wavs[0]).shape == (1, 2000)
    kept = SuperResolutionFrontEnd(
        front_end.flashsr, sample_rate=16000, mix="keep"
    )
    layer = SuperResolutionLayer(kept, 8000)
    stereo = torch.randn(2, 1000, 2)
    assert layer(stereo, lengths).shape == (2, 2000, 2)


def test_layer_is_no_part_of_the_model(front_end):
    layer = SuperResolutionLayer(front_end, 8000)
    assert not list(layer.parameters())
    assert layer(torch.randn(2, 800)).shape == (2, 1600)


def test_front_end_takes_the_place_of_a_normalizer(front_end, tmp_path):
    asr = tiny_pipeline("EncoderDecoderASR", tmp_path)
    before = set(asr.state_dict())
    asr.audio_normalizer = front_end
    path = str(tmp_path / "call.wav")
    wav = noise(8000, channels=2)
    soundfile.write(path, wav.numpy(), 8000, subtype="FLOAT")
    assert torch.equal(asr.load_audio(path), front_end(wav, 8000))
    assert set(asr.state_dict()) == before


def test_prepared_file_is_what_the_front_end_gives(front_end, tmp_path):
    path = tmp_path / "call.flac"
    soundfile.write(path, noise(8000, channels=2).numpy(), 8000)
    wav, rate = soundfile.read(path, dtype="float32")
    with front_end.prepared(path) as prepared:
        heard, heard_rate = soundfile.read(prepared, dtype="float32")
    assert heard_rate == 16000
    expected = front_end(torch.from_numpy(wav), rate)
    assert torch.equal(torch.from_numpy(heard), expected)
    assert not Path(prepared).exists()
    with pytest.raises(KeyError), front_end.prepared(path) as prepared:
        raise KeyError
    assert not Path(prepared).exists()


def test_errors_name_the_remedy(front_end, tmp_path):
    with pytest.raises(ValueError, match="needed_band is 1.5"):
        SuperResolutionFrontEnd(
            front_end.flashsr, sample_rate=16000, needed_band=1.5
        )
    with pytest.raises(AudioError, match="sample rate of the next model"):
        SuperResolutionFrontEnd(front_end.flashsr, sample_rate=None)
    with pytest.raises(AudioError, match="nan at 0.001 s"):
        front_end(torch.tensor([0.0] * 8 + [math.nan] * 8), 8000)
    with pytest.raises(AudioError, match="sample rate of .* None"):
        front_end.prepare_batch(torch.randn(1, 800))
    with pytest.raises(AudioError, match="There is no file"):
        with front_end.prepared(tmp_path / "gone.wav"):
            pass


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.half])
def test_samples_of_any_floating_point_type(dtype):
    front_end = SuperResolutionFrontEnd(toy_interface(), sample_rate=16000)
    wide = 0.1 * torch.randn(48000, generator=torch.Generator().manual_seed(0))
    narrow = Resampler(48000, 8000)(wide[None])[0]
    for wav, rate in ((wide, 48000), (narrow, 8000)):
        wav = wav.to(dtype)
        heard = front_end(wav, rate)
        assert heard.dtype == torch.float32 and heard.shape == (16000,)
        assert torch.equal(heard, front_end(wav.float(), rate))
        assert front_end.restore(wav, rate).dtype == torch.float32
