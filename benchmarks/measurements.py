"""What `speed.py` measures: models, activation, front-end, memory.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os
import resource
import time
from pathlib import Path

import torch
from convolution_ceilings import (
    best_time,
    ceiling,
    record_convolutions,
    synchronize,
)
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parent.parent

DTYPES = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
SAMPLE_RATE = 48000
ACTIVATION_SHAPES = ((768, 5120), (384, 30720), (96, 122880), (48, 245760))
"""Channels and samples of stages of the paper's vocoder, for 5.12 s."""


def load(size, precision, arguments):
    """The interface around the model that ships, or one of the paper's size."""
    from speechbrain_flashsr.inference import FlashSR

    options = {
        "device": arguments.device,
        "precision": precision,
        "compile": arguments.compile,
        "noprogressbar": True,
    }
    if size == "small":
        return FlashSR.from_hparams(run_opts=options)
    from hyperpyyaml import load_hyperpyyaml

    with open(ROOT / "hparams" / "model_base.yaml", encoding="utf-8") as file:
        modules = {"super_resolver": load_hyperpyyaml(file)["super_resolver"]}
    return FlashSR(modules, {"sample_rate": SAMPLE_RATE}, options)


class Stages:
    """The parts of a model, each timed while the whole runs.

    Arguments
    ---------
    flashsr : FlashSR
        With the model.
    batch : int
        Windows at a time.
    seconds : float
        Length of a window.
    """

    def __init__(self, flashsr, batch, seconds):
        self.model = flashsr.mods.super_resolver
        self.device = flashsr.device
        self.context = flashsr.inference_ctx
        length = round(seconds * SAMPLE_RATE)
        self.low = 0.1 * torch.randn(batch, length, device=self.device)
        self.noise = torch.randn(
            batch, *self.model.latent_shape(length), device=self.device
        )
        self.excitation = torch.randn_like(self.low)
        self.cutoff_hz = torch.full((batch,), 4000.0, device=self.device)
        autoencoder = self.model.predictor.autoencoder
        self.modules = {
            "encoder": [autoencoder.encoder, autoencoder.quant_conv],
            "U-Net": [self.predictor.denoiser.unet],
            "decoder": [autoencoder.post_quant_conv, autoencoder.decoder],
            "vocoder": [self.model.vocoder],
        }

    @torch.no_grad()
    def run(self):
        """Runs the model; returns {part: seconds}."""
        model, low = self.model, self.low
        predictor = model.predictor
        times = {}

        def timed(part, function, *inputs):
            synchronize(self.device)
            start = time.perf_counter()
            result = function(*inputs)
            synchronize(self.device)
            times[part] = time.perf_counter() - start
            return result

        with self.context:
            mel = timed("features", predictor.features, low)
            latent = timed("encoder", predictor.autoencoder.encode, mel)
            latent = timed(
                "U-Net", predictor.denoiser.sample, self.noise, latent
            )
            mel = timed("decoder", predictor.autoencoder.decode, latent)
            mel = mel.squeeze(1).transpose(1, 2)
            timed(
                "vocoder",
                model.vocoder,
                mel,
                low,
                self.cutoff_hz,
                self.excitation,
            )
        return times


def peak_memory(device):
    """Peak of this process, in MB."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_model(arguments, size, precision):
    """Parts, whole, interface and ceilings of one model."""
    device = arguments.device
    options = {"repeats": arguments.repeats, "device": device}
    flashsr = load(size, precision, arguments)
    results = {"batches": {}}
    for batch in arguments.batches:
        stages = Stages(flashsr, batch, arguments.window)
        runs = [stages.run() for _ in range(arguments.repeats + 1)][1:]
        results["batches"][batch] = {
            "parts": {part: min(r[part] for r in runs) for part in runs[0]},
            "whole": min(sum(r.values()) for r in runs),
            "peak": peak_memory(device),
        }
    wavs = 0.1 * torch.randn(1, round(16000 * arguments.window))
    results["interface"] = best_time(
        flashsr.super_resolve_batch, wavs, None, 16000, 8000.0, **options
    )
    stages = Stages(flashsr, 1, arguments.window)
    counts = record_convolutions(stages.modules, stages.run)
    best = {
        convolution: ceiling(convolution, DTYPES[precision], **options)
        for convolution in {c for part in counts.values() for c in part}
    }
    results["ceilings"] = {
        part: sum(best[c][0] * times for c, times in counter.items())
        for part, counter in counts.items()
    }
    results["convolutions"] = [
        [
            "transposed " * c.transposed
            + " x ".join(map(str, c.weight))
            + " on "
            + " x ".join(map(str, c.input)),
            sum(counter[c] for counter in counts.values()),
            c.gflop,
            c.gflop / seconds,
            form,
        ]
        for c, (seconds, form) in best.items()
    ]
    return results


def measure_front_end(arguments):
    """Time and memory that the front-end adds per second of audio."""
    from speechbrain_flashsr.inference import SuperResolutionFrontEnd

    def memory():
        pages = Path("/proc/self/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20

    before = memory()
    flashsr = load("small", arguments.precisions[0], arguments)
    front_end = SuperResolutionFrontEnd(flashsr, sample_rate=16000)
    gpu = arguments.device.startswith("cuda")
    results = []
    for seconds in (1, 10):
        spent = best_time(
            front_end,
            0.1 * torch.randn(8000 * seconds),
            8000,
            repeats=arguments.repeats,
            device=arguments.device,
        )
        added = peak_memory(arguments.device) - before * (not gpu)
        results.append([seconds, spent, added])
    return results


@torch.no_grad()
def measure_activation(arguments):
    """Million samples a second of the alias-free activation, and of its
    definition by depthwise convolutions."""
    from speechbrain_flashsr.lobes.activations import (
        AliasFree,
        SnakeBeta,
        kaiser_sinc_filter,
    )
    from speechbrain_flashsr.lobes.fast.compiled import compile_activations

    device = arguments.device
    options = {"repeats": arguments.repeats, "device": device}
    results = []
    for channels, length in ACTIVATION_SHAPES:
        module = AliasFree(SnakeBeta(channels)).to(device)
        if arguments.compile:
            compile_activations(module)
        taps = kaiser_sinc_filter().to(device).expand(channels, 1, -1)
        rows = torch.randn(1, length, channels, device=device)
        x = rows.transpose(1, 2)
        times = [
            # Into memory that is there, as in the vocoder.
            best_time(module, x, module(x), **options),
            best_time(
                definition,
                SnakeBeta(channels).to(device),
                x.contiguous(),
                taps,
                **options,
            ),
        ]
        speeds = [1e-6 * x.numel() / seconds for seconds in times]
        results.append([channels, length, *speeds])
    return results


def definition(activation, x, taps):
    """The alias-free activation by depthwise convolutions."""
    channels = x.shape[1]
    up = F.pad(x, (5, 5), mode="replicate")
    up = 2 * F.conv_transpose1d(up, taps, stride=2, groups=channels)
    up = activation(up[..., 15:-15])
    up = F.pad(up, (5, 6), mode="replicate")
    return F.conv1d(up, taps, stride=2, groups=channels)


def copy_bandwidth(arguments):
    """Gigabytes a second that are read plus written by a copy."""
    source = torch.ones(2**27, device=arguments.device)
    target = torch.empty_like(source)
    seconds = best_time(
        target.copy_,
        source,
        repeats=arguments.repeats,
        device=arguments.device,
    )
    return 2 * 4e-9 * source.numel() / seconds
