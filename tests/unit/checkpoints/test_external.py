"""The published checkpoints become folders that load, or are refused.

The reference fixtures, which are small, are brought into the published layout
with all that must be dropped.

Authors
 * The speechbrain_flashsr developers 2026
"""

import hashlib
import os

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from safetensors.torch import load_file

from speechbrain_flashsr import cli
from speechbrain_flashsr.checkpoints import CheckpointError
from speechbrain_flashsr.checkpoints.external import (
    convert_audiosr,
    convert_flashsr,
)
from speechbrain_flashsr.inference import FlashSR
from speechbrain_flashsr.lobes.features import denormalize, normalize

OPTIONS = ("student_ldm", "sr_vocoder", "vae")

FILES = [f"{name}.pth" for name in OPTIONS]


@pytest.fixture(scope="module")
def published(reference):
    """{file: state} of all published files, small. Not to be changed."""
    numbers = reference("diffusion")
    unet = reference("unet")["state_dict"]
    vae = reference("vae")["state_dict"]
    schedule = {
        "betas": numbers["betas"],
        "alphas_cumprod": numbers["alphas_cumprod"],
        "alphas_cumprod_prev": torch.rand(1000),
        "sqrt_alphas_cumprod": numbers["alphas_cumprod"].sqrt(),
        "sqrt_one_minus_alphas_cumprod": torch.rand(1000),
        "log_one_minus_alphas_cumprod": torch.rand(1000),
        "sqrt_recip_alphas_cumprod": torch.rand(1000),
        "sqrt_recipm1_alphas_cumprod": torch.rand(1000),
        "posterior_variance": torch.rand(1000),
        "posterior_log_variance_clipped": torch.rand(1000),
        "posterior_mean_coef1": torch.rand(1000),
        "posterior_mean_coef2": torch.rand(1000),
    }
    bundled = {
        "vocoder.conv_pre.weight": torch.rand(4, 256, 7),
        "vocoder.ups.0.weight": torch.rand(4, 2, 12),
    }
    vocoder = reference("vocoder")["state_dict"]
    assert "audio_block.downsamples.4.0.weight" in vocoder
    assert sum(key.endswith(".filter") for key in vocoder) == 182
    return {
        "student_ldm.pth": {**schedule, **_prefixed("model.", unet)},
        "sr_vocoder.pth": vocoder,
        "vae.pth": {**vae, **bundled},
        "audiosr.bin": {
            **schedule,
            **_prefixed("model.diffusion_model.", unet),
            **_prefixed("first_stage_model.", {**vae, **bundled}),
            "model_ema.decay": torch.tensor(0.999),
            "model_ema.diffusion_modelout2bias": torch.rand(16),
            "cond_stage_models.0.vocoder.bias": torch.rand(3),
        },
    }


def _prefixed(prefix, state):
    return {prefix + key: value for key, value in state.items()}


@pytest.fixture
def folder(tmp_path, published):
    """A folder with all files, which may be changed."""
    for name, state in published.items():
        if name == "audiosr.bin":
            state = {"epoch": 3, "state_dict": state}
        torch.save(state, tmp_path / name)
    return tmp_path


def convert(folder, half=False):
    """Converts FlashSR's files in a folder to `out` in it."""
    paths = (folder / name for name in FILES)
    return convert_flashsr(*paths, folder / "out", half)


def load(folder):
    return FlashSR.from_hparams(
        folder, run_opts={"device": "cpu", "precision": "fp32"}
    )


def change(path, edit):
    """Edits the state in a file."""
    state = torch.load(path, weights_only=True)
    edit(state.get("state_dict", state))
    torch.save(state, path)


def assert_refused(folder, *words, error=CheckpointError):
    """The conversion fails with these words and leaves nothing behind."""
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(error) as caught:
        convert(folder)
    for word in words:
        assert word in str(caught.value)
    assert sorted(path.name for path in folder.iterdir()) == before


def assert_gives_the_published_output(sr, numbers, tolerance, **options):
    """The published package brings the whole input to one level."""
    low, mean, scale = normalize(numbers["lr_audio"])
    high = sr.mods.super_resolver(low, numbers["noise"], **options)
    error = (denormalize(high, mean, scale) - numbers["output"]).norm()
    assert error < tolerance * numbers["output"].norm()


# FlashSR ---------------------------------------------------------------------


def test_flashsr_loads_and_gives_the_published_output(folder, reference):
    sr = load(convert(folder))
    assert_gives_the_published_output(sr, reference("pipeline"), 1e-4)


def test_folder_is_written_and_says_where_it_is_from(folder):
    out = convert(folder)
    assert sorted(path.name for path in out.iterdir()) == [
        "autoencoder.safetensors",
        "hyperparams.yaml",
        "unet.safetensors",
        "vocoder.safetensors",
    ]
    sr = load(out)
    assert (sr.hparams.num_steps, sr.hparams.guidance_scale) == (1, 1.0)
    assert sr.hparams.sources == {
        option: {
            "file": name,
            "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
        }
        for option, name in zip(OPTIONS, FILES)
    }
    state = load_file(out / "autoencoder.safetensors")
    assert state["scale"].item() == pytest.approx(0.3342)
    assert {value.dtype for value in state.values()} == {torch.float32}


@pytest.mark.slow
def test_half_precision_is_half_as_large_and_close(folder, reference):
    out = convert(folder, half=True)
    parameters = 0
    for path in out.glob("*.safetensors"):
        state = load_file(path)
        assert {value.dtype for value in state.values()} == {torch.float16}
        parameters += sum(value.numel() for value in state.values())
    size = sum(path.stat().st_size for path in out.glob("*.safetensors"))
    assert 2 * parameters < size < 3 * parameters
    sr = load(out)
    assert next(sr.parameters()).dtype == torch.float32
    assert_gives_the_published_output(sr, reference("pipeline"), 1e-2)


# AudioSR ---------------------------------------------------------------------


@pytest.mark.slow
def test_audiosr_with_vocoder_is_a_super_resolver(folder, reference):
    out = convert_audiosr(
        folder / "audiosr.bin", folder / "out", folder / "sr_vocoder.pth"
    )
    sr = load(out)
    assert (sr.hparams.num_steps, sr.hparams.guidance_scale) == (50, 3.5)
    assert list(sr.hparams.sources) == ["audiosr", "sr_vocoder"]
    assert_gives_the_published_output(
        sr,
        reference("pipeline"),
        1e-4,
        num_steps=1,
        guidance_scale=1.0,
    )


@pytest.mark.slow
def test_teacher_and_student_can_be_compared(folder):
    """The number of steps and the guidance change the output."""
    sr = load(
        convert_audiosr(
            folder / "audiosr.bin", folder / "out", folder / "sr_vocoder.pth"
        )
    )
    wavs = torch.randn(1, 10240)
    options = dict(sample_rate=16000, cutoff=8000)
    one = sr.super_resolve_batch(
        wavs, **options, num_steps=1, guidance_scale=1.0
    )
    for num_steps, guidance_scale in ((3, 1.0), (1, 3.5)):
        other = sr.super_resolve_batch(
            wavs,
            **options,
            num_steps=num_steps,
            guidance_scale=guidance_scale,
        )
        assert other.isfinite().all()
        assert (other - one).norm() > 1e-3 * one.norm()


def test_teacher_alone_says_that_it_is_one(folder):
    out = convert_audiosr(folder / "audiosr.bin", folder / "out")
    with pytest.raises(CheckpointError) as error:
        load(out)
    for word in ("teacher only", "--sr-vocoder", "teacher_file"):
        assert word in str(error.value)


def test_teacher_is_what_the_student_starts_from(folder, reference):
    """As train_student.yaml loads it, with the folder's sizes."""
    out = convert_audiosr(folder / "audiosr.bin", folder / "out")
    recipe = f"""
model: !include:{out}/hyperparams.yaml
teacher: !copy <model[denoiser]>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        autoencoder: !ref <model[autoencoder]>
        unet: !ref <model[unet]>
        teacher: !ref <teacher.unet>
    paths:
        autoencoder: {out}/autoencoder.safetensors
        unet: {out}/unet.safetensors
        teacher: {out}/unet.safetensors
    custom_hooks:
        autoencoder: !name:speechbrain_flashsr.checkpoints.load_strictly
        unet: !name:speechbrain_flashsr.checkpoints.load_strictly
        teacher: !name:speechbrain_flashsr.checkpoints.load_strictly
"""
    hparams = load_hyperpyyaml(recipe)
    hparams["pretrainer"].collect_files()
    hparams["pretrainer"].load_collected()
    numbers = reference("unet")
    student = hparams["model"]["unet"]
    teacher = hparams["teacher"].unet
    assert student is not teacher
    for network in (student.eval(), teacher.eval()):
        with torch.no_grad():
            v = network(numbers["x"], numbers["timesteps"], numbers["cond"])
        torch.testing.assert_close(v, numbers["output"], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_audiosr_brings_its_scale(folder):
    def edit(state):
        state["scale_factor"] = torch.tensor(0.5)

    change(folder / "audiosr.bin", edit)
    sr = load(
        convert_audiosr(
            folder / "audiosr.bin", folder / "out", folder / "sr_vocoder.pth"
        )
    )
    resolver = sr.mods["super_resolver"]
    assert resolver.predictor.autoencoder.scale.item() == 0.5
    assert resolver.predictor.denoiser.unconditional == pytest.approx(
        -11.4981 / 2
    )


# Refused files ---------------------------------------------------------------


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


class Malicious:
    """Runs a command when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


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


# The command -----------------------------------------------------------------


def test_command_converts_flashsr(folder, capsys):
    arguments = ["convert", "--out", str(folder / "out"), "--half"]
    for option, name in zip(OPTIONS, FILES):
        arguments += [f"--{option.replace('_', '-')}", str(folder / name)]
    assert cli.main(arguments) == 0
    assert f"--source {folder / 'out'}" in capsys.readouterr().out
    state = load_file(folder / "out" / "unet.safetensors")
    assert state["conv_in.weight"].dtype == torch.float16


@pytest.mark.parametrize("with_vocoder", [True, False])
def test_command_converts_audiosr(folder, capsys, with_vocoder):
    arguments = ["convert", "--audiosr", str(folder / "audiosr.bin")]
    arguments += ["--out", str(folder / "out")]
    if with_vocoder:
        arguments += ["--sr-vocoder", str(folder / "sr_vocoder.pth")]
    assert cli.main(arguments) == 0
    assert (folder / "out" / "vocoder.safetensors").exists() == with_vocoder
    hint = "--source" if with_vocoder else "train_student.py"
    assert hint in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "--student-ldm and --sr-vocoder and --vae missing"),
        (["--vae", "v.pth"], "--student-ldm and --sr-vocoder missing"),
        (["--audiosr", "a.bin", "--vae", "v.pth"], "Leave out --student-ldm"),
        (["--audiosr", "gone.bin"], "There is no checkpoint 'gone.bin'"),
    ],
)
def test_command_says_what_is_wrong(tmp_path, capsys, arguments, words):
    out = tmp_path / "out"
    assert cli.main(["convert", "--out", str(out), *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("flashsr: error: ") and words in error
    assert not out.exists()
