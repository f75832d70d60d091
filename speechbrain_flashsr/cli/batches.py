"""Batches: one loop over files, shared by processes and resumed after a stop.

Outputs appear complete or not at all. Those of a folder then get a line in a
journal at its top, of which each process has its own. A file is finished if a
journal knows its size and time, the time of its output, and the settings.

Authors
 * The speechbrain_flashsr developers 2026
"""

import contextlib
import functools
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections import Counter

from speechbrain_flashsr import __version__
from speechbrain_flashsr.cli.deferred import deferred
from speechbrain_flashsr.cli.messages import describe, say, say_error
from speechbrain_flashsr.cli.plan import STREAM, plan_jobs

OPTIONS = (
    *("cutoff", "seed", "num_steps", "guidance_scale", "low_band", "strength"),
    *("loop", "rate", "subtype", "headroom", "accept_truncated", "raw"),
)
"""Arguments of the command that go to the interface."""


def run(arguments):
    """Processes all files of a batch, or this process's share of them; returns
    0 if all went well, otherwise 1."""
    rank, size = _process_of_group()
    jobs, problems = plan_jobs(
        arguments.inputs, arguments.output, arguments.format, arguments.rate
    )
    if arguments.plot and any(STREAM in job[:2] for job in jobs):
        raise ValueError("--plot needs files. Leave it out, or name them.")
    tally = Counter()
    if rank == 0:  # every process finds the same problems
        tally["failed"] = len(problems)
        for problem in problems:
            say_error(problem)
    if size > 1:  # each gets some of the largest files
        jobs = sorted(jobs, key=_num_bytes)[rank::size]
    batch = _Batch(arguments, rank, progressbar=size == 1)
    for job in jobs:
        tally[batch.process(job)] += 1
    tally = _gather(tally, rank, size)
    if tally is None:
        return 0  # torchrun would end the other processes after a failure
    if tally.total() > 1 and tally["failed"]:
        print(_summary(tally), file=sys.stderr)
    elif tally.total() > 1 and not arguments.quiet:
        say(_summary(tally))
    return 1 if tally["failed"] else 0


class _Batch:
    """Processes files; the model is loaded when the first one needs it."""

    def __init__(self, arguments, rank, progressbar):
        self.arguments = arguments
        self.progressbar = progressbar and not arguments.quiet
        self.options = {name: getattr(arguments, name) for name in OPTIONS}
        self.journal = functools.cache(
            lambda root: Journal(root, self._settings(), rank)
        )

    def process(self, job):
        """Processes a file; returns "done", "earlier" or "failed"."""
        outputs = [job.output_filename]
        picture = outputs[0].with_name(f"{outputs[0].name}.png")
        if self.arguments.plot:
            outputs.append(picture)
        try:
            if job.root and not self.arguments.overwrite:
                if self.journal(job.root).has(job.filename, outputs):
                    return "earlier"
        except OSError as error:
            say_error(error, about=job.filename)
            return "failed"
        flashsr = self.flashsr  # without a model, the whole batch fails
        try:
            with _opened(job, self.arguments.format or "wav") as names:
                report = flashsr.super_resolve_file(*names, **self.options)
            if not self.arguments.quiet and job.output_filename != STREAM:
                say(describe(report))
            if self.arguments.plot:
                from speechbrain_flashsr.cli.pictures import plot_before_after

                plot_before_after(
                    job.filename,
                    outputs[0],
                    picture,
                    report.cutoff_hz[0],
                    accept_truncated=self.arguments.accept_truncated,
                    raw=self.arguments.raw,
                )
            if job.root:
                self.journal(job.root).add(job.filename, outputs)
        except Exception as error:
            say_error(error, about=job.filename)
            return "failed"
        return "done"

    @functools.cached_property
    def flashsr(self):
        """The model."""
        return load_model(self.arguments, self.progressbar)

    def _settings(self):
        """Everything but the input that determines an output."""
        from speechbrain_flashsr.checkpoints.reading import digest_of_model

        model = digest_of_model(self.arguments.source)
        precision = self.arguments.precision
        return [__version__, model, precision, *self.options.values()]


def load_model(arguments, progressbar=True):
    """Loads the model that the arguments (see
    :func:`~speechbrain_flashsr.cli.arguments.add_model_options`) name."""
    with deferred("scipy.stats"):
        from speechbrain_flashsr.inference import FlashSR

    options = {
        "precision": arguments.precision,
        "noprogressbar": not progressbar,
        "device": arguments.device,
        "batch_windows": arguments.batch_windows,
    }
    return FlashSR.from_hparams(
        arguments.source,
        trust=arguments.trust,
        run_opts={k: v for k, v in options.items() if v is not None},
    )


class Journal:
    """The finished outputs in a folder, noted when they are complete.

    `settings` are everything but an input that determines its outputs; each
    process, by its `rank`, has a file of its own.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> source, output = folder / "a.wav", folder / "a_48k.wav"
    >>> source.touch(), output.touch()
    (None, None)
    >>> Journal(folder, ["seed 0"]).add(source, [output])
    >>> Journal(folder, ["seed 0"]).has(source, [output])
    True
    >>> Journal(folder, ["seed 1"]).has(source, [output])
    False
    """

    def __init__(self, root, settings, rank=0):
        self.root, self.path = root, root / f".flashsr-finished.{rank}"
        self.settings = hashlib.sha256(repr(settings).encode()).hexdigest()[:16]
        self.lines = set()
        for path in root.glob(".flashsr-finished.*"):
            text = path.read_text(encoding="utf-8", errors="replace")
            self.lines.update(text.splitlines())

    def add(self, source, outputs):
        """Notes that the outputs of an input are complete."""
        # The previous line may be incomplete after a kill.
        text = "".join(f"\n{line}\n" for line in self._lines(source, outputs))
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(text)

    def has(self, source, outputs):
        """Whether the outputs of an input are complete."""
        try:
            return self.lines.issuperset(self._lines(source, outputs))
        except FileNotFoundError:
            return False

    def _lines(self, source, outputs):
        given = source.stat()
        times = given.st_size, given.st_mtime_ns
        for output in outputs:
            name = os.path.relpath(output, self.root)
            made = output.stat().st_mtime_ns
            yield json.dumps([name, made, *times, self.settings])


@contextlib.contextmanager
def _opened(job, format):
    """The source and the name of the output of a job; the standard output gets
    it from a temporary file, once it is complete."""
    source = job.filename
    if source == STREAM:
        if sys.stdin is None:
            raise ValueError("The standard input is closed. Name a file.")
        source = sys.stdin.buffer
    if job.output_filename != STREAM:
        yield source, job.output_filename
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, f"output.{format}")
        yield source, path
        with open(path, "rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _num_bytes(job):
    return job.filename.stat().st_size if job.filename.exists() else 0


def _process_of_group():
    """Number of this process and of all, as torchrun and schedulers set them.
    SpeechBrain would load a model in the first process only, so each process is
    presented to it as a group of one."""
    rank = os.environ.get("RANK", "0")
    size = os.environ.get("WORLD_SIZE", "1")
    if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
        raise ValueError(
            f"The environment sets RANK={rank} and WORLD_SIZE={size}, which "
            "is not a process of a group. Start the command with torchrun, or "
            "unset both."
        )
    os.environ.update(RANK="0", WORLD_SIZE="1")
    return int(rank), int(size)


def _gather(tally, rank, size):
    """Adds up the tallies of all processes, at torchrun's store, in the one
    that ends last; the others get None. Without torchrun each has its own."""
    if size == 1 or not os.environ.get("TORCHELASTIC_USE_AGENT_STORE"):
        return tally
    from torch import distributed

    start = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    fates = ("done", "earlier", "failed")
    try:
        store = next(distributed.rendezvous("env://", rank, size))[0]
        store = distributed.PrefixStore(f"flashsr/{start}", store)
        for fate in fates:
            store.add(fate, tally[fate])
        if store.add("ended", 1) < size:
            return None
        return Counter({fate: store.add(fate, 0) for fate in fates})
    except distributed.DistError:
        return tally  # torchrun has ended


def _summary(tally):
    done = tally["done"] + tally["earlier"]
    text = f"flashsr: {done} of {tally.total()} inputs done"
    if tally["earlier"]:
        text += f" ({tally['earlier']} by an earlier run)"
    if tally["failed"]:
        text += f", {tally['failed']} failed (see above)"
    return text + "."
