"""Tests of speechbrain_flashsr.inference.run_options.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch
from speechbrain.utils.run_opts import RunOptions

from speechbrain_flashsr.inference import FlashSR
from speechbrain_flashsr.inference.run_options import complete_run_options
from speechbrain_flashsr.lobes.super_resolver import LatentSuperResolver
from tests.tiny_model import save_tiny_model


@pytest.fixture(params=["avx512_bf16", "amx_bf16", None])
def capability(request, monkeypatch):
    """A processor with one native form of bfloat16, or none."""
    capabilities = {"avx2": True, "avx512_bf16": False}
    if request.param:
        capabilities[request.param] = True
    monkeypatch.setattr(
        torch.cpu, "get_capabilities", lambda: capabilities, raising=False
    )
    return request.param


@pytest.mark.parametrize("given", [{}, {"precision": "auto"}])
def test_auto_is_bfloat16_where_it_is_native(capability, given):
    options = complete_run_options({"device": "cpu", **given}, {})
    assert options["precision"] == ("bf16" if capability else "fp32")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_explicit_precision_stays(capability, precision):
    options = {"device": "cpu", "precision": precision}
    assert complete_run_options(options, {})["precision"] == precision


def test_auto_is_float32_where_pytorch_cannot_tell(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    options = complete_run_options({"device": torch.device("cpu")}, {})
    assert (options["device"], options["precision"]) == ("cpu", "fp32")


def test_run_options_win_over_those_of_the_model():
    hparams = {"precision": "bf16", "batch_windows": 5, "sample_rate": 48000}
    options = complete_run_options({"device": "cpu"}, hparams)
    assert options == {"device": "cpu", "precision": "bf16", "batch_windows": 5}
    options = complete_run_options({"precision": "fp32"}, hparams)
    assert options["precision"] == "fp32"


def test_speechbrains_own_object_is_understood():
    given = RunOptions.from_dictionary({"device": "cpu", "precision": "bf16"})
    options = complete_run_options(given, {"precision": "fp32"})
    assert (options["device"], options["precision"]) == ("cpu", "bf16")


def test_options_of_a_training_have_no_effect(tmp_path, caplog):
    """A recipe may pass its own, under torchrun and with --compile."""
    given = {"distributed_launch": True, "compile": True, "jit": True}
    flashsr = FlashSR.from_hparams(
        save_tiny_model(tmp_path),
        run_opts={**given, "data_parallel_backend": True, "device": "cpu"},
    )
    assert type(flashsr.mods.super_resolver) is LatentSuperResolver
    for name in (*given, "data_parallel_backend"):
        assert name in caplog.text


def test_unknown_options_are_named():
    with pytest.raises(ValueError, match="'batches'"):
        complete_run_options({"batches": 3}, {})


@pytest.mark.parametrize("device", ["tpu9", "cuda:99", "cpu:x"])
def test_devices_that_are_not_there_are_named(device):
    with pytest.raises(ValueError, match=f"device '{device}'.* cpu"):
        complete_run_options({"device": device}, {})
