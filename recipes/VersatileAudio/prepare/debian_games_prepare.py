"""Music and sound effects of games and desktops from packages of Debian 12:
a larger free corpus to train on, 68 packages, 7.2 GB to download.

Each package is fetched with ``apt-get download`` and unpacked with ``dpkg -x``,
unless ``data_folder`` holds it already, as a .deb file or unpacked; where a
game keeps its data in zip archives, the sounds are taken out of them. Clips are
selected by measuring them (clip_filter.py), not by a list. Nearly all of them
train; debian_audio_prepare.py has most clips for validation and test:

    python debian_games_prepare.py data_folder save_folder
    python mix_manifests.py prepared/debian_audio save_folder mixed

Authors
 * The speechbrain_flashsr developers 2026
"""

import re
from functools import partial

import soundfile
from clip_manifest import Clip
from corpus import read_table, run_command_line
from debian_packages import (
    UNKNOWN_LICENCE,
    add_packages_option,
    find_sounds,
    licence_of,
    prepare_packages,
    read_licences,
)

# Of the packages: where the copyright file names single files, a pattern of
# their paths in the package and its replacement in the copyright file; where
# that is not in the machine-readable format, the licence.
PACKAGES = {row.package: row for row in read_table("debian_games.csv")}

SPEECH = re.compile(
    r"/(voices?|speech|announcer|cs)/"
    r"|^nexuiz-data/pk3/sound/(player|tutorial)/"
    r"|^planetblupi-common/.*/sound/"
)
MUSIC = re.compile(r"/(musics?|cdtracks)/|^drascula-music/", re.IGNORECASE)
# The recordings of hydrogen-data, with which the other corpus validates, and
# qabcs-data's words: no effects, and most end below 12 kHz.
LEFT_OUT = re.compile(
    r"^hydrogen-drumkits/.*/The Black Pearl 1\.0/|^qabcs-data/.*/abcs/(?!all/)"
)
# Held-out pieces; the other pieces of these games train.
HELD_OUT = {
    "dev": re.compile("^lordsawar-data/"),
    "test": re.compile(
        r"^warzone2100-music/.*/track(1|8|14|18|27)\."
        r"|^caveexpress-data/.*/(?!music)[^/]+$"
    ),
}
LONGEST_EFFECT = 45.0  # seconds


def prepare_debian_games(data_folder, save_folder, *manifests, **options):
    """Prepares the corpus. For the arguments see
    :func:`debian_packages.prepare_packages`."""
    prepare_packages(
        find_clips, PACKAGES, data_folder, save_folder, *manifests, **options
    )


def find_clips(data_folder, package):
    """Finds the sounds of an unpacked package. Each piece of music is a group
    of its own; speech and effects have the package as their group.

    Returns a list of Clip in the order of their paths."""
    licences = read_licences(data_folder, package)
    about = PACKAGES[package]
    clips = []
    for path, name in find_sounds(data_folder, package):
        source = f"{package}/{name}"
        if LEFT_OUT.search(source):
            continue
        domain = domain_of(source, _seconds(path))
        clips.append(
            Clip(
                path=path,
                source=source,
                corpus=package,
                domain=domain,
                split=split_of(source),
                group=source if domain == "music" else package,
                licence=licence_of(
                    re.sub(about.upstream, about.in_copyright, name, count=1),
                    licences,
                    about.licence or UNKNOWN_LICENCE,
                ),
                padded=True,
            )
        )
    return clips


def domain_of(source, seconds):
    """Domain of a sound by its path and length: games keep speech and music in
    folders of these names; of the rest, what is long is music.

    Example
    -------
    >>> domain_of("0ad-data/pk3/audio/voice/latin/a.ogg", 1.0)
    'speech'
    >>> domain_of("ardentryst/usr/share/games/ardentryst/Music/a.ogg", 9.0)
    'music'
    >>> source = "marsshooter-data/usr/share/games/marsshooter/audio/a.ogg"
    >>> domain_of(source, 3.0), domain_of(source, 50.0)
    ('effects', 'music')
    >>> folder = "planetblupi-common/usr/share/planetblupi/sound"
    >>> domain_of(f"{folder}/de/sound000.wav", 1.0)
    'speech'
    """
    if SPEECH.search(source):
        return "speech"
    if MUSIC.search(source) or seconds > LONGEST_EFFECT:
        return "music"
    return "effects"


def split_of(source):
    """Split of a sound by its path.

    Example
    -------
    >>> folder = "warzone2100-music/usr/share/games/warzone2100/music"
    >>> split_of(f"{folder}/track1.opus"), split_of(f"{folder}/track10.opus")
    ('test', 'train')
    """
    for split, pattern in HELD_OUT.items():
        if pattern.search(source):
            return split
    return "train"


def _seconds(path):
    """Length of a sound; 0 if it cannot be read, which is reported later."""
    try:
        return soundfile.info(path).duration
    except soundfile.LibsndfileError:
        return 0.0


if __name__ == "__main__":
    run_command_line(
        prepare_debian_games,
        "Prepares free music and sound effects from Debian packages of games.",
        "packages, fetched where they are missing",
        partial(add_packages_option, known=PACKAGES),
    )
