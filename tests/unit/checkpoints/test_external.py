"""The published checkpoints become folders that load, or are refused.

The reference fixtures, which are small, are brought into the published layout
with all that must be dropped.

Authors
 * The speechbrain_flashsr developers 2026
"""

import hashlib

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from safetensors.torch import load_file

from speechbrain_flashsr import cli
from speechbrain_flashsr.checkpoints import CheckpointError
from speechbrain_flashsr.checkpoints.external import convert_audiosr
from speechbrain_flashsr.lobes.features import normalize
from tests.unit.checkpoints.published import (
    FILES,
    OPTIONS,
    change,
    convert,
    load,
)


def assert_gives_the_published_output(flashsr, numbers, tolerance, **options):
    """The published package brings the whole input to one level."""
    low, mean, scale = normalize(numbers["lr_audio"])
    cutoff_hz = torch.full((len(low),), 4000.0)  # not used
    high = flashsr.mods.super_resolver(
        low, numbers["noise"], cutoff_hz, torch.zeros_like(low), **options
    )
    error = (high * scale + mean - numbers["output"]).norm()
    assert error < tolerance * numbers["output"].norm()


def convert_teacher(folder):
    """AudioSR's networks with FlashSR's vocoder."""
    return convert_audiosr(
        folder / "audiosr.bin", folder / "out", folder / "sr_vocoder.pth"
    )


# FlashSR ---------------------------------------------------------------------


def test_flashsr_loads_and_gives_the_published_output(folder, reference):
    flashsr = load(convert(folder))
    assert_gives_the_published_output(flashsr, reference("pipeline"), 1e-4)


def test_folder_is_written_and_says_where_it_is_from(folder):
    out = convert(folder)
    assert sorted(path.name for path in out.iterdir()) == [
        "autoencoder.safetensors",
        "hyperparams.yaml",
        "unet.safetensors",
        "vocoder.safetensors",
    ]
    flashsr = load(out)
    assert (flashsr.hparams.num_steps, flashsr.hparams.guidance_scale) == (
        1,
        1.0,
    )
    assert flashsr.hparams.sources == {
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
    flashsr = load(out)
    assert next(flashsr.parameters()).dtype == torch.float32
    assert_gives_the_published_output(flashsr, reference("pipeline"), 1e-2)


# AudioSR ---------------------------------------------------------------------


@pytest.mark.slow
def test_audiosr_with_vocoder_is_a_super_resolver(folder, reference):
    flashsr = load(convert_teacher(folder))
    assert (flashsr.hparams.num_steps, flashsr.hparams.guidance_scale) == (
        50,
        3.5,
    )
    assert list(flashsr.hparams.sources) == ["audiosr", "sr_vocoder"]
    assert_gives_the_published_output(
        flashsr, reference("pipeline"), 1e-4, num_steps=1, guidance_scale=1.0
    )


@pytest.mark.slow
def test_teacher_and_student_can_be_compared(folder):
    """The number of steps and the guidance change the output."""
    flashsr = load(convert_teacher(folder))
    wavs = torch.randn(1, 10240)
    options = dict(sample_rate=16000, cutoff=8000)
    one = flashsr.super_resolve_batch(
        wavs, **options, num_steps=1, guidance_scale=1.0
    )
    for num_steps, guidance_scale in ((3, 1.0), (1, 3.5)):
        other = flashsr.super_resolve_batch(
            wavs, **options, num_steps=num_steps, guidance_scale=guidance_scale
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
    flashsr = load(convert_teacher(folder))
    resolver = flashsr.mods["super_resolver"]
    assert resolver.predictor.autoencoder.scale.item() == 0.5
    assert resolver.predictor.denoiser.unconditional == pytest.approx(
        -11.4981 / 2
    )


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
