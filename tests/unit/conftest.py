"""Fixtures of the unit tests.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest

from speechbrain_flashsr.inference import FlashSR
from tests.tiny_model import save_tiny_model


@pytest.fixture(scope="module")
def flashsr(tmp_path_factory):
    """The tiny model, in single precision on any machine."""
    folder = save_tiny_model(tmp_path_factory.mktemp("tiny"))
    return FlashSR.from_hparams(
        folder, run_opts={"device": "cpu", "precision": "fp32"}
    )
