"""Several processes train what one process with the whole batch does.

Authors
 * The speechbrain_flashsr developers 2026
"""

import re
import subprocess
import sys
from pathlib import Path

import torch

from tests.recipes import training
from tests.recipes.training import exported_state, run_stage

STAGE = "sr_vocoder"
"""The stage with the most losses: the others share its code."""

STEPS = 3
"""The discriminator joins in at the second."""


def test_two_processes_agree_with_one(
    project, recipes, tmp_path, float64, monkeypatch
):
    """In double precision."""
    one, two = (
        training.stage_arguments(
            STAGE,
            recipes.folder,
            tmp_path / str(num_processes),
            batch_size=4 // num_processes,
            draws_per_epoch=4 * STEPS,
            number_of_epochs=1,
            ckpt_interval_steps=1000,
        )
        for num_processes in (1, 2)
    )
    run_stage(project, STAGE, one, monkeypatch)
    command = [
        *(sys.executable, "-m", "torch.distributed.run"),
        *("--standalone", "--nproc_per_node=2"),
        str(Path(__file__).with_name("float64.py")),
        str(project / training.RECIPE / f"train_{STAGE}.py"),
        *(*two, "--distributed_backend=gloo"),
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-20000:]
    one, two = (exported_state(STAGE, tmp_path / name) for name in "12")
    torch.testing.assert_close(one, two, rtol=0, atol=1e-8)
    one, two = (
        re.sub("sound_per_second: [^ ]+", "", log.read_text())
        for log in sorted(tmp_path.glob("*/train_log.txt"))
    )
    assert one == two
