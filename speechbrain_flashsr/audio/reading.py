"""Sound files read in blocks, with errors a person can act on.

Whatever libsndfile decodes can be read: WAV, FLAC, Ogg, AIFF, MP3 and more.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os
import re
import struct
from pathlib import Path

import numpy as np
import soundfile
import torch

from speechbrain_flashsr.audio.checks import AudioError, check_finite

BLOCK_FRAMES = 65536
"""Frames read or written at a time."""

_WAV_VARIANTS = {"WAVEX": "WAV", "RF64": "WAV"}

# A WAV written to a pipe declares 0 or about 2 or 4 GB of data.
_UNKNOWN_SIZE = 2**31 - 2**16

# libsndfile repairs sizes that headers declare silently and only notes them: of
# WAV, AIFF and AU, of W64, of RF64; and what may lack in an intact file: W64
# fills its last chunk up to a multiple of 8 bytes.
_SIZES = r"\s*:\s*(?P<declared>\d+)\s*\(should be (?P<there>\d+)\)"
_REPAIRS = (
    (rf"^\s*(?:data|SSND|Data Size){_SIZES}", 0, "bytes"),
    (rf"^riff{_SIZES}", 7, "bytes"),
    (r"count (?P<there>\d+) does not .* of (?P<declared>\d+)", 0, "samples"),
)


class AudioReader:
    """A sound file, read from its start in blocks.

    Arguments
    ---------
    path : str or Path
        The file.

    Attributes
    ----------
    sample_rate : int
        In Hz.
    channels : int
        Number of channels.
    num_samples : int
        Samples per channel that the header declares.
    format, subtype : str
        libsndfile's names of file type and sample format, for example "WAV"
        and "PCM_16".

    Raises
    ------
    AudioError
        If the file is missing, empty, truncated, or not audio.

    Example
    -------
    >>> path = getfixture("tmp_path") / "tone.wav"
    >>> soundfile.write(path, np.zeros((1000, 2)), 8000)
    >>> with AudioReader(path) as reader:
    ...     blocks = list(reader.blocks())
    >>> reader.sample_rate, blocks[0].shape
    (8000, torch.Size([2, 1000]))
    """

    def __init__(self, path):
        self.path = Path(path)
        if not self.path.exists():
            raise AudioError(
                f"There is no file '{path}'. Check the name and the folder."
            )
        if self.path.is_dir():
            raise AudioError(f"'{path}' is a folder, not a sound file.")
        if not self.path.is_file():
            raise AudioError(
                f"'{path}' is a pipe or a device, and sound is read twice. "
                "Write it to a file first."
            )
        if self.path.stat().st_size == 0:
            raise AudioError(
                f"'{path}' is an empty file (0 bytes). Copy or record it anew."
            )
        try:
            with open(self.path, "rb"):
                pass  # for the system's own words on what is not readable
            self._file = open_sound(self.path)
        except (soundfile.SoundFileError, OSError, TypeError) as error:
            raise AudioError(
                f"'{path}' cannot be read as audio ({reason(error)}). Give a "
                "file that libsndfile decodes, for example WAV, FLAC or Ogg."
            ) from error
        self.sample_rate = self._file.samplerate
        self.channels = self._file.channels
        self.num_samples = self._file.frames
        # The variants of WAV differ in their headers only.
        self.format = _WAV_VARIANTS.get(self._file.format, self._file.format)
        self.subtype = self._file.subtype
        try:
            self._check_complete()
        except AudioError:
            self._file.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._file.close()

    def metadata(self):
        """Title, artist and other texts of the file.

        Returns
        -------
        dict
            libsndfile's name of the entry -> text.
        """
        return self._file.copy_metadata()

    def blocks(self):
        """Reads the file from its start.

        Yields
        ------
        torch.Tensor
            The next samples, float32 in -1..1, [channels, time].

        Raises
        ------
        AudioError
            If the file ends early, is damaged, has no samples, or has one
            that is NaN or infinite.
        """
        count = 0
        try:
            if self._file.seekable():
                self._file.seek(0)
            else:
                self._file.close()
                self._file = open_sound(self.path)
            while True:
                block = self._file.read(
                    BLOCK_FRAMES, dtype="float32", always_2d=True
                )
                if len(block) == 0:
                    break
                block = torch.from_numpy(np.ascontiguousarray(block.T))
                check_finite(block, self.sample_rate, f"'{self.path}'", count)
                count += block.shape[1]
                yield block
        except soundfile.SoundFileError as error:
            raise _truncated(self.path, reason(error)) from error
        # The header of an MP3 is an estimate, that of a stream may be absent.
        expected = self.num_samples
        if self.format == "MP3":
            expected = int(0.99 * expected)
        if count < expected < 2**62:
            raise _truncated(
                self.path, f"{count} of {self.num_samples} samples are there"
            )
        if count == 0:
            raise AudioError(
                f"'{self.path}' holds no samples. Record or export it anew."
            )

    def _check_complete(self):
        """Raises an AudioError where a file is shorter than it declares."""
        for pattern, padding, unit in _REPAIRS:
            note = re.search(pattern, self._file.extra_info, flags=re.MULTILINE)
            if note is None:
                continue
            there, declared = int(note["there"]), int(note["declared"])
            if there + padding < declared < _UNKNOWN_SIZE:
                raise _truncated(
                    self.path, f"{there} of {declared} {unit} are there"
                )
        if self.format == "OGG" and not _ogg_is_complete(self.path):
            raise _truncated(self.path, "its last page is missing")


def open_sound(path, *arguments, **options):
    """Opens a sound file, whatever bytes its name is made of.

    Arguments
    ---------
    path : str or Path
        The file.
    *arguments, **options
        Further ones of `soundfile.SoundFile`.

    Returns
    -------
    soundfile.SoundFile
    """
    # soundfile encodes names strictly; POSIX knows bytes that are no UTF-8.
    name = os.fsencode(path) if os.name == "posix" else os.fspath(path)
    return soundfile.SoundFile(name, *arguments, **options)


def reason(error):
    """The words of a system's or libsndfile's error, without the file's name.

    Arguments
    ---------
    error : Exception
        What was raised.

    Returns
    -------
    str
    """
    if isinstance(error, FileExistsError):
        return f"'{error.filename}' is no folder"
    text = getattr(error, "strerror", None) or str(error)
    return re.sub(r"^Error opening .*?: ", "", text).strip().rstrip(".")


def _truncated(path, detail):
    return AudioError(
        f"'{path}' is truncated or damaged ({detail}). Copy it again, or "
        "repair it with an audio editor."
    )


def _ogg_is_complete(path):
    """Whether an Ogg file ends with a whole page marked as the last."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 2**17))
        tail = file.read()
    start = tail.rfind(b"OggS")
    if start < 0 or len(tail) < start + 27:
        return False
    flags, segments = tail[start + 5], tail[start + 26]
    lengths = struct.unpack_from(
        f"{min(segments, len(tail) - start - 27)}B", tail, start + 27
    )
    whole = start + 27 + segments + sum(lengths) <= len(tail)
    return bool(flags & 4) and whole
