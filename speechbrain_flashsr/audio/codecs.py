"""Telephone lines and lossy codecs.

Authors
 * The speechbrain_flashsr developers 2026
"""

import io

import numpy as np
import scipy.signal
import soundfile

SAMPLE_RATE = 48000

TELEPHONE_RATE = 8000
TELEPHONE_BAND = (300, 3400)

CODECS = {
    "g711": {"format": "WAV", "subtype": "ULAW"},
    "mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III"},
    "ogg": {"format": "OGG", "subtype": "VORBIS"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
}
"""How libsndfile writes them."""

HARDEST = 0.95
"""Compression level of the lowest quality; libsndfile refuses 1."""

CODEC_RATES = (8000, 12000, 16000, 24000, 48000)
"""Sample rates that all codecs support."""


def code(wav, sample_rate, codec, quality=None):
    """Codes and decodes a waveform.

    Arguments
    ---------
    wav : numpy.ndarray
        [time].
    sample_rate : int
        In Hz.
    codec : str
        One of `CODECS`.
    quality : float
        From 0, the lowest, to 1; libsndfile's default if not given. G.711 and
        Opus have none.

    Returns
    -------
    numpy.ndarray
        [time], as long as the input.

    Raises
    ------
    ValueError
        If the codec has no such sample rate.

    Example
    -------
    >>> wav = 0.1 * np.sin(np.arange(8000) / 5)
    >>> coded = code(wav, 8000, "g711")
    >>> bool(0 < np.abs(coded - wav).max() < 0.005)
    True
    """
    buffer = io.BytesIO()
    options = dict(CODECS[codec])
    if quality is not None:
        options["compression_level"] = HARDEST * (1.0 - quality)
    try:
        soundfile.write(buffer, wav, sample_rate, **options)
    except (soundfile.LibsndfileError, ValueError) as error:
        raise ValueError(
            f"{codec} cannot hold sound at {sample_rate} Hz ({error}): give "
            f"another rate or codec."
        )
    buffer.seek(0)
    decoded, _ = soundfile.read(buffer)
    return np.pad(decoded, (0, max(0, len(wav) - len(decoded))))[: len(wav)]


def code_at(wav, rate, codec, quality=None):
    """Brings a waveform at 48 kHz to a lower rate, codes it there and brings it
    back.

    Arguments
    ---------
    wav : numpy.ndarray
        [time].
    rate : int
        In Hz.
    codec : str
        One of `CODECS`.
    quality : float
        See :func:`code`.

    Returns
    -------
    numpy.ndarray
        [time], as long as the input and without delay.

    Example
    -------
    >>> wav = 0.1 * np.random.default_rng(0).standard_normal(48000)
    >>> spectrum = np.abs(np.fft.rfft(code_at(wav, 8000, "g711")))
    >>> bool(spectrum[4500:].mean() < 0.05 * spectrum[:3500].mean())
    True
    """
    down = scipy.signal.resample_poly(wav, rate, SAMPLE_RATE)
    up = scipy.signal.resample_poly(
        code(down, rate, codec, quality), SAMPLE_RATE, rate
    )
    return np.pad(up, (0, max(0, len(wav) - len(up))))[: len(wav)]


def telephone(wav):
    """A telephone line: 300 to 3400 Hz, then G.711 (mu-law at 8 kHz).

    Arguments
    ---------
    wav : numpy.ndarray
        [time] at 48 kHz.

    Returns
    -------
    numpy.ndarray
        [time] at 48 kHz, without delay.

    Example
    -------
    >>> tone = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(4800) / 48000)
    >>> bool(np.abs(telephone(tone) - tone)[480:-480].max() < 0.01)
    True
    """
    sos = scipy.signal.butter(
        4, TELEPHONE_BAND, "bandpass", fs=SAMPLE_RATE, output="sos"
    )
    padding = min(len(wav) - 1, SAMPLE_RATE // 100)
    wav = scipy.signal.sosfiltfilt(sos, wav, padlen=padding)
    return code_at(wav, TELEPHONE_RATE, "g711")
