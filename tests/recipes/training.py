"""A tiny corpus, a tiny model and the training scripts, for tests.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import soundfile

RECIPE = Path("recipes/VersatileAudio/SuperResolution/FlashSR")

TINY_MODEL = """
sample_rate: 48000

features: !new:speechbrain_flashsr.lobes.features.LogMel

autoencoder: !new:speechbrain_flashsr.lobes.autoencoder.Autoencoder
    channels: 4
    channel_mults: [1, 1, 1, 1]
    encoder_blocks: 1
    decoder_blocks: 1
    groups: 2

unet: !new:speechbrain_flashsr.lobes.unet.LatentUNet
    latent_channels: 16
    channels: 4
    channel_mults: [1, 2]
    num_blocks: 1
    attention_factors: [2]
    num_transformers: 1
    head_channels: 4
    groups: 2

schedule: !new:speechbrain_flashsr.diffusion.NoiseSchedule

denoiser: !new:speechbrain_flashsr.diffusion.VDenoiser
    unet: !ref <unet>
    schedule: !ref <schedule>

vocoder: !new:speechbrain_flashsr.lobes.vocoder.SRVocoder
    n_mels: 256
    channels: 32
    kernel_sizes: [3]
    dilations: [1]

super_resolver: !new:speechbrain_flashsr.lobes.super_resolver.LatentSuperResolver
    features: !ref <features>
    autoencoder: !ref <autoencoder>
    denoiser: !ref <denoiser>
    vocoder: !ref <vocoder>
"""

TINY_SETTINGS = {
    "segment_length": 30720,
    "batch_size": 2,
    "draws_per_epoch": 6,
    "number_of_epochs": 2,
    "valid_draws": 2,
    "ckpt_interval_minutes": 0,
    "ckpt_interval_steps": 1,
}

TINY_STAGE_SETTINGS = {
    "autoencoder": {},
    "sr_vocoder": {"adversarial_start": 2},
    "teacher": {},
    "student": {},
}


def write_corpus(folder, seconds=2.0, seed=0):
    """Writes noise with content to 20 kHz, and the manifests of it.

    Arguments
    ---------
    folder : Path
        Where to.
    seconds : float
        Length of each of six recordings: two of each domain.
    seed : int
        Of the noise.
    """
    rng = np.random.default_rng(seed)
    entries = {}
    for index in range(6):
        name = f"clip{index}"
        wav = 0.1 * rng.standard_normal(int(48000 * seconds))
        soundfile.write(folder / f"{name}.wav", wav, 48000)
        entries[name] = {
            "wav": f"{{data_root}}/{name}.wav",
            "start": 0,
            "stop": len(wav),
            "sample_rate": 48000,
            "duration": seconds,
            "domain": ("speech", "music", "effects")[index % 3],
            "group": "one",
            "rolloff_hz": 20000,
        }
    for split in ("train", "dev", "test"):
        (folder / f"{split}.json").write_text(json.dumps(entries))


def write_hparams(project, folder):
    """Copies the recipe's YAML files with the tiny model in place of the small
    one and very short stages of the distillation.

    Arguments
    ---------
    project : Path
        The project's root.
    folder : Path
        Where to.
    """
    (folder / "tiny.yaml").write_text(TINY_MODEL)
    for path in (project / RECIPE / "hparams").glob("train_*.yaml"):
        text = path.read_text()
        include = "!include:../../../../../hparams/model_small.yaml"
        assert include in text
        text = text.replace(include, "!include:tiny.yaml")
        text = text.replace("iterations: 300", "iterations: 3")
        text = text.replace("train_latents: 24000", "train_latents: 5")
        (folder / path.name).write_text(text)


def stage_arguments(stage, hparams, data, output, files=None, **more):
    """The command line of one stage, without the script."""
    settings = {**TINY_SETTINGS, **TINY_STAGE_SETTINGS[stage]}
    settings.update(data_folder=data, output_folder=output)
    settings.update(files or {}, **more)
    if stage in ("teacher", "student"):
        settings["latents_folder"] = f"{output}/latents"
    return [
        str(hparams / f"train_{stage}.yaml"),
        "--noprogressbar",
        "--device=cpu",
    ] + [f"--{name}={value}" for name, value in settings.items()]


def run_stage(project, stage, arguments, monkeypatch):
    """Runs a training script in this process."""
    script = str(project / RECIPE / f"train_{stage}.py")
    monkeypatch.setattr(sys, "argv", [script, *arguments])
    runpy.run_path(script, run_name="__main__")
