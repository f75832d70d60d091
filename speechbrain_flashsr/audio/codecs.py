"""Telephone lines and lossy codecs.

Authors
 * The speechbrain_flashsr developers 2026
"""

import fractions
import io
import math
from typing import NamedTuple

import av
import numpy as np
import scipy.signal
import soundfile

from speechbrain_flashsr.audio import SAMPLE_RATE

TELEPHONE_RATE = 8000
TELEPHONE_BAND = (300, 3400)

OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_MUSIC_RATES = (16000, 22050, 24000, 32000, 44100, 48000)


class Codec(NamedTuple):
    """A codec: its title, the sample rates in Hz at which it is used, and
    libsndfile's names of file type and sample format or, with a range of bit
    rates for one channel, FFmpeg's of encoder and decoder; whether its quality
    can be chosen, and whether it keeps the whole band of its rate."""

    title: str
    rates: tuple
    names: tuple
    bit_rates: tuple | None = None
    has_quality: bool = True
    keeps_band: bool = False


CODECS = {
    "g711": Codec(
        "G.711", (8000,), ("WAV", "ULAW"), has_quality=False, keeps_band=True
    ),
    "gsm": Codec(
        "GSM", (8000,), ("WAV", "GSM610"), has_quality=False, keeps_band=True
    ),
    "g722": Codec(
        "G.722", (16000,), ("g722", "g722"), (64000, 64000), keeps_band=True
    ),
    "mp3": Codec(
        "MP3", (8000, 11025, *_MUSIC_RATES), ("MP3", "MPEG_LAYER_III")
    ),
    "mp3-abr": Codec(
        "LAME MP3", _MUSIC_RATES, ("libmp3lame", "mp3"), (16000, 128000)
    ),
    "ogg": Codec("Ogg Vorbis", (8000, 11025, *_MUSIC_RATES), ("OGG", "VORBIS")),
    "opus": Codec("Opus", OPUS_RATES, ("OGG", "OPUS"), has_quality=False),
    "opus-vbr": Codec(
        "variable-rate Opus", OPUS_RATES, ("libopus", "opus"), (8000, 64000)
    ),
    "aac": Codec("AAC", (8000, *_MUSIC_RATES), ("aac", "aac"), (24000, 128000)),
    "ac3": Codec("AC-3", _MUSIC_RATES[3:], ("ac3", "ac3"), (48000, 192000)),
}

HARDEST = 0.95
"""Compression level of the lowest quality; libsndfile refuses 1."""


def code(wav, sample_rate, codec, quality=None):
    """Codes and decodes a waveform [time] at a rate in Hz by one of
    `CODECS`; it keeps its length.

    The quality, of codecs that have it, goes from 0, the lowest, to 1; by
    default it is libsndfile's or the middle of the bit rates. Raises a
    ValueError if the encoder refuses the sample rate; those of telephony take
    any, although they are used at one.

    Example
    -------
    >>> wav = 0.1 * np.sin(np.arange(8000) / 5)
    >>> coded = code(wav, 8000, "g711")
    >>> bool(0 < np.abs(coded - wav).max() < 0.005)
    True
    """
    names, bit_rates = CODECS[codec].names, CODECS[codec].bit_rates
    try:
        if bit_rates is None:
            decoded = _code_by_libsndfile(wav, sample_rate, *names, quality)
        else:
            low, high = np.log(bit_rates)
            part = 0.5 if quality is None else quality
            bit_rate = round(math.exp(low + part * (high - low)))
            decoded = _code_by_ffmpeg(wav, sample_rate, *names, bit_rate)
    except (soundfile.LibsndfileError, av.FFmpegError, ValueError) as error:
        raise ValueError(
            f"{codec} cannot hold sound at {sample_rate} Hz ({error}). Choose "
            f"another rate or codec."
        )
    return with_length(decoded, len(wav))


def with_length(wav, length):
    """Cuts a waveform [time], or continues it by zeros."""
    return np.pad(wav, (0, max(0, length - len(wav))))[:length]


def _code_by_libsndfile(wav, sample_rate, format, subtype, quality):
    buffer = io.BytesIO()
    level = None if quality is None else HARDEST * (1.0 - quality)
    soundfile.write(
        buffer,
        wav,
        sample_rate,
        subtype,
        format=format,
        compression_level=level,
    )
    buffer.seek(0)
    return soundfile.read(buffer)[0]


def _code_by_ffmpeg(wav, sample_rate, encoder_name, decoder_name, bit_rate):
    encoder = av.CodecContext.create(encoder_name, "w")
    encoder.sample_rate = sample_rate
    encoder.layout = "mono"
    encoder.format = encoder.codec.audio_formats[0]
    encoder.time_base = fractions.Fraction(1, sample_rate)
    encoder.bit_rate = bit_rate
    encoder.open()
    frame = av.AudioFrame.from_ndarray(
        np.clip(wav, -1, 1).astype(np.float32)[None], "flt", "mono"
    )
    frame.sample_rate = sample_rate
    split = av.AudioResampler(
        encoder.format.name,
        "mono",
        sample_rate,
        frame_size=encoder.frame_size or 1024,
    )
    packets = []
    for part in [*split.resample(frame), *split.resample(None), None]:
        packets += encoder.encode(part)
    decoder = av.CodecContext.create(decoder_name, "r")
    decoder.sample_rate = sample_rate
    decoder.layout = "mono"
    if encoder.extradata:
        decoder.extradata = encoder.extradata
    join = av.AudioResampler("flt", "mono", sample_rate)
    blocks = []
    for packet in [*packets, None]:
        for part in decoder.decode(packet):
            blocks += [b.to_ndarray()[0] for b in join.resample(part)]
    blocks += [b.to_ndarray()[0] for b in join.resample(None)]
    return np.concatenate(blocks).astype(np.float64)


def code_at(wav, rate, codec, quality=None):
    """Brings a waveform [time] at 48 kHz to a lower rate in Hz, codes it there
    (see :func:`code`) and brings it back, without delay."""
    down = scipy.signal.resample_poly(wav, rate, SAMPLE_RATE)
    up = scipy.signal.resample_poly(
        code(down, rate, codec, quality), SAMPLE_RATE, rate
    )
    return with_length(up, len(wav))


def telephone(wav):
    """A telephone line for a waveform [time] at 48 kHz: 300 to 3400 Hz, then
    G.711 (mu-law at 8 kHz), without delay."""
    sos = scipy.signal.butter(
        4, TELEPHONE_BAND, "bandpass", fs=SAMPLE_RATE, output="sos"
    )
    padding = min(len(wav) - 1, SAMPLE_RATE // 100)
    wav = scipy.signal.sosfiltfilt(sos, wav, padlen=padding)
    return code_at(wav, TELEPHONE_RATE, "g711")
