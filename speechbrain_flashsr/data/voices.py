"""Augmentation of voices: vocal tracts made longer or shorter.

The length of the vocal tract places the formants of a voice and the noise of
its fricatives, its folds set the pitch. Both vary apart from each other, so
changes of speed, which move both, do not make all voices.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import torch
from torch.nn import functional as F

from speechbrain_flashsr.audio import SAMPLE_RATE

WINDOW = 2048
HOP = 512
"""Of the short-time spectrum: 43 ms, to tell harmonics apart, every 11 ms."""

BIN_HZ = SAMPLE_RATE / WINDOW

ENVELOPE_SECONDS = 1.4e-3
"""Longest quefrency of the envelope: below the periods of all voices."""

FLOOR = 1e-5
"""Least magnitude of the envelope, a share of the largest: digital silence has
no formants."""

MAX_GAIN_DB = 18.0
"""Limits what noise between formants is raised by."""

HELD_SHARE, HELD_BINS = 0.97, 40
"""From this share of the roll-off on, the envelope is the mean of as many bins
below, so that the fall of an encoder's filter does not move."""


def move_formants(wav, factor, rolloff_hz=SAMPLE_RATE / 2):
    """Stretches the spectral envelope along frequency and keeps the pitch, as
    vocal tract length perturbation does (Jaitly and Hinton, 2013).

    The envelope is the cepstrally smoothed spectrum of each moment, the changed
    one is reached by a gain of zero phase.

    Arguments
    ---------
    wav : numpy.ndarray
        Speech at 48 kHz, [time].
    factor : float
        By which formants move up; a vocal tract shorter by this factor.
    rolloff_hz : float
        Below it the recording has content, whose envelope moves.

    Returns
    -------
    numpy.ndarray
        [time]

    Example
    -------
    >>> import numpy as np
    >>> wav = np.random.default_rng(0).standard_normal(4800)
    >>> bool(np.allclose(move_formants(wav, 1.0), wav))
    True
    """
    window = torch.hann_window(WINDOW, dtype=torch.float64).sqrt()
    options = {"n_fft": WINDOW, "hop_length": HOP, "window": window}
    padded = F.pad(torch.as_tensor(wav.copy()), (HOP, WINDOW))
    spectrum = torch.stft(
        padded, **options, pad_mode="constant", return_complex=True
    ).T
    size = (spectrum.real.square() + spectrum.imag.square()).sqrt()
    log_size = (size + FLOOR * size.max().clamp_min(FLOOR)).log_()
    top = int(HELD_SHARE * min(rolloff_hz, SAMPLE_RATE / 2) / BIN_HZ)
    held = log_size[:, max(top - HELD_BINS, 0) : top]
    log_size[:, top:] = held.mean(1, keepdim=True)

    # The envelope's waves over frequency, as few as the cepstrum keeps values.
    longest = ENVELOPE_SECONDS * SAMPLE_RATE
    quefrencies = torch.arange(1, int(longest) + 1, dtype=torch.float64)
    bins = torch.arange(size.shape[1], dtype=torch.float64)
    waves = torch.cos(2 * torch.pi / WINDOW * torch.outer(bins, quefrencies))
    share_of_bin = torch.full_like(bins, 2 / WINDOW)
    share_of_bin[[0, -1]] /= 2
    cepstrum = log_size @ (share_of_bin[:, None] * waves)
    place = (bins / factor).clamp_max(bins[-1])
    below = place.long().clamp_max(len(bins) - 2)
    moved = waves[below].lerp(waves[below + 1], (place - below)[:, None])
    lifter = 1 + torch.cos(torch.pi / longest * quefrencies)
    rise = cepstrum @ (lifter * (moved - waves)).T
    limit = MAX_GAIN_DB / 20 * math.log(10)
    spectrum = spectrum * rise.clamp_(-limit, limit).exp_()
    return torch.istft(spectrum.T, **options)[HOP:][: len(wav)].numpy()
