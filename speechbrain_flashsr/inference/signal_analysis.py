"""What is measured over a whole recording before it is super-resolved.

Level, offset and cut-off are found in a first pass, in bounded memory, and
hold for the whole recording: nothing changes from window to window.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math
from dataclasses import dataclass

import torch

from speechbrain_flashsr.bandwidth import BandwidthDetector
from speechbrain_flashsr.lobes.features import NORMALIZED_PEAK

# A signal that moves less than this, relative to its offset, is constant.
_CONSTANT = 1e-6


@dataclass(frozen=True)
class SignalAnalysis:
    """Level, offset and cut-off of a recording.

    Arguments
    ---------
    num_samples : int
        Length at the output's sample rate.
    mean : torch.Tensor
        Offset of each channel, [channels, 1].
    scale : torch.Tensor
        What the model's input is divided by, [channels, 1]; the same for the
        channels of one clip.
    cutoff_hz : list of float or None
        Edge of each channel's band; None where nothing is to be restored.
    silent : list of bool
        Whether a channel is constant.
    """

    num_samples: int
    mean: torch.Tensor
    scale: torch.Tensor
    cutoff_hz: list[float | None]
    silent: list[bool]


def analyse(blocks, sample_rate, cutoffs=None, channels_per_clip=None):
    """Measures a recording.

    Arguments
    ---------
    blocks : iterable of torch.Tensor
        Consecutive samples at the output's sample rate, [channels, time].
    sample_rate : int
        Their rate in Hz.
    cutoffs : list of float, optional
        Known cut-off of each channel, in Hz. Default: they are detected.
    channels_per_clip : int, optional
        How many neighbouring channels share their gain. Default: all.

    Returns
    -------
    SignalAnalysis

    Example
    -------
    >>> block = torch.randn(2, 48000)
    >>> analysis = analyse([block[:, :99], block[:, 99:]], 48000, [4e3, 8e3])
    >>> analysis.num_samples, analysis.cutoff_hz
    (48000, [4000.0, 8000.0])
    """
    num_samples = 0
    total = 0.0
    low, high = math.inf, -math.inf
    detector = None
    if not cutoffs:
        detector = BandwidthDetector(sample_rate, channels_per_clip)
    for block in blocks:
        num_samples += block.shape[1]
        total = total + block.sum(dim=1, keepdim=True, dtype=torch.float64)
        low = block.amin(dim=1, keepdim=True).clamp_max(low)
        high = block.amax(dim=1, keepdim=True).clamp_min(high)
        if detector is not None:
            detector.update(block)
    mean = (total / num_samples).to(block.dtype)
    peak = torch.maximum(high - mean, mean - low)
    silent = (peak <= _CONSTANT * mean.abs()).flatten().tolist()
    clip_peak = peak.view(-1, channels_per_clip or len(peak)).amax(1)
    clip_peak = clip_peak.repeat_interleave(len(peak) // len(clip_peak))
    scale = (clip_peak[:, None] + 1e-8) / NORMALIZED_PEAK
    if detector is not None:
        cutoffs = [track.lowest_hz for track in detector.result()]
    return SignalAnalysis(
        num_samples,
        mean,
        scale,
        [None if flat else edge for edge, flat in zip(cutoffs, silent)],
        silent,
    )
