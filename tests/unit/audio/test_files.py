"""Tests of speechbrain_flashsr.audio.reading and audio.writing.

Authors
 * The speechbrain_flashsr developers 2026
"""

import contextlib
import os
import resource

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_flashsr.audio.formats import output_format
from speechbrain_flashsr.audio.reading import AudioReader
from speechbrain_flashsr.audio.writing import AudioWriter, complete_file
from speechbrain_flashsr.cli.pictures import spectrogram
from speechbrain_flashsr.inference import AudioError


def sound(channels=2, num_samples=100000, seed=0):
    generator = np.random.default_rng(seed)
    return 0.1 * generator.standard_normal((num_samples, channels))


def read(path):
    with AudioReader(path) as reader:
        return torch.cat(list(reader.blocks()), dim=1)


def write(path, wavs, rate=48000, format="WAV", subtype="PCM_16", **options):
    """Writes [channels, time]; returns the closed writer."""
    channels = len(wavs)
    with AudioWriter(path, rate, channels, format, subtype, **options) as file:
        file.write(wavs)
    return file


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "aiff", "mp3"])
def test_blocks_are_the_file(tmp_path, extension):
    """As another decoder reads it, whose rounding differs in MP3."""
    path = tmp_path / f"a.{extension}"
    soundfile.write(path, sound(), 16000)
    expected, _ = soundfile.read(path, dtype="float32")
    tolerance = 1e-5 if extension == "mp3" else 1e-6
    assert np.abs(read(path).numpy().T - expected).max() < tolerance


@pytest.mark.parametrize(
    "path, subtype, expected",
    [
        ("a.wav", "PCM_16", ("WAV", "PCM_16")),
        ("a.WAV", "PCM_24", ("WAV", "PCM_24")),
        ("a.wav", "PCM_U8", ("WAV", "PCM_U8")),
        ("a.wav", "PCM_S8", ("WAV", "PCM_U8")),
        ("a.wav", "FLOAT", ("WAV", "FLOAT")),
        ("a.wav", "ALAW", ("WAV", "PCM_16")),
        ("a.wav", "MPEG_LAYER_III", ("WAV", "PCM_16")),
        ("a.flac", "FLOAT", ("FLAC", "PCM_24")),
        ("a.flac", "PCM_U8", ("FLAC", "PCM_S8")),
        ("a.flac", "PCM_32", ("FLAC", "PCM_24")),
        ("a.ogg", "PCM_24", ("OGG", "VORBIS")),
        ("a.ogg", "OPUS", ("OGG", "VORBIS")),
        ("a.opus", "FLOAT", ("OGG", "OPUS")),
    ],
)
def test_bit_depth_follows_the_input(path, subtype, expected):
    assert output_format(path, subtype) == expected


def test_bit_depth_can_be_asked_for():
    assert output_format("a.wav", "PCM_16", "pcm_24") == ("WAV", "PCM_24")


@pytest.mark.parametrize(
    "path, subtype, words",
    [
        ("a.mp3", None, r"\.mp3"),
        ("a", None, "extension"),
        ("a.flac", "FLOAT", "FLAC cannot hold.*FLOAT"),
        ("a.wav", "PCM_12", "PCM_12"),
        ("a.wav", 16, "WAV cannot hold samples of type '16'"),
    ],
)
def test_formats_that_are_not_written(path, subtype, words):
    with pytest.raises(AudioError, match=words):
        output_format(path, "PCM_16", subtype)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_what_is_read_is_written_bit_by_bit(tmp_path, subtype):
    samples = sound()
    samples[:2] = [[1.0, -1.0], [0.0, 0.9999]]
    soundfile.write(tmp_path / "a.wav", samples, 48000, subtype=subtype)
    wavs = read(tmp_path / "a.wav")
    with AudioWriter(tmp_path / "b.wav", 48000, 2, "WAV", subtype) as writer:
        for block in wavs.split(30000, dim=1):
            writer.write(block)
    assert torch.equal(read(tmp_path / "b.wav"), wavs)
    assert writer.clipped_samples == 0


@pytest.mark.parametrize(
    "subtype, clipped", [("PCM_16", 3), ("PCM_24", 3), ("FLOAT", 0)]
)
def test_clipped_samples_are_counted(tmp_path, subtype, clipped):
    wavs = torch.tensor([[0.5, -1.0, 1.0, 1.25, -1.5, 0.99996]])
    writer = write(tmp_path / "a.wav", wavs, subtype=subtype)
    assert writer.clipped_samples == clipped
    assert writer.peak == 1.5
    if not clipped:
        assert torch.equal(read(tmp_path / "a.wav"), wavs)


@pytest.mark.parametrize(
    "num_samples, format", [(10**6, "WAV"), (2**30, "WAV"), (2**31, "RF64")]
)
def test_long_wav_gets_a_64_bit_header(tmp_path, num_samples, format):
    path = tmp_path / "a.wav"
    write(path, torch.zeros(1, 100), num_samples=num_samples)
    assert soundfile.info(path).format == format
    assert read(path).shape == (1, 100)


def test_texts_are_kept(tmp_path):
    with soundfile.SoundFile(tmp_path / "a.flac", "w", 16000, 1) as file:
        file.title = "A bell"
        file.write(sound(1))
    with AudioReader(tmp_path / "a.flac") as reader:
        metadata = reader.metadata()
    write(tmp_path / "b.wav", torch.zeros(1, 100), metadata=metadata)
    with soundfile.SoundFile(tmp_path / "b.wav") as file:
        assert file.title == "A bell"


def test_output_appears_complete_or_not_at_all(tmp_path):
    path = tmp_path / "a.wav"
    path.write_text("what was there")
    with pytest.raises(KeyboardInterrupt):
        with AudioWriter(path, 48000, 1, "WAV", "PCM_16") as writer:
            writer.write(torch.zeros(1, 100000))
            raise KeyboardInterrupt
    assert path.read_text() == "what was there"
    assert list(tmp_path.iterdir()) == [path]
    with AudioWriter(path, 48000, 1, "WAV", "PCM_16") as writer:
        writer.write(torch.zeros(1, 10))
        assert path.read_text() == "what was there"
    assert read(path).shape == (1, 10)
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o444


@contextlib.contextmanager
def disk_of(num_bytes):
    """Lets no file become longer."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("lacking", [1, 1000, 50000])
@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG"])
def test_full_disk(tmp_path, format, lacking):
    """libsndfile loses the last samples without an error."""
    path = tmp_path / f"a.{format.lower()}"
    _, subtype = output_format(path)
    wavs = torch.from_numpy(sound().T)
    write(path, wavs, 48000, format, subtype)
    size = path.stat().st_size
    before = path.read_bytes()
    with disk_of(size - lacking), pytest.raises(AudioError, match="disk"):
        write(path, wavs, 48000, format, subtype)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg"])
def test_sample_formats_that_an_error_names_can_be_written(tmp_path, extension):
    path = tmp_path / f"a.{extension}"
    with pytest.raises(AudioError, match="Choose one of") as error:
        output_format(path, subtype="MS_ADPCM")
    names = str(error.value).partition("one of ")[2].rstrip(".").split(", ")
    wavs = torch.from_numpy(sound().T)
    for name in names:
        format, subtype = output_format(path, subtype=name)
        write(path, wavs, 48000, format, subtype)
        assert soundfile.info(path).frames == wavs.shape[1]


@pytest.mark.parametrize(
    "subtype, error", [("ULAW", 0.05), ("ALAW", 0.05), ("MS_ADPCM", 0.2)]
)
def test_overload_of_compressed_formats(tmp_path, subtype, error):
    """Counted, and never turned to the other sign."""
    path = tmp_path / "loud.wav"
    wav = 1.6 * torch.sin(torch.arange(48000)[None] / 50)
    writer = write(path, wav, subtype=subtype)
    assert writer.clipped_samples == int((wav.abs() > 1).sum())
    samples = read(path)[0].numpy()
    expected = wav[0].clamp(-1, 1).numpy()
    assert np.abs(samples[: len(expected)] - expected).max() < error


@pytest.mark.parametrize(
    "subtype, lowest, highest",
    [("VORBIS", 19000, 20000), ("OPUS", 16000, 18000)],
)
def test_ogg_keeps_the_high_band(tmp_path, subtype, lowest, highest):
    """At the codec's own quality, quiet sound there is lost or made louder."""
    spectrum = torch.from_numpy(np.fft.rfft(sound(1, 96000)[:, 0]))
    spectrum[2 * 4000 :] *= 0.003
    wav = torch.fft.irfft(spectrum)[None]
    write(tmp_path / "a.ogg", wav, 48000, "OGG", subtype)
    expected, found = (
        torch.fft.rfft(x[:, :96000])[0, 2 * lowest : 2 * highest]
        for x in (wav, read(tmp_path / "a.ogg"))
    )
    change = found.abs().square().mean() / expected.abs().square().mean()
    assert abs(10 * change.log10()) < 0.5


def test_name_that_is_no_utf8(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    write(path, torch.ones(1, 100) / 2)
    assert torch.equal(read(path), torch.ones(1, 100) / 2)


def test_copy_is_exact(tmp_path):
    soundfile.write(tmp_path / "a.wav", sound(), 8000)
    data = (tmp_path / "a.wav").read_bytes()
    for source in (tmp_path / "a.wav", data):
        with AudioReader(source) as reader:
            list(reader.blocks())
            reader.copy_to(tmp_path / "new" / "b.wav")
        assert (tmp_path / "new" / "b.wav").read_bytes() == data


def test_samples_that_are_no_numbers_are_not_written(tmp_path):
    for value in (np.nan, np.inf):
        wav = torch.zeros(1, 9000)
        wav[0, 8000] = value
        with pytest.raises(AudioError, match=rf"a.wav.*{value}.*1.000 s.*weig"):
            write(tmp_path / "a.wav", wav, 8000, subtype="FLOAT")
    assert list(tmp_path.iterdir()) == []


def test_nothing_but_clipping_is_not_written(tmp_path):
    wav = 1000 * torch.from_numpy(sound().T).float()
    with pytest.raises(AudioError, match="beyond full scale by .. dB.*FLOAT"):
        write(tmp_path / "a.wav", wav)
    write(tmp_path / "a.wav", wav, subtype="FLOAT")
    assert torch.equal(read(tmp_path / "a.wav"), wav)


def test_opus_has_few_rates(tmp_path):
    assert output_format("a.opus", "PCM_24") == ("OGG", "OPUS")
    with pytest.raises(AudioError, match="44100 Hz. Choose 48000"):
        AudioWriter(tmp_path / "a.opus", 44100, 1, "OGG", "OPUS")


@pytest.mark.parametrize("channels, format", [(9, "FLAC"), (300, "OGG")])
def test_too_many_channels(tmp_path, channels, format):
    subtype = {"FLAC": "PCM_16", "OGG": "VORBIS"}[format]
    with pytest.raises(AudioError, match="cannot be written"):
        with AudioWriter(tmp_path / "a", 48000, channels, format, subtype):
            pass
    assert list(tmp_path.iterdir()) == []


def test_unwritable_output(tmp_path):
    (tmp_path / "file").write_text("no folder")
    for path in (tmp_path / "file" / "a.wav", tmp_path):
        with pytest.raises(AudioError, match="cannot be written.*folder"):
            with complete_file(path):
                pass
    assert len(list(tmp_path.iterdir())) == 1


def test_missing_empty_and_textual_input(tmp_path):
    with pytest.raises(AudioError, match="There is no file.*gone.wav"):
        AudioReader(tmp_path / "gone.wav")
    with pytest.raises(AudioError, match="folder"):
        AudioReader(tmp_path)
    (tmp_path / "empty.wav").touch()
    with pytest.raises(AudioError, match="empty"):
        AudioReader(tmp_path / "empty.wav")
    (tmp_path / "text.wav").write_text("RIFF is what this is not")
    with pytest.raises(AudioError, match="cannot be read as audio"):
        AudioReader(tmp_path / "text.wav")
    (tmp_path / "bytes.raw").write_bytes(b"1234")
    with pytest.raises(AudioError, match="cannot be read as audio"):
        AudioReader(tmp_path / "bytes.raw")
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 1)), 16000)
    with pytest.raises(AudioError, match="no samples"):
        read(tmp_path / "none.wav")


@pytest.mark.parametrize(
    "extension, subtype",
    [
        ("wav", "PCM_16"),
        ("wav", "FLOAT"),
        ("flac", "PCM_16"),
        ("ogg", "VORBIS"),
        ("aiff", "PCM_16"),
        ("au", "PCM_16"),
        ("caf", "PCM_16"),
        ("rf64", "PCM_16"),
        ("w64", "PCM_16"),
        ("mp3", "MPEG_LAYER_III"),
    ],
)
@pytest.mark.parametrize("left", [0.001, 0.5, 0.9])
def test_truncated_input(tmp_path, extension, subtype, left):
    whole, cut = tmp_path / f"a.{extension}", tmp_path / f"b.{extension}"
    soundfile.write(whole, sound(), 16000, subtype=subtype)
    data = whole.read_bytes()
    cut.write_bytes(data[: int(left * len(data))])
    with pytest.raises(AudioError, match="truncated|cannot be read"):
        read(cut)


def test_w64_without_its_padding(tmp_path):
    """Its header may count bytes that fill its last chunk up."""
    path = tmp_path / "a.w64"
    soundfile.write(path, sound(1, 5001), 16000, subtype="PCM_16")
    data = path.read_bytes()
    size = int.from_bytes(data[16:24], "little")
    assert size == len(data)
    whole = read(path)

    def declare(size):
        number = size.to_bytes(8, "little")
        path.write_bytes(data[:16] + number + data[24:])

    declare(size + 6)
    assert torch.equal(read(path), whole)
    declare(size + 8)
    with pytest.raises(AudioError, match="truncated"):
        read(path)


def test_wav_of_unknown_length(tmp_path):
    """A WAV written to a pipe declares as many bytes as it can."""
    soundfile.write(tmp_path / "a.wav", sound(1, 5000), 16000)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    place = data.find(b"data") + 4
    data[place : place + 4] = b"\xff\xff\xff\xff"
    data[4:8] = b"\xff\xff\xff\xff"
    (tmp_path / "b.wav").write_bytes(data)
    assert torch.equal(read(tmp_path / "b.wav"), read(tmp_path / "a.wav"))


def test_format_without_seeking_is_read_twice(tmp_path):
    path = tmp_path / "a.au"
    soundfile.write(path, sound(1), 8000, subtype="G721_32")
    with AudioReader(path) as reader:
        first, second = (
            torch.cat(list(reader.blocks()), dim=1) for _ in range(2)
        )
    assert first.shape[1] >= 100000 and torch.equal(first, second)


def test_picture_of_a_format_without_seeking(tmp_path):
    path = tmp_path / "a.au"
    wav = np.sin(2 * np.pi * 1000 * np.arange(32000) / 8000) / 2
    soundfile.write(path, wav, 8000, subtype="G721_32")
    levels, _, seconds = spectrogram(path)
    loudest = levels.argmax(axis=0) / (len(levels) - 1) * 4000
    assert np.all(loudest[1:-1] == 1000) and seconds >= 4


def test_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AudioError, match="a pipe or a device"):
        AudioReader(tmp_path / "pipe")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers(tmp_path, value):
    samples = sound()
    samples[80000, 1] = value
    soundfile.write(tmp_path / "a.wav", samples, 16000, subtype="FLOAT")
    with pytest.raises(AudioError, match=f"{value}.* 5.000 s in channel 2"):
        read(tmp_path / "a.wav")
