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
def workshop(project, recipes, tmp_path_factory):
    """Folders with a tiny corpus and with YAML files for the tiny model."""
    hparams = tmp_path_factory.mktemp("hparams")
    training.write_hparams(project, hparams)
    return recipes.corpus, hparams


@pytest.fixture(scope="session")
def trained(recipes):
    """The output folder of each stage, trained without interruption."""
    outputs = {
        stage: recipes.output_of(name) for stage, name in training.ROWS.items()
    }
    files = {
        "autoencoder_file": outputs["autoencoder"] / "autoencoder.ckpt",
        "teacher_file": outputs["teacher"] / "unet.ckpt",
        "student_file": outputs["student"] / "unet.ckpt",
    }
    return outputs, files


@pytest.fixture
def float64():
    """Networks that the test makes compute in double precision."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
