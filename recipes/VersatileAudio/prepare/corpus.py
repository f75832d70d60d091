"""Steps that the scripts for all corpora share: skipping finished work,
checking the folder of a corpus, and the command line.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import csv
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

from clip_manifest import is_prepared, mark_prepared, prepare_clips

SPLITS = ("train", "dev", "test")


def prepare_corpus(
    find_clips,
    identity,
    save_folder,
    train_json,
    dev_json,
    test_json,
    skip_prep=False,
    segment_seconds=6.0,
    choose_splits=None,
):
    """Prepares a corpus: 48 kHz clips and a JSON manifest for each split.

    Nothing is done if an earlier run with the same arguments was completed; an
    interrupted one is continued.

    Arguments
    ---------
    find_clips : callable
        Returns the list of Clip that may be used.
    identity : dict
        All that determines the manifests beside ``segment_seconds``.
    save_folder : str
        Where the 48 kHz clips go: ``data_root`` when the manifests are read.
    train_json, dev_json, test_json : str
        The manifests to write.
    skip_prep : bool
        Does nothing at all.
    segment_seconds : float
        Longest entry; longer clips are cut into equal pieces.
    choose_splits : callable
        Maps the groups with entries to {group: split}; None for the splits that
        the clips name.

    Raises
    ------
    ValueError
        If ``segment_seconds`` is not positive.
    RuntimeError
        If no clip can be used.
    """
    if skip_prep:
        return
    if not segment_seconds > 0:
        raise ValueError(
            f"segment_seconds is {segment_seconds}; it must be above 0"
        )
    identity = {**identity, "segment_seconds": segment_seconds}
    manifests = dict(zip(SPLITS, map(str, (train_json, dev_json, test_json))))
    if is_prepared(save_folder, manifests, identity):
        print(f"The clips in {save_folder} are complete: preparation skipped.")
        return
    prepare_clips(
        find_clips(), save_folder, manifests, segment_seconds, choose_splits
    )
    mark_prepared(save_folder, identity)


def read_table(name):
    """Reads a table (CSV) beside this file: a SimpleNamespace for each row,
    whose attributes are the columns."""
    with open(Path(__file__).with_name(name), newline="") as file:
        return [SimpleNamespace(**row) for row in csv.DictReader(file)]


def first_match(rows, name):
    """The first row of a table whose `pattern`, a regular expression, the name
    of a file begins with, and its match; None and None without.

    Example
    -------
    >>> rows = [SimpleNamespace(pattern="b/"), SimpleNamespace(pattern="(a)/")]
    >>> row, match = first_match(rows, "a/1.wav")
    >>> row.pattern, match[1]
    ('(a)/', 'a')
    """
    for row in rows:
        match = re.match(row.pattern, name)
        if match:
            return row, match
    return None, None


def check_layout(data_folder, names, corpus, home):
    """Checks that the folder of a corpus holds its parts, files and folders,
    and returns its path. Otherwise it raises a FileNotFoundError that says
    where to get it."""
    folder = Path(data_folder)
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        raise FileNotFoundError(
            f"{data_folder} is not the folder of {corpus}: {missing[0]} is"
            f" missing in it. Pass the folder that holds {', '.join(names)};"
            f" {home} offers the corpus"
        )
    return folder


def check_files(clips, data_folder, corpus, home):
    """Raises a FileNotFoundError if some of the files that a corpus lists are
    missing; it says where the corpus is and where to get it."""
    missing = [clip.source for clip in clips if not Path(clip.path).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of the {len(clips)} files of {corpus} are missing"
            f" in {data_folder}, such as {missing[0]}: fetch and unpack it"
            f" again; {home} offers it"
        )


def run_command_line(
    prepare, description, data_help, add_arguments=None, arguments=None
):
    """Runs the command line of a script, by default that of the process; known
    errors are one line each.

    `prepare` takes (data_folder, save_folder, train_json, dev_json, test_json,
    **options). `add_arguments`, if given, adds options to the parser that it
    gets."""
    parser = argparse.ArgumentParser(
        description=f"{description} Writes 48 kHz clips and the manifests"
        " train.json, dev.json and test.json."
    )
    parser.add_argument("data_folder", help=data_help)
    parser.add_argument("save_folder", help="clips and manifests")
    parser.add_argument(
        "--segment-seconds",
        type=float,
        default=6.0,
        help="longest entry of a manifest (default: %(default)s)",
    )
    if add_arguments is not None:
        add_arguments(parser)
    options = vars(parser.parse_args(arguments))
    data_folder, save_folder = (
        options.pop(f"{name}_folder") for name in ("data", "save")
    )
    paths = [os.path.join(save_folder, f"{split}.json") for split in SPLITS]
    try:
        prepare(data_folder, save_folder, *paths, **options)
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(f"error: {error}")
