"""ESC-50: 2000 sounds of 5 s in 50 classes, 44.1 kHz
(https://github.com/karolpiczak/ESC-50).

Many sounds are shorter than 5 s and padded with digital silence, which is cut
off again.

    python esc50_prepare.py ESC-50-master save_folder

Authors
 * The speechbrain_flashsr developers 2026
"""

import csv

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


def prepare_esc50(
    data_folder,
    save_folder,
    train_json,
    dev_json,
    test_json,
    skip_prep=False,
    segment_seconds=6.0,
):
    """Prepares the corpus: 48 kHz clips and a JSON manifest for each split.

    Nothing is done if an earlier run with the same arguments was completed;
    an interrupted one is continued.

    Arguments
    ---------
    data_folder : str
        The repository: the folders ``audio`` and ``meta``.
    save_folder : str
        Where the 48 kHz clips go: ``data_root`` when the manifests are read.
    train_json, dev_json, test_json : str
        The manifests to write: folds 1 to 3, fold 4 and fold 5.
    skip_prep : bool
        Does nothing at all.
    segment_seconds : float
        Longest entry; longer clips are cut into equal pieces.

    Raises
    ------
    ValueError
        If ``segment_seconds`` is not positive.
    FileNotFoundError
        If the folder is not that of the corpus, or files are missing.
    RuntimeError
        If the SoX program is missing, or no clip can be used.

    Example
    -------
    >>> from esc50_prepare import prepare_esc50
    >>> manifests = [f"data/{s}.json" for s in ("train", "dev", "test")]
    >>> prepare_esc50("ESC-50-master", "data", *manifests)  # doctest: +SKIP
    """
    if skip_prep:
        return
    prepare_corpus(
        lambda: find_clips(data_folder),
        save_folder,
        (train_json, dev_json, test_json),
        {"corpus": "esc50", "segment_seconds": segment_seconds},
    )


def find_clips(data_folder):
    """Finds the sounds that the list of the corpus names.

    Arguments
    ---------
    data_folder : str
        The repository.

    Returns
    -------
    list of Clip
        In the order of the list. The group is the recording on Freesound.
    """
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
