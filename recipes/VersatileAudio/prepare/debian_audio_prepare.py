"""Speech, music and sound effects from packages of Debian 12: free audio that
needs no account and no hub, 12 packages, 539 MB to download.

Each package is fetched with ``apt-get download`` and unpacked with ``dpkg -x``,
unless ``data_folder`` holds it already, as a .deb file or unpacked. Clips are
selected by measuring them (clip_filter.py), not by a list.

    python debian_audio_prepare.py data_folder save_folder

Authors
 * The speechbrain_flashsr developers 2026
"""

from functools import partial

from clip_manifest import Clip
from corpus import first_match, read_table, run_command_line
from debian_packages import (
    UNKNOWN_LICENCE,
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


# Clips of packages; the first row whose pattern fits a file takes it. The
# pattern's group "group", if any, is the group of the clip (else: the package);
# speech without a split goes by language. A path of a package begins with
# `upstream`, for which `in_copyright` stands in the package's copyright file,
# and `licence` is there where that is not in Debian's machine-readable format.
SOURCES = read_table("debian_audio.csv")
PACKAGES = tuple(dict.fromkeys(source.package for source in SOURCES))


def prepare_debian_audio(data_folder, save_folder, *manifests, **options):
    """Prepares the corpus. For the arguments see
    :func:`debian_packages.prepare_packages`."""
    prepare_packages(
        find_clips, PACKAGES, data_folder, save_folder, *manifests, **options
    )


def find_clips(data_folder, package):
    """Finds the audio files of an unpacked package that may be used.

    Returns a list of Clip in the order of their paths."""
    sources = [source for source in SOURCES if source.package == package]
    licences = read_licences(data_folder, package)
    clips = []
    for path, name in find_sounds(data_folder, package):
        source, match = first_match(sources, name)
        if source is None:
            continue
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
                    name.replace(source.upstream, source.in_copyright, 1),
                    licences,
                    source.licence or UNKNOWN_LICENCE,
                ),
            )
        )
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
