"""Tests of speechbrain_flashsr.brains.checkpointing, and of the lock of a
training's folder.

Authors
 * The speechbrain_flashsr developers 2026
"""

import logging
import shutil
import subprocess
import sys

import pytest
import torch

from speechbrain_flashsr.brains import recipe
from speechbrain_flashsr.brains.checkpointing import AtomicCheckpointer


class Training:
    """A model whose only weight is the number of the step."""

    def __init__(self, folder):
        self.model = torch.nn.Linear(1, 1, bias=False)
        self.checkpointer = AtomicCheckpointer(folder, {"model": self.model})

    def save(self, step):
        torch.nn.init.constant_(self.model.weight, step)
        self.checkpointer.save_and_keep_only({"step": step}, num_to_keep=2)

    def recover(self):
        """The step of the checkpoint that is recovered, or None."""
        torch.nn.init.constant_(self.model.weight, -1)
        found = self.checkpointer.recover_if_possible()
        return None if found is None else self.model.weight.item()


@pytest.fixture
def newest(tmp_path):
    """The last of three checkpoints, of which two are kept."""
    training = Training(tmp_path)
    for step in (1, 2, 3):
        training.save(step)
    assert training.recover() == 3
    assert len(training.checkpointer.list_checkpoints()) == 2
    return training.checkpointer.find_checkpoint().path


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-7])


@pytest.mark.parametrize("file", ["model.ckpt", "CKPT.yaml", "SHA256SUMS"])
@pytest.mark.parametrize("damage", [flip, cut])
def test_the_one_before_a_damaged_checkpoint_is_recovered(
    newest, tmp_path, caplog, file, damage
):
    damage(newest / file)
    with caplog.at_level(logging.WARNING):
        assert Training(tmp_path).recover() == 2
    (warning,) = (r.message for r in caplog.records if r.levelname == "WARNING")
    if file != "SHA256SUMS":
        assert f"({file} has changed)" in warning
    assert "goes on from step 2" in warning
    aside = tmp_path / f"DAMAGED+{newest.name}"
    assert str(aside) in warning and aside.is_dir()
    assert not newest.exists()


@pytest.mark.parametrize("file", ["model.ckpt", "SHA256SUMS"])
def test_a_missing_file_is_damage(newest, tmp_path, file):
    (newest / file).unlink()
    assert Training(tmp_path).recover() == 2


def test_without_a_whole_checkpoint_training_starts_again(
    newest, tmp_path, caplog
):
    for path in tmp_path.glob("CKPT*/model.ckpt"):
        flip(path)
    with caplog.at_level(logging.WARNING):
        assert Training(tmp_path).recover() is None
    warnings = [r for r in caplog.records if r.levelname == "WARNING"]
    assert len(warnings) == 2
    assert all("from the beginning" in r.message for r in warnings)


def test_what_is_half_written_or_half_deleted_is_removed(newest, tmp_path):
    half = shutil.copytree(newest, tmp_path / "CKPT+half")
    (half / "CKPT.yaml").rename(half / "UNFINISHED.yaml")
    gone = shutil.copytree(newest, tmp_path / "CKPT+gone")
    (gone / "CKPT.yaml").unlink()
    assert Training(tmp_path).recover() == 3
    assert not half.exists() and not gone.exists()


def test_a_checkpoint_of_another_model_is_named(newest, tmp_path):
    other = torch.nn.Linear(2, 3)
    checkpointer = AtomicCheckpointer(tmp_path, {"model": other})
    with pytest.raises(ValueError, match="does not fit.* size") as error:
        checkpointer.recover_if_possible()
    assert str(newest) in str(error.value)


HOLD = """
import sys, time
from speechbrain_flashsr.brains.recipe import lock_folder
lock_folder(sys.argv[1])
print("locked", flush=True)
time.sleep(1000)
"""


@pytest.mark.slow
def test_a_second_training_into_a_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(recipe, "LOCK_SECONDS", 0)
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert first.stdout.readline() == "locked\n"
        with pytest.raises(RuntimeError, match=f"Another .*'{tmp_path}'"):
            recipe.lock_folder(tmp_path)
    finally:
        first.kill()
        first.wait()
    recipe.lock_folder(tmp_path)  # the dead one does not hold it
