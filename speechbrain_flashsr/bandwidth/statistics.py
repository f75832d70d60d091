"""Short-time statistics of spectra, the input of the cut-off network.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import torch

FRAME_SECONDS = 2048 / 48000
CHUNK_FRAMES = 12
"""Frames, without overlap, whose statistics are taken together: 0.512 s."""

NUM_BINS = 512
"""Of about 47 Hz, up to 24 kHz, at every sample rate."""

QUANTILES = (0.1, 0.5, 1.0)
NUM_STATISTICS = 1 + len(QUANTILES)

SILENT_DB = -200.0


def frame_length(sample_rate):
    """Samples in a frame of 43 ms, an even number.

    Example
    -------
    >>> frame_length(48000), frame_length(8000)
    (2048, 342)
    """
    return max(4, 2 * round(sample_rate * FRAME_SECONDS / 2))


def bin_width(sample_rate):
    """Distance in Hz of two bins of :func:`chunk_statistics`."""
    return 2 * sample_rate / frame_length(sample_rate)


def num_bins(sample_rate):
    """Bins of :func:`chunk_statistics` below half the sample rate, up to 512.

    Example
    -------
    >>> num_bins(48000), num_bins(8000)
    (512, 85)
    """
    return min(NUM_BINS, frame_length(sample_rate) // 4)


def chunk_statistics(samples, sample_rate):
    """Statistics over time of the spectrum of one chunk [..., time], whole
    frames or less than one, at a rate in Hz.

    Returns the mean over frames, tenth percentile, median and maximum in dB
    relative to full scale 1 per Hz, [..., 4, 512]; -200 dB above half the
    sample rate."""
    frame = frame_length(sample_rate)
    # A cut through the sound would have energy in every band: short clips get
    # a window of their own length.
    length = min(frame, samples.shape[-1])
    if length == frame:
        window = torch.hann_window(frame)
    else:
        window = torch.hann_window(length + 2, periodic=False)[1:-1]
    frames = samples.unfold(-1, length, length) * window.to(samples)
    spectra = torch.fft.rfft(frames, n=frame)
    power = spectra.real.square() + spectra.imag.square()
    power = power / (window.square().sum() * sample_rate / 2)
    count = num_bins(sample_rate)
    power = (power[..., 0 : 2 * count : 2] + power[..., 1 : 2 * count : 2]) / 2
    # NumPy sorts short columns several times as fast as PyTorch.
    ordered = torch.from_numpy(np.sort(power.numpy(), axis=-2))
    last = power.shape[-2] - 1
    statistics = [power.mean(dim=-2)]
    statistics += [ordered[..., round(q * last), :] for q in QUANTILES]
    # Above SILENT_DB, which marks frequencies above half the sample rate
    level = 10 * torch.stack(statistics, dim=-2).clamp_min(1.1e-20).log10()
    return torch.nn.functional.pad(
        level, (0, NUM_BINS - count), value=SILENT_DB
    )


def all_statistics(samples, sample_rate):
    """The :func:`chunk_statistics` of every whole chunk of [..., time], [...,
    chunks, 4, 512], and the samples after the last one.

    Example
    -------
    >>> statistics, rest = all_statistics(torch.randn(2, 10000), 8000)
    >>> statistics.shape, rest.shape
    (torch.Size([2, 2, 4, 512]), torch.Size([2, 1792]))
    """
    size = CHUNK_FRAMES * frame_length(sample_rate)
    count = samples.shape[-1] // size
    whole, rest = samples.split(
        [count * size, samples.shape[-1] - count * size], dim=-1
    )
    if not count:
        shape = (*samples.shape[:-1], 0, NUM_STATISTICS, NUM_BINS)
        return samples.new_zeros(shape), rest
    chunks = whole.unflatten(-1, (count, size))
    return chunk_statistics(chunks, sample_rate), rest
