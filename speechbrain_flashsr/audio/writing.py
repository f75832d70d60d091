"""Sound files written in blocks, complete or not at all.

WAV, FLAC and Ogg Vorbis are written.

Authors
 * The speechbrain_flashsr developers 2026
"""

import functools
import os
import platform
import re
import shutil
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import soundfile

from speechbrain_flashsr.audio.checks import AudioError
from speechbrain_flashsr.audio.reading import BLOCK_FRAMES, open_sound, reason

OUTPUT_FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG"}
"""Formats that are written, by file extension."""

# libsndfile crashes instead of refusing more channels in an Ogg file.
_MOST_CHANNELS = {"WAV": 1024, "FLAC": 8, "OGG": 255}

# Sub-types of which the bit depth means something at another sample rate;
# what is companded or lossy (telephone codes, MP3, ...) becomes 16 bit.
_DEPTHS = ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")

# Sub-types that hold samples beyond full scale.
_UNLIMITED = ("FLOAT", "DOUBLE", "VORBIS", "OPUS")

# The next best where a format lacks a sub-type.
_SUBSTITUTES = {
    "WAV": {"PCM_S8": "PCM_U8"},
    "FLAC": {
        "PCM_U8": "PCM_S8",
        "PCM_32": "PCM_24",
        "FLOAT": "PCM_24",
        "DOUBLE": "PCM_24",
    },
    "OGG": dict.fromkeys(_DEPTHS, "VORBIS"),
}

# At its default quality, Ogg Vorbis drops quiet sound above 16 to 19 kHz.
_OGG_OPTIONS = {"compression_level": 0.1}

# Bytes of a WAV file above which the 64-bit variant of the header is needed.
_WAV_LIMIT = 2**32 - 2**20
_SAMPLE_BYTES = {"PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "DOUBLE": 8}


def output_format(path, source_subtype="PCM_16", subtype=None):
    """Decides how an output file is written.

    Arguments
    ---------
    path : str or Path
        Name of the output; its extension (.wav, .flac, .ogg) is the format.
        Ogg is written at a high quality (Vorbis 9 of 10).
    source_subtype : str
        Sample format of the input, of which the bit depth is kept where the
        format can.
    subtype : str, optional
        Sample format that was asked for, for example "PCM_24" or "FLOAT".

    Returns
    -------
    format : str
        libsndfile's name of the format.
    subtype : str
        libsndfile's name of the sample format.

    Raises
    ------
    AudioError
        If the extension is none of them, or the format cannot hold `subtype`.

    Example
    -------
    >>> output_format("speech.wav", "PCM_24")
    ('WAV', 'PCM_24')
    >>> output_format("call.flac", "ULAW")
    ('FLAC', 'PCM_16')
    """
    extension = Path(path).suffix.lower()
    if extension not in OUTPUT_FORMATS:
        raise AudioError(
            f"'{path}' cannot be written: its extension is '{extension}'. "
            f"Name it with one of {', '.join(OUTPUT_FORMATS)}."
        )
    format = OUTPUT_FORMATS[extension]
    if subtype is None:
        depth = source_subtype if source_subtype in _DEPTHS else "PCM_16"
        return format, _SUBSTITUTES[format].get(depth, depth)
    subtype = subtype.upper()
    known = soundfile.available_subtypes(format)
    if subtype not in known:
        raise AudioError(
            f"{format} cannot hold samples of type '{subtype}'. Choose one "
            f"of {', '.join(known)}."
        )
    return format, subtype


class AudioWriter:
    """A sound file, written in blocks to a temporary name beside.

    Arguments
    ---------
    path : str or Path
        Name of the output; it appears when the `with` block ends without an
        error, and replaces what was there.
    sample_rate : int
        In Hz.
    channels : int
        Number of channels.
    format, subtype : str
        See :func:`output_format`.
    num_samples : int
        Expected length, which decides whether a WAV needs a 64-bit header.
    metadata : dict
        See :meth:`AudioReader.metadata`.

    Attributes
    ----------
    clipped_samples : int
        How many samples were beyond what the format can hold.
    peak : float
        Largest magnitude that was asked for.

    Raises
    ------
    AudioError
        If the file cannot be written.

    Example
    -------
    >>> import torch
    >>> path = getfixture("tmp_path") / "loud.flac"
    >>> with AudioWriter(path, 48000, 1, "FLAC", "PCM_16") as writer:
    ...     writer.write(torch.tensor([[0.5, 1.5]]))
    >>> writer.clipped_samples, soundfile.info(path).frames
    (1, 2)
    """

    def __init__(
        self,
        path,
        sample_rate,
        channels,
        format,
        subtype,
        num_samples=0,
        metadata=None,
    ):
        self.path = Path(path)
        self.sample_rate = sample_rate
        self.channels = channels
        self.format = format
        self.subtype = subtype
        self.metadata = metadata or {}
        self.clipped_samples = 0
        self.peak = 0.0
        if channels > _MOST_CHANNELS[format]:
            raise AudioError(
                f"'{path}' cannot be written: {format} holds at most "
                f"{_MOST_CHANNELS[format]} channels, not {channels}. Choose "
                "WAV, or split the channels."
            )
        num_bytes = num_samples * channels * _SAMPLE_BYTES.get(subtype, 4)
        if format == "WAV" and num_bytes > _WAV_LIMIT:
            self.format = "RF64"
        self._num_written = 0
        bits = re.match(r"PCM_[SU]?(\d+)", subtype)
        # Integers reach full scale below zero and one step less above it.
        half_step = 0.5 ** int(bits[1]) if bits else 0.0
        self._lowest, self._highest = -1 - half_step, 1 - half_step
        if subtype in _UNLIMITED:
            self._lowest, self._highest = -np.inf, np.inf

    def __enter__(self):
        with ExitStack() as stack:
            temporary = stack.enter_context(complete_file(self.path))
            stack.enter_context(_write_errors(self.path))
            stack.enter_context(self._verified(temporary))
            self._file = stack.enter_context(
                open_sound(
                    temporary,
                    "w",
                    self.sample_rate,
                    self.channels,
                    self.subtype,
                    format=self.format,
                    **(_OGG_OPTIONS if self.format == "OGG" else {}),
                )
            )
            for name, text in self.metadata.items():
                setattr(self._file, name, text)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        return self._stack.__exit__(*exception)

    @contextmanager
    def _verified(self, temporary):
        """Raises an OSError if the file, once closed, lacks what was written:
        on a full disk libsndfile loses the end of a FLAC or Ogg without a
        word."""
        yield
        with suppress(soundfile.SoundFileError), open_sound(temporary) as file:
            # Some formats fill their last block with zeros.
            if file.frames >= self._num_written:
                if not file.seekable():
                    return  # of these, the length follows from the bytes
                start = file.seek(max(0, file.frames - BLOCK_FRAMES))
                if len(file.read()) == file.frames - start:
                    return
        raise OSError("its end could not be written")

    def write(self, block):
        """Appends samples.

        Arguments
        ---------
        block : torch.Tensor
            Full scale is 1, [channels, time].
        """
        samples = block.detach().cpu().numpy().T
        self.peak = max(self.peak, float(np.abs(samples).max(initial=0.0)))
        clipped = (samples < self._lowest) | (samples > self._highest)
        self.clipped_samples += int(np.count_nonzero(clipped))
        # libsndfile lets telephone codes and the like wrap around.
        samples = samples.clip(self._lowest, self._highest)
        self._num_written += len(samples)
        # In pieces: libsndfile's Vorbis encoder fails on long blocks.
        for start in range(0, len(samples), BLOCK_FRAMES):
            self._file.write(samples[start : start + BLOCK_FRAMES])


def copy_file(source, target):
    """Copies a file, bit for bit.

    Arguments
    ---------
    source : str or Path
        The file.
    target : str or Path
        Name of the copy, which appears when it is complete.

    Raises
    ------
    AudioError
        If the copy cannot be written.
    """
    with complete_file(target) as temporary, _write_errors(target):
        shutil.copyfile(source, temporary)


@contextmanager
def complete_file(path):
    """Gives a temporary name beside `path` and renames it at the end.

    Arguments
    ---------
    path : str or Path
        Name of the output. Folders on its way are made.

    Yields
    ------
    str
        Name of an empty file to write to. It replaces `path` when the `with`
        block ends, and vanishes if the block raises.

    Raises
    ------
    AudioError
        If the folder cannot be written to.

    Example
    -------
    >>> path = getfixture("tmp_path") / "new" / "notes.txt"
    >>> with complete_file(path) as temporary:
    ...     _ = Path(temporary).write_text("whole")
    >>> path.read_text()
    'whole'
    """
    path = Path(path)
    with _write_errors(path):
        if path.is_dir():
            raise IsADirectoryError(f"'{path}' is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent.resolve())
        handle, temporary = tempfile.mkstemp(
            prefix=f"{_temporary_prefix()}{os.getpid()}-", dir=path.parent
        )
        os.close(handle)
    try:
        yield temporary
        with _write_errors(path):
            # Temporary files are private: give the usual rights.
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


@functools.cache
def remove_leftovers(folder):
    """Removes the temporary files that killed processes left in a folder.

    Arguments
    ---------
    folder : Path
        Looked through once in the life of a process. The files of processes
        that are running, or were on another machine, are left alone.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> with complete_file(folder / "notes.txt") as temporary:
    ...     remove_leftovers(folder)
    ...     Path(temporary).exists()
    True
    """
    for leftover in folder.glob(f"{_temporary_prefix()}*"):
        process = leftover.name[len(_temporary_prefix()) :].partition("-")[0]
        if process.isdecimal() and not _is_running(int(process)):
            leftover.unlink(missing_ok=True)


def _temporary_prefix():
    """Start of temporary names: those of this machine, then the process."""
    return f".flashsr-{platform.node()[:64]}-"


def _is_running(process):
    """Whether there is a process of a number, as far as can be told."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's
    return True


@contextmanager
def _write_errors(path):
    """Turns what goes wrong while writing into an AudioError."""
    try:
        yield
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(
            f"'{path}' cannot be written ({reason(error)}). Choose a folder "
            "that you may write to, with room on its disk, and a format that "
            "can hold the channels."
        ) from error
