"""Bulk work: the files of a large tree, shared among processes and machines,
and taken up again where an interrupted run stopped.

The processes need nothing from one another. Each finds the same files, takes
its share by its rank, and notes beside the outputs what it begins. A file is
done if its output has appeared since its note was written: outputs appear
complete or not at all, so that a process may be killed at any moment.

Authors
 * The speechbrain_flashsr developers 2026
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from speechbrain_flashsr import __version__


@dataclass(frozen=True)
class Group:
    """The processes that share the work, as torchrun numbers them.

    Arguments
    ---------
    rank : int
        Number of this process.
    size : int
        How many there are.
    """

    rank: int = 0
    size: int = 1


def join_group(environment=os.environ):
    """Reads which part of the work is that of this process.

    Every process works by itself: SpeechBrain, which would load a model and
    log in the first process of a group only, is told that it is alone.

    Arguments
    ---------
    environment : dict
        `RANK` and `WORLD_SIZE`, which are changed.

    Returns
    -------
    Group

    Raises
    ------
    ValueError
        If they are no such numbers.

    Example
    -------
    >>> environment = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}
    >>> join_group(environment)
    Group(rank=1, size=2)
    >>> environment
    {'RANK': '0', 'WORLD_SIZE': '1', 'LOCAL_RANK': '1'}
    """
    if "RANK" not in environment or "WORLD_SIZE" not in environment:
        return Group()
    rank, size = environment["RANK"], environment["WORLD_SIZE"]
    if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
        raise ValueError(
            f"The environment says RANK={rank} and WORLD_SIZE={size}, which "
            "is no process of a group. Start the command with torchrun, or "
            "unset both."
        )
    environment.update(RANK="0", WORLD_SIZE="1")
    return Group(int(rank), int(size))


def share(jobs, group):
    """Chooses the jobs of a process: shares of about the same number of bytes.

    Arguments
    ---------
    jobs : list of Job
        All of them, in the same order in every process.
    group : Group
        The processes.

    Returns
    -------
    list of Job
        In the order of `jobs`.

    Example
    -------
    >>> from speechbrain_flashsr.cli.jobs import Job
    >>> folder = getfixture("tmp_path")
    >>> jobs = [Job(folder / str(n), folder / f"{n}_48k") for n in (5, 3, 2)]
    >>> for job in jobs:
    ...     _ = job.filename.write_bytes(bytes(int(job.filename.name)))
    >>> [[j.filename.name for j in share(jobs, Group(r, 2))] for r in (0, 1)]
    [['5'], ['3', '2']]
    """
    if group.size == 1:
        return jobs
    sizes = [_bytes_of(job.filename) for job in jobs]
    loads = [0] * group.size
    mine = []
    for index in sorted(range(len(jobs)), key=lambda i: -sizes[i]):
        rank = loads.index(min(loads))
        loads[rank] += sizes[index]
        if rank == group.rank:
            mine.append(index)
    return [jobs[index] for index in sorted(mine)]


def _bytes_of(path):
    """Size of a file; at least 1."""
    try:
        return max(1, path.stat().st_size)
    except OSError:
        return 1


def digest_of_model(source):
    """What tells a model from another.

    Arguments
    ---------
    source : str or Path
        Its folder or hub name.

    Returns
    -------
    str
        SHA-256 of the weights and hyperparameters in the folder; a hub name is
        returned as it is.
    """
    if not Path(source).is_dir():
        return str(source)
    digest = hashlib.sha256()
    for path in sorted(Path(source).iterdir()):
        if path.suffix in (".yaml", ".ckpt"):
            digest.update(path.name.encode())
            with open(path, "rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


class Notes:
    """What was begun, with which settings, one small file for each output.

    Arguments
    ---------
    settings : dict
        All that decides what the outputs are, beside the inputs.

    Example
    -------
    >>> from speechbrain_flashsr.cli.jobs import Job
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "a").write_text("input")
    >>> job = Job(folder / "a", folder / "a_48k", folder / "note")
    >>> notes = Notes({"seed": 0})
    >>> notes.begin(job)
    >>> notes.is_done(job)
    False
    >>> _ = (folder / "a_48k").write_text("output")
    >>> notes.is_done(job), Notes({"seed": 1}).is_done(job)
    (True, False)
    """

    def __init__(self, settings):
        self.settings = {"version": __version__, **settings}

    def begin(self, job):
        """Notes that a job begins.

        Arguments
        ---------
        job : Job
            Nothing is noted if it has no place for that.

        Raises
        ------
        AudioError
            If the note cannot be written.
        """
        if job.note is None:
            return
        from speechbrain_flashsr.audio.writing import (
            complete_file,
            remove_leftovers,
        )

        replaces = _identity(job.output_filename)
        if _read(job.note).get("replaces", "nothing") == replaces:
            # Begun, but never done: killed, perhaps.
            remove_leftovers(job.output_filename)
        note = {**self._about(job), "replaces": replaces}
        with complete_file(job.note) as temporary:
            Path(temporary).write_text(json.dumps(note), encoding="utf-8")

    def is_done(self, job):
        """Whether the output of a job is there, made by these settings from
        the input as it is now.

        Arguments
        ---------
        job : Job
            One without a place for notes is never done.

        Returns
        -------
        bool
        """
        if job.note is None:
            return False
        note = _read(job.note)
        output = _identity(job.output_filename)
        if output is None or output == note.pop("replaces", output):
            return False
        return job.filename.exists() and note == self._about(job)

    def _about(self, job):
        """What a note says beside the output that is replaced."""
        stat = job.filename.stat()
        given = {
            "bytes": stat.st_size,
            "modified_ns": stat.st_mtime_ns,
            "sha256_of_samples": _sample(job.filename, stat.st_size),
        }
        return {"input": given, "settings": self.settings}


def _read(note):
    """What a note says; nothing if it is not there or was spoilt."""
    try:
        return dict(json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _sample(path, size, length=16384):
    """A digest of a file's start, middle and end: recordings of the same length
    and time stamp are not the same."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for start in (0, size // 2, max(0, size - length)):
            file.seek(start)
            digest.update(file.read(length))
    return digest.hexdigest()


def _identity(path):
    """What changes when a file is replaced; None if it is not there."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return [stat.st_ino, stat.st_mtime_ns, stat.st_size]


@dataclass
class Tally:
    """What became of the inputs of one process, or of all.

    Arguments
    ---------
    done : int
        In this run.
    earlier : int
        Found complete.
    failed : int
        Not done.

    Example
    -------
    >>> print(Tally(done=2, earlier=1, failed=1))
    3 of 4 inputs done (1 of them by an earlier run), 1 failed (see above).
    """

    done: int = 0
    earlier: int = 0
    failed: int = 0

    @property
    def total(self):
        """Number of inputs."""
        return self.done + self.earlier + self.failed

    def __add__(self, other):
        return Tally(
            self.done + other.done,
            self.earlier + other.earlier,
            self.failed + other.failed,
        )

    def __str__(self):
        text = f"{self.done + self.earlier} of {self.total} inputs done"
        if self.earlier:
            text += f" ({self.earlier} of them by an earlier run)"
        if self.failed:
            text += f", {self.failed} failed (see above)"
        return text + "."


def gather(tally, group):
    """Adds up the tallies of all processes in the one that ends last, so that
    none waits for another, which may have been killed.

    The processes meet at torchrun's own store. Without torchrun, or if that
    has ended, each process keeps its own tally.

    Arguments
    ---------
    tally : Tally
        Of this process.
    group : Group
        The processes.

    Returns
    -------
    Tally or None
        The sum in the last process, None in the others.
    """
    hosted = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    if group.size == 1 or not hosted:
        return tally
    from torch import distributed

    try:
        store, _, _ = next(
            distributed.rendezvous(
                "env://",
                group.rank,
                group.size,
                timeout=timedelta(seconds=60),
            )
        )
        store.set(f"flashsr/{group.rank}", json.dumps(asdict(tally)))
        if store.add("flashsr/ended", 1) < group.size:
            return None
        tallies = [
            Tally(**json.loads(store.get(f"flashsr/{rank}")))
            for rank in range(group.size)
        ]
    except distributed.DistError:
        return tally
    return sum(tallies, Tally())
