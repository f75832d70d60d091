"""Linear-phase filters around the cut-off: what the model hears and adds.

The output of the interface is `input - highpass(input) + highpass(model)`: the
two halves are complementary by construction, so a model that leaves the low
band alone meets its input without a notch or a bump.

Authors
 * The speechbrain_flashsr developers 2026
"""

from functools import lru_cache

import torch
from scipy.signal import firwin, kaiserord
from torch.nn.functional import pad

CROSSOVER_START = 0.9
"""Where the output begins to leave the input, as a fraction of the cut-off."""

BAND_LIMIT_STOP = 1.1
"""Where the model's input ends, as a fraction of the cut-off."""

_ATTENUATION = 90.0
"""Of the stop bands, in dB."""

_LEAST_FFT = 8192


def crossover_highpass(cutoffs, sample_rate):
    """High-pass filters that rise from 0.9 to 1.0 of the cut-off.

    Arguments
    ---------
    cutoffs : sequence of float
        One cut-off per filter, in Hz.
    sample_rate : int
        In Hz.

    Returns
    -------
    torch.Tensor
        Symmetric impulse responses of odd length, [filters, taps].

    Example
    -------
    >>> taps = crossover_highpass([4000.0, 8000.0], 48000)
    >>> gain = torch.fft.rfft(taps, 48000).abs()
    >>> bool(gain[0, :3600].max() < 1e-4 and gain[0, 4000:].min() > 0.9999)
    True
    """
    edges = [(CROSSOVER_START * cutoff, cutoff) for cutoff in cutoffs]
    return _stack([_taps(*edge, sample_rate, False) for edge in edges])


def band_limit_lowpass(cutoffs, sample_rate):
    """Low-pass filters that fall from 1.0 to 1.1 of the cut-off.

    If that is beyond the Nyquist frequency, nothing is filtered.

    Arguments
    ---------
    cutoffs : sequence of float
        One cut-off per filter, in Hz.
    sample_rate : int
        In Hz.

    Returns
    -------
    torch.Tensor
        Symmetric impulse responses of odd length, [filters, taps].

    Example
    -------
    >>> taps = band_limit_lowpass([4000.0], 48000)
    >>> gain = torch.fft.rfft(taps, 48000).abs()
    >>> bool(gain[0, :4000].min() > 0.9999 and gain[0, 4400:].max() < 1e-4)
    True
    """
    edges = [(cutoff, BAND_LIMIT_STOP * cutoff) for cutoff in cutoffs]
    return _stack([_taps(*edge, sample_rate, True) for edge in edges])


def filter_rows(wavs, taps):
    """Filters each signal with its own symmetric filter, without delay.

    Beyond its ends a signal is continued by its reflection.

    Arguments
    ---------
    wavs : torch.Tensor
        [batch, time], time at least half the number of taps.
    taps : torch.Tensor
        Impulse responses of odd length, [batch, taps].

    Returns
    -------
    torch.Tensor
        [batch, time]

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


@lru_cache(maxsize=64)
def _taps(start, stop, sample_rate, lowpass):
    """A filter whose transition lies between `start` and `stop` Hz."""
    nyquist = sample_rate / 2
    if stop >= nyquist:
        if lowpass:
            return torch.ones(1)  # there is nothing to limit
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
