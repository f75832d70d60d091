"""Plan of a batch: the sound files and the names of their outputs.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os
from pathlib import Path
from typing import NamedTuple

from speechbrain_flashsr.audio.checks import reason
from speechbrain_flashsr.audio.formats import (
    EXTENSIONS,
    OUTPUT_RATES,
    find_sound_files,
)
from speechbrain_flashsr.cli.arguments import FORMATS, suffix

STREAM = Path("-")
"""Stands for the standard input or output."""


class Job(NamedTuple):
    """A file to process; if it was found in a folder, `root` is the folder of
    the outputs."""

    filename: Path
    output_filename: Path
    root: Path | None = None


def plan_jobs(inputs, output=None, format=None, rate=None):
    """Finds the sound files among inputs, files and folders, and names their
    outputs: `output` is a file or folder, `format` one of `FORMATS`, by default
    that of the input, or "wav" if that cannot be written, and `rate` the
    outputs' sample rate, which their names tell.

    Returns jobs, sorted within each folder, each with an output of its own, and
    the problems: inputs that cannot be processed, and why. Raises a ValueError
    if the output is a single file but there may be several inputs, or its name
    has another format, or one that cannot be written.

    Example
    -------
    >>> jobs, problems = plan_jobs([Path("a.mp3")], Path("out"))
    >>> [job.output_filename.as_posix() for job in jobs]
    ['out/a_48k.wav']
    """
    if output and output.suffix.lower() in EXTENSIONS and not output.is_dir():
        _check_single_output(inputs, output, format)
        return _without_conflicts([Job(inputs[0], output)], [])
    if STREAM in (output, *(inputs if output is None else ())):
        _check_one_file(inputs, "The standard output")
        return [Job(inputs[0], STREAM)], []
    jobs, problems = [], []
    for given in inputs:
        if not given.is_dir():
            name = _output_name(given, format, rate)
            jobs.append(Job(given, (output or given.parent) / name))
            continue
        root = output or given
        paths = find_sound_files(
            given, lambda error: problems.append(_unlisted(error))
        )
        paths = _without_own_outputs(paths, given, root)
        for path in paths:
            name = _output_name(path, format, rate)
            name = path.relative_to(given).with_name(name)
            jobs.append(Job(path, root / name, root))
        if not paths:
            problems.append(
                f"The folder '{given}' holds no sound files "
                f"({', '.join(EXTENSIONS)}). Check its name."
            )
    return _without_conflicts(jobs, problems)


def _unlisted(error):
    return (
        f"The folder '{error.filename}' cannot be searched ({reason(error)}). "
        "Check its permissions."
    )


def _check_single_output(inputs, output, format):
    extension = output.suffix[1:].lower()
    if extension not in FORMATS:
        raise ValueError(
            f"The output '{output}' would be of a format that cannot be "
            f"written. Name it with one of .{', .'.join(FORMATS)}."
        )
    _check_one_file(inputs, f"The output '{output}'")
    if format not in (None, extension):
        raise ValueError(
            f"The output '{output}' is not a {format} file. Leave out "
            "--format, or name a file with that extension."
        )


def _check_one_file(inputs, output):
    if len(inputs) > 1 or inputs[0].is_dir():
        raise ValueError(
            f"{output} is a single file, but there may be several inputs. Name "
            "a folder."
        )


def _without_own_outputs(paths, folder, root):
    """The sound files of a folder without the outputs of earlier runs."""
    source, target = folder.resolve(), root.resolve()
    if source == target:
        own = {
            path.with_name(f"{path.stem}{suffix(rate)}")
            for path in paths
            for rate in OUTPUT_RATES
        }
        return [path for path in paths if path.with_suffix("") not in own]
    if source in target.parents:
        return [path for path in paths if target not in path.resolve().parents]
    return paths


def _output_name(path, format, rate):
    extension = format or path.suffix[1:].lower()
    path = Path("stdin") if path == STREAM else path
    extension = extension if extension in FORMATS else "wav"
    return f"{path.stem}{suffix(rate)}.{extension}"


def _without_conflicts(jobs, problems):
    """Drops jobs whose output is an input or the output of another job."""
    jobs = list(dict.fromkeys(jobs))  # an input may be given twice
    taken = {
        os.path.realpath(job.filename): "one of the inputs" for job in jobs
    }
    kept = []
    for job in jobs:
        output = os.path.realpath(job.output_filename)
        if output in taken:
            problems.append(
                f"'{job.filename}': its output '{job.output_filename}' is "
                f"{taken[output]}. Name another output with -o."
            )
        else:
            taken[output] = f"also that of '{job.filename}'"
            kept.append(job)
    return kept, problems
