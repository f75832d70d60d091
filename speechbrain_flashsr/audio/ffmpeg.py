"""Sound files as blocks of samples by FFmpeg, with PyAV.

Authors
 * The speechbrain_flashsr developers 2026
"""

import itertools
import re
from contextlib import contextmanager

import av
import numpy as np
from av.error import FFmpegError

from speechbrain_flashsr.audio import block_frames
from speechbrain_flashsr.audio.checks import DecodeError, reason
from speechbrain_flashsr.audio.formats import FFMPEG_FORMATS, subtype_of

# Formats that FFmpeg may open. It must not open other files that one names.
_OPTIONS = {"format_whitelist": FFMPEG_FORMATS, "protocol_whitelist": "none"}

# FFmpeg's containers that declare how many samples they hold, and those whose
# lengths are rounded or include encoder delay: the part that must be there. The
# lengths of others are FFmpeg's guesses from the bit rate.
_EXACT = (
    *("aiff", "ape", "au", "caf", "flac", "nistsphere", "tak", "tta", "w64"),
    *("wav", "wv"),
)
_INEXACT = {"asf": 0.99, "matroska": 1.0, "mov": 1.0, "mp3": 0.99, "ogg": 1.0}
_ROUNDING = 0.1  # s

# Decoders to use instead of FFmpeg's own, which refuse the frames for silence
# and for nothing in the recordings of telephones.
_BETTER = {"amrnb": "libopencore_amrnb", "amrwb": "libopencore_amrwb"}

# Largest number of packets of an Ogg stream that hold encoder delay. FFmpeg
# drops more where Opus streams of one serial number are joined.
_MOST_UNPLAYED = 8

# Largest number of planar channels for PyAV; it crashes at more.
_MOST_PLANES = 7

# Full scale of FFmpeg's sample formats.
_FULL_SCALE = {"u8": 2**7, "s16": 2**15, "s32": 2**31}

# Exceptions of FFmpeg and PyAV, also where a file makes them seek to a place
# before its start, or take more memory than there is.
_DAMAGE = (FFmpegError, OSError, ValueError, MemoryError)


@contextmanager
def open_container(file, **options):
    """Opens a seekable file with FFmpeg and options of its demultiplexer. If
    FFmpeg fails, also in the `with` block, a DecodeError is raised."""
    file.seek(0)
    try:
        with av.open(
            file, options={**_OPTIONS, **options}, metadata_errors="replace"
        ) as container:
            yield container
    except av.error.ArgumentError as error:
        raise DecodeError("its format is not one that is read") from error
    except _DAMAGE as error:
        raise DecodeError(reason(error)) from error


class FFmpegDecoder:
    """The sound of any file that FFmpeg decodes; a
    :class:`~speechbrain_flashsr.audio.libsndfile.SndfileDecoder` has the same
    attributes.

    Takes a seekable file, and options of FFmpeg's demultiplexer. If the rate or
    the channels change within a file, the sound is converted to those of its
    beginning. Raises a DecodeError if FFmpeg does not read it, or it holds no
    sound."""

    def __init__(self, file, **options):
        self._file = file
        self._options = options
        self.format = ""
        with self._opened() as (container, stream):
            frame = next(self._frames(container, stream, True), None)
            if frame is None:
                raise DecodeError("nothing of its sound can be decoded")
            self.sample_rate = frame.sample_rate
            self.channels = frame.layout.nb_channels
            self.layout = frame.layout.name
            codec = stream.codec_context.codec
            name = container.format.name.split(",")[0]
            self.format = name.upper()
            self.subtype = subtype_of(
                codec.name, codec.lossless, frame.format.name
            )
            seconds = _seconds(container, stream)
            self.num_samples = round(seconds * self.sample_rate)
        self.least_samples = self._least_samples(name)

    def _least_samples(self, name):
        """Least number of samples, for a container of that name."""
        if name in _EXACT:
            return self.num_samples
        declared = self.num_samples
        if name == "mp3":
            declared = _samples_of_mp3(self._file, self.sample_rate)
        part = _INEXACT.get(name, 0)
        return part * declared - _ROUNDING * self.sample_rate

    @contextmanager
    def _opened(self):
        """Opens the file and chooses its sound."""
        with open_container(self._file, **self._options) as container:
            streams = container.streams
            stream = streams.best("audio") or next(iter(streams.audio), None)
            if stream is None:
                raise DecodeError("it holds no sound")
            if stream.codec_context is None:
                raise DecodeError("FFmpeg does not know how it was coded")
            yield container, stream

    def _frames(self, container, stream, accept_damage):
        """Decodes the frames; damage is left out or raises a DecodeError."""
        damage = ""
        unplayed = 0
        decode = _decoder(stream)
        packets = container.demux(stream)
        # Tags may be between MP3s that were joined, and those of any program
        # after their sound.
        may_have_tags = container.format.name == "mp3"
        while True:
            try:
                packet = next(packets)
                if packet.is_corrupt and not self._options:
                    damage = "a packet is cut"
                if may_have_tags and bytes(packet)[:3] == b"ID3":
                    continue
                frames = decode(packet)
            except StopIteration:
                break
            except _DAMAGE as error:
                damage = reason(error)
                continue
            if not frames and packet.has_sidedata("skip_samples"):
                unplayed += 1
                if unplayed > _MOST_UNPLAYED and self.format == "OGG":
                    damage = "streams of one serial number were joined"
            for frame in frames:
                if damage and not accept_damage:
                    raise DecodeError(damage)
                yield frame
        if damage and not accept_damage and not may_have_tags:
            raise DecodeError(damage)

    def blocks(self, accept_truncated=False):
        """Decodes the file from its start, like those of `SndfileDecoder`; if
        that is accepted, damaged parts are skipped."""
        with self._opened() as (container, stream):
            frames = self._frames(container, stream, accept_truncated)
            yield from self._joined(frames)

    def _joined(self, frames):
        """Joins frames to blocks of one rate and number of channels."""
        parts, held = [], 0
        for part in self._converted(frames):
            parts.append(part)
            held += part.shape[1]
            if held >= block_frames(self.channels):
                yield np.concatenate(parts, axis=1)
                parts, held = [], 0
        if held:
            yield np.concatenate(parts, axis=1)

    def _converted(self, frames):
        """The samples of frames at the rate and channels of the first."""
        own = (self.sample_rate, self.channels)
        for kind, group in itertools.groupby(frames, _kind):
            planes = kind[1] if kind[2].endswith("p") else 1
            if kind[:2] == own and planes <= _MOST_PLANES:
                yield from map(_samples, group)
                continue
            resampler = av.AudioResampler("flt", self.layout, self.sample_rate)
            for frame in itertools.chain(group, [None]):
                yield from map(_samples, resampler.resample(frame))


def _decoder(stream):
    """The function that decodes the packets of a stream."""
    name = _BETTER.get(stream.codec_context.name)
    if name in av.codecs_available:
        return av.CodecContext.create(name, "r").decode
    return av.Packet.decode


def _seconds(container, stream):
    """The length that a file declares; 0 if it does not."""
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    pictures = [other for other in container.streams if other.type == "video"]
    if container.duration is None or pictures:
        return 0.0  # or the pictures' length
    return container.duration / av.time_base


def _samples_of_mp3(file, sample_rate):
    """Number of samples that an MP3 declares in the tag at its beginning, by
    Xing's encoder or LAME; 0 if it does not."""
    file.seek(0)
    head = file.read(10)
    start = 0
    if head[:3] == b"ID3":
        start = 10 + sum(b << 7 * i for i, b in enumerate(head[:5:-1]))
    file.seek(start)
    _, _, tag = re.split(b"(Xing|Info)", file.read(4096) + b"Xing", maxsplit=1)
    if len(tag) < 8 or not tag[3] & 1:
        return 0
    # MPEG-1 has two granules in a frame, MPEG-2 with its lower rates one.
    granules = 2 if sample_rate >= 32000 else 1
    return 576 * granules * int.from_bytes(tag[4:8], "big")


def _kind(frame):
    return frame.sample_rate, frame.layout.nb_channels, frame.format.name


def _samples(frame):
    """A frame as float32 in -1..1, [channels, time]."""
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    full_scale = _FULL_SCALE.get(frame.format.name.removesuffix("p"), 1)
    offset = full_scale if frame.format.name.startswith("u") else 0
    return (samples.astype(np.float32) - offset) / np.float32(full_scale)
