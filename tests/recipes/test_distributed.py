"""Several processes train what one process with the whole batch does.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.recipes import training
from tests.recipes.training import exported_state

STEPS = 4


def train(project, stage, arguments, num_processes):
    """Trains in double precision, in processes of their own."""
    command = [sys.executable]
    if num_processes > 1:
        command += [
            "-m",
            "torch.distributed.run",
            "--standalone",
            f"--nproc_per_node={num_processes}",
        ]
        arguments = [*arguments, "--distributed_backend=gloo"]
    script = project / training.RECIPE / f"train_{stage}.py"
    command += [str(Path(__file__).parent / "float64.py"), str(script)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        command + arguments, capture_output=True, text=True, env=environment
    )
    assert result.returncode == 0, result.stderr[-20000:]


def test_two_processes_agree_with_one(project, workshop, tmp_path):
    """In the stage with the most losses: the others share their code."""
    data, hparams = workshop
    states = []
    for num_processes in (1, 2):
        output = tmp_path / str(num_processes)
        arguments = training.stage_arguments(
            "sr_vocoder",
            hparams,
            data,
            output,
            batch_size=4 // num_processes,
            draws_per_epoch=4 * STEPS,
            number_of_epochs=1,
        )
        train(project, "sr_vocoder", arguments, num_processes)
        states.append(exported_state("sr_vocoder", output))
    one, two = states
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert (value - two[name]).abs().max() <= 1e-8, name
