"""Linear-phase filters around the cut-off, for the model's input and output.

The output of the interface is `input + highpass(model - lowpass(input))`, less
where the input has sound of its own above its cut-off (:func:`fill_up`). If a
model leaves the low band alone, the two meet without a notch or a bump.

Authors
 * The speechbrain_flashsr developers 2026
"""

from functools import lru_cache

import torch
from scipy.signal import firwin, kaiserord
from torch.nn.functional import pad

from speechbrain_flashsr.lobes.spectrum import moving_mean
from speechbrain_flashsr.lobes.super_resolver import RESTORED_FROM

LOWPASS_STOP = 1.1
"""Where the model's input ends, as a fraction of the cut-off."""

_ATTENUATION = 90.0
"""Of the stop bands, in dB."""

_LEAST_FFT = 8192

_NEGLIGIBLE = 1e-5
"""Amplitude below which nothing is above the cut-off: -100 dB of full scale."""

_BORDER = 4096
"""Samples at both borders of a window that are ignored for it, because filters
read the reflection there."""

_FILL_FFT = 1024
_FILL_EXTENT = (3, 17)
"""Length of the transform in which sound is added, and the frames and bins over
which powers are averaged: 27 ms and 0.8 kHz."""

_FILL_MARGIN = 2.0
"""Power of existing sound, as a divisor of the model's, from which nothing is
added."""


def crossover_highpass(cutoffs, sample_rate):
    """High-pass filters that rise from 0.9 to 1.0 of each cut-off in Hz:
    symmetric impulse responses of odd length, [filters, taps]."""
    edges = [(RESTORED_FROM * cutoff, cutoff) for cutoff in cutoffs]
    return _stack([_taps(*edge, sample_rate, False) for edge in edges])


def cutoff_lowpass(cutoffs, sample_rate):
    """Low-pass filters, like :func:`crossover_highpass`, that fall from 1.0 to
    1.1 of the cut-off. If that is beyond the Nyquist frequency, nothing is
    filtered."""
    edges = [(cutoff, LOWPASS_STOP * cutoff) for cutoff in cutoffs]
    return _stack([_taps(*edge, sample_rate, True) for edge in edges])


def filter_rows(wavs, taps):
    """Filters each signal [batch, time] with its own symmetric filter [batch,
    taps], without delay.

    Beyond its ends a signal is continued by its reflection, so time is at least
    half the number of taps.

    Example
    -------
    >>> wavs = torch.randn(1, 100)
    >>> taps = torch.tensor([[0.0, 1.0, 0.0]])
    >>> torch.allclose(filter_rows(wavs, taps), wavs, atol=1e-5)
    True
    """
    time = wavs.shape[1]
    half = taps.shape[1] // 2
    # Overlap-save: short transforms stay in the processor's cache.
    n_fft = max(_LEAST_FFT, 2 ** (8 * half).bit_length())
    step = n_fft - 2 * half
    blocks = -(-time // step)
    padded = pad(wavs.unsqueeze(1), (half, half), mode="reflect").squeeze(1)
    padded = pad(padded, (0, blocks * step - time))
    spectra = torch.fft.rfft(padded.unfold(1, n_fft, step))
    response = torch.fft.rfft(taps, n_fft).unsqueeze(1)
    filtered = torch.fft.irfft(spectra * response, n_fft)[..., 2 * half :]
    return filtered.flatten(1)[:, :time]


def fill_up(existing, wanted):
    """Computes the sound to add to a signal so that it gets the wanted power in
    each band and at each moment: nothing where it is as strong already.

    Takes the signal above its cut-off, evened out, and the model's output
    there, both [batch, time]; returns the latter where nothing exists."""
    if existing[:, _BORDER:-_BORDER].abs().amax() < _NEGLIGIBLE:
        return wanted
    options = {
        "n_fft": _FILL_FFT,
        "hop_length": _FILL_FFT // 4,
        "window": torch.hann_window(_FILL_FFT).to(wanted),
    }
    both = torch.cat([existing, wanted])
    spectra = torch.stft(both, **options, return_complex=True).transpose(1, 2)
    power = spectra.real.square() + spectra.imag.square()
    for dim, extent in enumerate(_FILL_EXTENT, 1):
        power = moving_mean(power, extent, dim)
    existing_power, wanted_power = power.chunk(2)
    missing = 1 - _FILL_MARGIN * existing_power / (wanted_power + 1e-20)
    added = spectra[len(wanted) :] * missing.clamp_min(0).sqrt()
    added = added.transpose(1, 2)
    return torch.istft(added, **options, length=wanted.shape[1])


@lru_cache(maxsize=64)
def _taps(start, stop, sample_rate, lowpass):
    """A filter whose transition lies between `start` and `stop` Hz."""
    nyquist = sample_rate / 2
    if stop >= nyquist:
        if lowpass:
            return torch.ones(1).float()  # nothing to limit
        stop = 0.9999 * nyquist
    length, beta = kaiserord(_ATTENUATION, (stop - start) / nyquist)
    return torch.from_numpy(
        firwin(
            length | 1,
            (start + stop) / 2,
            window=("kaiser", beta),
            pass_zero=lowpass,
            fs=sample_rate,
        )
    ).float()


def _stack(filters):
    """Centres filters of different odd lengths in one tensor."""
    longest = max(len(taps) for taps in filters)
    margins = [(longest - len(taps)) // 2 for taps in filters]
    return torch.stack(
        [pad(taps, (margin, margin)) for taps, margin in zip(filters, margins)]
    )
