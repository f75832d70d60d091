"""Sound files written in blocks, complete or not at all: WAV, FLAC and Ogg.

Authors
 * The speechbrain_flashsr developers 2026
"""

import functools
import math
import os
import platform
import re
import secrets
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import soundfile
from mutagen import MutagenError
from speechbrain.utils.logger import get_logger

from speechbrain_flashsr.audio import block_frames
from speechbrain_flashsr.audio.checks import AudioError, check_finite, reason
from speechbrain_flashsr.audio.codecs import OPUS_RATES
from speechbrain_flashsr.audio.formats import OGG_ORDER
from speechbrain_flashsr.audio.metadata import (
    INFO_NAMES,
    Metadata,
    is_plain,
    write_metadata,
)

logger = get_logger(__name__)

# libsndfile crashes if an Ogg file gets more channels.
_MOST_CHANNELS = {"WAV": 1024, "FLAC": 8, "OGG": 255}

# Sub-types that hold samples beyond full scale.
_UNLIMITED = ("FLOAT", "DOUBLE", "VORBIS", "OPUS")

# A peak, relative to full scale, beyond which clipping leaves nothing to hear.
_MOST_OVERLOAD = 10.0

# At its default quality, Ogg Vorbis drops quiet sound above 16 to 19 kHz.
_OGG_OPTIONS = {"compression_level": 0.1}

# Sub-types that a WAV with a description of its channels can hold.
_DESCRIBED = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")

# Bytes of a WAV file above which the 64-bit variant of the header is needed.
_WAV_LIMIT = 2**32 - 2**20
_SAMPLE_BYTES = {"PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "DOUBLE": 8}


class AudioWriter:
    """A sound file, written in blocks to a temporary file beside it. It appears
    when the `with` block ends without an error, and replaces an earlier file.
    Raises an AudioError if it cannot be written.

    Arguments
    ---------
    path : str or Path
        Name of the output.
    sample_rate, channels : int
        Rate in Hz, and number of channels.
    format, subtype : str
        See :func:`output_format`.
    num_samples : int
        Expected length, which decides whether a WAV needs a 64-bit header.
    metadata : Metadata, optional
        Of the input. A warning names the parts that the format cannot hold.

    Attributes
    ----------
    clipped_samples, peak : int, float
        Number of samples beyond the range of the format, and the largest
        magnitude, relative to full scale.

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
        self.metadata = metadata or Metadata(sample_rate)
        self.clipped_samples = 0
        self.peak = 0.0
        if channels > _MOST_CHANNELS[format]:
            raise AudioError(
                f"'{path}' cannot be written: {format} holds at most "
                f"{_MOST_CHANNELS[format]} channels, not {channels}. Choose "
                "WAV, or split the channels."
            )
        if subtype == "OPUS" and sample_rate not in OPUS_RATES:
            raise AudioError(
                f"'{path}' cannot be written: Opus has no sample rate of "
                f"{sample_rate} Hz. Choose 48000, or another format."
            )
        self._order = slice(None)
        if format == "OGG":
            self._order = list(OGG_ORDER.get(channels, range(channels)))
        num_bytes = num_samples * channels * _SAMPLE_BYTES.get(subtype, 4)
        if format == "WAV" and num_bytes > _WAV_LIMIT:
            self.format = "RF64"
        elif format == "WAV" and subtype in _DESCRIBED:
            if not is_plain(self.metadata.speakers, channels):
                self.format = "WAVEX"
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
            stack.enter_context(write_errors(self.path))
            stack.enter_context(self._completed(temporary))
            self._file = stack.enter_context(
                soundfile.SoundFile(
                    _encoded(temporary),
                    "w",
                    self.sample_rate,
                    self.channels,
                    self.subtype,
                    format=self.format,
                    **(_OGG_OPTIONS if self.format == "OGG" else {}),
                )
            )
            if self.format != "OGG" and self.format != "FLAC":
                for name, text in self.metadata.texts.items():
                    if name in INFO_NAMES:
                        setattr(self._file, INFO_NAMES[name], text)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        return self._stack.__exit__(*exception)

    @contextmanager
    def _completed(self, temporary):
        """Adds the metadata to the closed file, and raises an OSError if the
        file is incomplete: on a full disk libsndfile loses the end of a FLAC or
        Ogg without an error."""
        yield
        lost = write_metadata(
            temporary,
            self.subtype,
            self.sample_rate,
            self.channels,
            self.metadata,
        )
        if not self._is_complete(temporary):
            raise OSError("its end could not be written")
        if lost:
            logger.warning(
                f"'{self.path}' is without {' and '.join(lost)} of the input: "
                "its format, or this program, has no place for them."
            )

    def _is_complete(self, temporary):
        """Whether all written samples can be read."""
        with (
            suppress(soundfile.SoundFileError),
            soundfile.SoundFile(_encoded(temporary)) as file,
        ):
            # Some formats fill their last block with zeros.
            if file.frames >= self._num_written:
                if not file.seekable():
                    return True  # of these, the length follows from the bytes
                length = min(file.frames, block_frames(self.channels))
                file.seek(file.frames - length)
                return len(file.read()) == length
        return False

    def write(self, block):
        """Appends samples [channels, time], whose full scale is 1."""
        check_finite(
            block,
            self.sample_rate,
            f"the sound for '{self.path}'",
            self._num_written,
            "Check the weights of the model, guidance_scale, and the level of "
            "the input.",
        )
        samples = block.detach().cpu().numpy()[self._order].T
        self.peak = max(self.peak, float(np.abs(samples).max(initial=0.0)))
        if self.peak > _MOST_OVERLOAD and np.isfinite(self._highest):
            raise AudioError(
                f"The sound for '{self.path}' goes beyond full scale by "
                f"{20 * math.log10(self.peak):.0f} dB: all would be clipped. "
                "Write a .wav of subtype FLOAT, or lower the level of the "
                "input (its full scale is 1)."
            )
        clipped = (samples < self._lowest) | (samples > self._highest)
        self.clipped_samples += int(np.count_nonzero(clipped))
        # libsndfile lets telephone codes and the like wrap around.
        samples = samples.clip(self._lowest, self._highest)
        self._num_written += len(samples)
        # In pieces: libsndfile's Vorbis encoder fails on long blocks.
        frames = block_frames(self.channels)
        for start in range(0, len(samples), frames):
            self._file.write(samples[start : start + frames])


def _encoded(name):
    """A name for soundfile, which encodes names strictly; on POSIX not all of
    them are UTF-8."""
    return os.fsencode(name) if os.name == "posix" else name


@contextmanager
def complete_file(path):
    """Yields a temporary name beside `path`, an empty file. It replaces `path`
    when the `with` block ends, and vanishes if the block raises.

    Example
    -------
    >>> path = getfixture("tmp_path") / "new" / "notes.txt"
    >>> with complete_file(path) as temporary:
    ...     _ = Path(temporary).write_text("whole")
    >>> path.read_text()
    'whole'
    """
    path = Path(path)
    with write_errors(path):
        if path.is_dir():
            raise IsADirectoryError(f"'{path}' is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent.resolve())
        name = f"{_temporary_prefix()}{os.getpid()}-{secrets.token_hex(8)}"
        temporary = path.parent / name
        temporary.touch(exist_ok=False)
    try:
        yield str(temporary)
        with write_errors(path):
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@functools.cache
def remove_leftovers(folder):
    """Removes the temporary files that killed processes left in a folder. It is
    looked through once in the life of a process. The files of processes that
    are running, or were on another machine, are left alone."""
    for leftover in folder.glob(f"{_temporary_prefix()}*"):
        process = leftover.name[len(_temporary_prefix()) :].partition("-")[0]
        if process.isdecimal() and not _is_running(int(process)):
            leftover.unlink(missing_ok=True)


def _temporary_prefix():
    """Start of temporary names: the name of this machine, ended by a character
    that such names do not have. The process follows."""
    return f".flashsr-{platform.node()[:64]}="


def _is_running(process):
    """Whether a process of that number runs, as far as this can be known."""
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
def write_errors(path):
    """Turns errors while writing into an AudioError."""
    try:
        yield
    except (soundfile.SoundFileError, OSError, MutagenError) as error:
        raise AudioError(
            f"'{path}' cannot be written ({reason(error)}). Choose a folder "
            "that you may write to, with room on its disk, and a format that "
            "can hold the channels."
        ) from error
