"""MUSDB18-HQ: 150 songs with their stems, 44.1 kHz
(https://doi.org/10.5281/zenodo.3338373).

The mixture and the four stems of each song are used. Stems that lack a high
band, as the bass often does, are left out by measuring them.

    python musdb18hq_prepare.py musdb18hq save_folder

Authors
 * The speechbrain_flashsr developers 2026
"""

from functools import partial

from clip_manifest import Clip
from corpus import check_files, check_layout, prepare_corpus, run_command_line

CORPUS = "MUSDB18-HQ"
HOME = "https://doi.org/10.5281/zenodo.3338373"
LICENCE = "academic use only (MUSDB18)"
TRACKS = ("mixture", "drums", "bass", "other", "vocals")

# The songs that sigsep's tools set aside for validation.
DEV_SONGS = {
    "ANiMAL - Rockshow",
    "Actions - One Minute Smile",
    "Alexander Ross - Goodbye Bolero",
    "Clara Berry And Wooldog - Waltz For My Victims",
    "Fergessen - Nos Palpitants",
    "James May - On The Line",
    "Johnny Lokke - Promises & Lies",
    "Leaf - Summerghost",
    "Meaxic - Take A Step",
    "Patrick Talbot - A Reason To Leave",
    "Skelpolu - Human Mistakes",
    "Traffic Experiment - Sirens",
    "Triviul - Angelsaint",
    "Young Griffo - Pennies",
}


def prepare_musdb18hq(data_folder, save_folder, *manifests, **options):
    """Prepares MUSDB18-HQ from the content of musdb18hq.zip: the folders
    ``train`` and ``test``. For the other arguments see
    :func:`corpus.prepare_corpus`. Raises a FileNotFoundError if the folder is
    not that of the corpus, or files are missing."""
    prepare_corpus(
        partial(find_clips, data_folder),
        {"corpus": "musdb18hq"},
        save_folder,
        *manifests,
        **options,
    )


def find_clips(data_folder):
    """Finds the tracks of all songs, in their order."""
    folder = check_layout(data_folder, ["train", "test"], CORPUS, HOME)
    if any(folder.glob("t*/*.stem.mp4")):
        raise FileNotFoundError(
            f"{data_folder} holds MUSDB18, which is compressed and ends at"
            f" 16 kHz. {CORPUS} is needed: {HOME}"
        )
    clips = []
    for part in ("train", "test"):
        for song in sorted(path for path in (folder / part).iterdir()):
            if not song.is_dir():
                continue
            dev = part == "train" and song.name in DEV_SONGS
            clips += [
                Clip(
                    path=str(song / f"{track}.wav"),
                    source=f"{part}/{song.name}/{track}.wav",
                    corpus="musdb18hq",
                    domain="music",
                    split="dev" if dev else part,
                    group=song.name,
                    licence=LICENCE,
                )
                for track in TRACKS
            ]
    check_files(clips, folder, CORPUS, HOME)
    return clips


if __name__ == "__main__":
    run_command_line(
        prepare_musdb18hq,
        f"Prepares {CORPUS}.",
        "what musdb18hq.zip unpacks to",
    )
