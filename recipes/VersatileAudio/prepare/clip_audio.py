"""Reads audio files of any corpus and brings them to 48 kHz, one channel.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import numpy as np
import soxr
import torch

from speechbrain_flashsr.audio import SAMPLE_RATE
from speechbrain_flashsr.audio.reading import AudioReader

SILENT_CHANNEL = 0.1  # of the louder channel's root mean square
PADDING = 1.5 / 2**15  # digital silence, give or take the last of 16 bits
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".wv")


def read_mono(path):
    """Reads an audio file as one channel, [time], float32, and its rate in Hz:
    the mean of its channels, or, where one of them is silent (20 dB below the
    loudest), the loudest. Raises an AudioError if the file is truncated, or
    cannot be decoded."""
    with AudioReader(path) as reader:
        sample_rate = reader.sample_rate
        wav = torch.cat(list(reader.blocks()), dim=1).T.numpy()
    rms = np.sqrt(np.mean(np.square(wav, dtype=np.float64), axis=0))
    if len(wav) and rms.min() <= SILENT_CHANNEL * rms.max():
        return wav[:, rms.argmax()], sample_rate
    return wav.mean(axis=1), sample_rate


def without_padding(wav):
    """Cuts off the digital silence before and after a recording ([time]),
    unless there is nothing else.

    Example
    -------
    >>> without_padding(np.array([0.0, 0.5, 0.0, -0.5, 0.0, 0.0]))
    array([ 0.5,  0. , -0.5])
    """
    sound = np.flatnonzero(np.abs(wav) > PADDING)
    return wav[sound[0] : sound[-1] + 1] if len(sound) else wav


def resample(wav, sample_rate):
    """Brings a waveform [time] to 48 kHz, float64, with soxr's best quality."""
    return soxr.resample(
        wav.astype(np.float64), sample_rate, SAMPLE_RATE, quality="VHQ"
    )


def limit_peak(wav):
    """Scales a waveform ([time]) that would clip down to a peak of 0.99.

    Example
    -------
    >>> limit_peak(np.array([0.5, -2.0]))
    array([ 0.2475, -0.99  ])
    """
    peak = np.abs(wav).max()
    return wav * (0.99 / peak) if peak > 1 else wav


def cut(samples, segment_seconds):
    """Cuts a clip of so many samples at 48 kHz into equal pieces that are no
    longer than wanted: the first sample of each, and the one after its last.

    Example
    -------
    >>> cut(100000, 1.0)
    [(0, 33333), (33333, 66666), (66666, 100000)]
    """
    count = math.ceil(samples / int(segment_seconds * SAMPLE_RATE))
    edges = [samples * index // count for index in range(count + 1)]
    return list(zip(edges, edges[1:]))
