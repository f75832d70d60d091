"""Tests of pretrained folders that are written.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os

import pytest

from speechbrain_flashsr.checkpoints.export import export_pretrained


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_an_earlier_model_is_replaced_and_nothing_else(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    export_pretrained(model, "a: 1", {"unet": {}})
    export_pretrained(model, "a: 2", {"vocoder": {}})
    assert names(model) == ["hyperparams.yaml", "vocoder.ckpt"]
    assert (model / "hyperparams.yaml").read_text().startswith("a: 2")
    assert names(tmp_path) == ["model"]
    other = tmp_path / "recordings"
    other.mkdir()
    (other / "mine.wav").write_text("precious")
    with pytest.raises(FileExistsError, match="recordings.*not replaced"):
        export_pretrained(other, "a: 1", {})
    assert names(other) == ["mine.wav"]
    assert names(tmp_path) == ["model", "recordings"]


def test_the_earlier_model_stays_if_the_new_one_cannot_take_its_place(
    tmp_path, monkeypatch
):
    model = tmp_path / "model"
    export_pretrained(model, "a: 1", {"unet": {}})
    replace = os.replace

    def failing(source, target):
        if str(source).endswith(".partial"):
            raise OSError("no")
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="no"):
        export_pretrained(model, "a: 2", {"unet": {}})
    assert names(tmp_path) == ["model"]
    assert (model / "hyperparams.yaml").read_text().startswith("a: 1")
