"""Peak memory and speed of `flashsr` over the length of a file.

To run it:
> python benchmarks/long_files.py [MINUTES ...]

Each stereo file is band-limited noise at 16 kHz, super-resolved by the model
that ships in a process of its own; the peak is the operating system's account
of that process.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

SAMPLE_RATE = 16000
PROGRAM = """
import resource, sys, time
from speechbrain_flashsr.inference import FlashSR
flashsr = FlashSR.from_hparams(run_opts={"device": "cpu"})
start = time.perf_counter()
flashsr.super_resolve_file(
    sys.argv[1], sys.argv[2], cutoff=7000, progressbar=False
)
print(time.perf_counter() - start)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def write_noise(path, minutes):
    """Writes noise minute by minute, with pauses, so that the level is not
    constant."""
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 2, "PCM_16") as file:
        for _ in range(round(60 * minutes)):
            level = 0.1 * rng.random()
            file.write(level * rng.standard_normal((SAMPLE_RATE, 2)))


def measure(minutes, folder):
    """Seconds and peak memory in MB for a file of so many minutes."""
    source = Path(folder) / f"{minutes}.wav"
    output = Path(folder) / f"{minutes}_48k.wav"
    write_noise(source, minutes)
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(source), str(output)],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, peak = result.stdout.split()[-2:]
    source.unlink()
    output.unlink()
    return float(seconds), int(peak) / 1024


if __name__ == "__main__":
    lengths = [float(minutes) for minutes in sys.argv[1:]] or [1.0, 10.0]
    print(f"{os.cpu_count()} processors, stereo, {SAMPLE_RATE} Hz in")
    print(
        "| minutes | seconds | times real time (stereo) | channels x times "
        "real time | peak memory |"
    )
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        peaks = []
        for minutes in lengths:
            seconds, peak = measure(minutes, folder)
            peaks.append(peak)
            speed = 60 * minutes / seconds
            print(
                f"| {minutes:g} | {seconds:.1f} | {speed:.1f} | "
                f"{2 * speed:.1f} | {peak:.0f} MB |",
                flush=True,
            )
    print(f"Peak of the last over the first: {peaks[-1] / peaks[0]:.3f}")
