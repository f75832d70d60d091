"""Sound files read in blocks, with errors a person can act on.

Authors
 * The speechbrain_flashsr developers 2026
"""

import io
import os
import re
import shutil
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

import torch
from speechbrain.utils.logger import get_logger

from speechbrain_flashsr.audio.checks import (
    AudioError,
    DecodeError,
    check_finite,
    check_sample_rate,
    reason,
)
from speechbrain_flashsr.audio.containers import (
    is_plain_ogg,
    is_wav,
    misdeclared_size,
    shortage,
)
from speechbrain_flashsr.audio.ffmpeg import FFmpegDecoder
from speechbrain_flashsr.audio.formats import (
    LIBSNDFILE_SUBTYPES,
    is_for_libsndfile,
)
from speechbrain_flashsr.audio.libsndfile import SndfileDecoder
from speechbrain_flashsr.audio.metadata import read_metadata
from speechbrain_flashsr.audio.writing import complete_file, write_errors

logger = get_logger(__name__)

_MOST_CHANNELS = 1024  # of libsndfile

_SAMPLES = {f"s{bits}": f"PCM_{bits}" for bits in (16, 24, 32)}
_SAMPLES |= {"f32": "FLOAT", "f64": "DOUBLE"}

RAW_FORMATS = {
    "ulaw": ("ULAW", "FILE"),
    "alaw": ("ALAW", "FILE"),
    "vox": ("VOX_ADPCM", "FILE"),
    "gsm": ("GSM610", "FILE"),
    "s8": ("PCM_S8", "FILE"),
    "u8": ("PCM_U8", "FILE"),
    **{f"{name}le": (type, "LITTLE") for name, type in _SAMPLES.items()},
    **{f"{name}be": (type, "BIG") for name, type in _SAMPLES.items()},
}
"""Sample formats of files without a header: libsndfile's name, byte order."""


class AudioReader:
    """A sound file, read from its start in blocks. Raises an AudioError if it
    is missing, empty, truncated, or not audio.

    Arguments
    ---------
    source : str or Path or bytes or binary file
        Name or content of the file, or a binary file, which is copied to a
        temporary one.
    accept_truncated : bool
        Whether to read the intact part of a file that was cut or damaged.
        Default: an error is raised.
    raw : str, optional
        Sample format, rate and channels of a file without a header, for
        example "ulaw:8000" or "s16le:16000:2". See `RAW_FORMATS`.

    Attributes
    ----------
    name, title : str
        Name of the file in messages, and the same in short.
    is_intact : bool
        Whether its header and its sound are known to agree.
    sample_rate, channels, num_samples, format, subtype
        See :class:`~speechbrain_flashsr.audio.libsndfile.SndfileDecoder`.

    Example
    -------
    >>> import numpy, soundfile
    >>> path = getfixture("tmp_path") / "tone.wav"
    >>> soundfile.write(path, numpy.zeros((1000, 2)), 8000)
    >>> with AudioReader(path) as reader:
    ...     blocks = list(reader.blocks())
    >>> reader.sample_rate, blocks[0].shape
    (8000, torch.Size([2, 1000]))
    """

    def __init__(self, source, accept_truncated=False, raw=None):
        self.accept_truncated = accept_truncated
        self.is_intact = not accept_truncated and not raw
        with ExitStack() as stack:
            self.name, self._file = _open(source, stack)
            lacking = "" if raw else shortage(self._file)
            if lacking and not accept_truncated:
                raise self._truncated(lacking)
            try:
                self._decoder = (
                    self._raw_decoder(raw) if raw else self._choose_decoder()
                )
            except DecodeError as error:
                raise AudioError(
                    f"{self.name} cannot be read as audio ({error}). Convert "
                    "it to WAV or FLAC first."
                ) from error
            self._stack = stack.pop_all()
        self.title = os.path.basename(self.name.strip("'"))
        self.sample_rate = self._decoder.sample_rate
        self.channels = self._decoder.channels
        self.num_samples = self._decoder.num_samples
        self.format = self._decoder.format
        self.subtype = self._decoder.subtype

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._stack.close()

    def _choose_decoder(self):
        """Chooses libsndfile if it reads the whole file, otherwise FFmpeg."""
        self._file.seek(0)
        head = self._file.read(16)
        declared = misdeclared_size(self._file) if is_wav(head) else None
        if declared is not None:
            there = self._file.seek(0, os.SEEK_END)
            if 0 < declared < there:
                logger.warning(
                    f"{self.name} declares {declared} bytes of sound, but has "
                    f"{there} bytes, which are all taken as sound."
                )
            self.is_intact = False
            return FFmpegDecoder(self._file, ignore_length="1")
        # libsndfile stops at the first damaged block of a FLAC.
        damaged = self.accept_truncated and head.startswith(b"fLaC")
        if not damaged and (
            is_for_libsndfile(head)
            or (head.startswith(b"OggS") and is_plain_ogg(self._file))
        ):
            with suppress(DecodeError):
                decoder = SndfileDecoder(self._file)
                if decoder.subtype in LIBSNDFILE_SUBTYPES:
                    return decoder
        return FFmpegDecoder(self._file)

    def _raw_decoder(self, raw):
        """libsndfile for a file without a header."""
        given = re.fullmatch(r"(\w+):(\d{1,9})(?::(\d{1,9}))?", str(raw))
        channels = int(given[3] or 1) if given else 0
        if (
            given is None
            or given[1] not in RAW_FORMATS
            or not 1 <= channels <= _MOST_CHANNELS
        ):
            raise AudioError(
                f"The format of a file without a header is {raw!r}. Write it "
                "as FORMAT:RATE or FORMAT:RATE:CHANNELS, for example "
                f"ulaw:8000; FORMAT is one of {', '.join(RAW_FORMATS)}, and "
                f"CHANNELS at most {_MOST_CHANNELS}."
            )
        subtype, endian = RAW_FORMATS[given[1]]
        return SndfileDecoder(
            self._file,
            samplerate=check_sample_rate(int(given[2]), self.name),
            channels=channels,
            subtype=subtype,
            endian=endian,
            format="RAW",
        )

    def metadata(self):
        """Reads the :class:`~speechbrain_flashsr.audio.metadata.Metadata`."""
        return read_metadata(self._file, self.sample_rate)

    def copy_to(self, path):
        """Copies the file bit for bit; the copy appears when it is complete."""
        self._file.seek(0)
        with complete_file(path) as temporary, write_errors(path):
            with open(temporary, "wb") as target:
                shutil.copyfileobj(self._file, target)

    def blocks(self):
        """Reads the file from its start: yields float32 in -1..1, [channels,
        time]. Raises an AudioError if the file ends early, is damaged, has no
        samples, or has one that is NaN or infinite."""
        count = 0
        try:
            for block in self._decoder.blocks(self.accept_truncated):
                block = torch.from_numpy(block)
                check_finite(block, self.sample_rate, self.name, count)
                count += block.shape[1]
                yield block
        except DecodeError as error:
            raise self._truncated(error) from error
        if count < self._decoder.least_samples and not self.accept_truncated:
            raise self._truncated(
                f"{count} of {self.num_samples} samples are there"
            )
        if count == 0:
            raise AudioError(
                f"{self.name} holds no samples. Record or export it again."
            )

    def _truncated(self, detail):
        return AudioError(
            f"{self.name} is truncated or damaged ({detail}). Copy it again, "
            "or accept its intact part: --accept-truncated, in Python "
            "accept_truncated=True."
        )


def _open(source, stack):
    """The name of a source for messages, and a file that can be sought in."""
    if isinstance(source, str | os.PathLike):
        _check_path(Path(source))
        name = f"'{source}'"
        try:
            file = stack.enter_context(open(source, "rb"))
        except OSError as error:
            raise AudioError(
                f"{name} cannot be read ({reason(error)}). Check its "
                "permissions."
            ) from error
    elif isinstance(source, bytes | bytearray | memoryview):
        name, file = "the recording", io.BytesIO(source)
    elif hasattr(source, "read"):
        name = getattr(source, "name", None)
        name = f"'{name}'" if isinstance(name, str) else "the recording"
        name = "the standard input" if name == "'<stdin>'" else name
        file = stack.enter_context(tempfile.TemporaryFile())
        try:
            shutil.copyfileobj(source, file)
        except (OSError, TypeError, ValueError) as error:
            raise AudioError(
                f"{name} cannot be read as a binary file ({reason(error)}). "
                "Open it with mode 'rb', and leave room for it in the folder "
                f"of temporary files, '{tempfile.gettempdir()}'."
            ) from error
    else:
        raise AudioError(
            f"The recording is a {type(source).__name__}. Pass the name of a "
            "file, its bytes, or a file opened with mode 'rb'."
        )
    if file.seek(0, os.SEEK_END) == 0:
        raise AudioError(f"{name} is empty (0 bytes). Copy or record it again.")
    return name, file


def _check_path(path):
    """Raises an AudioError unless the name is that of a file on a disk."""
    if not path.exists():
        raise AudioError(
            f"There is no file '{path}'. Check the name and the folder."
        )
    if path.is_dir():
        raise AudioError(f"'{path}' is a folder, not a sound file.")
    if not path.is_file():
        raise AudioError(
            f"'{path}' is a pipe or a device. Write it to a file first, or "
            "send it to the standard input: flashsr - < PIPE."
        )
