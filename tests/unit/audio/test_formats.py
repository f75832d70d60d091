"""Sound files of many formats, streams and sources, read whole or refused.

Authors
 * The speechbrain_flashsr developers 2026
"""

import io
import logging
import struct

import av
import numpy as np
import pytest
import scipy.signal
import soundfile
import torch

from speechbrain_flashsr.audio.checks import AudioError
from speechbrain_flashsr.audio.formats import find_sound_files
from speechbrain_flashsr.audio.reading import RAW_FORMATS, AudioReader
from tests.encoded import AMR_WB_SIZES, amr_wb, encode, noise


def read(source, **options):
    """All samples, [channels, time]."""
    with AudioReader(source, **options) as reader:
        return torch.cat(list(reader.blocks()), dim=1).numpy()


def written(wav, rate, **options):
    """A sound file that libsndfile writes, as bytes."""
    file = io.BytesIO()
    soundfile.write(file, wav.T, rate, **{"format": "WAV", **options})
    return file.getvalue()


# Container, codec, rate, channels, how many samples more than went in come out
# (containers that do not say what the encoder added, whole blocks), and where
# the first sample is.
CODED = [
    ("ipod", "aac", 16000, 2, 192, 0),
    ("adts", "aac", 16000, 2, 1216, 1024),
    ("ipod", "alac", 16000, 2, 0, 0),
    ("webm", "libopus", 48000, 2, 0, 0),
    ("matroska", "aac", 16000, 1, 192, 0),
    ("ac3", "ac3", 44100, 6, 990, 256),
    ("eac3", "eac3", 44100, 2, 990, 256),
    ("mp3", "libmp3lame", 16000, 2, 0, 0),
    ("ogg", "libopus", 48000, 2, 0, 0),
    ("flac", "flac", 16000, 2, 0, 0),
    ("amr", "libopencore_amrnb", 8000, 1, 160, 40),
    ("3gp", "libopencore_amrnb", 8000, 1, 110, -10),
    ("tta", "tta", 16000, 2, 0, 0),
    ("wv", "wavpack", 16000, 2, 0, 0),
    ("wav", "adpcm_ms", 16000, 2, 96, 0),
    ("wav", "libmp3lame", 16000, 2, 1216, 1105),
    ("mpegts", "mp2", 16000, 2, 64, 481),
    ("voc", "pcm_s16le", 16000, 2, 0, 0),
    ("au", "pcm_s16be", 16000, 2, 0, 0),
    ("w64", "pcm_s16le", 16000, 2, 0, 0),
]


@pytest.mark.parametrize("container, codec, rate, channels, more, delay", CODED)
def test_sound_is_whole_and_in_its_place(
    container, codec, rate, channels, more, delay
):
    wav = noise(rate, channels)
    data = encode(wav, rate, container, codec)
    found = read(data)
    assert np.array_equal(found, read(data))  # a second pass is the same
    assert found.shape == (channels, wav.shape[1] + more)
    likeness = scipy.signal.correlate(found[0], wav[0], method="fft")
    assert likeness.argmax() - (wav.shape[1] - 1) == delay


def test_pauses_of_a_telephone_recording():
    """AMR has short frames for silence, and empty ones."""
    talk = noise(8000)
    wav = np.concatenate([talk, np.zeros((1, 8000), "f4"), talk], axis=1)
    data, full = (
        encode(
            wav, 8000, "amr", "libopencore_amrnb", codec_options={"dtx": dtx}
        )
        for dtx in ("1", "0")
    )
    assert len(data) < 0.8 * len(full)
    found, expected = read(data), read(full)
    assert found.shape == expected.shape
    assert np.abs(found[:, 6000:11000]).max() < 0.01
    assert np.corrcoef(found[0, -3000:], expected[0, -3000:])[0, 1] > 0.9


@pytest.mark.parametrize("mode", AMR_WB_SIZES)
def test_wide_band_telephone_recording(mode):
    with AudioReader(amr_wb(mode)) as reader:
        assert (reader.sample_rate, reader.subtype) == (16000, "AMRWB")
        found = torch.cat(list(reader.blocks()), dim=1)
    assert found.shape == (1, 80 * 320)
    assert found.isfinite().all() and found.abs().max() <= 1


@pytest.mark.parametrize("container, codec", [("mp4", "aac"), ("avi", "mp2")])
def test_sound_of_a_film(container, codec):
    wav = noise(16000)
    found = read(encode(wav, 16000, container, codec, pictures=20))
    assert 0 <= found.shape[1] - wav.shape[1] < 1152


def test_film_without_sound(tmp_path):
    import av

    with av.open(tmp_path / "a.mp4", "w") as output:
        film = output.add_stream("mpeg4", rate=25)
        film.width, film.height, film.pix_fmt = 32, 32, "yuv420p"
        output.mux(film.encode(av.VideoFrame(32, 32, "yuv420p")))
        output.mux(film.encode())
    with pytest.raises(AudioError, match="a.mp4.*no sound"):
        AudioReader(tmp_path / "a.mp4")


@pytest.mark.parametrize("left", [0.4, 0.7, 0.95])
@pytest.mark.parametrize(
    "container, codec, rate",
    [
        ("ipod", "alac", 16000),
        ("webm", "libopus", 48000),
        ("mp3", "libmp3lame", 16000),
        ("ogg", "libopus", 48000),
        ("flac", "flac", 16000),
        ("tta", "tta", 16000),
        ("wav", "adpcm_ms", 16000),
        ("wav", "libmp3lame", 16000),
        ("avi", "libmp3lame", 16000),
        ("asf", "wmav2", 44100),
    ],
)
def test_truncated_files_are_errors_unless_accepted(
    container, codec, rate, left
):
    wav = noise(rate, seconds=8.0)
    options = {"movflags": "empty_moov+frag_every_frame"}
    data = encode(
        wav, rate, container, codec, **options if container == "ipod" else {}
    )
    whole = read(data)
    cut = data[: int(left * len(data))]
    with pytest.raises(AudioError, match="truncated.*--accept-truncated"):
        read(cut)
    there = read(cut, accept_truncated=True)
    assert 0 < there.shape[1] <= whole.shape[1]
    sure = slice(0, there.shape[1] - 5000)
    assert np.abs(there[:, sure] - whole[:, sure]).max(initial=0) < 1e-4


def test_damage_inside_is_an_error_unless_accepted():
    data = bytearray(encode(noise(16000, seconds=4), 16000, "flac", "flac"))
    whole = read(data)
    data[len(data) // 2 : len(data) // 2 + 50] = bytes(50)
    with pytest.raises(AudioError, match="damaged"):
        read(data)
    assert read(data, accept_truncated=True).shape[1] > whole.shape[1] / 2


@pytest.mark.parametrize("size", [0, 10**9, 2 * 10**9, 2**32 - 1])
def test_wav_from_a_pipe(size, caplog):
    wav = noise(seconds=1)
    data = bytearray(written(wav, 16000))
    data[40:44] = struct.pack("<I", size)
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(read(data), read(written(wav, 16000)))
        with AudioReader(data) as reader:
            assert reader.metadata().chunks == {}
    assert not caplog.text


def test_wav_whose_header_is_shorter_than_its_sound(caplog):
    wav = noise(seconds=1)
    data = bytearray(written(wav, 16000))
    data[40:44] = struct.pack("<I", 2000)
    with caplog.at_level(logging.WARNING):
        assert read(data).shape == (1, 16000)
    assert "declares 2000 bytes of sound" in caplog.text


@pytest.mark.parametrize("padded", [True, False])
def test_chunks_behind_the_sound_are_no_sound(padded):
    """With or without the byte that fills an odd size up."""
    wav = noise(seconds=0.1)[:, :-1]
    data = written(wav, 16000, subtype="PCM_U8")
    data = data if padded else data[:-1]
    data += b"bext" + struct.pack("<I", 700) + bytes(range(256)) * 3
    assert read(data).shape == wav.shape


def test_wav_that_was_cut_is_not_taken_for_one_from_a_pipe():
    data = written(noise(seconds=1), 16000)
    with pytest.raises(AudioError, match="truncated"):
        read(data[:20000])
    assert read(data[:20000], accept_truncated=True).shape == (1, 9978)


def test_flac_from_a_pipe():
    wav = noise()
    data = bytearray(written(wav, 16000, format="FLAC"))
    expected = read(data)
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    assert np.array_equal(read(data), expected)


def test_joined_mp3s_go_on_with_the_next():
    """Of other rates and channels too, with tags between them."""
    wav = noise(16000, seconds=1)
    first = encode(wav, 16000, "mp3", "libmp3lame", texts={"title": "One"})
    second = encode(
        np.concatenate([wav, wav]),
        32000,
        "mp3",
        "libmp3lame",
        id3v2_version="0",
    )
    tag = b"TAG" + bytes(125)
    for joined in (first + tag + first, first + first):
        assert 32000 <= read(joined).shape[1] < 36000
    mixed = read(first + tag + second)
    assert mixed.shape[0] == 1 and 24000 <= mixed.shape[1] < 28000


def test_mp3_without_a_count_of_its_frames():
    wav = noise(seconds=1)
    data = encode(wav, 16000, "mp3", "libmp3lame", write_xing="0")
    assert 16000 <= read(data).shape[1] < 18500
    assert 16000 <= read(data + b"any tag" * 300).shape[1] < 18500


def test_chained_ogg_streams():
    wav = noise(48000)
    data = encode(wav, 48000, "ogg", "libopus")
    other = encode(wav, 48000, "ogg", "libopus", serial_offset="5")
    assert read(data + other).shape == (1, 2 * 24000)
    assert read(encode_vorbis(wav) + encode_vorbis(wav)).shape[1] >= 48000


def encode_vorbis(wav):
    return written(wav, 48000, format="OGG", subtype="VORBIS")


def test_joined_opus_streams_that_cannot_be_told_apart():
    """FFmpeg would play the first alone."""
    data = encode(noise(48000), 48000, "ogg", "libopus")
    with pytest.raises(AudioError, match="one serial number"):
        read(data + data)


def test_ogg_without_its_last_flag():
    data = bytearray(encode(noise(48000), 48000, "ogg", "libopus"))
    page = data.rfind(b"OggS")
    data[page + 5] &= ~4
    data[page + 22 : page + 26] = bytes(4)
    data[page + 22 : page + 26] = struct.pack("<I", _ogg_crc(data[page:]))
    assert read(data).shape[1] >= 24000


def _ogg_crc(page):
    """The check sum of an Ogg page."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 2**31 else 0)
            value &= 2**32 - 1
    return value


RARE = {
    "svx": b"FORM\0\0\x10\0" + b"8SVXVHDR" + bytes(4000),
    "svx behind a tag": b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + b"FORM\0\0P:16SV"
    b"VHDR" + bytes(4000),
    "pvf": b"PVF1\n1 8000 16\n" + bytes(4000),
    "ircam": b"\x64\xa3\x01\0" + bytes(4000),
    "playlist": b"#EXTM3U\n#EXTINF:3,\n/etc/passwd\n",
    "concat": b"ffconcat version 1.0\nfile a.wav\n",
    "text": b"not audio" * 100,
}


@pytest.mark.parametrize("name", RARE)
@pytest.mark.parametrize("extension", ["wav", "svx", "m3u8", "mp3"])
def test_content_decides_not_the_name(tmp_path, name, extension):
    path = tmp_path / f"a.{extension}"
    path.write_bytes(RARE[name])
    with pytest.raises(AudioError, match=f"a.{extension}.*cannot be read"):
        AudioReader(path)


def test_right_content_under_a_wrong_name(tmp_path):
    wav = noise()
    (tmp_path / "a.mp3").write_bytes(written(wav, 16000))
    with AudioReader(tmp_path / "a.mp3") as reader:
        assert (reader.format, reader.subtype) == ("WAV", "PCM_16")
    assert read(tmp_path / "a.mp3").shape == wav.shape


@pytest.mark.parametrize("name", RAW_FORMATS)
def test_files_without_a_header(tmp_path, name):
    subtype, endian = RAW_FORMATS[name]
    channels = 1 if name in ("vox", "gsm") else 2
    wav = 0.5 * noise(8000, channels, seconds=0.2)
    path = tmp_path / "call.raw"
    soundfile.write(
        path, wav.T, 8000, subtype=subtype, endian=endian, format="RAW"
    )
    found = read(path, raw=f"{name}:8000:{channels}")
    assert np.abs(found[:, :1600] - wav).max() < (1 if channels == 1 else 0.02)
    with AudioReader(path.read_bytes(), raw=f"{name}:8000") as reader:
        assert (reader.sample_rate, reader.channels) == (8000, 1)


@pytest.mark.parametrize(
    "raw",
    [
        *("ulaw", "pcm:8000", "ulaw:x", "s8:8000:2:1", "ulaw:99999999999"),
        *("ulaw:8000:0", "ulaw:8000:2000", "8000"),
    ],
)
def test_wrong_descriptions_of_files_without_a_header(raw):
    with pytest.raises(AudioError, match=f"'{raw}'.*ulaw:8000"):
        AudioReader(bytes(100), raw=raw)
    with pytest.raises(AudioError, match="3000 Hz"):
        AudioReader(bytes(100), raw="ulaw:3000")
    with pytest.raises(AudioError, match="is 8000. Write it as FORMAT:RATE"):
        AudioReader(bytes(100), raw=8000)


def test_films_are_told_from_programs_of_the_same_extension(tmp_path):
    film = encode(noise(16000), 16000, "mpegts", "mp2", pictures=5)
    for name in ("film.ts", "film.mts", "film.m2t"):
        (tmp_path / name).write_bytes(film)
    for name in ("program.ts", "module.mts"):
        (tmp_path / name).write_text("export const rate = 48000;\n")
    found = find_sound_files(tmp_path)
    assert [path.name for path in found] == ["film.m2t", "film.mts", "film.ts"]
    assert all(8000 <= read(path).shape[1] < 9200 for path in found)


class Pipe(io.RawIOBase):
    """Can be read, but not sought in."""

    def __init__(self, data):
        self._file = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._file.readinto(buffer)


def test_sources_that_are_no_names(tmp_path):
    data = written(noise(), 16000)
    (tmp_path / "a.wav").write_bytes(data)
    expected = read(tmp_path / "a.wav")
    with open(tmp_path / "a.wav", "rb") as file:
        sources = (data, bytearray(data), Pipe(data), io.BytesIO(data), file)
        for source in sources:
            assert np.array_equal(read(source), expected)
    with open(tmp_path / "a.wav", encoding="latin-1") as text:
        with pytest.raises(AudioError, match="a.wav.*mode 'rb'"):
            AudioReader(text)
    for source in (None, 3, [1, 2]):
        with pytest.raises(AudioError, match=type(source).__name__):
            AudioReader(source)
    with pytest.raises(AudioError, match="empty"):
        AudioReader(b"")


def test_more_channels_than_ffmpeg_converts():
    sent = (32768 * noise(8000, channels=65)).astype(np.int16)
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream("pcm_s16le", rate=8000, layout="65 channels")
        frame = av.AudioFrame.from_ndarray(
            sent.T.reshape(1, -1), "s16", "65 channels"
        )
        frame.sample_rate = 8000
        for part in (frame, None):
            output.mux(stream.encode(part))
    with AudioReader(file.getvalue()) as reader:
        found = np.concatenate(list(reader.blocks()), axis=1)
    assert np.array_equal(found, sent / np.float32(32768))
