"""Sound files as blocks of samples by libsndfile.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import soundfile

from speechbrain_flashsr.audio import block_frames
from speechbrain_flashsr.audio.checks import DecodeError, reason
from speechbrain_flashsr.audio.formats import OGG_ORDER

# libsndfile's length of a stream that does not declare one.
_UNKNOWN_LENGTH = 2**62

# Variants of a format that differ in their headers only.
_SAME_FORMAT = {"WAVEX": "WAV", "RF64": "WAV"}


class SndfileDecoder:
    """A sound file that libsndfile decodes.

    Takes a seekable binary file, and for files without a header options of
    `soundfile.SoundFile`. Raises a DecodeError if libsndfile does not read it.

    Attributes
    ----------
    sample_rate, channels : int
        Rate in Hz, and number of channels.
    num_samples : int
        Samples per channel that are declared; 0 if that is not known.
    least_samples : float
        How many there are at least, unless the sound is cut.
    format, subtype : str
        libsndfile's names of file type and sample format.
    """

    def __init__(self, file, **options):
        self._file = file
        self._options = options
        with self._open() as sound:
            self.sample_rate = sound.samplerate
            self.channels = sound.channels
            self.num_samples = self.least_samples = sound.frames
            self.format = _SAME_FORMAT.get(sound.format, sound.format)
            self.subtype = sound.subtype
        if self.num_samples >= _UNKNOWN_LENGTH:
            raise DecodeError("it does not say how long it is")

    def _open(self):
        self._file.seek(0)
        try:
            return soundfile.SoundFile(self._file, **self._options)
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
        with self._open() as sound:
            try:
                while len(block := sound.read(frames, **options)):
                    yield np.ascontiguousarray(block.T[order])
            except soundfile.SoundFileError as error:
                if not accept_truncated:
                    raise DecodeError(reason(error)) from error
