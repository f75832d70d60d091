"""Sound files as blocks of samples by libsndfile.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os

import numpy as np
import soundfile

from speechbrain_flashsr.audio import block_frames
from speechbrain_flashsr.audio.checks import DecodeError, reason
from speechbrain_flashsr.audio.formats import OGG_ORDER

# libsndfile's length of a stream that does not declare one.
_UNKNOWN_LENGTH = 2**62

# Variants of a format that differ in their headers only.
_SAME_FORMAT = {"WAVEX": "WAV", "RF64": "WAV"}


def open_sound(source, *arguments, **options):
    """Opens a sound file with `soundfile.SoundFile`, also if its name is not
    UTF-8."""
    # soundfile encodes names strictly; on POSIX not all of them are UTF-8.
    if isinstance(source, str | os.PathLike):
        posix = os.name == "posix"
        source = os.fsencode(source) if posix else os.fspath(source)
    return soundfile.SoundFile(source, *arguments, **options)


class SndfileDecoder:
    """A sound file that libsndfile decodes.

    Takes the name or a binary file, and for files without a header options of
    `soundfile.SoundFile`. Raises a DecodeError if libsndfile does not read it.

    Attributes
    ----------
    sample_rate : int
        In Hz.
    channels : int
        Number of channels.
    num_samples : int
        Samples per channel that are declared; 0 if that is not known.
    least_samples : float
        Fewer mean that the sound is cut.
    format, subtype : str
        libsndfile's names of file type and sample format.
    """

    def __init__(self, source, **options):
        self._source = source
        self._options = options
        with self._open() as file:
            self.sample_rate = file.samplerate
            self.channels = file.channels
            self.num_samples = self.least_samples = file.frames
            self.format = _SAME_FORMAT.get(file.format, file.format)
            self.subtype = file.subtype
        if self.num_samples >= _UNKNOWN_LENGTH:
            raise DecodeError("it does not say how long it is")

    def _open(self):
        if not isinstance(self._source, str | os.PathLike):
            self._source.seek(0)
        try:
            return open_sound(self._source, **self._options)
        except (soundfile.SoundFileError, OSError, TypeError) as error:
            raise DecodeError(reason(error)) from error

    def blocks(self, accept_truncated=False):
        """Decodes the file from its start: yields float32 in -1..1, [channels,
        time]. Where the sound is damaged, it raises a DecodeError or, if that
        is accepted, ends."""
        order = slice(None)
        if self.format == "OGG" and self.channels in OGG_ORDER:
            order = np.argsort(OGG_ORDER[self.channels])
        frames = block_frames(self.channels)
        options = {"dtype": "float32", "always_2d": True}
        with self._open() as file:
            try:
                while len(block := file.read(frames, **options)):
                    yield np.ascontiguousarray(block.T[order])
            except soundfile.SoundFileError as error:
                if not accept_truncated:
                    raise DecodeError(reason(error)) from error
