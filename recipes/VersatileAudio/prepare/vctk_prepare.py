"""VCTK 0.92: English sentences, 110 speakers, 48 kHz
(https://doi.org/10.7488/ds/2645).

Each sentence was recorded by two microphones. The first one's recordings are
used: the second one's are missing for p280 and p315. Transcripts, which p315
lacks, are not needed.

    python vctk_prepare.py VCTK-Corpus-0.92 save_folder

Authors
 * The speechbrain_flashsr developers 2026
"""

import re
from functools import partial

from clip_manifest import Clip
from corpus import check_layout, prepare_corpus, run_command_line

HOME = "https://doi.org/10.7488/ds/2645"
AUDIO = "wav48_silence_trimmed"
LICENCE = "CC-BY-4.0"
UTTERANCE = re.compile(r"([ps]\d+)_\d+_mic1\.flac")

# The last 16 speakers in the order of their names are never trained on.
DEV_SPEAKERS = {"p336", "p339", "p340", "p341", "p343", "p345", "p347", "p351"}
TEST_SPEAKERS = {"p360", "p361", "p362", "p363", "p364", "p374", "p376", "s5"}


def prepare_vctk(data_folder, save_folder, *manifests, **options):
    """Prepares VCTK from the content of VCTK-Corpus-0.92.zip. For the other
    arguments see :func:`corpus.prepare_corpus`. Raises a FileNotFoundError if
    the folder is not that of the corpus, or files are missing."""
    prepare_corpus(
        partial(find_clips, data_folder),
        {"corpus": "vctk"},
        save_folder,
        *manifests,
        **options,
    )


def find_clips(data_folder):
    """Finds the recordings of the first microphone, sorted by path."""
    folder = check_layout(data_folder, [AUDIO], "VCTK 0.92", HOME)
    clips = []
    for path in sorted((folder / AUDIO).glob("*/*.flac")):
        match = UTTERANCE.fullmatch(path.name)
        if match is None:
            continue
        speaker = match[1]
        clips.append(
            Clip(
                path=str(path),
                source=path.relative_to(folder).as_posix(),
                corpus="vctk",
                domain="speech",
                split=split_of(speaker),
                group=speaker,
                licence=LICENCE,
            )
        )
    if not clips:
        raise FileNotFoundError(
            f"{folder / AUDIO} holds no <speaker>/<speaker>_<number>_mic1.flac:"
            f" unpack the corpus again; {HOME} offers it"
        )
    return clips


def split_of(speaker):
    """Split of a speaker.

    Example
    -------
    >>> split_of("p225"), split_of("p351"), split_of("s5")
    ('train', 'dev', 'test')
    """
    if speaker in TEST_SPEAKERS:
        return "test"
    return "dev" if speaker in DEV_SPEAKERS else "train"


if __name__ == "__main__":
    run_command_line(
        prepare_vctk,
        "Prepares VCTK 0.92.",
        "what VCTK-Corpus-0.92.zip unpacks to",
    )
