"""Tests of how the interface is loaded: run options, folders, the hub.

Authors
 * The speechbrain_flashsr developers 2026
"""

import gc
import weakref
from unittest import mock

import pytest
import soundfile
import torch

from speechbrain_flashsr.bandwidth.detector import shipped_network
from speechbrain_flashsr.checkpoints import ModelError, folders
from speechbrain_flashsr.inference import AudioError, FlashSR, super_resolution
from tests.tiny_model import TINY_HPARAMS, save_tiny_model, toy_interface
from tests.unit.signals import pink


@pytest.mark.slow
def test_bfloat16_is_close_to_float32(flashsr, tmp_path):
    half = FlashSR.from_hparams(
        save_tiny_model(tmp_path),
        run_opts={"device": "cpu", "precision": "bf16", "batch_windows": 3},
    )
    assert half.batch_windows == 3
    wavs = pink(1, 16000)
    options = {"sample_rate": 16000, "cutoff": 8000}
    expected = flashsr.super_resolve_batch(wavs, **options)
    out = half.super_resolve_batch(wavs, **options)
    assert out.dtype == torch.float32
    error = (out - expected).square().mean().sqrt()
    assert 0 < error < 0.1 * expected.square().mean().sqrt()


@pytest.mark.slow
@pytest.mark.parametrize("default", [torch.float64, torch.bfloat16, "meta"])
def test_defaults_of_the_caller_change_nothing(default, tmp_path):
    """Neither for the model that is loaded nor for the cut-off network."""
    wavs = pink(1, 8000)
    path = tmp_path / "pink.wav"
    soundfile.write(path, wavs[0], 8000, subtype="FLOAT")
    outputs = []
    for setting in (torch.float32, default):
        is_type = isinstance(setting, torch.dtype)
        shipped_network.cache_clear()
        try:
            if is_type:
                torch.set_default_dtype(setting)
            with torch.device("cpu" if is_type else setting):
                flashsr = FlashSR.from_hparams(
                    run_opts={"device": "cpu", "precision": "fp32"}
                )
                output = [
                    flashsr.super_resolve_batch(wavs, sample_rate=8000)[0],
                    flashsr.enhance_file(path),
                ]
        finally:
            torch.set_default_dtype(torch.float32)
        outputs.append(output)
    assert outputs[1][0].dtype == torch.float32
    assert all(map(torch.equal, *outputs))


def test_half_precision_needs_a_gpu(tmp_path):
    with pytest.raises(ValueError, match="fp16.*GPU"):
        FlashSR.from_hparams(
            save_tiny_model(tmp_path),
            run_opts={"device": "cpu", "precision": "fp16"},
        )


def test_load_audio_expects_48_khz(flashsr):
    assert flashsr.audio_normalizer.sample_rate == 48000


@pytest.mark.parametrize(
    "source", ["./nowhere", "/nowhere/at/all", "nowhere", "a/b/c"]
)
def test_mistyped_folder_is_not_looked_up_on_the_hub(source):
    with pytest.raises(FileNotFoundError, match=source):
        FlashSR.from_hparams(source)


def test_a_model_that_is_neither_here_nor_on_the_hub(monkeypatch):
    lost = OSError("outgoing traffic has been disabled")
    monkeypatch.setattr(folders, "fetch", mock.Mock(side_effect=lost))
    with pytest.raises(ModelError, match="model 'my/absent' is not.*traffic"):
        FlashSR.from_hparams("my/absent")


@pytest.mark.parametrize("name", ["typo/call.wav", "a/b/c/call.wav", "call"])
def test_a_mistyped_file_is_not_looked_up_on_the_hub(flashsr, name):
    with pytest.raises(AudioError, match=f"There is no file '{name}'"):
        flashsr.enhance_file(name)


def test_a_file_on_the_hub_is_fetched(flashsr, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "call.wav", pink(1, 4000)[0].numpy(), 8000)
    fetch = mock.Mock(return_value=tmp_path / "call.wav")
    monkeypatch.setattr(super_resolution, "fetch", fetch)
    assert len(flashsr.enhance_file("user/corpus/call.wav")) == 24000
    fetch.assert_called_once_with(
        "call.wav", source="user/corpus", savedir=None
    )


def test_a_file_that_is_neither_here_nor_on_the_hub(flashsr, monkeypatch):
    lost = OSError("outgoing traffic has been disabled")
    monkeypatch.setattr(super_resolution, "fetch", mock.Mock(side_effect=lost))
    with pytest.raises(AudioError, match="'calls/june/a.wav' was not.*traffic"):
        flashsr.enhance_file("calls/june/a.wav")


def test_a_network_that_does_not_super_resolve(tmp_path):
    hparams = TINY_HPARAMS.replace(
        "    super_resolver: !ref <super_resolver>",
        "    super_resolver: !ref <unet>",
    )
    folder = save_tiny_model(tmp_path, hparams=hparams)
    with pytest.raises(ModelError, match="not a super-resolver but a Latent"):
        FlashSR.from_hparams(folder)


def test_a_wrong_option_is_not_blamed_on_the_model(tmp_path):
    with pytest.raises(TypeError):
        FlashSR.from_hparams(save_tiny_model(tmp_path), run_opts=3)


def test_a_model_leaves_memory_when_it_is_not_used_any_more(tmp_path):
    folder = save_tiny_model(tmp_path)
    gc.disable()
    try:
        loaded = FlashSR.from_hparams(folder)
        resolver = weakref.ref(loaded.mods.super_resolver)
        del loaded
        assert resolver() is None
    finally:
        gc.enable()


def test_folder_without_a_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no model"):
        FlashSR.from_hparams(tmp_path)


@pytest.mark.slow
def test_stale_savedir_does_not_win(flashsr, tmp_path):
    """A folder is read in place, whatever an earlier call left behind."""
    wavs = pink(1, 4000)
    outs = []
    for seed in (1, 2):
        folder = save_tiny_model(tmp_path / str(seed), seed=seed)
        loaded = FlashSR.from_hparams(
            folder, savedir=tmp_path / "cache", run_opts={"device": "cpu"}
        )
        outs.append(
            loaded.super_resolve_batch(wavs, sample_rate=8000, cutoff=4000)
        )
    assert not torch.allclose(outs[0], outs[1])


def test_hyperparameters_may_be_left_out():
    toy = toy_interface()
    flashsr = FlashSR(dict(toy.mods), run_opts={"device": "cpu"})
    assert flashsr.window_length == 245760
