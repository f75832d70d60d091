"""Works out what training at the paper's size costs, without a GPU.

To run it:
> python training_cost.py [HPARAMS_FOLDER] [--tflops 990] [--efficiency 0.35]

The networks of each stage take one training step (forward, backward, optimiser)
on fake tensors: nothing is computed, but every product is counted, and every
byte that would be held, under bfloat16 autocast. A multiplication and an
addition are two operations. The memory is that of all weights, gradients,
averages and optimiser states, and of the activations of the trained network
alone: a discriminator's come on top.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import io
from pathlib import Path

import torch
from hyperpyyaml import load_hyperpyyaml, resolve_references
from ruamel.yaml import YAML
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.mem_tracker import MemTracker
from torch.utils.flop_counter import FlopCounterMode

from speechbrain_flashsr.brains.base import frozen
from speechbrain_flashsr.brains.recipe import follow_base

RECIPE = Path(__file__).parent.parent.joinpath(
    "recipes", "VersatileAudio", "SuperResolution", "FlashSR"
)
KEPT = (
    "model",
    "discriminator",
    "stages",
    "batch_size",
    "segment_length",
    "number_of_epochs",
    "draws_per_epoch",
    "gradient_checkpointing",
)


def load(path, trained):
    """The settings of a stage's YAML, and the network that it trains."""
    file, overrides = follow_base(path)
    values = YAML().load(overrides) or {}
    for name, value in YAML().load(file).items():
        if getattr(value, "tag", None) and value.tag.value == "!PLACEHOLDER":
            values[name] = "none"
    with open(file, encoding="utf-8") as stream:
        resolved = YAML().load(resolve_references(stream, values))
    resolved["model"] = {trained: resolved["model"][trained]}
    text = io.StringIO()
    YAML().dump({k: resolved[k] for k in KEPT if k in resolved}, text)
    return load_hyperpyyaml(text.getvalue())


def autoencoder_step(hparams, batch_size):
    """Reconstruction of spectrograms."""
    autoencoder = hparams["model"]["autoencoder"]
    mel = torch.randn(batch_size, 1, hparams["segment_length"] // 480, 256)
    noise = torch.randn(batch_size, *autoencoder.latent_shape(mel.shape))
    output, posterior = autoencoder(mel, noise)
    (output.sum() + posterior.kl_divergence().sum()).backward()


def latents(hparams, batch_size):
    """A latent, as many as are asked for, and time steps."""
    frames = hparams["segment_length"] // 480 // 8
    z = torch.randn(batch_size, 16, frames, 32)
    return z, torch.zeros(batch_size, dtype=torch.long)


def teacher_step(hparams, batch_size):
    """One prediction of v."""
    z, t = latents(hparams, batch_size)
    hparams["model"]["unet"](z, t, z).sum().backward()


def student_step(hparams, batch_size):
    """All three losses, but one step of the teacher's rollout instead of all:
    see :func:`rollout_operations`."""
    z, t = latents(hparams, batch_size)
    student, teacher = hparams["model"]["unet"], hparams["teacher"]
    discriminator = hparams["discriminator"]
    x0 = student(z, t, z)
    guided = torch.cat([z, z]), torch.cat([t, t]), torch.cat([z, z])
    with torch.no_grad():
        teacher(*guided)  # a step of the rollout
        teacher(*guided)  # distribution matching: real score
        student(z, t, z)  # and the student's
    with frozen(discriminator), frozen(teacher):
        (discriminator(teacher(x0, t, z)).sum() + x0.sum()).backward()
    with torch.no_grad():
        v = torch.cat([teacher(z, t, z), teacher(z, t, z)])
    discriminator(v).sum().backward()


def rollout_operations(hparams, batch_size):
    """Operations of the steps of the rollout beyond the first, mean over the
    stages and over their start indices."""
    z, t = latents(hparams, batch_size)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        hparams["teacher"](z, t, z)
    remaining = [
        (
            stage.start_probabilities() * torch.arange(stage.num_steps, 0, -1)
        ).sum()
        for stage in hparams["stages"]
    ]
    mean = float(sum(remaining)) / len(remaining)
    return 2 * (mean - 1) * counter.get_total_flops()


def vocoder_call(hparams, batch_size):
    """The vocoder alone."""
    length = hparams["segment_length"]
    mel = torch.randn(batch_size, 256, length // 480)
    wavs = torch.randn(batch_size, length)
    hparams["model"]["vocoder"](mel, wavs).sum().backward()


def sr_vocoder_step(hparams, batch_size):
    """The vocoder against its discriminators, then they against it."""
    length = hparams["segment_length"]
    mel = torch.randn(batch_size, 256, length // 480)
    high = torch.randn(batch_size, 1, length)
    discriminator = hparams["discriminator"]
    generated = hparams["model"]["vocoder"](mel, high[:, 0])[:, None]
    with frozen(discriminator):
        with torch.no_grad():
            discriminator(high)
        scores, _ = discriminator(generated)
        sum(score.sum() for score in scores).backward()
    for wavs in (high, generated.detach()):
        sum(score.sum() for score in discriminator(wavs)[0]).backward()


TRAINED = {
    "autoencoder": "autoencoder",
    "teacher": "unet",
    "student": "unet",
    "sr_vocoder": "vocoder",
}
STEPS = {
    "autoencoder": autoencoder_step,
    "teacher": teacher_step,
    "student": student_step,
    "sr_vocoder": sr_vocoder_step,
}


SINGLE_CALLS = {
    **STEPS,
    "student": teacher_step,
    "sr_vocoder": vocoder_call,
}


def measure(stage, path):
    """Operations of one training step, peak memory in bytes, number of steps,
    and the batch size."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        trained = TRAINED[stage]
        hparams = load(path, trained)
        modules = [hparams["model"][trained]]
        if "discriminator" in hparams:
            modules.append(hparams["discriminator"])
        averages = [p.detach().clone() for p in modules[0].parameters()]
        if stage == "student":
            hparams["teacher"] = load(path, trained)["model"]["unet"]
            modules.append(hparams["teacher"])
        for module in modules:
            for part in module.modules():
                if hasattr(part, "gradient_checkpointing"):
                    part.gradient_checkpointing = hparams[
                        "gradient_checkpointing"
                    ]
        parameters = [
            p
            for m in modules
            if m is not hparams.get("teacher")
            for p in m.parameters()
        ]
        optimizer = torch.optim.AdamW(parameters)
        for parameter in parameters:
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()  # its state is there from the second step on
        optimizer.zero_grad()
        tracker = MemTracker()
        tracker.track_external(*modules, optimizer, *averages)
        counter = FlopCounterMode(display=False)
        batch_size = hparams["batch_size"]
        with torch.autocast("cpu", torch.bfloat16), counter:
            STEPS[stage](hparams, batch_size)
        optimizer.zero_grad()
        # The tracker takes no module that is called twice in a step.
        with tracker:
            with torch.autocast("cpu", torch.bfloat16):
                SINGLE_CALLS[stage](hparams, batch_size)
            optimizer.step()
            optimizer.zero_grad()
        operations = counter.get_total_flops()
        if stage == "student":
            operations += rollout_operations(hparams, batch_size)
    snapshot = tracker.get_tracker_snapshot("peak")
    peak = max(device["Total"] for device in snapshot.values())
    steps = hparams["number_of_epochs"] * hparams["draws_per_epoch"]
    return operations, peak, steps // batch_size, batch_size


def main():
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "hparams", nargs="?", type=Path, default=RECIPE / "hparams" / "base"
    )
    parser.add_argument(
        "--tflops", type=float, default=990.0, help="of the GPU, bfloat16"
    )
    parser.add_argument(
        "--efficiency", type=float, default=0.35, help="share of them reached"
    )
    options = parser.parse_args()
    print(
        "| stage | batch | TFLOP a step | steps | peak memory "
        f"| GPU hours at {options.tflops:g} TFLOPS x {options.efficiency:g} |"
    )
    print("| --- " * 6 + "|")
    for stage in STEPS:
        path = options.hparams / f"train_{stage}.yaml"
        operations, peak, steps, batch_size = measure(stage, path)
        rate = options.tflops * 1e12 * options.efficiency
        print(
            f"| {stage} | {batch_size} | {operations / 1e12:.1f} | {steps} "
            f"| {peak / 1e9:.0f} GB | {operations * steps / rate / 3600:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
