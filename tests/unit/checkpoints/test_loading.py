"""Tests of speechbrain_flashsr.checkpoints.

Authors
 * The speechbrain_flashsr developers 2026
"""

import struct
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from speechbrain_flashsr.checkpoints import CheckpointError, load_strictly
from speechbrain_flashsr.checkpoints.reading import digest_of_file
from tests.unit.checkpoints.published import Malicious


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


@pytest.mark.parametrize("name", ["module.safetensors", "module.ckpt"])
def test_safetensors_are_read_whatever_their_name(saved, tmp_path, name):
    _, state, _ = saved
    save_file(state, tmp_path / name)
    loaded = fresh()
    load_strictly(loaded, tmp_path / name)
    for key, value in loaded.state_dict().items():
        assert torch.equal(value, state[key])


@pytest.mark.parametrize(
    "content, words",
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "Git LFS pointer.*git lfs pull",
        ),
        (b"\n<!DOCTYPE html>\n<html>Please sign in", "web page"),
        (b"<HTML><body>404", "web page"),
        (b"not weights at all, but some notes", "not a checkpoint"),
        (struct.pack("<Q", 2**40) + b"{}", "damaged"),
    ],
)
def test_other_content_is_named(tmp_path, content, words):
    path = tmp_path / "module.ckpt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=f"module.ckpt'.*{words}"):
        load_strictly(fresh(), path)


def test_a_changed_bit_is_found(saved):
    """Wherever it is: PyTorch alone does not look at the checksums."""
    _, _, path = saved
    with zipfile.ZipFile(path) as archive:
        (entry,) = (e for e in archive.infolist() if e.filename[-2:] == "/0")
        assert entry.file_size == 4 * 12
    content = bytearray(path.read_bytes())
    start = entry.header_offset + zipfile.sizeFileHeader
    start += sum(struct.unpack("<HH", content[start - 4 : start]))
    content[start + 20] ^= 1
    path.write_bytes(content)
    torch.load(path, weights_only=True)
    assert_refused(path, "damaged")


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_weights_that_are_not_finite(saved, value):
    _, state, path = saved
    state["1.weight"][1, 2] = value
    torch.save(state, path)
    assert_refused(path, "1 of the 8 values of '1.weight'", "NaN or infinite")


def test_weights_of_another_kind(saved):
    _, state, path = saved
    state["0.bias"] = torch.zeros(4, dtype=torch.int16)
    torch.save(state, path)
    assert_refused(path, "0.bias torch.int16 instead of torch.float32")


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(4, device="meta"),
        torch.zeros(4).to_sparse(),
        torch.quantize_per_tensor(torch.zeros(4), 1.0, 0, torch.qint8),
    ],
)
def test_tensors_without_plain_values(saved, value):
    _, state, path = saved
    state["0.bias"] = value
    torch.save(state, path)
    assert_refused(path, "dictionary of tensors")


def test_the_digest_must_agree(saved):
    _, _, path = saved
    load_strictly(fresh(), path, sha256=digest_of_file(path))
    with pytest.raises(CheckpointError, match="SHA-256 is .* instead of 12ab"):
        load_strictly(fresh(), path, sha256="12ab")
