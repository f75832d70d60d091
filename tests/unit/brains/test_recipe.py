"""Tests of the steps that all training scripts share.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import subprocess
import sys

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml, resolve_references

from speechbrain_flashsr.brains.recipe import (
    follow_base,
    leave_group,
    parse_known_arguments,
)


def test_distributed_training_ends_and_need_not_have_begun():
    leave_group()
    torch.distributed.init_process_group(
        "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    assert torch.distributed.is_initialized()
    leave_group()
    assert not torch.distributed.is_initialized()


def test_only_parts_of_a_recipe_are_added_to(tmp_path):
    (tmp_path / "common.yaml").write_text("lr: 1\nopts:\n    a: 1\n")
    recipe = "based_on: common.yaml\nmodules: [net]\nopts:\n    b: 2\n"
    (tmp_path / "train.yaml").write_text(recipe)
    for name, key in (("fast", "lr"), ("misspelt", "lrr")):
        text = f"based_on: train.yaml\n{key}: 3\n"
        (tmp_path / f"{name}.yaml").write_text(text)

    file, changes = follow_base(tmp_path / "fast.yaml", "modules: [other]")
    assert file == tmp_path / "common.yaml"
    resolved = resolve_references(file.read_text(), changes).read()
    assert load_hyperpyyaml(resolved) == {
        "lr": 3,
        "opts": {"a": 1, "b": 2},
        "modules": ["other"],
    }
    with pytest.raises(ValueError, match="misspelt.yaml' sets lrr"):
        follow_base(tmp_path / "misspelt.yaml")
    for name in ("common", "train"):
        with pytest.raises(ValueError, match="The command line sets lrr"):
            follow_base(tmp_path / f"{name}.yaml", "lrr: 3")


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
