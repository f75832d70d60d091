"""The examples in the scripts that prepare corpora.

Authors
 * The speechbrain_flashsr developers 2026
"""

import doctest
import importlib

import pytest

from tests.recipes.sounds import PREPARE


@pytest.mark.parametrize("path", sorted(PREPARE.glob("*.py")), ids=str)
def test_examples_of_docstrings(path):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    module = importlib.import_module(path.stem)
    assert doctest.testmod(module, optionflags=flags).failed == 0
