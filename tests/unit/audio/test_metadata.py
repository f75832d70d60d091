"""Layouts, loop points, texts and pictures, from one sound file to another.

Authors
 * The speechbrain_flashsr developers 2026
"""

import io
import logging
import struct

import numpy as np
import pytest
import soundfile
import torch
from mutagen import id3
from mutagen.flac import FLAC, Picture
from mutagen.oggvorbis import OggVorbis

from speechbrain_flashsr.audio.formats import output_format
from speechbrain_flashsr.audio.metadata import (
    STANDARD_SPEAKERS,
    Metadata,
    read_metadata,
)
from speechbrain_flashsr.audio.reading import AudioReader
from speechbrain_flashsr.audio.riff import append_chunks, read_chunks
from speechbrain_flashsr.audio.writing import AudioWriter
from tests.encoded import encode, noise

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\x02\0\0\0" + bytes(
    [0x90, 0x77, 0x53, 0xDE]
)

SMPL = struct.pack("<9I", 0, 0, 125000, 60, 0, 0, 0, 1, 0) + struct.pack(
    "<6I", 0, 0, 100, 899, 0, 0
)
CUE = struct.pack("<I", 1) + struct.pack("<II4s3I", 1, 50, b"data", 0, 0, 50)
LABELS = b"adtl" + b"labl\x09\0\0\0" + struct.pack("<I", 1) + b"here\0\0"
LABELS += b"ltxt\x14\0\0\0" + struct.pack("<II", 1, 30) + b"rgn " + bytes(8)
BEXT = b"A call".ljust(338, b"\0") + struct.pack("<Q", 8000) + bytes(256)


def write(path, wav, rate, subtype=None, metadata=None):
    file_type = output_format(path, subtype=subtype)
    with AudioWriter(
        path, rate, len(wav), *file_type, metadata=metadata
    ) as writer:
        writer.write(torch.from_numpy(wav))


def metadata_of(path):
    with AudioReader(path) as reader:
        return reader.metadata()


def chunks_of(path):
    with open(path, "rb") as file:
        return read_chunks(file)


def copy(source, target):
    """Reads a file and writes noise with its metadata under another name."""
    with AudioReader(source) as reader:
        metadata, channels = reader.metadata(), reader.channels
        _, subtype = output_format(target, reader.subtype)
    wav = noise(48000, channels, seconds=0.1)
    write(target, wav, 48000, subtype, metadata)
    return metadata


def wav_with_chunks(path, **options):
    soundfile.write(path, noise(8000)[0], 8000, **options)
    append_chunks(
        path, {b"smpl": SMPL, b"cue ": CUE, b"LIST": LABELS, b"bext": BEXT}
    )


@pytest.mark.parametrize("format", ["WAV", "WAVEX", "RF64"])
def test_positions_in_a_wav_are_scaled(tmp_path, format, caplog):
    wav_with_chunks(tmp_path / "a.wav", format=format)
    copy(tmp_path / "a.wav", tmp_path / "b.wav")
    found = chunks_of(tmp_path / "b.wav")
    assert list(found) == [b"smpl", b"cue ", b"LIST:adtl", b"bext"]
    assert struct.unpack_from("<I", found[b"smpl"], 8) == (20833,)
    assert struct.unpack_from("<II", found[b"smpl"], 44) == (600, 5399)
    assert struct.unpack_from("<I", found[b"cue "], 8) == (300,)
    assert struct.unpack_from("<I", found[b"cue "], 24) == (300,)
    assert struct.unpack_from("<I", found[b"LIST:adtl"], 34) == (180,)
    assert struct.unpack_from("<Q", found[b"bext"], 338) == (48000,)
    assert found[b"bext"].startswith(b"A call\0")
    assert soundfile.info(tmp_path / "b.wav").frames == 4800
    with AudioReader(tmp_path / "b.wav") as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == 4800
    assert not caplog.text


def test_what_cannot_be_kept_is_named_once(tmp_path, caplog):
    wav_with_chunks(tmp_path / "a.wav")
    append_chunks(tmp_path / "a.wav", {b"iXML": b"<X/>", b"Abcd": b"1234"})
    with caplog.at_level(logging.WARNING):
        copy(tmp_path / "a.wav", tmp_path / "b.flac")
    (record,) = caplog.records
    for words in (
        "b.flac",
        "loop points",
        "cue points",
        "broadcast",
        "iXML",
        "Abcd",
    ):
        assert words in record.getMessage()
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        copy(tmp_path / "a.wav", tmp_path / "c.wav")
    assert "Abcd" in caplog.text and "loop" not in caplog.text


def test_ixml_notes_say_the_new_rate(tmp_path, caplog):
    note = (
        b"<SPEED><FILE_SAMPLE_RATE>%d</FILE_SAMPLE_RATE><TIMESTAMP_SAMPLE_RATE>"
    )
    note += b"8000</TIMESTAMP_SAMPLE_RATE></SPEED>"
    copied = b"<BEXT><BWF_TIME_REFERENCE_LOW>9</BWF_TIME_REFERENCE_LOW></BEXT>"
    soundfile.write(tmp_path / "a.wav", noise(8000)[0], 8000)
    append_chunks(tmp_path / "a.wav", {b"iXML": note % 8000 + copied})
    copy(tmp_path / "a.wav", tmp_path / "b.wav")
    assert chunks_of(tmp_path / "b.wav") == {b"iXML": note % 48000}
    assert not caplog.text


def aiff_with_markers(path, count=2, loop=(1, 7)):
    """Two markers, of which the loop goes from the first to the second."""
    soundfile.write(path, noise(8000)[0], 8000)
    mark = struct.pack(">H", count)
    mark += struct.pack(">HIB", 1, 100, 4) + b"here\0"
    mark += struct.pack(">HIB", 7, 900, 3) + b"end"
    inst = struct.pack(">6bh", 60, 50, 0, 127, 1, 127, 0)
    inst += struct.pack(">6H", 2, *loop, 0, 0, 0)
    data = path.read_bytes()
    for id, content in ((b"MARK", mark), (b"INST", inst)):
        data += struct.pack(">4sI", id, len(content)) + content
    path.write_bytes(data[:4] + struct.pack(">I", len(data) - 8) + data[8:])


def test_markers_and_loops_of_an_aiff_are_kept_in_a_wav(tmp_path, caplog):
    aiff_with_markers(tmp_path / "a.aiff")
    copy(tmp_path / "a.aiff", tmp_path / "b.wav")
    found = chunks_of(tmp_path / "b.wav")
    cues = list(struct.iter_unpack("<II4s3I", found[b"cue "][4:]))
    assert cues == [
        (1, 600, b"data", 0, 0, 600),
        (7, 5400, b"data", 0, 0, 5400),
    ]
    labels = b"adtllabl\x09\0\0\0\1\0\0\0here\0\0labl\x08\0\0\0\7\0\0\0end\0"
    assert found[b"LIST:adtl"] == labels
    head, loop = found[b"smpl"][:36], found[b"smpl"][36:]
    period, half = round(1e9 / 48000), 2**31
    assert struct.unpack("<9I", head) == (0, 0, period, 60, half, 0, 0, 1, 0)
    assert struct.unpack("<6I", loop) == (1, 1, 600, 5399, 0, 0)
    assert not caplog.text
    copy(tmp_path / "a.aiff", tmp_path / "b.flac")
    assert "cue points" in caplog.text and "loop points" in caplog.text


def test_damaged_markers_are_left_out(tmp_path):
    aiff_with_markers(tmp_path / "a.aiff", count=9)
    assert copy(tmp_path / "a.aiff", tmp_path / "b.wav").chunks == {}


@pytest.mark.parametrize("loop", [(3, 7), (1, 3), (3, 4), (7, 1)])
def test_a_loop_between_markers_that_are_missing_is_left_out(tmp_path, loop):
    aiff_with_markers(tmp_path / "a.aiff", loop=loop)
    chunks = copy(tmp_path / "a.aiff", tmp_path / "b.wav").chunks
    assert sorted(chunks) == [b"LIST:adtl", b"cue "]


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 36, SMPL[:50], b"\xff" * 99]
)
@pytest.mark.parametrize("id", [b"smpl", b"cue ", b"bext", b"LIST"])
def test_damaged_chunks_are_left_out(tmp_path, id, content, caplog):
    soundfile.write(tmp_path / "a.wav", noise(8000)[0], 8000)
    append_chunks(tmp_path / "a.wav", {id: content})
    copy(tmp_path / "a.wav", tmp_path / "b.wav")
    assert soundfile.info(tmp_path / "b.wav").frames == 4800


@pytest.mark.parametrize(
    "speakers, channels", [(0x3F, 6), (0x60F, 6), (0x63F, 8), (0x107, 4)]
)
def test_layouts_are_kept(tmp_path, speakers, channels):
    for name in ("a.wav", "a.flac"):
        metadata = Metadata(16000, speakers=speakers)
        wav = noise(16000, channels)
        write(tmp_path / name, wav, 16000, metadata=metadata)
        for target in ("b.wav", "b.flac"):
            assert copy(tmp_path / name, tmp_path / target).speakers == speakers
            assert metadata_of(tmp_path / target).speakers == speakers
    assert soundfile.info(tmp_path / "b.wav").format == "WAVEX"


@pytest.mark.parametrize("channels", [1, 2])
def test_one_and_two_channels_need_no_layout(tmp_path, channels):
    data = encode(noise(16000, channels), 16000, "flac", "flac")
    metadata = copy(data, tmp_path / "b.wav")
    assert metadata.speakers == STANDARD_SPEAKERS[channels]
    assert soundfile.info(tmp_path / "b.wav").format == "WAV"


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("extension", ["ogg", "opus", "flac", "wav"])
def test_channels_keep_their_order(tmp_path, channels, extension):
    """Ogg has the centre second; a reader brings it back."""
    path = tmp_path / f"a.{extension}"
    wav = noise(48000, channels)
    write(path, wav, 48000)
    with AudioReader(path) as reader:
        found = torch.cat(list(reader.blocks()), dim=1).numpy()
    length = wav.shape[1]
    for channel in range(channels):
        likeness = [np.corrcoef(wav[channel], x[:length])[0, 1] for x in found]
        assert np.argmax(likeness) == channel
        # Ogg holds the lowest frequencies alone of the fourth of six or more.
        assert max(likeness) > (0.9 if channels < 6 or channel != 3 else 0.1)


TEXTS = {"title": "A bell", "artist": "Ö. Möller", "album_artist": "They"}


def tagged(path):
    """Writes a FLAC with texts and a cover."""
    soundfile.write(path, noise(8000)[0], 8000)
    file = FLAC(path)
    file["TITLE"], file["ARTIST"] = TEXTS["title"], TEXTS["artist"]
    file["ALBUMARTIST"], file["MOOD"] = TEXTS["album_artist"], "calm"
    picture = Picture()
    picture.type, picture.mime, picture.data = 3, "image/png", PNG
    file.add_picture(picture)
    file.save()


def test_texts_and_pictures_of_a_flac_are_kept(tmp_path):
    tagged(tmp_path / "a.flac")
    for name in ("b.flac", "b.ogg", "b.opus", "b.wav"):
        metadata = copy(tmp_path / "a.flac", tmp_path / name)
        assert metadata.texts == {**TEXTS, "mood": "calm"}
        assert metadata.pictures == [("image/png", PNG)]
    flac = FLAC(tmp_path / "b.flac")
    assert flac["ALBUMARTIST"] == ["They"] and flac["MOOD"] == ["calm"]
    assert flac.pictures[0].data == PNG and flac.pictures[0].type == 3
    assert OggVorbis(tmp_path / "b.ogg")["title"] == ["A bell"]
    with open(tmp_path / "b.wav", "rb") as file:
        data = file.read()
    tags = id3.ID3(io.BytesIO(data[data.index(b"id3 ") + 8 :]))
    assert tags["TPE1"].text == ["Ö. Möller"]
    assert tags.getall("APIC")[0].data == PNG
    with soundfile.SoundFile(tmp_path / "b.wav") as file:
        assert file.title == "A bell" and file.frames == 4800
    for name in ("b.flac", "b.ogg", "b.opus"):
        again = metadata_of(tmp_path / name)
        assert again.texts == {**TEXTS, "mood": "calm"}
        assert again.pictures == [("image/png", PNG)]


@pytest.mark.parametrize(
    "container, codec", [("mp3", "libmp3lame"), ("ipod", "aac")]
)
def test_texts_of_other_formats_are_kept(tmp_path, container, codec):
    data = encode(noise(16000), 16000, container, codec, texts=TEXTS)
    for name in ("b.flac", "b.wav"):
        assert copy(data, tmp_path / name).texts == TEXTS
    assert FLAC(tmp_path / "b.flac")["albumartist"] == ["They"]


def test_chapters_of_an_audio_book_are_kept(tmp_path, caplog):
    (tmp_path / "a.mp3").write_bytes(
        encode(noise(16000, seconds=2.0), 16000, "mp3", "libmp3lame")
    )
    tags = id3.ID3()
    for number, (start, title) in enumerate([(0, "Wald"), (1250, "Höhle")]):
        name, title = f"c{number}", id3.TIT2(text=[title])
        tags.add(id3.CHAP(name, start, 2000, sub_frames=[title]))
    tags.save(tmp_path / "a.mp3")
    chapters = [(0.0, "Wald"), (1.25, "Höhle")]
    for name in ("b.flac", "b.ogg", "b.opus"):
        assert copy(tmp_path / "a.mp3", tmp_path / name).chapters == chapters
        again = metadata_of(tmp_path / name)
        assert again.chapters == chapters and again.texts == {}
    copy(tmp_path / "b.flac", tmp_path / "c.wav")
    found = chunks_of(tmp_path / "c.wav")
    assert [
        cue[1] for cue in struct.iter_unpack("<II4s3I", found[b"cue "][4:])
    ] == [0, 60000]
    assert "Höhle\0".encode() in found[b"LIST:adtl"]
    assert not caplog.text


def test_names_and_pictures_that_a_flac_cannot_hold(tmp_path, caplog):
    metadata = Metadata(
        8000,
        texts={"schön=": "x", "title": "A bell"},
        pictures=[("image/png", bytes(2**24))],
    )
    with caplog.at_level(logging.WARNING):
        write(tmp_path / "a.flac", noise(8000), 8000, metadata=metadata)
    assert "schön=" in caplog.text and "16 MB" in caplog.text
    assert FLAC(tmp_path / "a.flac")["title"] == ["A bell"]


def test_layout_of_a_wav_that_cannot_describe_it(tmp_path, caplog):
    metadata = Metadata(8000, speakers=1)
    with caplog.at_level(logging.WARNING):
        write(tmp_path / "a.wav", noise(8000), 8000, "ULAW", metadata)
    assert "layout" in caplog.text
    with AudioReader(tmp_path / "a.wav") as reader:
        assert sum(block.shape[1] for block in reader.blocks()) >= 4000


def test_sixth_channels_of_no_layout_in_an_ogg_are_warned_of(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        write(tmp_path / "a.ogg", noise(8000, 6), 8000)
    assert "above 120 Hz in channel 4" in caplog.text


def test_a_codec_that_is_not_known_has_no_layout():
    data = encode(noise(16000, 2, 0.1), 16000, "matroska", "aac")
    unknown = data.replace(b"A_AAC", b"A_XYZ")
    assert unknown != data
    assert read_metadata(io.BytesIO(data), 16000).speakers == 3
    assert read_metadata(io.BytesIO(unknown), 16000).speakers == 0
