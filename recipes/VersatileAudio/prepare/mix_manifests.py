"""Joins the manifests of several prepared corpora.

    python mix_manifests.py prepared/vctk prepared/musdb prepared/esc50 mixed

The clips stay where they are, so the folders must stay where they are relative
to one another. In training, `domain_weights` sets the shares of speech, music
and effects, whatever their lengths.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import json
import os
import sys
from collections import defaultdict
from pathlib import Path

from corpus import SPLITS

from speechbrain_flashsr.data.manifest import write_json


def mix_manifests(prepared_folders, save_folder):
    """Joins the train.json, dev.json and test.json of prepared corpora in
    `save_folder`, the ``data_folder`` of the training. Raises a
    FileNotFoundError if one is missing, a ValueError if two share an entry, as
    those of a folder given twice do."""
    mixed = {split: {} for split in SPLITS}
    for folder in prepared_folders:
        root = os.path.relpath(folder, save_folder).replace(os.sep, "/")
        for split in SPLITS:
            for name, entry in read_prepared(folder, split).items():
                if name in mixed[split]:
                    raise ValueError(
                        f"the entry {name} of {folder}/{split}.json is already"
                        " in another folder's: pass each corpus once"
                    )
                wav = entry["wav"].replace(
                    "{data_root}", f"{{data_root}}/{root}"
                )
                mixed[split][name] = {**entry, "wav": wav}
    for split, entries in mixed.items():
        write_json(os.path.join(save_folder, f"{split}.json"), entries)
    print(summary(mixed))


def summary(manifests):
    """Reports entries, minutes and groups of each split and domain of
    manifests, {split: {id: entry}}.

    Example
    -------
    >>> entry = {"domain": "speech", "duration": 90.0, "group": "p225"}
    >>> print(summary({"train": {"a": entry, "b": entry}}))
                   entries minutes groups
    train  speech        2     3.0      1
    """
    lines = [f"{'':14} {'entries':>7} {'minutes':>7} {'groups':>6}"]
    for split, entries in manifests.items():
        domains = defaultdict(list)
        for entry in entries.values():
            domains[entry["domain"]].append(entry)
        for domain in ("speech", "music", "effects"):
            inside = domains[domain]
            if inside:
                minutes = sum(entry["duration"] for entry in inside) / 60
                groups = len({entry["group"] for entry in inside})
                lines.append(
                    f"{split:6} {domain:7} {len(inside):7} {minutes:7.1f}"
                    f" {groups:6}"
                )
    return "\n".join(lines)


def read_prepared(folder, split):
    """The manifest of a split in a prepared corpus's folder, {id: entry}, with
    {data_root} as it is. Raises a FileNotFoundError if there is none."""
    path = Path(folder, f"{split}.json")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no {path}: check the name of the folder, or prepare the"
            " corpus first"
        )


def main():
    """Runs the command line; known errors are one line each."""
    parser = argparse.ArgumentParser(
        description="Puts the manifests of prepared corpora together."
    )
    parser.add_argument(
        "prepared_folders",
        nargs="+",
        metavar="prepared_folder",
        help="holds train.json, dev.json and test.json",
    )
    parser.add_argument("save_folder", help="for the mixed manifests")
    arguments = parser.parse_args()
    try:
        mix_manifests(arguments.prepared_folders, arguments.save_folder)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
