"""Fine-tuning on a folder of one kind of sound.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json
import re
import runpy
import sys
import tempfile

import numpy as np
import pytest
import soundfile
import torch
from hyperpyyaml import load_hyperpyyaml

from speechbrain_flashsr.checkpoints import read_checkpoint
from speechbrain_flashsr.checkpoints.export import export_pretrained
from speechbrain_flashsr.data.degradations import low_pass
from speechbrain_flashsr.inference import FlashSR
from speechbrain_flashsr.metrics import spectral
from tests.recipes.training import RECIPE

SETTINGS = {
    "segment_length": 30720,
    "batch_size": 2,
    "draws_per_epoch": 300,
    "number_of_epochs": 1,
    "valid_draws": 2,
    "discriminator_length": 7680,
    "num_workers": 0,
    "lr": 0.002,
    "ckpt_interval_minutes": 0,
    "ckpt_interval_steps": 1000,
}


def bell(seed, seconds=0.64, sample_rate=48000):
    """Strikes of a bell: partials up to 20 kHz that all follow from its pitch
    and fade together, so that the low ones tell the high ones."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    pitch = rng.uniform(300, 500)
    partials = np.arange(1, int(20000 / pitch))
    wav = np.sin(2 * np.pi * pitch * np.outer(partials, time)).sum(axis=0)
    fade = np.exp(-6 * (time % 0.32))
    return 0.02 * fade * (wav + 0.1 * rng.standard_normal(len(time)))


@pytest.fixture(scope="module")
def finetuned(project, tmp_path_factory):
    """A model of random weights, and the same fine-tuned on 20 recordings."""
    folder = tmp_path_factory.mktemp("fine tuning")
    for seed in range(20):
        path = folder / "bells" / f"{seed}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, bell(seed), 48000)
    model = (project / "tests/recipes/tiny_model.yaml").read_text()
    torch.manual_seed(0)
    hparams = load_hyperpyyaml(model)
    names = ("autoencoder", "unet", "vocoder")
    pretrained = export_pretrained(
        folder / "pretrained",
        model,
        {name: hparams[name].state_dict() for name in names},
    )
    recipe = (project / RECIPE).resolve()
    base = recipe / "hparams" / "finetune" / "train_sr_vocoder.yaml"
    hparams_file = folder / "train_sr_vocoder.yaml"
    hparams_file.write_text(
        f"based_on: {base}\nadamw:\n    betas: [0.8, 0.9]\n"
    )
    arguments = [
        str(recipe / "finetune.py"),
        f"--data_folder={folder / 'bells'}",
        "--domain=effects",
        f"--output_folder={folder / 'out'}",
        f"--source={pretrained}",
        f"--hparams={hparams_file}",
        "--device=cpu",
        "--noprogressbar",
        *(f"--{name}={value}" for name, value in SETTINGS.items()),
    ]
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        monkeypatch.setattr(tempfile, "tempdir", str(folder))  # with a space
        monkeypatch.setattr(sys, "argv", arguments)
        runpy.run_path(arguments[0], run_name="__main__")
    return pretrained, folder / "out"


def distances(folder):
    """Log-spectral distances above 4 kHz on bells that were never heard."""
    flashsr = FlashSR.from_hparams(source=folder, run_opts={"device": "cpu"})
    high = torch.from_numpy(np.stack([bell(seed) for seed in range(50, 54)]))
    low = [low_pass(wav, 48000, 4000) for wav in high.numpy()]
    low = torch.from_numpy(np.stack(low)).float()
    restored = flashsr.super_resolve_batch(low, sample_rate=48000, cutoff=4000)
    return spectral.lsd(restored.double(), high, 4000, 20000)


def test_unheard_recordings_of_the_same_kind_come_out_better(finetuned):
    pretrained, output = finetuned
    before = distances(pretrained)
    after = distances(output / "pretrained")
    assert (after < before).all()
    # Only the vocoder learns; the spectrograms stay those of random weights.
    assert after.mean() < 0.9 * before.mean()


def test_only_weights_of_the_vocoder_change(finetuned):
    pretrained, output = finetuned
    new = output / "pretrained"
    names = sorted(path.name for path in new.iterdir())
    assert names == sorted(path.name for path in pretrained.iterdir())
    changed = [
        name
        for name in names
        if (new / name).read_bytes() != (pretrained / name).read_bytes()
    ]
    assert changed == ["hyperparams.yaml", "vocoder.safetensors"]
    before, after = (
        re.sub("sha256: .{64}", "", (folder / "hyperparams.yaml").read_text())
        for folder in (pretrained, new)
    )
    assert after.split() == before.split()
    state = read_checkpoint(new / "vocoder.safetensors")
    assert {v.dtype for v in state.values() if v.is_floating_point()} == {
        torch.half
    }


def test_a_tenth_of_the_recordings_is_held_out(finetuned):
    _, output = finetuned
    splits = {
        split: json.loads((output / "data" / f"{split}.json").read_text())
        for split in ("train", "dev", "test")
    }
    assert [len(entries) for entries in splits.values()] == [18, 2, 0]


def refusal(project, monkeypatch, output, source):
    """The line with which a fine-tuning ends."""
    script = str(project / RECIPE / "finetune.py")
    arguments = [
        script,
        f"--data_folder={output.parent}",
        "--domain=music",
        f"--output_folder={output}",
        f"--source={source}",
    ]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(script, run_name="__main__")
    return ended.value.code


def test_a_folder_that_is_no_model(project, tmp_path, monkeypatch):
    output, source = tmp_path / "out", tmp_path / "nothing"
    message = refusal(project, monkeypatch, output, source)
    assert message.startswith(f"error: '{source}' is not a pretrained")
    assert not output.exists()


def test_another_model_than_at_the_start(project, finetuned, monkeypatch):
    """The vocoder in the folder belongs to the first."""
    _, output = finetuned
    new = output / "pretrained"
    message = refusal(project, monkeypatch, output, new)
    assert f"of another model than '{new}'. Use another output" in message
