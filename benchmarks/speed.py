"""How fast the models are, and how much memory they take.

To run it:
> python benchmarks/speed.py                  # both sizes, minutes on a CPU
> python benchmarks/speed.py --sizes small    # the model that ships alone

Every row is measured in a process of its own, whose peak memory is the
operating system's account of it (on a GPU: PyTorch's). Times are the best of
several. The model of the paper's size has random weights. The last column
divides the time of a window by what its convolutions, matrix products and
attentions take at best, each repeated alone.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import functools
import itertools
import multiprocessing
import platform
import re
import resource
import time
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_RATE = 48000
INPUT_RATE = 16000
PRODUCTS = re.compile(r"_?(conv|linear|(add|b|baddb)?mm\b|scaled_dot)")
HEADER = (
    *("model", "precision", "batch", "a window", "x real time"),
    *("x real time, through the interface", "peak memory"),
    "a window / its products",
)


def parse_arguments():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--sizes", nargs="+", choices=("small", "base"))
    add("--precisions", nargs="+", choices=("fp32", "bf16", "fp16"))
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--threads", type=int, default=torch.get_num_threads())
    add("--window", type=float, default=5.12, help="seconds, n times 0.64")
    add("--batches", nargs="+", type=int)
    add(
        "--seconds",
        type=float,
        help="of sound that goes through the interface; default: a window",
    )
    add(
        "--processor-time",
        action="store_true",
        help="count the processor's seconds, on a machine that has other work; "
        "with --threads 1",
    )
    add("--repeats", type=int, default=3, help="the best of which is taken")
    arguments = parser.parse_args()
    arguments.seconds = arguments.seconds or arguments.window
    gpu = arguments.device.startswith("cuda")
    arguments.sizes = arguments.sizes or ["small", "base"]
    arguments.precisions = arguments.precisions or (
        ["fp32", "bf16", "fp16"] if gpu else ["fp32", "bf16"]
    )
    arguments.batches = arguments.batches or ([1, 4, 16] if gpu else [1])
    return arguments


def load(size, precision, device):
    """The interface around the model that ships, or one of the paper's size."""
    from hyperpyyaml import load_hyperpyyaml

    from speechbrain_flashsr.inference import FlashSR

    options = {
        "device": device,
        "precision": precision,
        "noprogressbar": True,
    }
    if size == "small":
        return FlashSR.from_hparams(run_opts=options)
    with open(ROOT / "hparams" / "model_base.yaml", encoding="utf-8") as file:
        modules = {"super_resolver": load_hyperpyyaml(file)["super_resolver"]}
    return FlashSR(modules, {"sample_rate": SAMPLE_RATE}, options)


def best_time(function, arguments):
    """Seconds that a function takes at best, after a first call."""
    clock = time.perf_counter
    if arguments.processor_time:
        clock = time.process_time
    times = []
    for _ in range(arguments.repeats + 1):
        start = clock()
        function()
        if arguments.device.startswith("cuda"):
            torch.cuda.synchronize(arguments.device)
        times.append(clock() - start)
    return min(times[1:])


class TimedProducts(TorchDispatchMode):
    """Adds up, in `seconds`, what the products within the context take at
    best."""

    def __init__(self, arguments):
        super().__init__()
        self.arguments, self.seconds = arguments, 0.0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        """Calls an operator; a product is repeated and timed before."""
        call = functools.partial(function, *args, **(kwargs or {}))
        if PRODUCTS.match(function.__name__):
            self.seconds += best_time(call, self.arguments)
        return call()


def measure(arguments, size, precision, batch):
    """Times one model: seconds of a batch of windows alone and through the
    interface, the peak memory in MB, and seconds of the products of a batch."""
    torch.set_num_threads(arguments.threads)
    flashsr = load(size, precision, arguments.device)
    flashsr.batch_windows = batch
    model = flashsr.mods.super_resolver
    num_samples = round(arguments.window * SAMPLE_RATE)
    low = torch.randn(batch, num_samples, device=arguments.device)
    shape = batch, *model.latent_shape(num_samples)
    noise = torch.randn(shape, device=arguments.device)
    cutoff_hz = torch.full((batch,), INPUT_RATE / 2, device=low.device)
    narrow = torch.randn(batch, round(arguments.seconds * INPUT_RATE))

    @torch.no_grad()
    def alone():
        with flashsr.inference_ctx:
            model(low, noise, cutoff_hz, torch.randn_like(low))

    def interface():
        flashsr.super_resolve_batch(
            narrow, sample_rate=INPUT_RATE, cutoff=INPUT_RATE / 2
        )

    seconds = [
        best_time(function, arguments) for function in (alone, interface)
    ]
    if arguments.device.startswith("cuda"):
        peak = torch.cuda.max_memory_allocated(arguments.device) / 2**20
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with TimedProducts(arguments) as products:
        alone()
    return *seconds, peak, products.seconds


def describe_machine(arguments):
    """Processor or GPU, threads and versions, in one line."""
    machine = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if arguments.device.startswith("cuda"):
        machine = torch.cuda.get_device_properties(arguments.device).name
    elif cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                machine = line.split(":")[1].strip()
    return (
        f"{machine}, {arguments.threads} threads, PyTorch {torch.__version__}, "
        f"windows of {arguments.window:g} s, {arguments.seconds:g} s through the "
        f"interface, best of {arguments.repeats}"
        f"{', processor time' if arguments.processor_time else ''}"
    )


def main():
    """Runs the benchmark."""
    arguments = parse_arguments()
    context = multiprocessing.get_context("spawn")
    print(describe_machine(arguments), end="\n\n")
    print(f"| {' | '.join(HEADER)} |")
    print(f"|{' --- |' * len(HEADER)}")
    for row in itertools.product(
        arguments.sizes, arguments.precisions, arguments.batches
    ):
        with context.Pool(1) as pool:
            alone, interface, peak, products = pool.apply(
                measure, (arguments, *row)
            )
        batch = row[2]
        cells = [
            *map(str, row),
            f"{alone / batch:.3f} s",
            f"{batch * arguments.window / alone:.1f}",
            f"{batch * arguments.seconds / interface:.1f}",
            f"{peak:.0f} MB",
            f"{alone / products:.2f}",
        ]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
