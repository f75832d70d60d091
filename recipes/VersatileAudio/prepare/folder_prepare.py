"""Any folder of recordings: speech, music or sound effects of one's own.

    python folder_prepare.py my_folder save_folder --domain speech

Authors
 * The speechbrain_flashsr developers 2026
"""

import hashlib
import math
from collections import defaultdict
from pathlib import Path

from clip_manifest import Clip
from corpus import SPLITS, prepare_corpus, run_command_line

from speechbrain_flashsr.audio.formats import EXTENSIONS, find_sound_files

LICENCE = "not stated"


def prepare_folder(
    data_folder,
    save_folder,
    *manifests,
    domain,
    skip_prep=False,
    dev_fraction=0.1,
    test_fraction=0.1,
    licence=LICENCE,
    **options,
):
    """Prepares a folder of recordings.

    Arguments
    ---------
    data_folder : str
        Recordings, in folders below it or not.
    save_folder, manifests, skip_prep, options
        See :func:`corpus.prepare_corpus`.
    domain : str
        "speech", "music" or "effects": what the recordings are, and so how
        they are filtered.
    dev_fraction, test_fraction : float
        Share of the groups in these splits, at least one group unless 0. Groups
        of which the filter leaves nothing do not count.
    licence : str
        Licence of the recordings.

    Raises
    ------
    ValueError
        If an argument is not valid, or there are fewer groups than splits.
    FileNotFoundError
        If the folder is missing or holds no sound files.
    """
    if skip_prep:
        return
    if domain not in ("speech", "music", "effects"):
        raise ValueError(
            f"domain is {domain!r}; it must be speech, music or effects"
        )
    paths = find_files(data_folder)
    groups = group_files(paths, data_folder)

    def choose_splits(names):
        splits = split_groups(
            {name: groups[name] for name in names}, dev_fraction, test_fraction
        )
        return {name: split for name, (split, _) in splits.items()}

    choose_splits(groups)  # Too few groups are told before they are measured

    def find_clips():
        return [
            Clip(
                path=str(path),
                source=path.relative_to(data_folder).as_posix(),
                corpus=Path(data_folder).resolve().name,
                domain=domain,
                split="",  # follows by `choose_splits`
                group=group,
                licence=licence,
                padded=True,
            )
            for group, members in sorted(groups.items())
            for path in members
        ]

    prepare_corpus(
        find_clips,
        {
            "corpus": "folder",
            "files": _digest(paths, data_folder),
            "domain": domain,
            "dev_fraction": dev_fraction,
            "test_fraction": test_fraction,
            "licence": licence,
        },
        save_folder,
        *manifests,
        choose_splits=choose_splits,
        **options,
    )


def find_files(data_folder):
    """Finds the sound files below a folder, sorted (see `find_sound_files`)."""
    folder = Path(data_folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"the folder {data_folder} does not exist")
    paths = find_sound_files(folder)
    if not paths:
        raise FileNotFoundError(
            f"{data_folder} holds no sound files ({', '.join(EXTENSIONS)})"
        )
    return paths


def group_files(paths, data_folder):
    """Groups files by the folder just below the data folder (one for each
    speaker, album or place, for example): {name of the group: list of Path}.
    With fewer than three such folders, each file is a group.

    Example
    -------
    >>> names = ("a/1.wav", "a/2.wav", "b/1.wav", "c.wav")
    >>> paths = [Path("x") / name for name in names]
    >>> {g: len(members) for g, members in group_files(paths, "x").items()}
    {'a': 2, 'b': 1, 'c.wav': 1}
    >>> list(group_files(paths[:3], "x"))
    ['a/1.wav', 'a/2.wav', 'b/1.wav']
    """
    for depth in (1, None):
        groups = defaultdict(list)
        for path in paths:
            parts = path.relative_to(data_folder).parts[:depth]
            groups["/".join(parts)].append(path)
        if len(groups) >= len(SPLITS):
            break
    return dict(groups)


def split_groups(groups, dev_fraction, test_fraction):
    """Splits groups, {name: list of Path}, at random, the same way each time:
    {name: (split, list of Path)}, in the order of the names.

    The fractions are the shares of the groups in these splits, at least one
    group unless 0. Raises a ValueError if one is not in 0..1, or nothing is
    left to train on.

    Example
    -------
    >>> splits = split_groups(dict.fromkeys("abcdefghij", []), 0.1, 0.2)
    >>> [split for split, _ in splits.values()].count("test")
    2
    """
    names = sorted(groups, key=lambda name: _digest_of(name.encode()))
    counts = {}
    for split, fraction in (("dev", dev_fraction), ("test", test_fraction)):
        if not 0 <= fraction < 1:
            raise ValueError(
                f"{split}_fraction is {fraction}; it must be in 0..1"
            )
        counts[split] = math.ceil(fraction * len(names))
    if sum(counts.values()) >= len(names):
        raise ValueError(
            f"{len(names)} recordings, or folders of them, are too few:"
            f" {counts['dev']} for dev and {counts['test']} for test leave"
            " none for training. Add some, or lower dev_fraction"
            f" ({dev_fraction}) or test_fraction ({test_fraction})"
        )
    dev = set(names[: counts["dev"]])
    test = set(names[counts["dev"] : sum(counts.values())])
    return {
        name: (
            "dev" if name in dev else "test" if name in test else "train",
            groups[name],
        )
        for name in sorted(groups)
    }


def _digest(paths, data_folder):
    """A value that changes when files are added, removed or replaced."""
    listing = [
        f"{path.relative_to(data_folder).as_posix()} {path.stat().st_size}"
        f" {path.stat().st_mtime_ns}\n"
        for path in paths
    ]
    return _digest_of("".join(listing).encode())


def _digest_of(content):
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def _add_arguments(parser):
    """Options of the command line."""
    add = parser.add_argument
    add(
        "--domain",
        required=True,
        choices=("speech", "music", "effects"),
        help="what the recordings are",
    )
    for split in ("dev", "test"):
        add(
            f"--{split}-fraction",
            type=float,
            default=0.1,
            help=f"share of the folders, or of the files, in the {split} split"
            " (default: %(default)s)",
        )
    add(
        "--licence",
        default=LICENCE,
        help="of the recordings (default: %(default)s)",
    )


if __name__ == "__main__":
    run_command_line(
        prepare_folder,
        "Prepares the recordings in any folder.",
        "recordings, in folders below it or not",
        _add_arguments,
    )
