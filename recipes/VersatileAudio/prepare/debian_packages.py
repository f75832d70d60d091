"""Corpora of Debian packages: fetches and unpacks packages, and reads the
licences of their files.

Authors
 * The speechbrain_flashsr developers 2026
"""

import email
import fnmatch
import os
import re
import shutil
import subprocess
import zipfile
from contextlib import contextmanager
from pathlib import Path

from clip_audio import AUDIO_SUFFIXES
from corpus import prepare_corpus

UNKNOWN_LICENCE = "see the package's copyright file"
"""Of files whose package's copyright file names none for them, or is not in
Debian's machine-readable format."""

ARCHIVE_SUFFIXES = (".pk3", ".zip")  # zip files, whatever they are called


def prepare_packages(
    find_clips,
    known,
    data_folder,
    save_folder,
    *manifests,
    packages=None,
    skip_prep=False,
    **options,
):
    """Prepares a corpus of packages, those that are missing being fetched.

    Arguments
    ---------
    find_clips : callable
        ``find_clips(data_folder, package)`` returns the list of Clip of an
        unpacked package.
    known : iterable of str
        The packages of the corpus.
    data_folder : str
        Where the packages are, as ``<package>_*.deb`` or unpacked as
        ``<package>/usr/...``, or where they go.
    save_folder, manifests, skip_prep, options
        See :func:`corpus.prepare_corpus`.
    packages : iterable of str, optional
        Those to use. Default: all.

    Raises
    ------
    ValueError
        If a package is none of those known.
    RuntimeError
        If one cannot be fetched or unpacked, or as
        :func:`corpus.prepare_corpus` does.
    """
    if skip_prep:
        return
    packages = sorted(set(known if packages is None else packages))
    for package in packages:
        if package not in known:
            raise ValueError(
                f"unknown package {package!r}; known: {', '.join(known)}"
            )

    def find_all_clips():
        os.makedirs(data_folder, exist_ok=True)
        clips = []
        for package in packages:
            provide_package(data_folder, package)
            clips += find_clips(data_folder, package)
        return clips

    prepare_corpus(
        find_all_clips,
        {"packages": packages},
        save_folder,
        *manifests,
        **options,
    )


def add_packages_option(parser, known):
    """Adds the option ``--packages`` to a command line."""
    parser.add_argument(
        "--packages",
        nargs="+",
        default=known,
        metavar="NAME",
        help=f"the packages to use (default: {', '.join(known)})",
    )


def provide_package(data_folder, package):
    """Fetches and unpacks a package unless it is there. The sound files of its
    zip archives, in which games keep their data, are unpacked to the folder
    ``pk3`` beside ``usr``.

    Raises a RuntimeError if it cannot be fetched or unpacked."""
    folder = Path(data_folder).resolve() / package
    if not (folder / "usr").is_dir():
        if folder.exists():
            raise RuntimeError(
                f"{folder} is not an unpacked package, as it has no usr folder:"
                " move it away"
            )
        with _temporary_folder(folder) as part:
            debs = sorted(folder.parent.glob(f"{package}_*.deb"))
            deb = debs[-1] if debs else _download(package, part)
            _run("dpkg", "-x", deb, part / "content", cwd=part)
            os.replace(part / "content", folder)
    archives = _files(folder, ARCHIVE_SUFFIXES)
    if archives and not (folder / "pk3").is_dir():
        with _temporary_folder(folder) as part:
            (part / "content").mkdir()
            for archive in archives:
                _unpack_sounds(archive, part / "content")
            os.replace(part / "content", folder / "pk3")


def find_sounds(data_folder, package):
    """Finds the sound files of an unpacked package: the path of each, and its
    path inside the package, in their order."""
    folder = Path(data_folder) / package
    return [
        (str(path), path.relative_to(folder).as_posix())
        for path in _files(folder, AUDIO_SUFFIXES)
    ]


def read_licences(data_folder, package):
    """Reads the copyright file of an unpacked package, if it is in Debian's
    machine-readable format
    (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0):
    patterns of file names, and their licence, in the file's order; otherwise
    none."""
    path = Path(data_folder, package, "usr/share/doc", package, "copyright")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return []
    licences = []
    for paragraph in re.split(r"\n\s*\n", text):
        fields = email.message_from_string(paragraph.strip())
        if fields["Files"] and fields["License"]:
            licence = fields["License"].split("\n")[0].strip()
            licences += [(name, licence) for name in fields["Files"].split()]
    return licences


def licence_of(name, licences, default):
    """Licence of a file: that of the last pattern that matches its name.

    Example
    -------
    >>> licences = [("*", "GPL-2+"), ("sounds/*", "CC0")]
    >>> licence_of("sounds/a.ogg", licences, "unknown")
    'CC0'
    """
    for pattern, licence in reversed(licences):
        if fnmatch.fnmatchcase(name, pattern):
            return licence
    return default


def _files(folder, suffixes):
    """Files below a folder with one of these suffixes, in their order."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes and path.is_file()
    )


def _unpack_sounds(archive, folder):
    """Unpacks the sound files of a zip archive."""
    try:
        with zipfile.ZipFile(archive) as file:
            for name in file.namelist():
                if name.lower().endswith(AUDIO_SUFFIXES):
                    file.extract(name, folder)
    except zipfile.BadZipFile as error:
        raise RuntimeError(
            f"{archive} cannot be unpacked ({error}): remove the package's"
            " folder and its .deb file, so that it is fetched again"
        )


def _download(package, folder):
    """Fetches a package with apt-get and keeps the .deb file for later."""
    print(f"Downloading {package} ...")
    _run("apt-get", "-q", "download", package, cwd=folder)
    (deb,) = folder.glob("*.deb")
    return deb.replace(folder.parent / deb.name)


def _run(*command, cwd):
    """Runs a program of Debian's; its last words are the error's."""
    remedy = (
        "or put the package, which packages.debian.org/bookworm offers, into"
        " the data folder"
    )
    try:
        subprocess.run(
            command, cwd=cwd, check=True, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise RuntimeError(
            f"{command[0]} is missing: run this on Debian or Ubuntu, {remedy}"
            " unpacked"
        )
    except subprocess.CalledProcessError as error:
        words = error.stderr.strip().splitlines() or ["no reason given"]
        raise RuntimeError(
            f"`{' '.join(map(str, command))}` failed ({words[-1]}): run"
            f" `sudo apt-get update` and try again, {remedy}"
        )


@contextmanager
def _temporary_folder(folder):
    """A folder beside ``folder`` that is gone afterwards."""
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        yield part
    finally:
        shutil.rmtree(part)
