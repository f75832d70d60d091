"""Damages inputs at random and watches what is made of them.

To run it, or to see one case again:
> python -m tests.fuzz.runner --minutes=10 [--seed=1] [TARGET ...]
> python -m tests.fuzz.runner --seed=1 --case=123 TARGET

The cases of a target run in a child process, which ends if one of them takes
too much time or memory. All of a case follows from the seed and its number.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import collections
import dataclasses
import importlib
import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

TARGETS = {
    "checkpoints": "tests.fuzz.checkpoints.Checkpoints",
    "published": "tests.fuzz.checkpoints.Published",
    "hyperparams": "tests.fuzz.texts.Hyperparams",
    "manifests": "tests.fuzz.texts.Manifests",
    "sounds": "tests.fuzz.sounds.Sounds",
}
"""{name: class}. A class takes a folder to work in and has `run(rng)`, which
makes a case, returns a word on what became of it, and raises if that is not
right."""

CPU_SECONDS = 20
"""Of a case; the slowest takes 1 second."""

WALL_SECONDS = 300
"""Of a case, for those that wait without working."""

MEMORY_BYTES = 2 * 2**30
"""That a child may use beyond what it has when the target is ready."""

MAX_FAILURES = 20


@dataclasses.dataclass
class Report:
    """Results of the cases of one target.

    Arguments
    ---------
    outcomes : collections.Counter
        {word: number of cases}.
    failures : list of str
        The errors.
    """

    outcomes: collections.Counter
    failures: list

    def __str__(self):
        counts = ", ".join(f"{n} {word}" for word, n in self.outcomes.items())
        return "\n".join([counts or "no case", *self.failures])


def fuzz(name, seconds, seed, first=0, last=None):
    """Runs the cases of a target in child processes.

    Arguments
    ---------
    name : str
        One of `TARGETS`.
    seconds : float
        When to stop.
    seed : int
        Of all cases.
    first, last : int
        Numbers of the first case and of the last, which may be None.

    Returns
    -------
    Report
    """
    report = Report(collections.Counter(), [])
    deadline = time.monotonic() + seconds
    case = first
    while len(report.failures) < MAX_FAILURES and last != case - 1:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        command = [sys.executable, "-m", "tests.fuzz.runner", "--child", name]
        command += [
            f"--seed={seed}",
            f"--case={case}",
            f"--minutes={left / 60}",
        ]
        command += [] if last is None else [f"--last={last}"]
        with tempfile.TemporaryFile("w+") as errors:
            child = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True
            )
            for line in child.stdout:
                if not line.startswith("{"):
                    continue
                said = json.loads(line)
                case = said["case"]
                if "outcome" in said:
                    report.outcomes[said["outcome"]] += 1
                    case += 1
                if "failure" in said:
                    report.failures.append(
                        f"case {case - 1}: {said['failure']}"
                    )
            if child.wait() == 0:
                break
            errors.seek(0)
            report.failures.append(
                f"case {case}: the process ended with {child.returncode} "
                f"(negative: the signal)\n{errors.read()[-2000:]}"
            )
            case += 1
    return report


def run_child(name, seconds, seed, first, last):
    """Runs cases in this process, and says before and after each."""
    module, _, kind = TARGETS[name].rpartition(".")
    with tempfile.TemporaryDirectory() as folder:
        target = getattr(importlib.import_module(module), kind)(Path(folder))
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        deadline = time.monotonic() + seconds
        case = first
        while time.monotonic() < deadline and (last is None or case <= last):
            said = {"case": case}
            print(json.dumps(said), flush=True)
            # Without handlers, these end the process even amid C code.
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
            signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
            try:
                said["outcome"] = target.run(random.Random(f"{seed} {case}"))
            except BaseException:
                said["outcome"] = "FAILED"
                said["failure"] = traceback.format_exc()[-3000:]
            print(json.dumps(said), flush=True)
            case += 1
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--case", type=int, default=None)
    parser.add_argument("--last", type=int, default=None)
    parser.add_argument("--child", action="store_true")
    options = parser.parse_args()
    seconds = 60 * options.minutes
    if options.child:
        (name,) = options.targets
        run_child(name, seconds, options.seed, options.case, options.last)
        return
    names = options.targets or list(TARGETS)
    seed = options.seed
    if seed is None:
        seed = random.randrange(10**9)
    failed = False
    for name in names:
        report = fuzz(
            name, seconds / len(names), seed, options.case or 0, options.case
        )
        print(f"{name}, seed {seed}: {report}", flush=True)
        failed |= bool(report.failures)
    sys.exit(failed)


if __name__ == "__main__":
    main()
