"""How fast the models are, against what the machine can do at best.

To run it:
> python benchmarks/speed.py                  # both sizes, minutes on a CPU
> python benchmarks/speed.py --sizes small    # the model that ships alone
> python benchmarks/speed.py --compile        # with compiled activations
> python benchmarks/speed.py --sizes small --profile   # where time goes

In one run: the copy bandwidth; the alias-free activation; each part of each
model and the whole, beside the sum of the best times of its convolutions, each
measured by itself in every layout; the interface; the front-end. The model of
the paper's size gets random weights. Every model runs in a process of its own,
whose peak memory is the operating system's account of it (on a GPU:
PyTorch's). Times are the best of several.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path

import torch
from measurements import (
    DTYPES,
    Stages,
    copy_bandwidth,
    load,
    measure_activation,
    measure_front_end,
    measure_model,
)


def parse_arguments():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--sizes", nargs="+", choices=("small", "base"), default=None)
    add("--precisions", nargs="+", choices=tuple(DTYPES), default=None)
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--threads", type=int, default=torch.get_num_threads())
    add("--window", type=float, default=5.12, help="seconds, n times 0.64")
    add("--batches", nargs="+", type=int, default=None)
    add("--repeats", type=int, default=3, help="of which the best is taken")
    add("--compile", action="store_true", help="activations, on a CPU")
    add("--profile", action="store_true", help="only show where time goes")
    add("-o", "--output", type=Path, help="Markdown file that is written")
    add("--work", help=argparse.SUPPRESS)  # what a process of its own does
    arguments = parser.parse_args()
    gpu = arguments.device.startswith("cuda")
    if gpu and arguments.compile:
        parser.error("--compile is for CPUs: only there are parts compiled.")
    arguments.sizes = arguments.sizes or ["small", "base"]
    arguments.precisions = arguments.precisions or (
        ["fp32", "bf16", "fp16"] if gpu else ["fp32", "bf16"]
    )
    arguments.batches = arguments.batches or ([1, 4, 16] if gpu else [1])
    return arguments


# A process of its own for each ------------------------------------------------


def work(arguments):
    """Measures one thing in a process of its own; returns values for JSON."""
    name, *details = arguments.work.split()
    if name == "model":
        return measure_model(arguments, *details)
    return {
        "front-end": measure_front_end,
        "activation": measure_activation,
        "copy": copy_bandwidth,
    }[name](arguments)


def in_own_process(*what):
    """Runs this script for one thing and returns its results."""
    print(f"Measuring: {' '.join(what)} ...", file=sys.stderr, flush=True)
    command = [sys.executable, __file__, *sys.argv[1:], "--work"]
    done = subprocess.run(
        [*command, " ".join(what)], stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        sys.exit(f"Measuring {' '.join(what)} failed.")
    return json.loads(done.stdout.splitlines()[-1])


def describe_machine(arguments):
    """Processor or GPU, threads, memory and versions, in one line."""
    if arguments.device.startswith("cuda"):
        properties = torch.cuda.get_device_properties(arguments.device)
        machine = f"{properties.name}, {properties.total_memory / 2**30:.0f} GB"
    else:
        model = platform.processor() or platform.machine()
        cpuinfo = Path("/proc/cpuinfo")
        if cpuinfo.is_file():
            for line in cpuinfo.read_text().splitlines():
                if line.startswith("model name"):
                    model = line.split(":")[1].strip()
        level = torch.backends.cpu.get_cpu_capability()
        amx = torch.cpu._is_amx_tile_supported()
        machine = f"{model} ({level}{', AMX' if amx else ''})"
    return (
        f"{machine}, {arguments.threads} threads, PyTorch {torch.__version__}, "
        f"{platform.system()}"
    )


# Tables -----------------------------------------------------------------------


def table(header, rows):
    """Lines of a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines] + [""]


def report(arguments):
    """Measures all and yields the lines of the report."""
    window = arguments.window
    yield (
        f"{describe_machine(arguments)}; copies {in_own_process('copy'):.0f} "
        f"GB/s; windows of {window:g} s; best of {arguments.repeats}"
        + ("; activations compiled." if arguments.compile else ".")
    )
    yield ""
    models = {
        (size, precision): in_own_process("model", size, precision)
        for size in arguments.sizes
        for precision in arguments.precisions
    }
    whole, parts, convolutions = [], [], []
    for name, results in models.items():
        limit = sum(results["ceilings"].values())
        for batch, found in results["batches"].items():
            seconds = found["whole"] / int(batch)
            first = batch == str(arguments.batches[0])
            interface = f"{window / results['interface']:.1f}"
            row = [*name, batch, f"{seconds:.3f} s", f"{window / seconds:.1f}"]
            row += [interface if first else "", f"{seconds / limit:.2f}"]
            whole.append([*row, f"{found['peak']:.0f} MB"])
        found = results["batches"][str(arguments.batches[0])]["parts"]
        for part, seconds in found.items():
            seconds /= arguments.batches[0]
            limits = ["", ""]
            if part in results["ceilings"]:
                best = results["ceilings"][part]
                limits = [f"{1000 * best:.1f} ms", f"{best / seconds:.0%}"]
            parts.append([*name, part, f"{1000 * seconds:.1f} ms", *limits])
        for shape, count, gflop, speed, form in sorted(
            results["convolutions"], key=lambda row: -row[1] * row[2]
        ):
            row = [*name, shape, count, f"{count * gflop:.1f}", f"{speed:.0f}"]
            convolutions.append([*row, form])
    yield from table(
        [
            *("model", "precision", "batch", "a window", "x real time"),
            *("x real time, interface", "time / convolutions' best", "peak"),
        ],
        whole,
    )
    header = ["model", "precision", "part", "time", "its convolutions at best"]
    yield from table([*header, "fraction of the ceiling"], parts)
    yield from table(
        ["alias-free activation, forward", "M samples/s", "its definition"],
        [
            [f"{channels} x {length}", f"{ours:.0f}", f"{definition:.0f}"]
            for channels, length, ours, definition in in_own_process(
                "activation"
            )
        ],
    )
    yield from table(
        [
            "front-end, 8 to 16 kHz",
            "time it adds",
            "a second",
            "memory it adds",
        ],
        [
            [f"{length} s", f"{spent:.3f} s", f"{spent / length:.3f} s"]
            + [f"{memory:.0f} MB"]
            for length, spent, memory in in_own_process("front-end")
        ],
    )
    yield "Each distinct convolution at its best (weight on input):"
    yield ""
    yield from table(
        ["model", "precision", "shape", "times", "GFLOP", "GFLOP/s", "form"],
        convolutions,
    )


def profile(arguments):
    """Prints where the time goes in each model."""
    from torch.profiler import ProfilerActivity

    activities = [ProfilerActivity.CPU]
    if arguments.device.startswith("cuda"):
        activities.append(ProfilerActivity.CUDA)
    for size in arguments.sizes:
        for precision in arguments.precisions:
            flashsr = load(size, precision, arguments)
            stages = Stages(flashsr, arguments.batches[0], arguments.window)
            stages.run()
            with torch.profiler.profile(activities=activities) as profiler:
                stages.run()
            kind = activities[-1].name.lower()
            print(f"\n{size}, {precision}")
            print(
                profiler.key_averages().table(
                    sort_by=f"self_{kind}_time_total",
                    row_limit=25,
                    max_name_column_width=40,
                )
            )


def main():
    """Runs the benchmark."""
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    if arguments.work:
        print(json.dumps(work(arguments)))
    elif arguments.profile:
        profile(arguments)
    else:
        if arguments.output:
            arguments.output.parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join(report(arguments))
        print(text)
        if arguments.output:
            arguments.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
