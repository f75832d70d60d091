"""Tests of speechbrain_flashsr.checkpoints.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os

import pytest
import torch

from speechbrain_flashsr.checkpoints import CheckpointError, load_strictly


@pytest.fixture
def saved(tmp_path):
    """A module, its state, and the path it is saved at."""
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    path = tmp_path / "module.ckpt"
    torch.save(module.state_dict(), path)
    return module, module.state_dict(), path


def fresh():
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))


def assert_refused(path, *words):
    """Refused with these words, and nothing was loaded."""
    module = fresh()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    with pytest.raises(CheckpointError) as error:
        load_strictly(module, path)
    for word in (str(path), *words):
        assert word in str(error.value)
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key])


def test_loads_what_fits(saved):
    module, _, path = saved
    loaded = fresh()
    load_strictly(loaded, path)
    wavs = torch.randn(5, 3)
    assert torch.equal(loaded(wavs), module(wavs))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_upcast(saved, dtype):
    _, state, path = saved
    torch.save({key: value.to(dtype) for key, value in state.items()}, path)
    loaded = fresh()
    load_strictly(loaded, path)
    for key, value in loaded.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, state[key].to(dtype).float())


def test_missing_extra_and_misshapen_keys_are_named(saved):
    _, state, path = saved
    state["extra.key"] = torch.zeros(1)
    del state["0.bias"]
    state["1.weight"] = torch.zeros(2, 5)
    torch.save(state, path)
    assert_refused(
        path,
        "Sequential",
        "1 missing (0.bias)",
        "1 unexpected (extra.key)",
        "1.weight [2, 5] instead of [2, 4]",
    )


def test_long_lists_of_keys_are_cut(saved):
    _, state, path = saved
    state.update({f"extra.{i}": torch.zeros(1) for i in range(100)})
    torch.save(state, path)
    assert_refused(path, "100 unexpected", "and 95 more")


@pytest.mark.parametrize("left", [0, 10, 500, -1])
def test_truncated(saved, left):
    _, _, path = saved
    path.write_bytes(path.read_bytes()[:left])
    assert_refused(path, "truncated")


def test_missing_file(tmp_path):
    assert_refused(tmp_path / "gone.ckpt", "There is no checkpoint")


class Malicious:
    """Runs a command when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


@pytest.mark.parametrize("zipped", [True, False])
def test_pickled_code_is_refused_and_not_run(saved, tmp_path, zipped):
    _, state, path = saved
    state["0.bias"] = Malicious(tmp_path / "pwned")
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    assert_refused(path, "pickled code")
    assert not (tmp_path / "pwned").exists()


def test_not_a_dictionary_of_tensors(saved):
    _, _, path = saved
    torch.save([torch.zeros(1)], path)
    assert_refused(path, "dictionary of tensors")
