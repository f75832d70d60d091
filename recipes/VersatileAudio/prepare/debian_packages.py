"""Fetches and unpacks packages of Debian, and reads the licences of their files.

Authors
 * The speechbrain_flashsr developers 2026
"""

import email
import fnmatch
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path


def provide_package(data_folder, package):
    """Sees to it that a package is there, unpacked.

    Arguments
    ---------
    data_folder : str
        Where the package's folder is or goes.
    package : str
        Name of the package.

    Raises
    ------
    RuntimeError
        If it cannot be fetched or unpacked.
    """
    folder = Path(data_folder).resolve() / package
    if not (folder / "usr").is_dir():
        if folder.exists():
            raise RuntimeError(
                f"{folder} is no unpacked package, for it holds no usr folder:"
                " move it away"
            )
        with _temporary_folder(folder) as part:
            debs = sorted(folder.parent.glob(f"{package}_*.deb"))
            deb = debs[-1] if debs else _download(package, part)
            _run("dpkg", "-x", deb, part / "content", cwd=part)
            os.replace(part / "content", folder)
    if not (folder / "pk3").is_dir():
        for archive in list(folder.rglob("*.pk3")):  # zip, in ufoai-sound
            with _temporary_folder(folder) as part:
                shutil.unpack_archive(archive, part / "content", format="zip")
                os.replace(part / "content", folder / "pk3")


def read_licences(path):
    """Reads a copyright file in Debian's machine-readable format
    (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0).

    Arguments
    ---------
    path : str
        The file.

    Returns
    -------
    list of (str, str)
        Pattern of file names, and their licence, in the file's order; empty
        if the file is missing or in another format.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
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
