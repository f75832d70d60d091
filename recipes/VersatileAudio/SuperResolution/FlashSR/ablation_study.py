"""Shows what each loss of the distillation does.

To run it:
> python ablation_study.py --data_folder=... --output_folder=... \
>     --autoencoder_file=... --teacher_file=... --vocoder_file=... \
>     [--iterations=2000 | --minutes=90]

Three students are distilled from one teacher: by distillation alone, with the
adversarial loss, and with distribution matching as well. In one step each, they
are compared with the teacher's 1, 4 and 32 steps on segments of the test split.
Writes `ablations.json`, `ablations.md` and `ablations.png`. Run again, it
continues. Unknown options are passed on to `train_student.py`
(`--precision=bf16`, `--device=cuda`).

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time

import numpy as np
import torch
from hyperpyyaml import load_hyperpyyaml
from matplotlib.figure import Figure
from tqdm import tqdm

from speechbrain_flashsr.audio.writing import complete_file
from speechbrain_flashsr.brains.recipe import parse_known_arguments
from speechbrain_flashsr.checkpoints import load_strictly
from speechbrain_flashsr.checkpoints.export import model_of_recipe
from speechbrain_flashsr.checkpoints.reading import digest_of_file
from speechbrain_flashsr.data.manifest import write_json
from speechbrain_flashsr.data.segments import RandomSegments
from speechbrain_flashsr.metrics import spectral

HERE = pathlib.Path(__file__).parent

STUDENTS = {
    "distillation": "ablations/train_student_distillation.yaml",
    "+ adversarial": "ablations/train_student_distillation_adversarial.yaml",
    "+ distribution matching": "train_student.yaml",
}
"""The YAML of each variant."""

TEACHER_STEPS = (1, 4, 32)

METRICS = {
    "lsd": "LSD above the cut-off",
    "correlation": "Envelope correlation",
    "time": "Seconds per second of sound",
}


def parse_arguments(arguments):
    """Reads the command line; returns the options and the unknown ones."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--data_folder", required=True)
    add("--output_folder", required=True, type=pathlib.Path)
    for name in ("autoencoder", "teacher", "vocoder"):
        add(f"--{name}_file", required=True)
    add("--hparams_folder", type=pathlib.Path, default=HERE / "hparams")
    add("--iterations", type=int, help="of each student")
    add("--minutes", type=float, help="for the three trainings together")
    add("--segments", type=int, default=120, help="to compare on")
    add("--segment_length", type=int, default=122880, help="of these, samples")
    add("--guidance", type=float, default=1.0, help="of the teacher, compared")
    return parse_known_arguments(parser, arguments)


def output_of(options, student):
    """The folder of a student's training."""
    return options.output_folder / pathlib.Path(STUDENTS[student]).stem


def train(options, passed_on):
    """Trains the three students one after the other."""
    for student, hparams in STUDENTS.items():
        command = [
            sys.executable,
            str(HERE / "train_student.py"),
            str(options.hparams_folder / hparams),
            f"--data_folder={options.data_folder}",
            f"--output_folder={output_of(options, student)}",
            f"--autoencoder_file={options.autoencoder_file}",
            f"--teacher_file={options.teacher_file}",
        ]
        if options.iterations is not None:
            command.append(f"--optimizer_step_limit={options.iterations}")
        if options.minutes is not None:
            minutes = options.minutes / len(STUDENTS)
            command.append(f"--max_minutes={minutes}")
        subprocess.run(command + passed_on, check=True)


def systems_of(options):
    """{name: (weights of the U-Net, diffusion steps, guidance)}."""
    systems = {
        f"teacher, {steps}": (options.teacher_file, steps, options.guidance)
        for steps in TEACHER_STEPS
    }
    for student in STUDENTS:
        weights = output_of(options, student) / "unet.ckpt"
        systems[f"student, {student}"] = (weights, 1, 1.0)
    return systems


def load_model(options, weights):
    """The model with a U-Net's weights."""
    hyperparams = output_of(options, next(iter(STUDENTS))) / "hyperparams.yaml"
    resolver = load_hyperpyyaml(model_of_recipe(hyperparams))["super_resolver"]
    load_strictly(resolver.predictor.autoencoder, options.autoencoder_file)
    load_strictly(resolver.predictor.denoiser.unet, weights)
    load_strictly(resolver.vocoder, options.vocoder_file)
    return resolver.eval()


@torch.no_grad()
def score(resolver, segments, num_steps, guidance):
    """The metrics of every segment: {metric: [values]}."""
    values = {name: [] for name in METRICS}
    for draw in tqdm(range(len(segments)), dynamic_ncols=True):
        item = segments[draw]
        high, low = item["high"][None], item["low"][None]
        shape = resolver.latent_shape(low.shape[1])
        generator = torch.Generator().manual_seed(draw)
        noise = torch.randn(1, *shape, generator=generator)
        excitation = torch.randn(low.shape, generator=generator)
        cutoff = torch.tensor([item["cutoff_hz"]])
        start = time.perf_counter()
        restored = resolver(low, noise, cutoff, excitation, num_steps, guidance)
        seconds = time.perf_counter() - start
        cutoff_hz, rolloff_hz = item["cutoff_hz"], item["rolloff_hz"]
        limits = cutoff_hz, rolloff_hz
        comparison = spectral.SpectralComparison(restored, high)
        values["lsd"].append(comparison.lsd(*limits).item())
        values["correlation"].append(
            comparison.envelope_correlation(*limits).item()
        )
        values["time"].append(seconds / high.shape[1] * spectral.SAMPLE_RATE)
    return values


def compare(options):
    """Scores all systems that are not scored yet; returns all scores,
    {system: {metric: [values]}}."""
    path = options.output_folder / "ablations.json"
    scores = json.loads(path.read_text()) if path.exists() else {}
    manifest = pathlib.Path(options.data_folder) / "test.json"
    segments = RandomSegments(
        manifest,
        options.data_folder,
        options.segment_length,
        {"speech": 1.0, "music": 1.0, "effects": 1.0},
        num_draws=options.segments,
    )
    others = (options.autoencoder_file, options.vocoder_file, manifest)
    for name, (weights, *settings) in systems_of(options).items():
        key = [digest_of_file(file) for file in (weights, *others)]
        key += [len(segments), segments.segment_length, *settings]
        if scores.get(name, {}).get("key") == key:
            continue
        print(f"{name}:")
        resolver = load_model(options, weights)
        values = score(resolver, segments, *settings)
        scores[name] = {"key": key, **values}
        write_json(path, scores)
    return {name: scores[name] for name in systems_of(options)}


def mean_and_error(values):
    """The mean of the numbers among values, and its standard error."""
    values = np.array([v for v in values if np.isfinite(v)])
    return values.mean(), values.std() / max(1, len(values)) ** 0.5


def as_markdown(scores):
    """The scores as a table: means, and their standard errors."""
    lines = [
        "| system, diffusion steps | " + " | ".join(METRICS.values()) + " |",
        "| --- " * (1 + len(METRICS)) + "|",
    ]
    for name, values in scores.items():
        label = f"{name}, 1" if name.startswith("student") else name
        cells = [
            "{:.3f} ± {:.3f}".format(*mean_and_error(values[metric]))
            for metric in ("lsd", "correlation")
        ]
        cells.append(f"{np.median(values['time']):.3f}")
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def plot(scores, picture):
    """Draws the metrics over the time that a system takes."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    for axes, metric in zip(figure.subplots(1, 2), ("lsd", "correlation")):
        for name, values in scores.items():
            mean, error = mean_and_error(values[metric])
            axes.errorbar(
                np.median(values["time"]),
                mean,
                error,
                marker="s" if name.startswith("teacher") else "o",
                linestyle="none",
                capsize=3,
                label=name,
            )
        axes.set(xscale="log", xlabel=METRICS["time"], ylabel=METRICS[metric])
        axes.grid(alpha=0.3)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    with complete_file(picture) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def main(arguments):
    """Trains, compares and reports."""
    options, passed_on = parse_arguments(arguments)
    options.output_folder.mkdir(parents=True, exist_ok=True)
    train(options, passed_on)
    scores = compare(options)
    table = as_markdown(scores)
    (options.output_folder / "ablations.md").write_text(table)
    plot(scores, options.output_folder / "ablations.png")
    print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
