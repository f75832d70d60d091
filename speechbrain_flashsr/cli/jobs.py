"""Which sound files the command `flashsr` works on, and the names of what it
makes of them.

Authors
 * The speechbrain_flashsr developers 2026
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

# The formats that are written; the first is the default for other inputs.
FORMATS = ("wav", "flac", "ogg")

# What is looked for in a folder.
AUDIO_EXTENSIONS = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff"),
    *(".aifc", ".au", ".snd", ".caf", ".w64", ".rf64"),
)

# Formats of sound that libsndfile neither reads nor writes.
_FOREIGN_EXTENSIONS = (".m4a", ".aac", ".mp4", ".wma", ".webm", ".amr")

SUFFIX = "_48k"
"""What is added to the name of an input."""

NOTES = ".flashsr"
"""Folder of the notes on what was done, at the top of a tree of outputs."""


LONGEST_NAME = 255
"""Bytes of a file's name, at most, on most file systems."""


class Job(NamedTuple):
    """One file to do.

    Arguments
    ---------
    filename : Path
        The input.
    output_filename : Path
        The output.
    note : Path, optional
        Where the work is noted, so that it is not done again (see
        :mod:`speechbrain_flashsr.cli.batches`): for what was found in a folder.
    """

    filename: Path
    output_filename: Path
    note: Path | None = None


def plan_jobs(inputs, output=None, format=None):
    """Finds the sound files and names their outputs.

    Arguments
    ---------
    inputs : list of Path
        Files and folders.
    output : Path, optional
        File or folder.
    format : str, optional
        One of "wav", "flac", "ogg".

    Returns
    -------
    jobs : list of Job
        Sorted within each folder; no two outputs are the same.
    problems : list of str
        What cannot be done, and why.

    Raises
    ------
    ValueError
        If the output is a single file, but the inputs may be many or the format
        another one, or a sound file that cannot be written.

    Example
    -------
    >>> jobs, problems = plan_jobs([Path("a.mp3")], Path("out"))
    >>> [job.output_filename.as_posix() for job in jobs]
    ['out/a_48k.wav']
    """
    jobs, problems = [], []
    to_file = (
        output is not None
        and output.suffix.lower() in AUDIO_EXTENSIONS + _FOREIGN_EXTENSIONS
        and not output.is_dir()
    )
    if to_file and output.suffix[1:].lower() not in FORMATS:
        raise ValueError(
            f"The output '{output}' would be of a format that cannot be "
            f"written. Name it with one of .{', .'.join(FORMATS)}."
        )
    if to_file and (len(inputs) > 1 or inputs[0].is_dir()):
        raise ValueError(
            f"The output '{output}' is a single file, but there may be many. "
            "Give a folder."
        )
    if to_file and format not in (None, output.suffix[1:].lower()):
        raise ValueError(
            f"The output '{output}' is no {format} file. Leave out --format, "
            "or give a name that ends in it."
        )
    for given in inputs:
        if to_file:
            found = [Job(given, output)]
        elif given.is_dir():
            found = [
                _job_in_tree(path, given, output, format)
                for path in _find_inputs(given, output)
            ]
            if not found:
                problems.append(
                    f"The folder '{given}' holds no sound files "
                    f"({', '.join(AUDIO_EXTENSIONS)}). Check its name."
                )
        else:
            name = _output_name(given, format)
            folder = given.parent if output is None else output
            found = [Job(given, folder / name)]
        jobs += found
    return _without_conflicts(jobs, problems)


def find_sound_files(folder):
    """Finds the sound files in a folder and the folders below it.

    Arguments
    ---------
    folder : Path
        The folder.

    Returns
    -------
    list of Path
        Sorted; what is hidden, or lies in a hidden folder, is none of them.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> for name in ("b.wav", "a.txt", ".c.wav"):
    ...     (folder / name).touch()
    >>> [path.name for path in find_sound_files(folder)]
    ['b.wav']
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in AUDIO_EXTENSIONS
        and not any(
            part.startswith(".") for part in path.relative_to(folder).parts
        )
        and path.is_file()
    )


def _find_inputs(folder, output):
    """The sound files of a folder, but not those that we made there."""
    paths = find_sound_files(folder)
    inputs = {path.with_suffix("") for path in paths}
    root = folder.resolve()
    target = root if output is None else output.resolve()
    if target == root:
        return [
            path
            for path in paths
            if not path.stem.endswith(SUFFIX)
            or path.parent / path.stem[: -len(SUFFIX)] not in inputs
        ]
    if root in target.parents:
        return [path for path in paths if target not in path.resolve().parents]
    return paths


def _job_in_tree(path, root, output, format):
    """The job of a file that was found below the folder `root`."""
    name = path.parent.relative_to(root) / _output_name(path, format)
    folder = root if output is None else output
    note = folder / NOTES / name
    text = f"{note.name}.json"
    if len(os.fsencode(text)) > LONGEST_NAME:
        text = hashlib.sha256(os.fsencode(text)).hexdigest() + ".json"
    return Job(path, folder / name, note.with_name(text))


def _output_name(path, format):
    """Name of the output for an input."""
    extension = format or path.suffix[1:].lower()
    if extension not in FORMATS:
        extension = FORMATS[0]
    return f"{path.stem}{SUFFIX}.{extension}"


def _without_conflicts(jobs, problems):
    """Drops jobs whose output is an input, or that of another job."""
    jobs = list(dict.fromkeys(jobs))  # an input may be given twice
    inputs = {os.path.realpath(job.filename) for job in jobs}
    outputs = {}
    kept = []
    for job in jobs:
        key = os.path.realpath(job.output_filename)
        if key in inputs:
            problems.append(
                f"'{job.filename}': its output '{job.output_filename}' is one "
                "of the inputs. Give another name with -o."
            )
        elif key in outputs:
            problems.append(
                f"'{job.filename}': its output '{job.output_filename}' is also "
                f"that of '{outputs[key]}'. Run them one by one, with another "
                "-o."
            )
        else:
            outputs[key] = job.filename
            kept.append(job)
    return kept, problems
