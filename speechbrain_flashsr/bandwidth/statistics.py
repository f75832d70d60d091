"""Short-time statistics of spectra, the input of the cut-off network.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import torch

FRAME_SECONDS = 2048 / 48000
CHUNK_FRAMES = 12
"""Frames, without overlap, whose statistics are taken together: 0.512 s."""

LEAST_FRAMES = 4
"""A rest at the end that is shorter is left out."""

NUM_BINS = 512
"""Of about 47 Hz, up to 24 kHz, at every sample rate."""

QUANTILES = (0.1, 0.5, 1.0)
NUM_LEVELS = 1 + len(QUANTILES)
NUM_STATISTICS = NUM_LEVELS + 1

MIRROR_REACH = 24
"""Distances from an axis, in lines of 23 Hz, at which a spectrum is compared
with its mirror image. 24 find more edges under noise than 16 and 32."""

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


def mirror_coherence(spectra):
    """How well each spectrum agrees with its mirror image about an axis.

    Resamplers with gentle filters leave images of the band above its edge. An
    image is the conjugate of what it mirrors, so the products of a line above
    and the line as far below share one phase. Levels do not count: noise hides
    them long before it hides the phases.

    Takes complex spectra, [..., lines]; returns the mean of these products for
    axes on each line and half a line above it, squared, 0 to 1, [..., 2 *
    lines]."""
    lines, reach = spectra.shape[-1], MIRROR_REACH
    phases = torch.nn.functional.pad(torch.sgn(spectra), (reach, reach + 1))
    axes = []
    for between in (0, 1):
        total = torch.zeros_like(spectra)
        for distance in range(1, reach + 1):
            above = phases[..., reach + distance :][..., :lines]
            below = phases[..., reach + between - distance :][..., :lines]
            total.addcmul_(above, below)
        axes.append(total.real.square() + total.imag.square())
    return torch.stack(axes, dim=-1).flatten(-2) / reach**2


def chunk_statistics(samples, sample_rate):
    """Statistics over time of the spectrum of one chunk [..., time], whole
    frames or less than one, at a rate in Hz.

    Returns the mean over frames, tenth percentile, median and maximum in dB
    relative to full scale 1 per Hz, and the mean over frames of
    :func:`mirror_coherence`, its root in percent, [..., 5, 512]; -200 above
    half the sample rate."""
    frame = frame_length(sample_rate)
    # A cut through the sound would have energy in every band: short clips get
    # a window of their own length.
    length = min(frame, samples.shape[-1])
    if length == frame:
        window = torch.hann_window(frame)
    else:
        window = torch.hann_window(length + 2, periodic=False)[1:-1]
    frames = samples.unfold(-1, length, length) * window.to(samples)
    count = num_bins(sample_rate)
    spectra = torch.fft.rfft(frames, n=frame)[..., : 2 * count]
    power = spectra.real.square() + spectra.imag.square()
    power = power / (window.square().sum() * sample_rate / 2)
    power = (power[..., 0::2] + power[..., 1::2]) / 2
    mirror = mirror_coherence(spectra).mean(dim=-2)
    mirror = 100 * mirror.unflatten(-1, (count, 4)).amax(dim=-1).sqrt()
    # NumPy sorts short columns several times as fast as PyTorch.
    ordered = torch.from_numpy(np.sort(power.numpy(), axis=-2))
    last = power.shape[-2] - 1
    powers = [power.mean(dim=-2)]
    powers += [ordered[..., round(q * last), :] for q in QUANTILES]
    # Above SILENT_DB, which marks frequencies above half the sample rate
    level = 10 * torch.stack(powers, dim=-2).clamp_min(1.1e-20).log10()
    return torch.nn.functional.pad(
        torch.cat([level, mirror[..., None, :]], dim=-2),
        (0, NUM_BINS - count),
        value=SILENT_DB,
    )


def all_statistics(samples, sample_rate):
    """The :func:`chunk_statistics` of consecutive chunks of [..., time], [...,
    chunks, 5, 512]. The last one may be shorter.

    Example
    -------
    >>> all_statistics(torch.randn(2, 10000), 8000).shape
    torch.Size([2, 3, 5, 512])
    """
    frame = frame_length(sample_rate)
    size = CHUNK_FRAMES * frame
    count, rest = divmod(samples.shape[-1], size)
    parts = []
    if count:
        whole = samples[..., : count * size].unflatten(-1, (count, size))
        parts.append(chunk_statistics(whole, sample_rate))
    if rest >= LEAST_FRAMES * frame or not count:
        last = samples[..., None, count * size :]
        last = last[..., : rest // frame * frame or rest]
        parts.append(chunk_statistics(last, sample_rate))
    return torch.cat(parts, dim=-3)
