"""Several processes train what one process with the whole batch does.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recipes import training
from tests.recipes.training import EXPORTED, NEEDED, exported_state

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


@pytest.fixture(scope="module")
def workshop(project, tmp_path_factory):
    """Folders with a tiny corpus and the YAML files, and trained weights."""
    data = tmp_path_factory.mktemp("data")
    hparams = tmp_path_factory.mktemp("hparams")
    training.write_corpus(data)
    training.write_hparams(project, hparams)
    return data, hparams, {}


@pytest.mark.parametrize("stage", EXPORTED)
def test_two_processes_agree_with_one(stage, project, workshop, tmp_path):
    data, hparams, files = workshop
    states = []
    for num_processes in (1, 2):
        output = tmp_path / str(num_processes)
        arguments = training.stage_arguments(
            stage,
            hparams,
            data,
            output,
            {name: files[name] for name in NEEDED[stage]},
            batch_size=4 // num_processes,
            draws_per_epoch=4 * STEPS,
            number_of_epochs=1,
        )
        train(project, stage, arguments, num_processes)
        path = output / f"{EXPORTED[stage]}.ckpt"
        states.append(exported_state(stage, output))
        if stage == "autoencoder":
            files["autoencoder_file"] = path
        if stage in ("teacher", "student"):
            files[f"{stage}_file"] = path
    one, two = states
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert (value - two[name]).abs().max() <= 1e-8, name
