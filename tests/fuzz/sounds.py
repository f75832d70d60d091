"""Damaged sound files of all formats: read whole, or refused with one error.

Authors
 * The speechbrain_flashsr developers 2026
"""

import io
import struct

import numpy as np
import soundfile
import torch

from speechbrain_flashsr.audio.checks import AudioError
from speechbrain_flashsr.audio.formats import output_format
from speechbrain_flashsr.audio.reading import AudioReader
from speechbrain_flashsr.audio.riff import append_chunks
from speechbrain_flashsr.audio.writing import AudioWriter
from tests.encoded import amr_wb, encode, noise
from tests.fuzz.damage import damage

SECONDS = 2.0

# Of libsndfile: extension, sub-type.
WRITTEN = [
    *(("wav", subtype) for subtype in ("PCM_16", "PCM_24", "FLOAT", "ULAW")),
    *(("wav", subtype) for subtype in ("MS_ADPCM", "IMA_ADPCM", "GSM610")),
    *(("wavex", "PCM_16"), ("rf64", "PCM_16"), ("w64", "PCM_24")),
    *(("flac", "PCM_16"), ("flac", "PCM_24"), ("ogg", "VORBIS")),
    *(("ogg", "OPUS"), ("aiff", "PCM_16"), ("aiff", "FLOAT")),
    *(("caf", "PCM_16"), ("caf", "ALAC_16"), ("au", "PCM_16"), ("au", "FLOAT")),
    *(("svx", "PCM_16"), ("nist", "PCM_16"), ("voc", "PCM_16")),
    *(("pvf", "PCM_16"), ("avr", "PCM_16"), ("ircam", "PCM_16")),
    *(("paf", "PCM_16"), ("mat5", "PCM_16"), ("xi", "DPCM_16")),
    *(("mpc2k", "PCM_16"), ("mat4", "PCM_16"), ("wve", "ALAW")),
]

# Of FFmpeg: container, codec, rate.
ENCODED = [
    *(("ipod", "aac", 16000), ("ipod", "alac", 16000)),
    *(("webm", "libopus", 48000), ("matroska", "aac", 16000)),
    *(("ogg", "libopus", 48000), ("asf", "wmav2", 44100)),
    *(("mp3", "libmp3lame", 16000), ("wav", "libmp3lame", 16000)),
    *(("avi", "libmp3lame", 16000), ("tta", "tta", 16000)),
    *(("wv", "wavpack", 16000), ("flac", "flac", 16000)),
    *(("adts", "aac", 16000), ("ac3", "ac3", 44100), ("eac3", "eac3", 44100)),
    *(("amr", "libopencore_amrnb", 8000), ("mpegts", "mp2", 16000)),
]

# Formats that do not say how much sound they hold.
UNDECLARED = ("adts", "ac3", "eac3", "amr", "mpegts")

EXTENSIONS = ("wav", "mp3", "m4a", "ogg", "svx", "dat")


class Sounds:
    """Sound files that are damaged or cut."""

    def __init__(self, folder):
        self.folder = folder
        self.files = []
        for extension, subtype in WRITTEN:
            file = io.BytesIO()
            wav = noise(16000, 1, SECONDS)
            soundfile.write(
                file, wav.T, 16000, format=extension, subtype=subtype
            )
            self.files.append((extension, file.getvalue()))
        path = folder / "chunks.wav"
        soundfile.write(path, noise(16000, 2, SECONDS).T, 16000)
        loops = struct.pack("<15I", *(*range(7), 1, 0), 0, 0, 10, 99, 0, 0)
        append_chunks(path, {b"smpl": loops, b"bext": bytes(700)})
        self.files.append(("wav", path.read_bytes()))
        for container, codec, rate in ENCODED:
            channels = 1 if container == "amr" else 2
            wav = noise(rate, channels, SECONDS)
            texts = {"title": "A bell", "artist": "Ö"}
            data = encode(wav, rate, container, codec, texts=texts)
            self.files.append((container, data))
        self.files.append(("amr", amr_wb(mode=2)))
        self.lengths = {
            index: self._length(data)
            for index, (_, data) in enumerate(self.files)
        }

    @staticmethod
    def _length(data):
        """Seconds of a whole file; None if its format is not read."""
        try:
            with AudioReader(data) as reader:
                blocks = reader.blocks()
                samples = sum(block.shape[1] for block in blocks)
                return samples / reader.sample_rate
        except AudioError:
            return None

    def run(self, rng):
        """One case."""
        index = rng.randrange(len(self.files))
        kind, data = self.files[index]
        is_cut = rng.random() < 0.3
        if is_cut:
            data = data[: rng.randrange(1, len(data))]
        else:
            data = damage(data, rng)
        path = self.folder / f"a.{rng.choice(EXTENSIONS)}"
        path.write_bytes(data)
        accept = rng.random() < 0.3
        source = path if rng.random() < 0.8 or not data else data
        try:
            with AudioReader(source, accept_truncated=accept) as reader:
                counts = [self._count(reader) for _ in range(2)]
                metadata = reader.metadata()
        except AudioError as error:
            message = str(error)
            assert "\n" not in message and len(message) < 600, message
            assert source is not path or f"'{path}'" in message, message
            return "refused"
        assert counts[0] == counts[1] > 0, counts
        if is_cut and not accept and kind not in UNDECLARED:
            seconds = counts[0] / reader.sample_rate
            # MP3 counts frames, some too many; containers round.
            assert seconds > 0.97 * self.lengths[index] - 0.11, (kind, seconds)
        if rng.random() < 0.2:
            self._write(rng.choice(["wav", "flac", "ogg"]), metadata)
        return "accepted" if accept else "read"

    @staticmethod
    def _count(reader):
        count = 0
        for block in reader.blocks():
            assert block.shape[0] == reader.channels
            assert np.isfinite(block.numpy()).all()
            count += block.shape[1]
        return count

    def _write(self, extension, metadata):
        """Writes a file with what a damaged one holds besides sound."""
        path = self.folder / f"out.{extension}"
        with AudioWriter(
            path, 48000, 1, *output_format(path), metadata=metadata
        ) as writer:
            writer.write(torch.zeros(1, 1000))
        with AudioReader(path) as reader:
            assert self._count(reader) >= 1000
