"""Speech, music and sound effects from packages of Debian 12: free audio that
needs no account and no hub, 12 packages, 539 MB to download.

Each package is fetched with ``apt-get download`` and unpacked with ``dpkg -x``,
unless ``data_folder`` holds it already, as a .deb file or unpacked. Clips are
selected by measuring them (clip_filter.py), not by a list.

    python debian_audio_prepare.py data_folder save_folder

Authors
 * The speechbrain_flashsr developers 2026
"""

import re
from dataclasses import dataclass
from functools import partial

from clip_manifest import Clip
from corpus import run_command_line
from debian_packages import (
    add_packages_option,
    find_sounds,
    licence_of,
    prepare_packages,
    read_licences,
)

# Speech is split by language over all packages (the characters of Hedgewars
# count as languages of their own), music and effects by package, so that no
# reader and no song is on two sides.
DEV_SPEECH = {"uk", "gl", "en_GB"}
TEST_SPEECH = {"da", "el", "it", "wa", "pl", "en", "HillBilly"}


@dataclass(frozen=True)
class Source:
    """Some clips of a package.

    Arguments
    ---------
    package : str
        Name of the package.
    domain : str
        "speech", "music" or "effects".
    pattern : str
        Regular expression that a path in the package begins with; its group
        ``group``, if any, is the group of the clip (else: the package).
    split : str, optional
        Split of the clips; speech goes by language.
    upstream : (str, str), optional
        Beginning of the paths in the package, and what stands for it in the
        package's copyright file.
    licence : str, optional
        Licence, where the copyright file is not in Debian's machine-readable
        format.
    """

    package: str
    domain: str
    pattern: str
    split: str = None
    upstream: tuple = ("", "")
    licence: str = "see the package's copyright file"


HEDGEWARS = "usr/share/games/hedgewars/Data"
HEDGEWARS_UPSTREAM = ("usr/share/games/", "share/")
FRETS = "usr/share/games/fretsonfire/data/songs/sectoid"
LANGUAGE = "(?P<group>[a-z]{2,3}(_[A-Z]{2})?)"

# The first source whose pattern fits a file takes it.
SOURCES = (
    Source(
        "tuxpaint-stamps-default",
        "speech",
        rf"usr/share/tuxpaint/stamps/.*_desc_{LANGUAGE}\.",
    ),
    Source(
        "tuxpaint-stamps-default",
        "effects",
        r"usr/share/tuxpaint/stamps/(?!.*_desc\.)",
        split="train",
    ),
    Source(
        "klettres-data",
        "speech",
        r"usr/share/klettres/(?P<group>[^/]+)/(alpha|syllab)/",
    ),
    Source(
        "ktuberling-data",
        "speech",
        r"usr/share/ktuberling/sounds/(?P<group>[^/]+)/",
    ),
    Source(
        "gcin-voice",
        "speech",
        r"usr/share/gcin-voice/ogg/[^/]+/(?P<group>[35])\.ogg",
    ),
    Source(
        "hedgewars-data",
        "speech",
        rf"{HEDGEWARS}/Sounds/voices/(\w+_(?=[a-z]{{2}}/))?(?P<group>\w+)/",
        upstream=HEDGEWARS_UPSTREAM,
    ),
    Source(
        "hedgewars-data",
        "effects",
        rf"{HEDGEWARS}/Sounds/[^/]+$",
        split="train",
        upstream=HEDGEWARS_UPSTREAM,
    ),
    Source(
        "hedgewars-data",
        "music",
        rf"{HEDGEWARS}/Music/(?P<group>[^/]+)\.",
        split="train",
        upstream=HEDGEWARS_UPSTREAM,
    ),
    Source(
        "ufoai-sound",
        "effects",
        "pk3/sound/",
        split="train",
        upstream=("pk3/", "base/"),
    ),
    Source(
        "sonic-pi-samples",
        "effects",
        "usr/share/sonic-pi/",
        split="train",
        upstream=("usr/share/sonic-pi/", "etc/"),
    ),
    Source(
        "fretsonfire-songs-sectoid",
        "music",
        rf"{FRETS}/(?P<group>[^/]+)/",
        split="dev",
        licence="Expat",
    ),
    Source("hydrogen-data", "effects", "usr/share/hydrogen/data/", split="dev"),
    Source(
        "singularity-music",
        "music",
        r"usr/share/games/singularity/music/(.*/)?(?P<group>[^/]+)\.",
        split="test",
        licence="CC-BY-SA-3.0",
    ),
    Source("lmms-common", "effects", "usr/share/lmms/samples/", split="test"),
    Source("bucklespring-data", "effects", "usr/share/buckle/", split="test"),
)
PACKAGES = tuple(dict.fromkeys(source.package for source in SOURCES))


def prepare_debian_audio(data_folder, save_folder, *manifests, **options):
    """Prepares the corpus. For the arguments see
    :func:`debian_packages.prepare_packages`.

    Example
    -------
    >>> manifests = [f"data/{s}.json" for s in ("train", "dev", "test")]
    >>> prepare_debian_audio("packages", "data", *manifests)  # doctest: +SKIP
    """
    prepare_packages(
        find_clips, PACKAGES, data_folder, save_folder, *manifests, **options
    )


def find_clips(data_folder, package):
    """Finds the audio files of an unpacked package that may be used.

    Returns a list of Clip in the order of their paths.
    """
    sources = [source for source in SOURCES if source.package == package]
    licences = read_licences(data_folder, package)
    clips = []
    for path, name in find_sounds(data_folder, package):
        for source in sources:
            match = re.match(source.pattern, name)
            if match:
                group = match.groupdict().get("group", package)
                clips.append(
                    Clip(
                        path=path,
                        source=f"{package}/{name}",
                        corpus=package,
                        domain=source.domain,
                        split=source.split or speech_split(group),
                        group=group,
                        licence=licence_of(
                            name.replace(*source.upstream, 1),
                            licences,
                            source.licence,
                        ),
                    )
                )
                break
    return clips


def speech_split(group):
    """Split of a language or of a character of Hedgewars.

    Example
    -------
    >>> speech_split("pl"), speech_split("uk"), speech_split("Pirate")
    ('test', 'dev', 'train')
    """
    if group in TEST_SPEECH:
        return "test"
    return "dev" if group in DEV_SPEECH else "train"


if __name__ == "__main__":
    run_command_line(
        prepare_debian_audio,
        "Prepares free audio from Debian packages.",
        "packages, fetched where they are missing",
        partial(add_packages_option, known=PACKAGES),
    )
