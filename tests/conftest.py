"""Fixtures of all tests.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os
from pathlib import Path

# Before any import of them: figures without a screen, nothing from a hub. The
# models of the tests are tiny: threads would cost more than they give, also in
# the processes that tests start.
os.environ["MPLBACKEND"] = "Agg"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import pytest  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)

SLOW = (
    *("recipes", "fuzz", "integration/test_wheel.py"),
    *("integration/test_batches.py", "integration/test_cli_process.py"),
    *("unit/checkpoints/test_external", "unit/metrics/test_perceptual.py"),
    *(
        "unit/inference/test_channels_and_windows.py",
        "unit/lobes/test_reference",
    ),
    "unit/inference/test_precision.py",
)
"""Parts of tests/ that take long; others are marked one by one."""


def pytest_collection_modifyitems(items):
    """Marks the tests of whole parts as slow: `make quick` leaves them out.
    Files with slow tests come first, so that none is left at the end for one
    of two processes."""
    parts = tuple(str(Path(__file__).parent / part) for part in SLOW)
    slow = set()
    for item in items:
        if str(item.path).startswith(parts):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("slow"):
            slow.add(item.path)
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def project():
    """Path of the project's root, where recipes/ and hparams/ are."""
    return Path(__file__).parent.parent


@pytest.fixture(scope="session")
def reference():
    """Loads a fixture of tests/data/reference: `reference("mel")`."""
    folder = Path(__file__).parent / "data" / "reference"

    def load(name):
        return torch.load(
            folder / f"{name}.pt", map_location="cpu", weights_only=True
        )

    return load
