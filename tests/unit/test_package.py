"""The package as a whole: its version, its layers, what comes with it.

Authors
 * The speechbrain_flashsr developers 2026
"""

import ast
import importlib.metadata
import subprocess
import sys

import pytest
import soundfile

import speechbrain_flashsr

PACKAGE = "speechbrain_flashsr"


@pytest.fixture(scope="module")
def modules(project):
    """Module name -> syntax tree, for each module of the package."""
    trees = {}
    for path in sorted((project / PACKAGE).rglob("*.py")):
        parts = path.relative_to(project).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        trees[name] = ast.parse(path.read_text(encoding="utf-8"))
    return trees


def test_installed_version_is_the_version():
    assert (
        importlib.metadata.version(PACKAGE) == speechbrain_flashsr.__version__
    )


def test_changelog_knows_the_version(project):
    changelog = (project / "CHANGELOG.md").read_text(encoding="utf-8")
    assert speechbrain_flashsr.__version__ in changelog


def test_importing_the_package_is_cheap():
    """The bare import brings in neither PyTorch nor SpeechBrain."""
    code = (
        f"import sys, {PACKAGE}\n"
        "print(*{'torch', 'speechbrain', 'matplotlib'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == ""


def test_modules_open_with_a_docstring_and_authors(modules):
    for name, tree in modules.items():
        docstring = ast.get_docstring(tree)
        assert docstring, f"{name} has no docstring"
        body = [n for n in tree.body if not isinstance(n, ast.Expr)]
        if body:  # an __init__.py may hold its summary alone
            assert "Authors\n * " in docstring, f"{name} names no authors"


def test_public_names_have_docstrings(modules):
    definition = (ast.FunctionDef, ast.ClassDef)
    for name, tree in modules.items():
        for node in tree.body:
            if isinstance(node, definition) and node.name[0] != "_":
                assert ast.get_docstring(node), f"{name}.{node.name}"


def test_example_recordings_are_narrowband_and_credited(project):
    folder = project / "examples"
    credits = (folder / "CREDITS.md").read_text(encoding="utf-8")
    recordings = sorted(folder.glob("*.flac"))
    assert recordings
    for path in recordings:
        assert path.name in credits
        info = soundfile.info(path)
        assert info.samplerate == 16000
        assert 5 <= info.duration <= 10
