"""FSD50K: 51197 sounds of 0.3 to 30 s from Freesound, 44.1 kHz
(https://doi.org/10.5281/zenodo.4060432).

All of them count as effects, though some are of voices or instruments. Each
has a licence of its own.

    python fsd50k_prepare.py FSD50K save_folder

Authors
 * The speechbrain_flashsr developers 2026
"""

import csv
import json
import re
from functools import partial

from clip_manifest import Clip
from corpus import check_files, check_layout, prepare_corpus, run_command_line

CORPUS = "FSD50K"
HOME = "https://doi.org/10.5281/zenodo.4060432"
PARTS = {
    "dev": {"train": "train", "val": "dev"},  # the split is in the list
    "eval": {None: "test"},
}


def prepare_fsd50k(data_folder, save_folder, *manifests, **options):
    """Prepares FSD50K, in the corpus's split into train, val and eval, from the
    unpacked ``FSD50K.dev_audio``, ``FSD50K.eval_audio``,
    ``FSD50K.ground_truth`` and ``FSD50K.metadata``. For the other arguments see
    :func:`corpus.prepare_corpus`. Raises a FileNotFoundError if the folder is
    not that of the corpus, or files are missing."""
    prepare_corpus(
        partial(find_clips, data_folder),
        {"corpus": "fsd50k"},
        save_folder,
        *manifests,
        **options,
    )


def find_clips(data_folder):
    """Finds the sounds that the lists of the corpus name, in their order. The
    group is who uploaded the sound."""
    needed = [
        *(f"FSD50K.{part}_audio" for part in PARTS),
        *(f"FSD50K.ground_truth/{part}.csv" for part in PARTS),
        *(f"FSD50K.metadata/{part}_clips_info_FSD50K.json" for part in PARTS),
    ]
    folder = check_layout(data_folder, needed, CORPUS, HOME)
    clips = []
    for part, splits in PARTS.items():
        info = folder / f"FSD50K.metadata/{part}_clips_info_FSD50K.json"
        with open(info, encoding="utf-8") as file:
            info = json.load(file)
        rows = folder / f"FSD50K.ground_truth/{part}.csv"
        with open(rows, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            name = f"FSD50K.{part}_audio/{row['fname']}.wav"
            about = info[row["fname"]]
            clips.append(
                Clip(
                    path=str(folder / name),
                    source=name,
                    corpus="fsd50k",
                    domain="effects",
                    split=splits[row.get("split")],
                    group=about["uploader"],
                    licence=short_licence(about["license"]),
                )
            )
    check_files(clips, folder, CORPUS, HOME)
    return clips


def short_licence(address):
    """Short name of a Creative Commons licence; else its address.

    Example
    -------
    >>> short_licence("http://creativecommons.org/licenses/by-nc/3.0/")
    'CC-BY-NC-3.0'
    >>> short_licence("http://creativecommons.org/publicdomain/zero/1.0/")
    'CC0-1.0'
    >>> short_licence("http://creativecommons.org/licenses/sampling+/1.0/")
    'CC-SAMPLING+-1.0'
    """
    match = re.search(
        r"creativecommons\.org/(?:licenses|publicdomain)/([^/]+)/([^/]+)",
        address,
    )
    if match is None:
        return address
    name, version = match.groups()
    return (
        f"CC0-{version}" if name == "zero" else f"CC-{name.upper()}-{version}"
    )


if __name__ == "__main__":
    run_command_line(
        prepare_fsd50k,
        f"Prepares {CORPUS}.",
        "where the parts of the corpus are unpacked",
    )
