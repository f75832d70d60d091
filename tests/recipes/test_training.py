"""The real training scripts, on seconds of sound with a tiny model.

Authors
 * The speechbrain_flashsr developers 2026
"""

import importlib.util
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
import torch
from hyperpyyaml import load_hyperpyyaml

from speechbrain_flashsr.brains.checkpointing import AtomicCheckpointer
from speechbrain_flashsr.checkpoints.export import (
    export_pretrained,
    model_of_recipe,
)
from speechbrain_flashsr.data.latents import LatentPairs
from speechbrain_flashsr.inference import FlashSR
from tests.recipes import training
from tests.recipes.training import EXPORTED, assert_same, exported_state

STAGES = ("autoencoder", "sr_vocoder", "teacher", "student", "sharpening")


@pytest.mark.parametrize("stage", STAGES)
def test_training_moves_weights_and_logs_losses(stage, outputs):
    log = (outputs[stage] / "train_log.txt").read_text()
    assert "epoch: 1, step: 3" in log and "epoch: 2, step: 6" in log
    loss = {
        "autoencoder": "reconstruction",
        "sr_vocoder": "lsd",
        "teacher": "v",
        "student": "one_step",
        "sharpening": "one_step",
    }[stage]
    line = log.splitlines()[-1]
    values = dict(re.findall(f"valid {loss}(_?[a-z]*): ([^ ,]+)", line))
    domains = {"_speech", "_music", "_effects"} & set(values)
    assert len(domains) > 1
    within = [float(values[domain]) for domain in domains]
    assert min(within) <= float(values[""]) <= max(within)
    assert "nan" not in log
    assert (
        float(re.search("train sound_per_second: ([^ ,]+)", line).group(1)) > 0
    )
    state = exported_state(stage, outputs[stage])
    assert all(value.isfinite().all() for value in state.values())


def test_killed_training_resumes_to_the_same_weights(
    project, recipes, outputs, tmp_path, monkeypatch
):
    """Of the stage with the most parts: the others save by the same code."""
    stage = "student"
    arguments = training.stage_arguments(stage, recipes.folder, tmp_path)
    # Each of the six steps ends with a checkpoint of three files or more.
    fatal = random.randint(1, 18)
    command = [
        sys.executable,
        str(Path(training.__file__).with_name("killed.py")),
        str(fatal),
        str(project / training.RECIPE / f"train_{stage}.py"),
    ]
    result = subprocess.run(command + arguments, capture_output=True, text=True)
    assert result.returncode == -signal.SIGKILL, (fatal, result.stderr)
    print(f"killed while it saved file {fatal}")
    training.run_stage(project, stage, arguments, monkeypatch)

    expected = exported_state(stage, outputs[stage])
    assert_same(exported_state(stage, tmp_path), expected)


def test_minutes_end_an_epoch_early_and_the_rest_follows(
    train, outputs, tmp_path
):
    """With the learning rate that the second start is given."""
    first, still = tmp_path / "first", tmp_path / "still"
    train("autoencoder", first, max_minutes=0)
    log = (first / "train_log.txt").read_text()
    assert "step: 1 " in log and "step: 3 " not in log
    shutil.copytree(first, still)
    expected = exported_state("autoencoder", outputs["autoencoder"])
    assert_same(train("autoencoder", first), expected)

    def weights():
        checkpoint = AtomicCheckpointer(still / "save").find_checkpoint()
        return torch.load(checkpoint.paramfiles["autoencoder"])

    before = weights()
    train("autoencoder", still, lr=0.0)
    assert_same(weights(), before)
    assert "step: 6" in (still / "train_log.txt").read_text()


def test_latents_that_time_did_not_allow_are_encoded_by_the_next_start(
    train, outputs, tmp_path
):
    flags = {"cache_opts": {"batch_size": 2}, "number_of_epochs": 1}
    done = []
    for more in ({"max_minutes": 0}, {}):
        train("teacher", tmp_path, **flags, **more)
        done.append(len(LatentPairs(tmp_path / "latents/train")))
    assert done == [2, 5]
    log = (tmp_path / "train_log.txt").read_text()
    assert "train_latents: 2, sound_per_second" in log
    assert "train_latents: 3, sound_per_second" in log


def test_a_loss_that_is_not_finite_stops_the_training(train, tmp_path):
    with pytest.raises(ValueError, match="loss is .* at step 2.*lower `lr`"):
        train("autoencoder", tmp_path, lr="1e30")
    (checkpoint,) = (tmp_path / "save").iterdir()
    average = torch.load(checkpoint / "autoencoder_average.ckpt")
    assert average["n_averaged"] == 1


def test_samples_that_are_not_finite_are_told(train, tmp_path):
    training.write_corpus(tmp_path)
    for path in tmp_path.glob("*.wav"):
        wav, rate = soundfile.read(path)
        wav[:] = float("nan")
        soundfile.write(path, wav, rate, "FLOAT")
    with pytest.raises(ValueError, match="clip[0-5].wav' .* NaN"):
        train("autoencoder", tmp_path / "out", data_folder=tmp_path)


def test_a_damaged_checkpoint_changes_nothing_but_time(
    train, outputs, tmp_path
):
    train("autoencoder", tmp_path, number_of_epochs=1)
    checkpoints = AtomicCheckpointer(tmp_path / "save").find_checkpoints()
    assert [checkpoint.meta["step"] for checkpoint in checkpoints] == [3, 3]
    counter = checkpoints[0].path / "epoch_counter.ckpt"
    counter.write_text("7")
    resumed = train("autoencoder", tmp_path)
    assert len(list((tmp_path / "save").glob("DAMAGED*"))) == 1
    assert_same(resumed, exported_state("autoencoder", outputs["autoencoder"]))


@pytest.mark.parametrize("last", ["student", "sharpening"])
def test_trained_stages_load_in_the_interface(last, outputs, tmp_path):
    states = {
        EXPORTED[stage]: exported_state(stage, outputs[stage])
        for stage in ("autoencoder", last, "sr_vocoder")
    }
    model = model_of_recipe(outputs[last] / "hyperparams.yaml")
    folder = export_pretrained(tmp_path / "pretrained", model, states)
    flashsr = FlashSR.from_hparams(source=folder)
    wavs = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    output = flashsr.super_resolve_batch(wavs, sample_rate=8000, cutoff=3000)
    assert output.shape == (1, 48000)
    assert output.isfinite().all()


def test_one_command_trains_all_stages_and_exports(project, recipes, tmp_path):
    flags = training.stage_arguments(
        *("autoencoder", recipes.folder, tmp_path),
        draws_per_epoch=2,
        valid_draws=2,
        number_of_epochs=1,
    )
    flags.remove("--adversarial_start=2")  # not all stages have that
    script = project / training.RECIPE / "train_all.py"
    command = [
        sys.executable,
        str(script),
        *flags[1:],
        f"--hparams_folder={recipes.folder / 'hparams'}",
        "--minutes=60",
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert f"Exported to {tmp_path / 'pretrained'}" in result.stdout
    flashsr = FlashSR.from_hparams(source=tmp_path / "pretrained")
    assert flashsr.hparams.window_length == 245760


@pytest.mark.parametrize("overrun", [0.0, 0.5])
@pytest.mark.parametrize(
    "stages", ["autoencoder,teacher,student,sr_vocoder", "teacher,sr_vocoder"]
)
def test_the_minutes_of_all_stages_add_up(
    overrun, stages, project, tmp_path, monkeypatch
):
    """Also if the first stage takes longer than it may."""
    path = project / training.RECIPE / "train_all.py"
    spec = importlib.util.spec_from_file_location("train_all", path)
    train_all = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train_all)
    minutes = []

    def run(command, check):
        (value,) = [a for a in command if a.startswith("--max_minutes=")]
        late = 0.0 if minutes else overrun
        minutes.append(float(value.split("=")[1]) + late)

    monkeypatch.setattr(train_all.subprocess, "run", run)
    monkeypatch.setattr(train_all.time, "monotonic", lambda: 60 * sum(minutes))
    arguments = [
        f"--data_folder={tmp_path}",
        f"--output_folder={tmp_path}",
        "--minutes=5",
        f"--stages={stages}",
    ]
    train_all.run_stages(*train_all.parse_arguments(arguments))
    assert len(minutes) == len(stages.split(","))
    rest = (5 - sum(minutes)) / 5
    shares = [train_all.STAGES[stage][0] for stage in stages.split(",")]
    export = train_all.EXPORT_SHARE / (train_all.EXPORT_SHARE + sum(shares))
    assert 0.7 * export < rest <= export + 1e-6


def test_the_vocoder_trains_on_what_the_student_predicts(
    train, outputs, tmp_path
):
    given = {
        "autoencoder_file": outputs["autoencoder"] / "autoencoder.ckpt",
        "student_file": outputs["student"] / "unet.ckpt",
        "vocoder_file": outputs["sr_vocoder"] / "vocoder.ckpt",
    }
    logs = {}
    for fraction in (0.0, 1.0):
        output = tmp_path / str(fraction)
        flags = {"lr": 0.0, "number_of_epochs": 1, **given}
        flags["student_mel_fraction"] = fraction
        ended = train("sr_vocoder", output, **flags)
        logs[fraction] = (output / "train_log.txt").read_text()
        # Without a learning rate, what it started from comes out.
        started = exported_state("sr_vocoder", outputs["sr_vocoder"])
        assert all(torch.allclose(ended[k], v) for k, v in started.items())
    assert logs[0.0] != logs[1.0]

    del flags["student_file"]
    with pytest.raises(ValueError, match="`student_file` is not set"):
        train("sr_vocoder", tmp_path / "none", **flags)


def test_a_vocoder_at_the_rate_of_frames(
    project, recipes, outputs, tmp_path, monkeypatch
):
    """It trains, and loads in the interface."""
    tiny = (project / "tests/recipes/tiny_model.yaml").read_text()
    model = tmp_path / "model.yaml"
    sizes = "    channels: 8\n    hidden: 16\n    num_blocks: 1\n"
    name = "speechbrain_flashsr.lobes.spectral_vocoder.SpectralVocoder"
    before, rest = tiny.split("vocoder: !new:")
    after = rest[rest.index("\nsuper_resolver:") :]
    model.write_text(
        f"{before}vocoder: !new:{name}\n"
        f"    features: !ref <features>\n{sizes}{after}"
    )
    recipe = tmp_path / "train_sr_vocoder.yaml"
    base = project / training.RECIPE / "hparams/train_sr_vocoder.yaml"
    recipe.write_text(f"based_on: {base}\nmodel: !include:{model}\n")
    output = tmp_path / "out"
    arguments = training.stage_arguments(
        "sr_vocoder", recipes.folder, output, number_of_epochs=1
    )
    arguments[0] = str(recipe)
    training.run_stage(project, "sr_vocoder", arguments, monkeypatch)
    trained_state = exported_state("sr_vocoder", output)
    started = load_hyperpyyaml(model.read_text())["vocoder"].state_dict()
    assert trained_state.keys() == started.keys()

    state = {
        EXPORTED[stage]: exported_state(stage, outputs[stage])
        for stage in ("autoencoder", "student")
    }
    state["vocoder"] = trained_state
    folder = export_pretrained(
        tmp_path / "pretrained",
        model_of_recipe(output / "hyperparams.yaml"),
        state,
    )
    flashsr = FlashSR.from_hparams(source=folder)
    wavs = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    restored = [
        flashsr.super_resolve_batch(
            wavs, sample_rate=8000, cutoff=3000, seed=seed
        )
        for seed in (0, 0, 1)
    ]
    assert torch.equal(restored[0], restored[1])
    assert not torch.allclose(restored[0], restored[2], atol=1e-4)


def test_tensorboard_shows_curves_and_samples_of_each_domain(train, tmp_path):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    train("sr_vocoder", tmp_path, use_tensorboard=True, number_of_epochs=1)
    events = event_accumulator.EventAccumulator(
        str(tmp_path / "tensorboard"), size_guidance={"scalars": 0}
    ).Reload()
    (point,) = events.Scalars("loss/valid")
    assert point.step == 1
    shown = set(events.Tags()["images"]) | set(events.Tags()["audio"])
    domains = {tag.split("/")[0] for tag in shown}
    assert len(domains & {"speech", "music", "effects"}) > 1
    for domain in domains:
        for name in ("low", "high", "generated", "generated_mel"):
            assert f"{domain}/{name}" in shown
    (sound,) = events.Audio(f"{domain}/generated")
    assert sound.sample_rate == 48000
    assert len(sound.encoded_audio_string) > 30720
