"""Runs the evaluation script on seconds of sound, for tests.

Authors
 * The speechbrain_flashsr developers 2026
"""

import importlib
import runpy
import sys

import pytest

from tests.recipes import training


def evaluate(project, output, **settings):
    """Runs evaluate.py as from the shell, with spectral metrics alone and other
    settings of hparams/evaluate.yaml."""
    folder = project / training.RECIPE
    settings = {
        "metrics": "[spectral]",
        "min_seconds": 0.5,
        "report_seconds": 0.5,
        "output_folder": output,
        **settings,
    }
    arguments = [
        str(folder / "evaluate.py"),
        str(folder / "hparams" / "evaluate.yaml"),
        *(f"--{name}={value}" for name, value in settings.items()),
    ]
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.setattr(sys, "argv", arguments)
        runpy.run_path(arguments[0], run_name="__main__")


def recipe_module(project, name):
    """Imports a module that lies beside evaluate.py."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(str(project / training.RECIPE))
        return importlib.import_module(name)
