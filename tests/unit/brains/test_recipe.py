"""Tests of the steps that all training scripts share.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import subprocess
import sys

import pytest
import torch

from speechbrain_flashsr.brains.recipe import leave_group, parse_known_arguments


def test_distributed_training_ends_and_need_not_have_begun():
    leave_group()
    torch.distributed.init_process_group(
        "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    assert torch.distributed.is_initialized()
    leave_group()
    assert not torch.distributed.is_initialized()


def test_arguments_that_no_stage_knows_are_an_error(capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float)
    known = ["--compile", "--precision", "bf16", "--lr=0.1"]
    options, passed_on = parse_known_arguments(parser, ["--minutes=3", *known])
    assert (options.minutes, passed_on) == (3, known)
    for stray in (["a.yaml", "--lr=0.1"], ["--lr=0.1", "a.yaml"]):
        with pytest.raises(SystemExit):
            parse_known_arguments(parser, stray)
        assert "'a.yaml' is not an option" in capsys.readouterr().err


@pytest.mark.slow
def test_a_distributed_script_ends_at_once_and_well():
    """Functions registered for the exit run, and nothing follows."""
    script = """
import atexit, torch
from speechbrain_flashsr.brains.recipe import end_training
end_training()
print("goes on alone", end=" ")
atexit.register(print, "at the end", end=" ")
store = torch.distributed.HashStore()
torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
end_training()
print("never")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "goes on alone at the end "
