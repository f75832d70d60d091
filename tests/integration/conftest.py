"""Fixtures of the integration tests.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest

from tests.tiny_model import save_tiny_model


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Folder of the tiny model, which is not changed."""
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))
