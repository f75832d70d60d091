"""A minute of damaged inputs, the same in every run of the tests.

Authors
 * The speechbrain_flashsr developers 2026
"""

import sys

import pytest

if sys.platform != "linux":
    pytest.skip("limits on memory need Linux", allow_module_level=True)

from tests.fuzz.kills import kill_folder_run, kill_training
from tests.fuzz.runner import TARGETS, fuzz

SECONDS = 60


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_inputs_do_no_harm(name):
    report = fuzz(name, SECONDS / len(TARGETS), seed=0)
    assert not report.failures, report
    assert report.outcomes["refused"] > 0, report


@pytest.mark.slow
def test_kills_and_damage_change_no_weight(tmp_path):
    done = kill_training(tmp_path, kills=3, seed=0, epochs=4)
    assert done["kills"] == 3


@pytest.mark.slow
def test_kills_change_no_output(tmp_path):
    assert kill_folder_run(tmp_path, kills=3, seed=0, num_files=10) > 0
