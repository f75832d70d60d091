"""Tests of how the interface is loaded: run options, folders, the hub.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch

from speechbrain_flashsr.inference import FlashSR
from tests.tiny_model import save_tiny_model
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
