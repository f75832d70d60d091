"""Convolutions of the networks, and operations that spare memory.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


class _Precise:
    """Runs a convolution in single precision, also under autocast.

    For the first and last convolution of a network, and for what carries its
    result past the others: half precision is too coarse for waveforms, log-mel
    spectrograms and latents."""

    def forward(self, x):
        """Maps [batch, in_channels, ...] to [batch, out_channels, ...]."""
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.to(self.weight.dtype))


class PreciseConv1d(_Precise, nn.Conv1d):
    """A 1-d convolution in single precision, also under autocast."""


class PreciseConv2d(_Precise, nn.Conv2d):
    """A 2-d convolution in single precision, also under autocast.

    Example
    -------
    >>> with torch.autocast("cpu", torch.bfloat16):
    ...     PreciseConv2d(2, 3, 1)(torch.randn(1, 2, 3, 4)).dtype
    torch.float32
    """


class UpsamplingConv2d(PreciseConv2d):
    """Doubles both axes by nearest neighbour, then convolves 3x3, in single
    precision.

    Example
    -------
    >>> UpsamplingConv2d(2, 5)(torch.randn(1, 2, 3, 4)).shape
    torch.Size([1, 5, 6, 8])
    """

    def __init__(self, in_channels, out_channels):
        super().__init__(in_channels, out_channels, 3, padding=1)

    def forward(self, x):
        """Maps [batch, in_channels, frames, bands] to
        [batch, out_channels, 2 * frames, 2 * bands]."""
        return super().forward(F.interpolate(x, scale_factor=2.0))


def run(module, *inputs, checkpointing):
    """Calls a module; with gradients and if asked, its activations are
    recomputed in the backward pass, which saves memory."""
    if checkpointing and torch.is_grad_enabled():
        return checkpoint(module, *inputs, use_reentrant=False)
    return module(*inputs)


def add_to(x, y):
    """Adds two tensors of one shape. With gradients off, the result overwrites
    the first tensor and has its precision, so the first must not be needed
    elsewhere."""
    return x + y if torch.is_grad_enabled() else x.add_(y.to(x.dtype))


def silu(x):
    """Computes x * sigmoid(x). With gradients off, the result overwrites the
    tensor."""
    return F.silu(x, inplace=not torch.is_grad_enabled())
