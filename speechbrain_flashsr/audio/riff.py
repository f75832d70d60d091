"""Loop points, cue points and broadcast information of WAV and AIFF files.

Positions in them count samples, so they are scaled with the sample rate.
Sources: Microsoft, "Multimedia programming interface and data specifications
1.0" and "New multimedia data types"; EBU Tech 3285 (the `bext` chunk);
Gallery, "iXML specification 3.01"; Apple, "Audio interchange file format 1.3".

Authors
 * The speechbrain_flashsr developers 2026
"""

import re
import struct

from speechbrain_flashsr.audio.containers import chunks, misdeclared_size

# The code of a format that describes its channels.
_EXTENSIBLE = b"\xfe\xff"

# Larger chunks are not metadata made by a person.
_LARGEST_CHUNK = 2**26

# Chunks that the writer of a file makes by itself, and texts, which are read by
# FFmpeg.
_TECHNICAL = (
    *(b"fmt ", b"data", b"fact", b"PEAK", b"ds64", b"JUNK", b"junk", b"PAD "),
    *(b"FLLR", b"minf", b"elm1", b"regn", b"umid", b"levl", b"LGWV", b"ResU"),
    *(b"wavl", b"slnt", b"id3 ", b"ID3 ", b"LIST:INFO"),
)

NAMES = {
    b"smpl": "loop points",
    b"cue ": "cue points",
    b"LIST:adtl": "labels of cue points",
    b"bext": "broadcast information",
    b"inst": "instrument settings",
    b"acid": "tempo",
    b"iXML": "iXML notes",
}
"""Descriptions of chunks, for messages."""


def read_chunks(file):
    """Reads the metadata of a seekable WAV file: the name of each chunk
    ("LIST:" is followed by the list's type) -> its content. Chunks of the sound
    itself, and texts, are left out."""
    found = {}
    only_first = misdeclared_size(file) is not None
    for chunk in chunks(file):
        if only_first and chunk.id == b"data":
            break  # all that follows is sound
        if chunk.size > _LARGEST_CHUNK:
            continue
        file.seek(chunk.start)
        content = file.read(chunk.size)
        id = chunk.id
        if id == b"LIST":
            id += b":" + content[:4]
        if id not in _TECHNICAL and len(content) == chunk.size:
            found[id] = content
    return found


def read_aiff_chunks(file):
    """Reads the markers and loops of a seekable AIFF file, in the form of a
    WAV's cue points, labels and loop points (see :func:`read_chunks`); there
    are none in another format. Raises a struct.error if they are damaged."""
    found = {}
    for chunk in chunks(file):
        if chunk.id in (b"MARK", b"INST") and chunk.size <= _LARGEST_CHUNK:
            file.seek(chunk.start)
            found[chunk.id] = file.read(chunk.size)
    if b"MARK" not in found:
        return {}
    markers, points = {}, {}
    content, offset = found[b"MARK"], 2
    for _ in range(*struct.unpack_from(">H", content)):
        number, markers[number], size = struct.unpack_from(
            ">HIB", content, offset
        )
        text = content[offset + 7 : offset + 7 + size]
        points[number] = markers[number], text
        offset += 7 + size + (size + 1) % 2
    result = cue_chunks(points)
    if b"INST" in found:
        note, detune = struct.unpack_from(">bb", found[b"INST"])
        loops = [
            struct.pack(
                "<6I", begin, mode - 1, markers[begin], markers[end] - 1, 0, 0
            )
            for mode, begin, end in struct.iter_unpack(
                ">HHH", found[b"INST"][8:20]
            )
            if mode in (1, 2)
            and begin in markers
            and markers[begin] < markers.get(end, 0)
        ]
        # The pitch in 2^-32 of a semitone; detune is in hundredths.
        pitch = max(0, (100 * note + detune) * 2**32 // 100)
        if loops:
            head = (0, 0, 0, *divmod(pitch, 2**32), 0, 0, len(loops), 0)
            result[b"smpl"] = struct.pack("<9I", *head) + b"".join(loops)
    return result


def cue_chunks(points):
    """Writes cue points and their labels, {number: (position in samples, text
    in bytes)}, in the form of :func:`read_chunks`."""
    cues, labels = struct.pack("<I", len(points)), b"adtl"
    for number, (position, text) in points.items():
        cues += struct.pack(
            "<II4s3I", number, position, b"data", 0, 0, position
        )
        text += b"\0"
        labels += b"labl" + struct.pack("<II", 4 + len(text), number) + text
        labels += b"\0" * (len(text) % 2)
    return {b"cue ": cues, b"LIST:adtl": labels}


def scale_chunk(id, content, orig_rate, new_rate):
    """Brings a chunk of :func:`read_chunks` to another rate; positions are
    rounded to the nearest sample. Raises a KeyError if the content of the chunk
    is unknown, a struct.error if it is damaged.

    Example
    -------
    >>> cue = struct.pack("<I", 1) + struct.pack(
    ...     "<II4sIII", 1, 8, b"data", 0, 0, 8
    ... )
    >>> struct.unpack("<II", scale_chunk(b"cue ", cue, 8000, 48000)[4:12])
    (1, 48)
    """
    content = bytearray(content)

    def scale(format, offset, end=0):
        """Scales a position; that of a last sample by the one behind it."""
        (position,) = struct.unpack_from(format, content, offset)
        scaled = round((position + end) * new_rate / orig_rate) - end
        largest = 2 ** (8 * struct.calcsize(format)) - 1
        struct.pack_into(format, content, offset, min(scaled, largest))

    if id == b"smpl":
        struct.pack_into("<I", content, 8, round(1e9 / new_rate))
        (count,) = struct.unpack_from("<I", content, 28)
        for loop in range(36, 36 + 24 * min(count, len(content)), 24):
            scale("<I", loop + 8)
            scale("<I", loop + 12, end=1)
    elif id == b"cue ":
        (count,) = struct.unpack_from("<I", content, 0)
        for point in range(4, 4 + 24 * min(count, len(content)), 24):
            scale("<I", point + 4)
            scale("<I", point + 20)
    elif id == b"LIST:adtl":
        position = 4
        while position + 8 <= len(content):
            name, size = struct.unpack_from("<4sI", content, position)
            if name == b"ltxt":
                scale("<I", position + 12)  # how long a passage is
            position += 8 + size + size % 2
    elif id == b"bext":
        # The time since midnight, behind five texts.
        scale("<Q", 256 + 32 + 32 + 10 + 8)
    elif id == b"iXML":
        # Times are given with a rate of their own, but for those of the copy
        # of the broadcast information.
        content = re.sub(rb"(?s)<BEXT>.*?</BEXT>", b"", content)
        rate = rb"\g<1>%d" % new_rate
        content = re.sub(rb"(<FILE_SAMPLE_RATE>\s*)\d+", rate, content)
    elif id not in (b"inst", b"acid"):
        raise KeyError(id)
    return bytes(content)


def append_chunks(path, contents):
    """Appends chunks, {name: content}, to a WAV or RF64 file."""
    with open(path, "rb+") as file:
        file.seek(0, 2)
        if file.tell() % 2:
            file.write(b"\0")
        for id, content in contents.items():
            file.write(id[:4] + struct.pack("<I", len(content)) + content)
            file.write(b"\0" * (len(content) % 2))
        size = file.tell() - 8
        file.seek(0)
        if file.read(4) == b"RF64":
            file.seek(20)
            file.write(struct.pack("<Q", size))
        else:
            file.write(struct.pack("<I", size))


def write_speakers(path, mask):
    """Enters the loudspeakers of the channels, Microsoft's `dwChannelMask`,
    into a WAV file. Returns whether its header has a place for them."""
    with open(path, "rb+") as file:
        header = next(chunk for chunk in chunks(file) if chunk.id == b"fmt ")
        file.seek(header.start)
        if file.read(2) != _EXTENSIBLE:
            return False
        file.seek(header.start + 20)
        file.write(struct.pack("<I", mask))
    return True
