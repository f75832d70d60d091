"""Metadata of sound files: texts, pictures, loop points, and the loudspeakers
of their channels.

Authors
 * The speechbrain_flashsr developers 2026
"""

import base64
import io
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from av.stream import Disposition
from mutagen import id3
from mutagen.flac import FLAC, Picture
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis

from speechbrain_flashsr.audio import riff
from speechbrain_flashsr.audio.checks import DecodeError
from speechbrain_flashsr.audio.containers import is_wav
from speechbrain_flashsr.audio.ffmpeg import open_container

# Texts that programs write about the file itself, not about the sound.
_TECHNICAL = (
    *("encoder", "major_brand", "minor_version", "compatible_brands"),
    *("creation_time", "duration", "handler_name", "vendor_id", "language"),
    *("software", "waveformatextensible_channel_mask", "itunsmpb", "itunnorm"),
)
# FFmpeg's names of broadcast information, which is kept as a chunk.
_BROADCAST = (
    *("description", "originator", "originator_reference", "umid"),
    *("origination_date", "origination_time", "time_reference"),
    *("coding_history",),
)

# FFmpeg's names of texts that have other names in a format.
_VORBIS_NAMES = {
    "album_artist": "ALBUMARTIST",
    "track": "TRACKNUMBER",
    "disc": "DISCNUMBER",
}
INFO_NAMES = {
    **{name: name for name in ("title", "artist", "comment", "date")},
    **{name: name for name in ("album", "copyright", "genre", "license")},
    "track": "tracknumber",
}
"""libsndfile's names of the texts that a WAV can hold without ID3 tags."""

_ID3_FRAMES = {
    "title": id3.TIT2,
    "artist": id3.TPE1,
    "album": id3.TALB,
    "album_artist": id3.TPE2,
    "composer": id3.TCOM,
    "copyright": id3.TCOP,
    "date": id3.TDRC,
    "disc": id3.TPOS,
    "genre": id3.TCON,
    "track": id3.TRCK,
}

_PICTURE_TYPES = {
    "mjpeg": "image/jpeg",
    **{name: f"image/{name}" for name in ("png", "gif", "bmp", "webp", "tiff")},
}
_FRONT_COVER = 3

# A block of a FLAC file has less than 16 MB.
_LARGEST_PICTURE = 2**24 - 2**10

# FFmpeg's names of the loudspeakers, in the order of Microsoft's bits.
_SPEAKERS = (
    *("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR"),
    *("TC", "TFL", "TFC", "TFR", "TBL", "TBC", "TBR"),
)

STANDARD_SPEAKERS = dict(
    enumerate((0x4, 0x3, 0x7, 0x33, 0x607, 0x60F, 0x70F, 0x63F), start=1)
)
"""The bits that FLAC implies, by number of channels."""

# Surround loudspeakers at the back, and the same ones at the sides.
_AT_THE_SIDES = {0x37: 0x607, 0x3F: 0x60F}


@dataclass
class Metadata:
    """Metadata of a sound file: the rate in Hz to which positions refer, texts
    by FFmpeg's names, such as "title", the type, such as "image/png", and
    content of pictures, chunks (see
    :func:`~speechbrain_flashsr.audio.riff.read_chunks`), the bits of
    Microsoft's `dwChannelMask`, 0 if they are not known, and chapters, (start
    in seconds, title)."""

    sample_rate: int
    texts: dict = field(default_factory=dict)
    pictures: list = field(default_factory=list)
    chunks: dict = field(default_factory=dict)
    speakers: int = 0
    chapters: list = field(default_factory=list)


def read_metadata(file, sample_rate):
    """Reads the metadata of a seekable sound file at a rate in Hz; damaged
    parts are left out.

    Example
    -------
    >>> import numpy, soundfile
    >>> file = io.BytesIO()
    >>> with soundfile.SoundFile(file, "w", 8000, 1, format="FLAC") as sound:
    ...     sound.title = "A bell"
    ...     sound.write(numpy.zeros(100))
    >>> read_metadata(file, 8000).texts
    {'title': 'A bell'}
    """
    metadata = Metadata(sample_rate)
    file.seek(0)
    wav = is_wav(file.read(12))
    if wav:
        metadata.chunks = riff.read_chunks(file)
    else:
        with suppress(struct.error):
            metadata.chunks = riff.read_aiff_chunks(file)
    with suppress(DecodeError), open_container(file) as container:
        streams = [s for s in container.streams.audio if s.codec_context]
        metadata.speakers = _speakers(streams[0].layout) if streams else 0
        texts = dict(container.metadata)
        if container.format.name == "ogg" and streams:
            texts |= streams[0].metadata
        technical = _TECHNICAL + (_BROADCAST if wav else ())
        metadata.texts = {
            name.lower(): text
            for name, text in texts.items()
            if text and not name.lower().startswith(technical)
        }
        metadata.pictures = _pictures(container)
        metadata.chapters = [
            (
                max(0.0, float(chapter["start"] * chapter["time_base"])),
                chapter["metadata"].get("title", ""),
            )
            for chapter in container.chapters()
            if b"cue " not in metadata.chunks
        ]
    return metadata


def _speakers(layout):
    """Microsoft's bits for a layout of FFmpeg's; 0 if it is not known."""
    bits = [
        _SPEAKERS.index(channel.name)
        for channel in layout.channels
        if channel.name in _SPEAKERS
    ]
    if len(bits) < layout.nb_channels or bits != sorted(set(bits)):
        return 0
    return sum(1 << bit for bit in bits)


def _pictures(container):
    """The pictures of a container, which FFmpeg yields first."""
    types = {
        stream.index: _PICTURE_TYPES.get(stream.codec_context.name)
        for stream in container.streams.video
        if stream.disposition & Disposition.attached_pic
        and stream.codec_context is not None
    }
    if not types:
        return []
    packets = islice(container.demux(list(types)), len(types))
    return [
        (types[packet.stream_index], bytes(packet))
        for packet in packets
        if types[packet.stream_index] and packet.size
    ]


def write_metadata(path, subtype, sample_rate, channels, metadata):
    """Adds metadata to a complete WAV, FLAC or Ogg file, whose sample format
    has libsndfile's name `subtype`. Returns descriptions of metadata that the
    format cannot hold, for a message."""
    with open(path, "rb") as file:
        head = file.read(12)
    if is_wav(head):
        return _write_to_wav(path, sample_rate, channels, metadata)
    lost = [_name_of(id) for id in metadata.chunks]
    kind = {"VORBIS": OggVorbis, "OPUS": OggOpus}.get(subtype, FLAC)
    layout = metadata.speakers
    if kind is not FLAC:
        layout = _AT_THE_SIDES.get(layout, layout)
        if layout == 0 and 6 <= channels <= 8:
            lost.append("the sound above 120 Hz in channel 4")
    if layout == STANDARD_SPEAKERS.get(channels):
        layout = 0
    if layout and kind is not FLAC:
        lost.append("the layout of the channels")
    # https://wiki.xiph.org/Chapter_Extension
    texts = dict(metadata.texts)
    for number, (seconds, title) in enumerate(metadata.chapters):
        minutes, seconds = divmod(round(seconds, 3), 60)
        clock = f"{minutes // 60:02.0f}:{minutes % 60:02.0f}:{seconds:06.3f}"
        texts |= {
            f"CHAPTER{number:03}": clock,
            f"CHAPTER{number:03}NAME": title,
        }
    if texts or metadata.pictures or (layout and kind is FLAC):
        tags = kind(path)
        for name, text in texts.items():
            try:
                tags[_VORBIS_NAMES.get(name, name)] = text
            except ValueError:  # the format does not allow all names
                lost.append(f"the text '{name}'")
        pictures = [
            _picture(mime, data)
            for mime, data in metadata.pictures
            if len(data) <= _LARGEST_PICTURE
        ]
        if len(pictures) < len(metadata.pictures):
            lost.append("pictures of more than 16 MB")
        if kind is FLAC:
            for picture in pictures:
                tags.add_picture(picture)
        elif pictures:
            tags["METADATA_BLOCK_PICTURE"] = [
                base64.b64encode(picture.write()).decode()
                for picture in pictures
            ]
        if layout and kind is FLAC:
            tags["WAVEFORMATEXTENSIBLE_CHANNEL_MASK"] = f"0x{layout:X}"
        tags.save(padding=lambda _: 0)
    return lost


def _write_to_wav(path, sample_rate, channels, metadata):
    """Adds chunks to a WAV."""
    lost, contents = [], {}
    if metadata.chapters:
        contents = riff.cue_chunks(
            {
                number: (
                    min(round(seconds * sample_rate), 2**32 - 1),
                    title.encode(),
                )
                for number, (seconds, title) in enumerate(metadata.chapters, 1)
            }
        )
    for id, content in metadata.chunks.items():
        try:
            contents[id] = riff.scale_chunk(
                id, content, metadata.sample_rate, sample_rate
            )
        except (KeyError, struct.error):
            lost.append(_name_of(id))
    if metadata.pictures or not metadata.texts.keys() <= INFO_NAMES.keys():
        tags = id3.ID3()
        for name, text in metadata.texts.items():
            if name == "comment":
                tags.add(id3.COMM(text=[text], lang="XXX"))
            elif name in _ID3_FRAMES:
                tags.add(_ID3_FRAMES[name](text=[text]))
            else:
                tags.add(id3.TXXX(desc=name, text=[text]))
        for number, (mime, data) in enumerate(metadata.pictures):
            tags.add(
                id3.APIC(
                    mime=mime, type=_FRONT_COVER, desc=str(number), data=data
                )
            )
        buffer = io.BytesIO()
        tags.save(buffer)
        contents[b"id3 "] = buffer.getvalue()
    if contents:
        riff.append_chunks(path, contents)
    if not is_plain(metadata.speakers, channels):
        if not riff.write_speakers(path, metadata.speakers):
            lost.append("the layout of the channels")
    return lost


def is_plain(speakers, channels):
    """Whether a WAV of the simple form describes its channels completely.

    Example
    -------
    >>> is_plain(STANDARD_SPEAKERS[2], 2), is_plain(STANDARD_SPEAKERS[6], 6)
    (True, False)
    """
    return speakers == 0 or (
        channels <= 2 and speakers == STANDARD_SPEAKERS[channels]
    )


def _picture(mime, data):
    """A picture in the form that FLAC and Ogg use."""
    picture = Picture()
    picture.type, picture.mime, picture.data = _FRONT_COVER, mime, data
    return picture


def _name_of(id):
    """Describes a chunk, for a message."""
    name = id.decode("latin-1").strip()
    return riff.NAMES.get(id, f"the chunk '{name}'")
