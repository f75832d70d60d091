"""Imports run down the floors of the house, never up.

Authors
 * The speechbrain_flashsr developers 2026
"""

import ast
import functools

import pytest

PACKAGE = "speechbrain_flashsr"

FLOORS = (
    ("cli",),
    ("inference", "brains"),
    ("data", "metrics", "checkpoints"),
    ("bandwidth", "lobes", "diffusion"),
    ("audio", "random_streams"),
)
"""Rooms of the package, from the top. On one floor, rooms may not import each
other, but for `NEIGHBOURS`."""

NEIGHBOURS = {("bandwidth", "lobes"), ("lobes", "diffusion")}

FLOOR = {room: i for i, rooms in enumerate(FLOORS) for room in rooms}


@functools.cache
def imports(folder):
    """Pairs (module, imported name) of all imports in Python files."""
    return list(_imports(folder))


def _imports(folder):
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield path, alias.name
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path}: relative import"
                for alias in node.names:
                    yield path, f"{node.module}.{alias.name}"


def test_rooms_are_those_of_the_house(project):
    rooms = {
        path.stem
        for path in (project / PACKAGE).iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__"} == set(FLOOR)


@pytest.mark.parametrize("room", FLOOR)
def test_imports_run_down(project, room):
    folder = project / PACKAGE
    for path, name in imports(folder):
        if path.relative_to(folder).with_suffix("").parts[0] != room:
            continue
        first, _, rest = name.partition(".")
        assert first not in {"recipes", "tests", "benchmarks"}, (path, name)
        other = rest.split(".")[0]
        if first == PACKAGE and other in FLOOR and other != room:
            assert FLOOR[room] < FLOOR[other] or (room, other) in NEIGHBOURS, (
                f"{path.relative_to(project)} imports {name}"
            )


def test_recipes_borrow_nothing_from_the_command(project):
    for path, name in imports(project / "recipes"):
        assert not name.startswith(f"{PACKAGE}.cli"), f"{path} imports {name}"
