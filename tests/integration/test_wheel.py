"""The wheel: what is in it and what it says of itself.

`make wheel-check` runs it in an empty environment, which takes too long here.

Authors
 * The speechbrain_flashsr developers 2026
"""

import email
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import EntryPoint

import pytest

import speechbrain_flashsr

PACKAGE = "speechbrain_flashsr"


def tree_without_leftovers(project):
    """Names that `shutil.copytree` shall not copy, for its `ignore`."""
    at_root = {".git", ".venv", "build", "dist", "demo", "data", "results"}
    anywhere = shutil.ignore_patterns("__pycache__", "*.egg-info", "results")

    def ignore(folder, names):
        if folder == str(project):
            return at_root | anywhere(folder, names)
        return anywhere(folder, names)

    return ignore


@pytest.fixture(scope="module")
def wheel(project, tmp_path_factory):
    """A wheel built from a copy of the tree, as an open zip file."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(
        project, folder / "tree", ignore=tree_without_leftovers(project)
    )
    result = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-index"]
        + ["--no-build-isolation", "-w", folder / "dist", folder / "tree"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    (path,) = (folder / "dist").iterdir()
    version = speechbrain_flashsr.__version__
    assert path.name == f"{PACKAGE}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(wheel):
    """The wheel's METADATA as a message."""
    (name,) = (n for n in wheel.namelist() if n.endswith("/METADATA"))
    return email.message_from_bytes(wheel.read(name))


def test_wheel_holds_the_package_and_the_models_alone(wheel, project):
    root = project / PACKAGE
    code = {str(p.relative_to(project)) for p in root.rglob("*.py")}
    models = (root / "pretrained").glob("*/*")
    weights = {str(p.relative_to(project)) for p in models}
    assert f"{PACKAGE}/pretrained/small/hyperparams.yaml" in weights
    assert f"{PACKAGE}/pretrained/bandwidth/network.safetensors" in weights

    names = set(wheel.namelist())
    info = {name for name in names if ".dist-info/" in name}
    assert names - info == code | weights
    assert any(name.endswith("/LICENSE") for name in info)


def test_wheel_files_are_the_files_of_the_tree(wheel, project):
    for name in wheel.namelist():
        if name.startswith(f"{PACKAGE}/"):
            assert wheel.read(name) == (project / name).read_bytes(), name


def test_metadata(metadata):
    assert metadata["Name"] == PACKAGE
    assert metadata["Version"] == speechbrain_flashsr.__version__
    assert metadata["Requires-Python"] == ">=3.10"
    assert "Apache-2.0" in (
        metadata["License-Expression"] or metadata["License"]
    )
    assert set(metadata.get_all("Provides-Extra")) == {
        "app",
        "asr-check",
        "dev",
        "evaluate",
        "onnx",
        "train",
    }


def test_users_get_the_libraries_but_not_the_tools(metadata):
    always = {
        requirement.split(">")[0].split("<")[0].split("=")[0]
        for requirement in metadata.get_all("Requires-Dist")
        if "extra ==" not in requirement
    }
    assert {"torch", "torchaudio", "speechbrain", "soundfile"} <= always
    assert not always & {"pytest", "ruff", "tensorboard"}


def test_command(wheel):
    (name,) = (n for n in wheel.namelist() if n.endswith("/entry_points.txt"))
    lines = wheel.read(name).decode().split("\n")
    line = f"flashsr = {PACKAGE}.cli:main"
    assert [n.strip() for n in lines if "=" in n] == [line]
    command = EntryPoint("flashsr", line.split(" = ")[1], "console_scripts")
    assert callable(command.load())
