"""Fixtures of the recipe tests.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os
import sys

import pytest
import torch

from tests.recipes import training
from tests.recipes.sounds import PREPARE

# The scripts import each other, and the tests import them.
sys.path.insert(0, str(PREPARE))


@pytest.fixture(scope="session")
def recipes(project, tmp_path_factory):
    """The rows of the CSV, each run when it is first asked for."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # that of all processes
    (folder / "recipes").mkdir(exist_ok=True)
    return training.Recipes(project, folder / "recipes")


@pytest.fixture(scope="session")
def outputs(recipes):
    """The output folder of each stage, trained without interruption."""
    return {
        stage: recipes.output_of(name) for stage, name in training.ROWS.items()
    }


@pytest.fixture
def train(project, recipes, monkeypatch):
    """Trains a stage into another folder; returns its exported weights."""

    def train(stage, output, *options, **flags):
        arguments = training.stage_arguments(
            stage, recipes.folder, output, **flags
        )
        training.run_stage(project, stage, [*arguments, *options], monkeypatch)
        return training.exported_state(stage, output)

    return train


@pytest.fixture
def float64():
    """Networks that the test makes compute in double precision."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
