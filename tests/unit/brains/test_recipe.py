"""Tests of the steps that all training scripts share.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import subprocess
import sys
from unittest import mock

import pytest
import speechbrain as sb
import torch
from ruamel.yaml import YAML

from speechbrain_flashsr.brains import recipe
from speechbrain_flashsr.brains.budget import Budget
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


def test_values_keep_their_equals_signs():
    arguments = ["a=1/b=2.yaml", "--device=cpu", "--x=c=3/d=4", "--y", "e=5=6"]
    file, run_opts, overrides = recipe.parse_arguments(arguments)
    assert (file, run_opts.device) == ("a=1/b=2.yaml", "cpu")
    expected = {"x": "c=3/d=4", "y": "e=5=6"}
    assert YAML(typ="safe").load(overrides) == expected


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


@pytest.mark.parametrize("asked, used", [(None, "cuda:1"), ("cpu", "cpu")])
def test_latents_are_encoded_where_the_training_runs(
    asked, used, tmp_path, monkeypatch
):
    """SpeechBrain's brain chooses the device itself unless one is asked for."""
    cache = mock.Mock(return_value=0)
    monkeypatch.setattr(recipe, "cache_latents", cache)
    monkeypatch.setattr(recipe, "infer_device", lambda: "cuda:1")
    monkeypatch.setattr(recipe, "LatentPairs", mock.Mock())
    hparams = dict.fromkeys(("features", "autoencoder", "draws_per_epoch"))
    hparams |= {"train_segments": [], "valid_segments": [], "cache_opts": {}}
    hparams |= {"latents_folder": tmp_path, "precision": "fp32"}
    hparams |= {"cache_share": 0.5, "budget": Budget(None, 0.0)}
    given = [f"--device={asked}"] if asked else []
    _, run_opts, _ = sb.parse_arguments(["train.yaml", *given])
    recipe.prepare_latents(hparams, run_opts)
    assert [c.kwargs["device"] for c in cache.call_args_list] == [used, used]


def test_a_yaml_that_several_share_comes_before_the_own_keys(tmp_path):
    for name, text in (
        ("common", "lr: 1\nepochs: 1\nmuon:\n    betas: 1\n    steps: 1"),
        ("train", "adds_to: common.yaml\nsize: 1"),
        ("large", "epochs: 2\nsize: 2\nmuon:\n    betas: 2"),
        ("own", "based_on: [train.yaml, large.yaml]\nsize: 3"),
        ("wrong", "based_on: [train.yaml, large.yaml]\nsizes: 3"),
    ):
        (tmp_path / f"{name}.yaml").write_text(text)
    file, overrides = recipe.follow_base(tmp_path / "own.yaml")
    assert file.name == "common.yaml"
    expected = {"epochs": 2, "size": 3, "muon": {"betas": 2}}
    assert YAML(typ="safe").load(overrides) == expected
    with pytest.raises(KeyError, match="sizes"):
        recipe.follow_base(tmp_path / "wrong.yaml")
