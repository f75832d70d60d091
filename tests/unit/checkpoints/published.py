"""FlashSR's and AudioSR's published files, small, and their conversion.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os

import pytest
import torch

from speechbrain_flashsr.checkpoints import CheckpointError
from speechbrain_flashsr.checkpoints.external import convert_flashsr
from speechbrain_flashsr.inference import FlashSR

OPTIONS = ("student_ldm", "sr_vocoder", "vae")

FILES = [f"{name}.pth" for name in OPTIONS]


def convert(folder, half=False):
    """Converts FlashSR's files in a folder to `out` in it."""
    paths = (folder / name for name in FILES)
    return convert_flashsr(*paths, folder / "out", half)


def load(folder):
    return FlashSR.from_hparams(
        folder, run_opts={"device": "cpu", "precision": "fp32"}
    )


def change(path, edit):
    """Edits the state in a file."""
    state = torch.load(path, weights_only=True)
    edit(state.get("state_dict", state))
    torch.save(state, path)


def assert_refused(folder, *words, error=CheckpointError):
    """The conversion fails with these words and leaves nothing behind."""
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(error) as caught:
        convert(folder)
    for word in words:
        assert word in str(caught.value)
    assert sorted(path.name for path in folder.iterdir()) == before


class Malicious:
    """Runs a command when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))
