"""Fixtures: a model that hears no levels.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch

from speechbrain_flashsr.inference.levels import LevelCurve


@pytest.fixture()
def even_level(monkeypatch):
    """The model hears the recording at its own level."""
    monkeypatch.setattr(
        LevelCurve,
        "at",
        lambda self, start, length, rate: torch.ones(1, length),
    )
