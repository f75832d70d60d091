"""Sound files of many formats, written by FFmpeg.

Authors
 * The speechbrain_flashsr developers 2026
"""

import io
from fractions import Fraction

import av
import numpy as np


def noise(rate=16000, channels=1, seconds=0.5, seed=0):
    """Noise below a fifth of the rate, float32, [channels, time]."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal((channels, int(seconds * rate))))
    spectrum[:, int(0.4 * spectrum.shape[1]) :] = 0
    wav = np.fft.irfft(spectrum, n=int(seconds * rate))
    return (0.2 * wav / wav.std()).astype(np.float32)


def encode(
    wav,
    rate,
    container,
    codec,
    pictures=0,
    layout=None,
    texts=None,
    codec_options=None,
    **options,
):
    """Codes sound.

    Arguments
    ---------
    wav : numpy.ndarray
        [channels, time].
    rate : int
        In Hz.
    container, codec : str
        FFmpeg's names.
    pictures : int
        Frames of a film that goes with it.
    layout : str
        FFmpeg's name of the channels' layout.
    texts : dict
        Title and the like.
    codec_options : dict
        Of the encoder.
    **options
        Of FFmpeg's multiplexer.

    Returns
    -------
    bytes
    """
    file = io.BytesIO()
    layout = layout or {1: "mono", 2: "stereo", 6: "5.1"}[len(wav)]
    with av.open(file, "w", format=container, options=options) as output:
        output.metadata.update(texts or {})
        film = output.add_stream("mpeg4", rate=25) if pictures else None
        if film:
            film.width, film.height, film.pix_fmt = 32, 32, "yuv420p"
        stream = output.add_stream(codec, rate=rate, options=codec_options)
        stream.codec_context.layout = layout
        if not stream.codec_context.codec.lossless:
            stream.bit_rate = 12200 if codec.endswith("amrnb") else 128000
        for _ in range(pictures):
            output.mux(film.encode(av.VideoFrame(32, 32, "yuv420p")))
        if film:
            output.mux(film.encode())
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(wav), "fltp", layout
        )
        frame.sample_rate = rate
        format = stream.codec_context.codec.audio_formats
        size = stream.codec_context.frame_size or 0
        resampler = av.AudioResampler(
            format[0] if format else "s16", layout, rate, frame_size=size
        )
        position = 0
        for part in resampler.resample(frame) + resampler.resample(None):
            part.pts, part.time_base = position, Fraction(1, rate)
            position += part.samples
            output.mux(stream.encode(part))
        output.mux(stream.encode())
    return file.getvalue()


AMR_WB_SIZES = {0: 17, 2: 32, 8: 60}
"""Bytes of a frame of AMR-WB, by its mode."""


def amr_wb(mode):
    """An AMR-WB file of 80 frames of 20 ms, for which FFmpeg has no encoder:
    arbitrary sound around a pause."""
    generator = np.random.default_rng(mode)
    pause = bytes([9 << 3 | 4]) + bytes(5) + 7 * bytes([15 << 3 | 4])
    talk = b"".join(
        bytes([mode << 3 | 4]) + generator.bytes(AMR_WB_SIZES[mode])
        for _ in range(20)
    )
    return b"#!AMR-WB\n" + talk + 5 * pause + talk
