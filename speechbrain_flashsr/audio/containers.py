"""Compares the sizes that sound files declare with the bytes that are there.

A decoder cannot tell a truncated file from a shorter one. The declarations of
containers can: sizes of chunks and boxes, the last page of an Ogg stream.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os
import struct
from typing import NamedTuple

from speechbrain_flashsr.audio.formats import W64

_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")

# Sizes that programs write if they cannot seek back to enter the real one: from
# about 2**31 on, or a round number of bytes.
_UNKNOWN_SIZE = 2**31 - 2**16
_ROUND_SIZE = 10**6


class Chunk(NamedTuple):
    """A part of a container: its name, where its content begins in the file,
    and how many bytes it declares."""

    id: bytes
    start: int
    size: int

    @property
    def stop(self):
        """Where its content ends."""
        return self.start + self.size


class _Layout(NamedTuple):
    """Layout of the chunks of a container: struct of a header, position of the
    first one, and alignment."""

    header: struct.Struct
    first: int
    align: int = 1


_RIFF = _Layout(struct.Struct("<4sI"), 12, align=2)
_AIFF = _Layout(struct.Struct(">4sI"), 12, align=2)
_CAF = _Layout(struct.Struct(">4sq"), 8)
_MP4 = _Layout(struct.Struct(">I4s"), 0)

# Chunks that hold the sound: of WAV and CAF, AIFF, MP4, AVI.
_SOUND = (b"data", b"SSND", b"moov", b"mdat")
_SOUND_OF_AVI = (b"LIST",)

# A damaged file may have as many as it has bytes.
_MOST_CHUNKS = 2**14


def chunks(file):
    """Lists the chunks of a seekable RIFF, RF64, AIFF, CAF or MP4 file; none
    for another format. The last may be longer than the file.

    Example
    -------
    >>> import io
    >>> file = io.BytesIO(b"RIFF    WAVEdata\\x04\\x00\\x00\\x001234")
    >>> chunks(file)
    [Chunk(id=b'data', start=20, size=4)]
    """
    file.seek(0)
    head = file.read(12)
    layout = _layout(head)
    if layout is None:
        return []
    end = file.seek(0, os.SEEK_END)
    found = []
    sizes_of_64_bits = {}
    position = layout.first
    while position + layout.header.size <= end and len(found) < _MOST_CHUNKS:
        file.seek(position)
        fields = layout.header.unpack(file.read(layout.header.size))
        start = position + layout.header.size
        if layout is _MP4:
            size, id = fields
            if size == 1:
                (size,) = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))
                start += 8
            size = end - position if size == 0 else size
            size -= start - position  # which includes the header
        else:
            id, size = fields
        if id == b"ds64":
            (size_of_data,) = struct.unpack(
                "<8xQ", file.read(16).ljust(16, b"\0")
            )
            sizes_of_64_bits[b"data"] = size_of_data
        elif size == 2**32 - 1 and head[:4] != b"RIFF":
            size = sizes_of_64_bits.get(id, size)
        if size < 0:  # not known
            size = end - start
        found.append(Chunk(id, start, size))
        position = start + size + -size % layout.align
    return found


def _layout(head):
    """The layout of the container that begins with these bytes."""
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        return _RIFF
    if head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
        return _AIFF
    if head[:4] == b"caff":
        return _CAF
    return _MP4 if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide") else None


def is_wav(head):
    """Whether a file that begins with these bytes is a WAV of any size."""
    return head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE"


def misdeclared_size(file):
    """The number of bytes that a WAV declares for its sound if it is wrong,
    because it was written to a pipe or more sound follows the declared sound.
    None if the size is right, or the file is cut."""
    data = next((c for c in chunks(file) if c.id == b"data"), None)
    if data is None:
        return None
    end = file.seek(0, os.SEEK_END)
    if data.stop > end:
        return data.size if _is_unknown(data) else None
    if end - data.stop <= 1 or any(
        _is_chunk(file, data.stop + pad, end) for pad in (0, data.size % 2)
    ):
        return None
    return data.size


def _is_unknown(chunk):
    """Whether a size stands for one that was not known."""
    return chunk.size >= _UNKNOWN_SIZE or chunk.size % _ROUND_SIZE == 0


def _is_chunk(file, position, end):
    """Whether something like a chunk of a WAV stands there."""
    file.seek(position)
    header = file.read(8)
    return (
        len(header) == 8
        and all(0x20 <= byte < 0x7F for byte in header[:4])
        and position + 8 + int.from_bytes(header[4:], "little") <= end + 1
    )


def shortage(file):
    """Says which part of its declared size a file lacks; empty if nothing is
    known to be missing.

    Example
    -------
    >>> import io
    >>> shortage(io.BytesIO(b"RIFF    WAVEdata\\x09\\x00\\x00\\x0012345"))
    '25 of 29 bytes are there'
    """
    file.seek(0)
    head = file.read(64)
    end = file.seek(0, os.SEEK_END)
    if head[:4] == b"OggS":
        return "" if _ends_with_a_page(file, end) else "its last page is cut"
    declared = _declared_end(file, head)
    if declared > end:
        return f"{end} of {declared} bytes are there"
    return ""


def _declared_end(file, head):
    """The least size that a file declares; 0 if it declares none."""
    if head[:16] == W64:
        (size,) = struct.unpack("<Q", head[16:24])
        # The declared size may include padding of up to 7 bytes.
        return size - 7 if size < 2**62 else 0
    if head[:4] == b".snd" and len(head) >= 12:
        start, size = struct.unpack(">II", head[4:12])
        return start + size if size < 2**32 - 1 else 0
    if head[:4] == _EBML:
        return _end_of_segment(file)
    if head[:16] == _ASF:
        return _size_of_asf(file)
    wanted = _SOUND_OF_AVI if head[8:12] == b"AVI " else _SOUND
    sound = [chunk for chunk in chunks(file) if chunk.id in wanted]
    if _layout(head) is not _MP4:
        sound = [chunk for chunk in sound if not _is_unknown(chunk)]
    return max((chunk.stop for chunk in sound), default=0)


def _end_of_segment(file):
    """Where the segment of a Matroska or WebM file ends."""
    file.seek(4)
    header = _read_ebml_size(file)
    if header is None:
        return 0
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != _SEGMENT:
        return 0
    size = _read_ebml_size(file)
    return 0 if size is None else file.tell() + size


def _read_ebml_size(file):
    """An integer of variable length; None if it means "not known"."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    length = 8 - first[0].bit_length()
    rest = file.read(length)
    value = (first[0] & (0x7F >> length)) << 8 * length
    value |= int.from_bytes(rest, "big")
    unknown = value == 2 ** (7 * (length + 1)) - 1
    return None if unknown or len(rest) < length else value


def _size_of_asf(file):
    """The size that the properties of a WMA or WMV file declare."""
    file.seek(0)
    header = file.read(2**16)
    start = header.find(_ASF_PROPERTIES)
    if start < 0 or len(header) < start + 92:
        return 0
    (size,) = struct.unpack_from("<Q", header, start + 40)
    (flags,) = struct.unpack_from("<I", header, start + 88)
    return 0 if flags & 1 else size  # of a broadcast it means nothing


def is_plain_ogg(file):
    """Whether a seekable Ogg file is one stream, whole to its end."""
    end = file.seek(0, os.SEEK_END)
    position = beginnings = flags = 0
    while position < end:
        file.seek(position)
        header = file.read(27)
        if len(header) < 27 or header[:4] != b"OggS":
            return False
        flags = header[5]
        beginnings += flags >> 1 & 1
        position += 27 + header[26] + sum(file.read(header[26]))
    return beginnings == 1 and position == end and bool(flags & 4)


def _ends_with_a_page(file, end):
    """Whether an Ogg file ends with a whole page."""
    file.seek(max(0, end - 2**17))
    tail = file.read()
    start = tail.rfind(b"OggS")
    if start < 0 or len(tail) < start + 27:
        return False
    segments = tail[start + 26]
    lengths = tail[start + 27 : start + 27 + segments]
    return start + 27 + segments + sum(lengths) <= len(tail)
