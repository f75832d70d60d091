"""Published checkpoints that are refused.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os

import pytest
import torch

from speechbrain_flashsr.checkpoints import CheckpointError
from speechbrain_flashsr.checkpoints.external import convert_audiosr
from tests.unit.checkpoints.published import (
    FILES,
    Malicious,
    assert_refused,
    change,
    convert,
)


@pytest.mark.parametrize(
    "file, network, key",
    [
        ("student_ldm.pth", "LatentUNet", "model.output_blocks.4.0"),
        ("vae.pth", "Autoencoder", "encoder.mid.attn_1"),
        ("sr_vocoder.pth", "SRVocoder", "resblocks.3.convs1.1"),
    ],
)
@pytest.mark.parametrize("problem", ["missing", "unexpected", "shape"])
def test_missing_extra_and_misshapen(folder, file, network, key, problem):
    def edit(state):
        keys = [k for k in state if k.startswith(key) and k.endswith(".bias")]
        assert keys
        for k in keys:
            if problem == "unexpected":
                state[f"{k}.more"] = state[k]
            elif problem == "missing":
                del state[k]
            else:
                state[k] = torch.zeros(7)

    change(folder / file, edit)
    assert_refused(folder, str(folder / file), network, problem, key)


@pytest.mark.parametrize(
    "file, key",
    [
        ("student_ldm.pth", "model.input_blocks.0.0.weight"),
        ("student_ldm.pth", "model.out.2.weight"),
        ("vae.pth", "encoder.conv_in.weight"),
        ("vae.pth", "post_quant_conv.weight"),
        ("sr_vocoder.pth", "conv_pre.weight_v"),
        ("sr_vocoder.pth", "ups.0.0.weight_v"),
    ],
)
@pytest.mark.parametrize("value", [None, torch.tensor(0.0), torch.zeros(5)])
def test_weights_that_tell_the_sizes(folder, file, key, value):
    """Are not trusted: whatever is there, the error is a clear one."""

    def edit(state):
        if value is None:
            del state[key]
        else:
            state[key] = value

    change(folder / file, edit)
    assert_refused(folder, str(folder / file), "published keys")


def test_files_under_wrong_options(folder):
    os.replace(folder / "vae.pth", folder / "other")
    os.replace(folder / "sr_vocoder.pth", folder / "vae.pth")
    os.replace(folder / "other", folder / "sr_vocoder.pth")
    assert_refused(folder, "Autoencoder", "missing", "under its own option")


@pytest.mark.parametrize("file", FILES)
def test_missing_file(folder, file):
    (folder / file).unlink()
    assert_refused(folder, "There is no checkpoint", file)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("left", [0.0, 0.5, 0.999])
def test_truncated_file(folder, file, left):
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(content[: int(left * len(content))])
    assert_refused(folder, file, "truncated")


@pytest.mark.parametrize("zipped", [True, False])
def test_pickled_code_is_refused_and_not_run(folder, published, zipped):
    state = dict(published["vae.pth"])
    state["loss"] = Malicious(folder / "pwned")
    torch.save(state, folder / "vae.pth", _use_new_zipfile_serialization=zipped)
    assert_refused(folder, "vae.pth", "pickled code")


@pytest.mark.parametrize("content", [[1, 2], {"state_dict": {"a": 1}}])
def test_something_else_than_weights(folder, content):
    torch.save(content, folder / "vae.pth")
    assert_refused(folder, "vae.pth", "does not hold a dictionary of tensors")


@pytest.mark.parametrize("zipped", [True, False])
def test_weights_that_the_file_has_no_room_for(folder, published, zipped):
    state = dict(published["vae.pth"])
    state["encoder.conv_in.bias"] = torch.zeros(1).expand(10**10)
    torch.save(state, folder / "vae.pth", _use_new_zipfile_serialization=zipped)
    assert_refused(folder, "vae.pth", "declares 4000", "bytes of weights")


def test_another_noise_schedule(folder):
    def edit(state):
        state["betas"] = torch.linspace(1e-4, 0.02, 1000)

    change(folder / "student_ldm.pth", edit)
    assert_refused(folder, "student_ldm.pth", "betas", "noise schedule")
    change(folder / "audiosr.bin", edit)
    with pytest.raises(CheckpointError, match="'betas' is off by"):
        convert_audiosr(folder / "audiosr.bin", folder / "out")


def test_other_resampling_filters(folder):
    def edit(state):
        state["resblocks.1.activations.2.upsample.filter"] *= 2

    change(folder / "sr_vocoder.pth", edit)
    assert_refused(
        folder, "sr_vocoder.pth", "resblocks.1.activations.2", "filters"
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite(folder, value):
    def edit(state):
        state["conv_pre.bias"][1] = value

    change(folder / "sr_vocoder.pth", edit)
    assert_refused(folder, "sr_vocoder.pth", "conv_pre.bias", str(value))


def test_values_too_large_for_half_precision(folder):
    def edit(state):
        state["conv_pre.bias"] = state["conv_pre.bias"].float()
        state["conv_pre.bias"][1] = -70000.0

    change(folder / "sr_vocoder.pth", edit)
    with pytest.raises(CheckpointError, match="-70000.*half precision"):
        convert(folder, half=True)
    assert not (folder / "out").exists()
    assert convert(folder).is_dir()


def test_networks_of_different_models(folder):
    def edit(state):
        for key in state:
            if key.startswith("model.input_blocks.0.0.weight"):
                state[key] = state[key][:, :16]
            if key.startswith("model.out.2."):
                state[key] = state[key][:8]

    change(folder / "student_ldm.pth", edit)
    assert_refused(folder, "16 channels", "8")


def test_other_mel_bands(folder):
    def edit(state):
        state["conv_pre.weight_v"] = state["conv_pre.weight_v"][:, :80]

    change(folder / "sr_vocoder.pth", edit)
    assert_refused(folder, "80 mel bands every 480 samples")


def test_folder_that_is_not_empty_is_left_alone(folder):
    (folder / "out").mkdir()
    (folder / "out" / "precious").write_text("yes")
    assert_refused(folder, "exists already", error=FileExistsError)
    assert (folder / "out" / "precious").read_text() == "yes"
    (folder / "out" / "precious").unlink()
    assert (convert(folder) / "hyperparams.yaml").is_file()
