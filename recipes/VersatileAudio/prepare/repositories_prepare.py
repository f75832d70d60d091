"""Running speech, and more music and effects, from public git repositories
under free licences: people who read addresses into their own devices, narrators
in many languages, foley, weather, footsteps.

The repositories must be cloned below ``data_folder`` (``git clone --depth 1``,
https://github.com/<owner>/<name>); those that are not there are named and left
out.

    python repositories_prepare.py data_folder save_folder

Authors
 * The speechbrain_flashsr developers 2026
"""

import re
from pathlib import Path

from clip_manifest import Clip
from corpus import first_match, prepare_corpus, read_table, run_command_line
from debian_packages import find_sounds

# Clips of repositories; the first row whose pattern fits a file takes it. `{}`
# in `group` stands for the first group of the pattern, and the licence is as
# the repository states it. The languages with which the Debian corpus validates
# and tests are left out, and GCompris in Thai, which was recorded at 8 kHz.
SOURCES = read_table("repositories.csv")

# Patterns of the groups that do not train. The English reader of GCompris may
# be that of Tux Paint, with whom the Debian corpus tests.
HELD_OUT = {
    "dev": r"sakshee5-R_(1VaNGgPhYxnUTbC|3i2ltOSffNPHRfR|4aYapHeUHBuU8XG"
    r"|5jebEVEgcwRTOcO|7OVSal7s7tNbjLO)|gcompris-kn|plh-ar|blanket-rain"
    r"|cdda-plmove|openrct2-effects",
    "test": r"sakshee5-R_(14L9qNxUlipFmsF|1oLUlgQk6qINvsk|3f5pnhlvLlxkfu1"
    r"|4Cbjs7mWxj4Ri7v|4ezaMzei6ssNagt|5F0Zpg07Mr16uBz|6E6ELKr8L1H0RnH"
    r"|7NCxNP8jSj5mq6n)|gcompris-(ca|en)|plh-xh|body-percussion|minetest-.*",
}
LONGEST_EFFECT = 60.0  # seconds: weather and crowds go on for minutes


def prepare_repositories(
    data_folder, save_folder, *manifests, skip_prep=False, **options
):
    """Prepares those repositories whose clones, ``<name>/...``, are in a
    folder. For the other arguments see :func:`corpus.prepare_corpus`. Raises a
    FileNotFoundError if there is none."""
    if skip_prep:
        return
    repositories = dict.fromkeys(source.repository for source in SOURCES)
    present, missing = [], []
    for repository in repositories:
        there = Path(data_folder, folder_of(repository)).is_dir()
        (present if there else missing).append(repository)
    if not present:
        raise FileNotFoundError(
            f"{data_folder} holds none of the repositories: clone one at least,"
            f" as in `git clone --depth 1 https://github.com/{missing[0]}"
            f" {data_folder}/{folder_of(missing[0])}`"
        )
    if missing:
        print(f"Not in {data_folder}, so left out: {', '.join(missing)}")
    prepare_corpus(
        lambda: [c for r in present for c in find_clips(data_folder, r)],
        {"repositories": present},
        save_folder,
        *manifests,
        **options,
    )


def folder_of(repository):
    """The folder that `git clone` makes for a repository.

    Example
    -------
    >>> folder_of("nodepa/seedlingo")
    'seedlingo'
    """
    return repository.split("/")[1]


def find_clips(data_folder, repository):
    """Finds the audio files of a repository's clone (owner and name) that may
    be used, sorted by path."""
    sources = [s for s in SOURCES if s.repository == repository]
    clips = []
    for path, name in find_sounds(data_folder, folder_of(repository)):
        source, match = first_match(sources, name)
        if source is None:
            continue
        group = source.group.format(*match.groups())
        effect = source.domain == "effects"
        clips.append(
            Clip(
                path=path,
                source=f"{repository}/{name}",
                corpus=folder_of(repository),
                domain=source.domain,
                split=split_of(group),
                group=group,
                licence=source.licence,
                padded=True,
                longest_seconds=LONGEST_EFFECT if effect else None,
            )
        )
    return clips


def split_of(group):
    """Split of a group.

    Example
    -------
    >>> split_of("plh-xh"), split_of("gcompris-kn"), split_of("gcompris-fr")
    ('test', 'dev', 'train')
    """
    for split, pattern in HELD_OUT.items():
        if re.fullmatch(pattern, group):
            return split
    return "train"


if __name__ == "__main__":
    run_command_line(
        prepare_repositories,
        "Prepares free audio from clones of public repositories.",
        "the clones",
    )
