"""Telephone lines and lossy codecs.

Authors
 * The speechbrain_flashsr developers 2026
"""

import fractions
import io
import math

import av
import numpy as np
import scipy.signal
import soundfile

from speechbrain_flashsr.audio import SAMPLE_RATE

TELEPHONE_RATE = 8000
TELEPHONE_BAND = (300, 3400)

CODECS = {
    "g711": {"format": "WAV", "subtype": "ULAW"},
    "gsm": {"format": "WAV", "subtype": "GSM610"},
    "mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III"},
    "ogg": {"format": "OGG", "subtype": "VORBIS"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
}
"""How libsndfile writes them."""

FFMPEG_CODECS = {
    "g722": ("g722", "g722", (64000, 64000)),
    "aac": ("aac", "aac", (24000, 128000)),
    "ac3": ("ac3", "ac3", (48000, 192000)),
    "mp3-abr": ("libmp3lame", "mp3", (16000, 128000)),
    "opus-vbr": ("libopus", "opus", (8000, 64000)),
}
"""Encoders and decoders of FFmpeg, through PyAV, and a range of bit rates for
one channel."""

HARDEST = 0.95
"""Compression level of the lowest quality; libsndfile refuses 1."""

CODEC_RATES = (8000, 12000, 16000, 24000, 48000)
"""Sample rates at which training and evaluation code MP3, Ogg and Opus."""


def code(wav, sample_rate, codec, quality=None):
    """Codes and decodes a waveform [time] at a rate in Hz by one of `CODECS` or
    `FFMPEG_CODECS`; it keeps its length.

    The quality goes from 0, the lowest, to 1; by default it is libsndfile's or
    the middle of the bit rates. G.711, GSM and "opus" have none. Raises a
    ValueError if the codec has no such sample rate.

    Example
    -------
    >>> wav = 0.1 * np.sin(np.arange(8000) / 5)
    >>> coded = code(wav, 8000, "g711")
    >>> bool(0 < np.abs(coded - wav).max() < 0.005)
    True
    """
    by = _code_by_ffmpeg if codec in FFMPEG_CODECS else _code_by_libsndfile
    try:
        decoded = by(wav, sample_rate, codec, quality)
    except (soundfile.LibsndfileError, av.FFmpegError, ValueError) as error:
        raise ValueError(
            f"{codec} cannot hold sound at {sample_rate} Hz ({error}). Choose "
            f"another rate or codec."
        )
    return with_length(decoded, len(wav))


def with_length(wav, length):
    """Cuts a waveform [time], or continues it by zeros."""
    return np.pad(wav, (0, max(0, length - len(wav))))[:length]


def _code_by_libsndfile(wav, sample_rate, codec, quality):
    buffer = io.BytesIO()
    options = dict(CODECS[codec])
    if quality is not None:
        options["compression_level"] = HARDEST * (1.0 - quality)
    soundfile.write(buffer, wav, sample_rate, **options)
    buffer.seek(0)
    return soundfile.read(buffer)[0]


def _code_by_ffmpeg(wav, sample_rate, codec, quality):
    encoder_name, decoder_name, bit_rates = FFMPEG_CODECS[codec]
    low, high = np.log(bit_rates)
    encoder = av.CodecContext.create(encoder_name, "w")
    encoder.sample_rate = sample_rate
    encoder.layout = "mono"
    encoder.format = encoder.codec.audio_formats[0]
    encoder.time_base = fractions.Fraction(1, sample_rate)
    part = 0.5 if quality is None else quality
    encoder.bit_rate = round(math.exp(low + part * (high - low)))
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
