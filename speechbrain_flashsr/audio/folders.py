"""Sound files in folders.

Authors
 * The speechbrain_flashsr developers 2026
"""

from speechbrain_flashsr.audio.formats import EXTENSIONS


def find_sound_files(folder):
    """Finds the sound files in a folder and those below it, sorted, without
    hidden files and folders.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> for name in ("b.wav", "a.txt", ".c.wav"):
    ...     (folder / name).touch()
    >>> [path.name for path in find_sound_files(folder)]
    ['b.wav']
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in EXTENSIONS
        and not any(
            part.startswith(".") for part in path.relative_to(folder).parts
        )
        and path.is_file()
    )
