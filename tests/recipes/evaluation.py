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
    """Runs evaluate.py as from the shell, but for the memory's measurement,
    which starts a process for each system.

    Arguments
    ---------
    project : Path
        The project's root.
    output : Path
        The output folder.
    **settings
        Overrides of hparams/evaluate.yaml.
    """
    folder = project / training.RECIPE
    settings = {
        "metrics": "[spectral]",
        "report_seconds": 0.5,
        "output_folder": output,
        **settings,
    }
    arguments = [
        str(folder / "evaluate.py"),
        str(folder / "hparams" / "evaluate.yaml"),
        *(f"--{name}={value}" for name, value in settings.items()),
    ]
    systems = recipe_module(project, "systems")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.setattr(systems, "peak_memory", _peak_memory)
        monkeypatch.setattr(sys, "argv", arguments)
        runpy.run_path(arguments[0], run_name="__main__")


def _peak_memory(name, seconds, run_opts):
    return {"fp32": 12.0, "bf16": 13.0}[run_opts["precision"]]


def recipe_module(project, name):
    """Imports a module that lies beside evaluate.py."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(str(project / training.RECIPE))
        return importlib.import_module(name)
