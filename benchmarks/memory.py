"""Memory of the model that ships: over the length, rate and channels of a file,
and over many calls and loads.

To run it:
> python benchmarks/memory.py minutes 1 10 120
> python benchmarks/memory.py rate 4000 7993 44101 767999 768000
> python benchmarks/memory.py channels 1 64 1024
> python benchmarks/memory.py calls 2000
> python benchmarks/memory.py loads 200

Each number is measured in a process of its own. Peaks are the operating
system's account of it; growth is from a tenth of the calls or loads to all.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

SAMPLE_RATE = 16000
MODES = ("minutes", "rate", "channels", "calls", "loads")
MB = 2**20


def write_noise(path, seconds, rate=SAMPLE_RATE, channels=1):
    """Writes noise second by second, of another level in each."""
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", rate, channels, "PCM_16") as file:
        for _ in range(seconds):
            level = 0.1 * rng.random()
            file.write(level * rng.standard_normal((rate, channels)))


def load():
    """Loads the model."""
    from speechbrain_flashsr.inference import FlashSR

    return FlashSR.from_hparams(
        run_opts={"device": "cpu", "noprogressbar": True}
    )


def resident():
    """Bytes of memory that the process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def measure_file(seconds, rate=SAMPLE_RATE, channels=1):
    """Restores a file; returns a row of the table."""
    flashsr = load()
    loaded = resident()
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "a.wav", Path(folder) / "b.wav"
        write_noise(source, seconds, rate, channels)
        start = time.perf_counter()
        flashsr.super_resolve_file(
            source, output, cutoff=0.4 * min(rate, 48000)
        )
        taken = time.perf_counter() - start
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (
        f"{taken:.0f} s, {channels * seconds / taken:.1f} times real time; "
        f"peak {peak / MB:.0f} MB, {(peak - loaded) / MB:.0f} MB above the "
        "loaded model"
    )


def measure_growth(function, count):
    """Calls a function so often; returns a row of the table."""
    early = None
    for number in range(count):
        function(number)
        if early is None and number + 1 >= count / 10:
            early = resident()
    growth = resident() / early - 1
    return f"{early / MB:.0f} MB at first, {100 * growth:+.2f} % at the end"


def measure_calls(count):
    """Restores many short batches of changing length, channels and rate."""
    import torch

    flashsr = load()

    def call(number):
        rate = (8000, 16000, 22050, 44100)[number % 4]
        wavs = 0.1 * torch.randn(1, 1000 + 397 * number % 9000, 1 + number % 2)
        flashsr.super_resolve_batch(wavs, sample_rate=rate, cutoff=3500)

    return measure_growth(call, count)


def measure(mode, value):
    """Measures one number; returns a row of the table."""
    if mode == "minutes":
        return measure_file(round(60 * value))
    if mode == "rate":
        return measure_file(10, rate=round(value))
    if mode == "channels":
        return measure_file(1, channels=round(value))
    if mode == "calls":
        return measure_calls(round(value))
    return measure_growth(lambda _: load(), round(value))


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("values", nargs="+", type=float)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    for value in options.values:
        with context.Pool(1) as pool:
            row = pool.apply(measure, (options.mode, value))
        print(f"{options.mode} {value:g}: {row}", flush=True)


if __name__ == "__main__":
    main()
