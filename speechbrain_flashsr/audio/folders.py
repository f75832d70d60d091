"""Sound files in folders.

Authors
 * The speechbrain_flashsr developers 2026
"""

from speechbrain_flashsr.audio.formats import EXTENSIONS


def find_sound_files(folder):
    """Finds the sound files in a folder and the folders below it.

    Arguments
    ---------
    folder : Path
        The folder.

    Returns
    -------
    list of Path
        Sorted, without hidden files and those in hidden folders.

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
