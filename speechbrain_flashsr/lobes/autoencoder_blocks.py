"""Blocks of the autoencoder, on images [batch, channels, frames, bands].

As in latent diffusion (Rombach et al. 2022, https://arxiv.org/abs/2112.10752).

Authors
 * The speechbrain_flashsr developers 2026
"""

from torch import nn
from torch.nn import functional as F

from speechbrain_flashsr.lobes.convolutions import (
    PreciseConv2d,
    UpsamplingConv2d,
    silu,
)

NORM_EPS = 1e-6


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, each after GroupNorm and SiLU, and a skip, which a
    1x1 convolution carries where the numbers of channels differ.

    Example
    -------
    >>> import torch
    >>> ResidualBlock(8, 16, groups=4)(torch.randn(1, 8, 6, 4)).shape
    torch.Size([1, 16, 6, 4])
    """

    def __init__(self, in_channels, out_channels, groups=32):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, in_channels, eps=NORM_EPS)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, out_channels, eps=NORM_EPS)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.skip = (
            nn.Identity()
            if in_channels == out_channels
            else PreciseConv2d(in_channels, out_channels, 1)
        )

    def forward(self, x):
        """Maps [batch, in_channels, frames, bands] to
        [batch, out_channels, frames, bands]."""
        h = self.conv1(silu(self.norm1(x)))
        h = self.conv2(silu(self.norm2(h)))
        return h + self.skip(x)


class SpatialAttention(nn.Module):
    """Single-head self-attention over all positions of an image.

    Example
    -------
    >>> import torch
    >>> SpatialAttention(8, groups=4)(torch.randn(1, 8, 6, 4)).shape
    torch.Size([1, 8, 6, 4])
    """

    def __init__(self, channels, groups=32):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=NORM_EPS)
        self.query = nn.Conv2d(channels, channels, 1)
        self.key = nn.Conv2d(channels, channels, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.output = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        """Maps [batch, channels, frames, bands] to the same shape."""
        h = self.norm(x)
        query, key, value = (
            projection(h).flatten(2).transpose(1, 2).unsqueeze(1)
            for projection in (self.query, self.key, self.value)
        )
        h = F.scaled_dot_product_attention(query, key, value)
        h = h.squeeze(1).transpose(1, 2).reshape(x.shape)
        return x + self.output(h)


class Downsample(nn.Module):
    """Halves both axes: 3x3 convolution of stride 2 after zero-padding one row
    and one column at the end.

    Example
    -------
    >>> import torch
    >>> Downsample(2)(torch.randn(1, 2, 6, 4)).shape
    torch.Size([1, 2, 3, 2])
    """

    def __init__(self, channels):
        super().__init__()
        self.conv = PreciseConv2d(channels, channels, 3, stride=2)

    def forward(self, x):
        """Maps [batch, channels, frames, bands] to
        [batch, channels, frames / 2, bands / 2]."""
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """Doubles both axes: nearest neighbour, then a 3x3 convolution.

    Example
    -------
    >>> import torch
    >>> Upsample(2)(torch.randn(1, 2, 3, 2)).shape
    torch.Size([1, 2, 6, 4])
    """

    def __init__(self, channels):
        super().__init__()
        self.conv = UpsamplingConv2d(channels, channels)

    def forward(self, x):
        """Maps [batch, channels, frames, bands] to
        [batch, channels, 2 * frames, 2 * bands]."""
        return self.conv(x)


def middle_blocks(channels, groups):
    """The blocks at the lowest resolution: attention between two others."""
    return nn.Sequential(
        ResidualBlock(channels, channels, groups),
        SpatialAttention(channels, groups),
        ResidualBlock(channels, channels, groups),
    )
