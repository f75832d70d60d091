"""The real training scripts, on seconds of sound with a tiny model.

Authors
 * The speechbrain_flashsr developers 2026
"""

import subprocess
import sys

import pytest
import torch

from speechbrain_flashsr.brains.base import FlashSRBrain
from speechbrain_flashsr.export import export_pretrained, model_of_recipe
from speechbrain_flashsr.inference import FlashSR
from tests.recipes import training

STAGES = ("autoencoder", "sr_vocoder", "teacher", "student")
EXPORTED = {
    "autoencoder": "autoencoder",
    "sr_vocoder": "vocoder",
    "teacher": "unet",
    "student": "unet",
}
NEEDED = {
    "autoencoder": (),
    "sr_vocoder": (),
    "teacher": ("autoencoder_file",),
    "student": ("autoencoder_file", "teacher_file"),
}


class Interruption(Exception):
    """Stands for whatever ends a training run too soon."""


@pytest.fixture(scope="module")
def workshop(project, tmp_path_factory):
    """Folders with a tiny corpus and with the recipes' YAML files."""
    data = tmp_path_factory.mktemp("data")
    hparams = tmp_path_factory.mktemp("hparams")
    training.write_corpus(data)
    training.write_hparams(project, hparams)
    return data, hparams


@pytest.fixture(scope="module")
def trained(project, workshop, tmp_path_factory):
    """The output folder of each stage, trained without interruption."""
    data, hparams = workshop
    outputs, files = {}, {}
    with pytest.MonkeyPatch.context() as monkeypatch:
        for stage in STAGES:
            outputs[stage] = tmp_path_factory.mktemp(stage)
            needed = {name: files[name] for name in NEEDED[stage]}
            arguments = training.stage_arguments(
                stage, hparams, data, outputs[stage], needed
            )
            training.run_stage(project, stage, arguments, monkeypatch)
            if stage == "autoencoder":
                files["autoencoder_file"] = outputs[stage] / "autoencoder.ckpt"
            if stage == "teacher":
                files["teacher_file"] = outputs[stage] / "unet.ckpt"
    return outputs, files


def exported_state(stage, output):
    path = output / f"{EXPORTED[stage]}.ckpt"
    return torch.load(path, map_location="cpu", weights_only=True)


@pytest.mark.parametrize("stage", STAGES)
def test_training_moves_weights_and_logs_losses(stage, trained):
    outputs, _ = trained
    log = (outputs[stage] / "train_log.txt").read_text()
    assert "epoch: 1, step: 3" in log and "epoch: 2, step: 6" in log
    assert "nan" not in log
    state = exported_state(stage, outputs[stage])
    assert all(value.isfinite().all() for value in state.values())


@pytest.mark.parametrize("stage, step", list(zip(STAGES, (2, 4, 1, 5))))
def test_interrupted_training_resumes_to_the_same_weights(
    stage, step, project, workshop, trained, tmp_path, monkeypatch
):
    data, hparams = workshop
    outputs, files = trained
    needed = {name: files[name] for name in NEEDED[stage]}
    arguments = training.stage_arguments(stage, hparams, data, tmp_path, needed)
    finish_batch = FlashSRBrain.on_fit_batch_end

    def interrupt(brain, *args):
        finish_batch(brain, *args)
        if brain.optimizer_step == step:
            raise Interruption

    with monkeypatch.context() as patch:
        patch.setattr(FlashSRBrain, "on_fit_batch_end", interrupt)
        with pytest.raises(Interruption):
            training.run_stage(project, stage, arguments, patch)
    training.run_stage(project, stage, arguments, monkeypatch)

    expected = exported_state(stage, outputs[stage])
    resumed = exported_state(stage, tmp_path)
    assert resumed.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(resumed[name], value), name


def test_minutes_end_an_epoch_early_and_the_rest_follows(
    project, workshop, trained, tmp_path, monkeypatch
):
    data, hparams = workshop
    outputs, _ = trained
    arguments = training.stage_arguments("autoencoder", hparams, data, tmp_path)
    training.run_stage(
        project, "autoencoder", [*arguments, "--max_minutes=0"], monkeypatch
    )
    log = (tmp_path / "train_log.txt").read_text()
    assert "step: 1 " in log and "step: 3 " not in log
    training.run_stage(project, "autoencoder", arguments, monkeypatch)
    expected = exported_state("autoencoder", outputs["autoencoder"])
    resumed = exported_state("autoencoder", tmp_path)
    assert all(torch.equal(resumed[k], v) for k, v in expected.items())


def test_a_loss_that_is_not_finite_stops_the_training(
    project, workshop, tmp_path, monkeypatch
):
    data, hparams = workshop
    arguments = training.stage_arguments("autoencoder", hparams, data, tmp_path)
    with pytest.raises(ValueError, match="loss is .* at step 2.*lower `lr`"):
        training.run_stage(
            project, "autoencoder", [*arguments, "--lr=1e30"], monkeypatch
        )
    (checkpoint,) = (tmp_path / "save").iterdir()
    average = torch.load(checkpoint / "autoencoder_average.ckpt")
    assert average["n_averaged"] == 1


def test_trained_stages_load_in_the_interface(trained, tmp_path):
    outputs, _ = trained
    states = {
        EXPORTED[stage]: exported_state(stage, outputs[stage])
        for stage in ("autoencoder", "student", "sr_vocoder")
    }
    model = model_of_recipe(outputs["student"] / "hyperparams.yaml")
    folder = export_pretrained(tmp_path / "pretrained", model, states)
    flashsr = FlashSR.from_hparams(source=folder)
    wavs = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    output = flashsr.super_resolve_batch(wavs, sample_rate=8000, cutoff=3000)
    assert output.shape == (1, 48000)
    assert output.isfinite().all()


def test_one_command_trains_all_stages_and_exports(project, workshop, tmp_path):
    data, hparams = workshop
    settings = {**training.TINY_SETTINGS, "number_of_epochs": 1}
    script = project / training.RECIPE / "train_all.py"
    command = [
        sys.executable,
        str(script),
        f"--data_folder={data}",
        f"--output_folder={tmp_path}",
        f"--hparams_folder={hparams}",
        "--minutes=60",
        "--noprogressbar",
        "--device=cpu",
    ] + [f"--{name}={value}" for name, value in settings.items()]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert f"Exported to {tmp_path / 'pretrained'}" in result.stdout
    flashsr = FlashSR.from_hparams(source=tmp_path / "pretrained")
    assert flashsr.hparams.window_length == 245760
