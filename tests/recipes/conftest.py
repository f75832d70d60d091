"""What the tests of recipes share.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest

from tests.recipes.training import Recipes


@pytest.fixture(scope="session")
def recipes(project, tmp_path_factory):
    """The rows of the CSV, each run when it is first asked for."""
    return Recipes(project, tmp_path_factory.mktemp("recipes"))
