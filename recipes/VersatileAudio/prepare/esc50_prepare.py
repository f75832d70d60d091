"""ESC-50: 2000 sounds of 5 s in 50 classes, 44.1 kHz
(https://github.com/karolpiczak/ESC-50).

Many sounds are shorter than 5 s and padded with digital silence, which is cut
off again.

    python esc50_prepare.py ESC-50-master save_folder

Authors
 * The speechbrain_flashsr developers 2026
"""

import csv
from functools import partial

from clip_manifest import Clip
from corpus import check_files, check_layout, prepare_corpus, run_command_line

CORPUS = "ESC-50"
HOME = "https://github.com/karolpiczak/ESC-50"
META = "meta/esc50.csv"

# No recording is in two of the five folds.
SPLIT_OF_FOLD = {
    "1": "train",
    "2": "train",
    "3": "train",
    "4": "dev",
    "5": "test",
}
LICENCE_OF_ESC10 = {"True": "CC-BY-3.0", "False": "CC-BY-NC-3.0"}


def prepare_esc50(data_folder, save_folder, *manifests, **options):
    """Prepares ESC-50, whose repository has the folders ``audio`` and ``meta``:
    folds 1 to 3 train, fold 4 is dev, fold 5 is test. For the other arguments
    see :func:`corpus.prepare_corpus`. Raises a FileNotFoundError if the folder
    is not that of the corpus, or files are missing."""
    prepare_corpus(
        partial(find_clips, data_folder),
        {"corpus": "esc50"},
        save_folder,
        *manifests,
        **options,
    )


def find_clips(data_folder):
    """Finds the sounds that the list of the corpus names, in its order. The
    group is the recording on Freesound."""
    folder = check_layout(data_folder, ["audio", META], CORPUS, HOME)
    with open(folder / META, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    clips = [
        Clip(
            path=str(folder / "audio" / row["filename"]),
            source=f"audio/{row['filename']}",
            corpus="esc50",
            domain="effects",
            split=SPLIT_OF_FOLD[row["fold"]],
            group=row["src_file"],
            licence=LICENCE_OF_ESC10[row["esc10"]],
            padded=True,
        )
        for row in rows
    ]
    check_files(clips, folder, CORPUS, HOME)
    return clips


if __name__ == "__main__":
    run_command_line(
        prepare_esc50, f"Prepares {CORPUS}.", "the corpus's repository"
    )
