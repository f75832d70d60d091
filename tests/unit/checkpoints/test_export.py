"""Tests of pretrained folders that are written.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os
from pathlib import Path

import pytest
import torch
from speechbrain.utils.fetching import FetchFrom, FetchSource

from speechbrain_flashsr.checkpoints import CheckpointError, read_checkpoint
from speechbrain_flashsr.checkpoints.export import (
    export_pretrained,
    export_with_weights,
)
from speechbrain_flashsr.inference import FlashSR
from speechbrain_flashsr.lobes.unet import LatentUNet
from tests.tiny_model import TINY_HPARAMS, save_tiny_model

CPU = {"device": "cpu", "precision": "fp32"}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_an_earlier_model_is_replaced_and_nothing_else(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    export_pretrained(model, "a: 1", {"unet": {}})
    export_pretrained(model, "a: 2", {"vocoder": {}})
    assert names(model) == ["hyperparams.yaml", "vocoder.safetensors"]
    assert (model / "hyperparams.yaml").read_text().startswith("a: 2")
    assert names(tmp_path) == ["model"]
    other = tmp_path / "recordings"
    other.mkdir()
    (other / "mine.wav").write_text("precious")
    with pytest.raises(FileExistsError, match="recordings.*not replaced"):
        export_pretrained(other, "a: 1", {})
    assert names(other) == ["mine.wav"]
    assert names(tmp_path) == ["model", "recordings"]


@pytest.mark.parametrize("more", ["save/CKPT/model.ckpt", "train_log.txt"])
def test_the_output_folder_of_a_training_is_not_replaced(tmp_path, more):
    training = tmp_path / "1234"
    for name in ("hyperparams.yaml", "unet.ckpt", more):
        (training / name).parent.mkdir(parents=True, exist_ok=True)
        (training / name).write_text("precious")
    with pytest.raises(FileExistsError, match="1234.*not replaced"):
        export_pretrained(training, "a: 1", {})
    assert len(names(training)) == 3 and (training / more).exists()


def test_the_earlier_model_stays_if_the_new_one_cannot_take_its_place(
    tmp_path, monkeypatch
):
    model = tmp_path / "model"
    export_pretrained(model, "a: 1", {"unet": {}})
    replace = os.replace

    def failing(source, target):
        if Path(source).name == "new":
            raise OSError("no")
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="no"):
        export_pretrained(model, "a: 2", {"unet": {}})
    assert names(tmp_path) == ["model"]
    assert (model / "hyperparams.yaml").read_text().startswith("a: 1")


def test_folders_of_similar_names_stay(tmp_path):
    for name in ("model.partial", "model.replaced"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.wav").touch()
    for text in ("a: 1", "a: 2"):
        export_pretrained(tmp_path / "model", text, {"unet": {}})
    found = ["model", "model.partial", "model.replaced"]
    assert names(tmp_path) == found
    assert all(names(tmp_path / n) == ["mine.wav"] for n in found[1:])


@pytest.fixture
def tiny(tmp_path):
    """A folder in the form of older exports: .ckpt files, no digests."""
    return save_tiny_model(tmp_path / "tiny")


@pytest.mark.slow
def test_an_exported_folder_gives_what_the_older_form_gives(tiny, tmp_path):
    exported = export_with_weights(tmp_path / "exported", tiny, {})
    assert names(exported) == [
        "autoencoder.safetensors",
        "hyperparams.yaml",
        "unet.safetensors",
        "vocoder.safetensors",
    ]
    again = export_with_weights(tmp_path / "again", exported, {})
    outputs = []
    for folder in (tiny, exported, again):
        flashsr = FlashSR.from_hparams(folder, run_opts=CPU)
        wavs = torch.randn(1, 4000, generator=torch.Generator().manual_seed(1))
        outputs.append(flashsr.super_resolve_batch(wavs, sample_rate=8000))
    assert torch.equal(outputs[0], outputs[1])
    assert torch.equal(outputs[0], outputs[2])


@pytest.mark.slow
def test_weights_of_another_export_are_refused(tiny, tmp_path):
    """Though they fit: the folder says which weights belong to it."""
    exported = export_with_weights(tmp_path / "exported", tiny, {})
    state = read_checkpoint(exported / "unet.safetensors")
    other = {key: value + 1 for key, value in state.items()}
    second = export_with_weights(tmp_path / "other", tiny, {"unet": other})
    FlashSR.from_hparams(second, run_opts=CPU)
    os.replace(second / "unet.safetensors", exported / "unet.safetensors")
    with pytest.raises(CheckpointError, match="unet.*SHA-256.*whole folder"):
        FlashSR.from_hparams(exported, run_opts=CPU)


def test_weights_that_are_named_but_not_there(tiny, tmp_path):
    exported = export_with_weights(tmp_path / "exported", tiny, {})
    path = exported / "hyperparams.yaml"
    more = "    loadables:\n        second: !ref <unet>\n"
    path.write_text(path.read_text().replace("    loadables:\n", more))
    with pytest.raises(CheckpointError, match="hyperparams.yaml.*second"):
        FlashSR.from_hparams(exported, run_opts=CPU)


def test_speechbrain_finds_the_weights_of_other_sources(tiny, tmp_path):
    """Also those that are collected in a folder first, as from the hub."""
    exported = export_with_weights(tmp_path / "exported", tiny, {})
    source = FetchSource(FetchFrom.LOCAL, str(exported))
    flashsr = FlashSR.from_hparams(
        source, savedir=tmp_path / "collected", run_opts=CPU
    )
    stored = read_checkpoint(exported / "unet.safetensors")["conv_in.bias"]
    (unet,) = (m for m in flashsr.mods.modules() if isinstance(m, LatentUNet))
    assert torch.equal(unet.conv_in.bias, stored)
    assert (tmp_path / "collected" / "unet.ckpt").exists()


def test_half_precision_is_kept(tiny, tmp_path):
    exported = export_with_weights(tmp_path / "exported", tiny, {})
    states = {
        name: read_checkpoint(exported / f"{name}.safetensors")
        for name in ("autoencoder", "unet", "vocoder")
    }
    model = TINY_HPARAMS.partition("modules:")[0].replace("window_length", "_")
    half = export_pretrained(tmp_path / "half", model, states)
    again = export_with_weights(
        tmp_path / "again", half, {"unet": states["unet"]}
    )
    for name in states:
        state = read_checkpoint(again / f"{name}.safetensors")
        kinds = {v.dtype for v in state.values() if v.is_floating_point()}
        assert kinds == {torch.half}
