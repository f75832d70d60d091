"""The latent U-Net: (noisy latent, time step, condition latent) -> v.

The U-Net of "Diffusion Models Beat GANs" (Dhariwal and Nichol 2021,
https://arxiv.org/abs/2105.05233) with the spatial transformers of latent
diffusion (Rombach et al. 2022, https://arxiv.org/abs/2112.10752), as FlashSR
(https://arxiv.org/abs/2501.10807) takes it over from AudioSR
(https://arxiv.org/abs/2309.07314).

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from speechbrain.nnet.unet import timestep_embedding
from torch import nn
from torch.nn import functional as F

from speechbrain_flashsr.lobes.convolutions import (
    PreciseConv2d,
    UpsamplingConv2d,
    add_to,
    run,
    silu,
)


class TimeResidualBlock(nn.Module):
    """Residual block to which the time step's embedding is added. `conv` is the
    class of its convolutions.

    Example
    -------
    >>> block = TimeResidualBlock(8, 16, 12, groups=4)
    >>> block(torch.randn(1, 8, 6, 4), torch.randn(1, 12)).shape
    torch.Size([1, 16, 6, 4])
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        time_channels,
        groups=32,
        conv=nn.Conv2d,
    ):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, in_channels)
        self.conv1 = conv(in_channels, out_channels, 3, padding=1)
        self.time = nn.Linear(time_channels, out_channels)
        self.norm2 = nn.GroupNorm(groups, out_channels)
        self.conv2 = conv(out_channels, out_channels, 3, padding=1)
        self.skip = (
            nn.Identity()
            if in_channels == out_channels
            else PreciseConv2d(in_channels, out_channels, 1)
        )

    def forward(self, x, time):
        """Maps [batch, in_channels, frames, bands] and the time embedding
        [batch, time_channels] to [batch, out_channels, frames, bands]."""
        h = self.conv1(silu(self.norm1(x)))
        h = add_to(h, self.time(F.silu(time))[:, :, None, None])
        h = self.conv2(silu(self.norm2(h)))
        return h + self.skip(x)


class SelfAttention(nn.Module):
    """Multi-head self-attention over a sequence of positions.

    Example
    -------
    >>> SelfAttention(8, head_channels=4)(torch.randn(1, 6, 8)).shape
    torch.Size([1, 6, 8])
    """

    def __init__(self, channels, head_channels=32):
        super().__init__()
        self.head_channels = head_channels
        self.query = nn.Linear(channels, channels, bias=False)
        self.key = nn.Linear(channels, channels, bias=False)
        self.value = nn.Linear(channels, channels, bias=False)
        self.output = nn.Linear(channels, channels)

    def forward(self, x):
        """Maps [batch, positions, channels] to the same shape."""
        query, key, value = (
            projection(x).unflatten(2, (-1, self.head_channels)).transpose(1, 2)
            for projection in (self.query, self.key, self.value)
        )
        h = F.scaled_dot_product_attention(query, key, value)
        return self.output(h.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Gated feed-forward: GEGLU (https://arxiv.org/abs/2002.05202), linear; the
    hidden layer is `EXPANSION` times as wide.

    Example
    -------
    >>> FeedForward(8)(torch.randn(1, 6, 8)).shape
    torch.Size([1, 6, 8])
    """

    EXPANSION = 4

    def __init__(self, channels):
        super().__init__()
        hidden = self.EXPANSION * channels
        self.value_and_gate = nn.Linear(channels, 2 * hidden)
        self.output = nn.Linear(hidden, channels)

    def forward(self, x):
        """Maps [batch, positions, channels] to the same shape."""
        value, gate = self.value_and_gate(x).chunk(2, dim=-1)
        return self.output(value * F.gelu(gate))


class SpatialTransformer(nn.Module):
    """One transformer layer over all positions of an image.

    Two self-attentions (the second is latent diffusion's cross-attention
    without a context) and a feed-forward, each after LayerNorm and with a
    residual, between two 1x1 convolutions, with a residual around all.

    Example
    -------
    >>> block = SpatialTransformer(8, head_channels=4, groups=4)
    >>> block(torch.randn(1, 8, 6, 4)).shape
    torch.Size([1, 8, 6, 4])
    """

    def __init__(self, channels, head_channels=32, groups=32):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.conv_in = nn.Conv2d(channels, channels, 1)
        self.norm1 = nn.LayerNorm(channels)
        self.attention1 = SelfAttention(channels, head_channels)
        self.norm2 = nn.LayerNorm(channels)
        self.attention2 = SelfAttention(channels, head_channels)
        self.norm3 = nn.LayerNorm(channels)
        self.feed_forward = FeedForward(channels)
        self.conv_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        """Maps [batch, channels, frames, bands] to the same shape."""
        h = self.conv_in(self.norm(x)).flatten(2).transpose(1, 2)
        h = add_to(self.attention1(self.norm1(h)), h)
        h = add_to(self.attention2(self.norm2(h)), h)
        h = add_to(self.feed_forward(self.norm3(h)), h)
        return x + self.conv_out(h.transpose(1, 2).reshape(x.shape))


class Downsample(PreciseConv2d):
    """Halves both axes: 3x3 convolution of stride 2, padding 1.

    Example
    -------
    >>> Downsample(2)(torch.randn(1, 2, 6, 4)).shape
    torch.Size([1, 2, 3, 2])
    """

    def __init__(self, channels):
        super().__init__(channels, channels, 3, stride=2, padding=1)


class Upsample(UpsamplingConv2d):
    """Doubles both axes: nearest neighbour, then a 3x3 convolution."""

    def __init__(self, channels):
        super().__init__(channels, channels)


class TimeSequential(nn.ModuleList):
    """Modules applied in turn, the time embedding going to those that take it.

    Example
    -------
    >>> block = TimeSequential(
    ...     [TimeResidualBlock(8, 8, 12, groups=4), Downsample(8)]
    ... )
    >>> block(torch.randn(1, 8, 6, 4), torch.randn(1, 12)).shape
    torch.Size([1, 8, 3, 2])
    """

    def forward(self, x, time):
        """Maps [batch, channels, frames, bands] and the time embedding
        [batch, time_channels] to the last module's output."""
        for module in self:
            if isinstance(module, TimeResidualBlock):
                x = module(x, time)
            else:
                x = module(x)
        return x


class LatentUNet(nn.Module):
    """Predicts v from a noisy latent, a time step and a condition latent.

    Arguments
    ---------
    latent_channels : int
        Channels of the latent; the network reads twice as many, noisy latent
        first, and predicts as many.
    channels : int
        Width of the highest resolution; the time embedding is four times as
        wide.
    channel_mults : sequence of int
        Width of each level as a multiple of `channels`; each but the last
        halves frames and bands.
    num_blocks : int
        Residual blocks a level on the way down (one more on the way up).
    attention_factors : sequence of int
        Downsampling factors at which spatial transformers follow each residual
        block.
    num_transformers : int
        Spatial transformers after each such block, and in the middle.
    head_channels : int
        Channels of an attention head.
    groups : int
        Groups of the normalisations.

    Example
    -------
    >>> unet = LatentUNet(4, 8, (1, 2), 1, (2,), 1, head_channels=4, groups=4)
    >>> latent = torch.randn(2, 4, 8, 8)
    >>> unet(latent, torch.tensor([999, 3]), latent).shape
    torch.Size([2, 4, 8, 8])
    """

    def __init__(
        self,
        latent_channels=16,
        channels=128,
        channel_mults=(1, 2, 3, 5),
        num_blocks=2,
        attention_factors=(2, 4, 8),
        num_transformers=2,
        head_channels=32,
        groups=32,
    ):
        super().__init__()
        self.channels = channels
        self.downsampling = 2 ** (len(channel_mults) - 1)
        self.gradient_checkpointing = False
        time_channels = 4 * channels
        self.time_mlp = nn.Sequential(
            nn.Linear(channels, time_channels),
            nn.SiLU(),
            nn.Linear(time_channels, time_channels),
        )

        def residual(in_width, out_width, conv=nn.Conv2d):
            return TimeResidualBlock(
                in_width, out_width, time_channels, groups, conv
            )

        def transformers(width):
            return [
                SpatialTransformer(width, head_channels, groups)
                for _ in range(num_transformers)
            ]

        self.conv_in = PreciseConv2d(
            2 * latent_channels, channels, 3, padding=1
        )
        self.down = nn.ModuleList()
        skips = [channels]
        width = channels
        for level, mult in enumerate(channel_mults):
            for _ in range(num_blocks):
                modules = [residual(width, channels * mult)]
                width = channels * mult
                if 2**level in attention_factors:
                    modules += transformers(width)
                self.down.append(TimeSequential(modules))
                skips.append(width)
            if level < len(channel_mults) - 1:
                self.down.append(TimeSequential([Downsample(width)]))
                skips.append(width)

        self.middle = TimeSequential(
            [residual(width, width)]
            + transformers(width)
            + [residual(width, width)]
        )

        self.up = nn.ModuleList()
        for level, mult in reversed(list(enumerate(channel_mults))):
            # Rounding in the last blocks reaches the output undamped.
            conv = nn.Conv2d if level > 0 else PreciseConv2d
            for block in range(num_blocks + 1):
                modules = [residual(width + skips.pop(), channels * mult, conv)]
                width = channels * mult
                if 2**level in attention_factors:
                    modules += transformers(width)
                if level > 0 and block == num_blocks:
                    modules.append(Upsample(width))
                self.up.append(TimeSequential(modules))

        self.norm_out = nn.GroupNorm(groups, width)
        self.conv_out = PreciseConv2d(width, latent_channels, 3, padding=1)

    def forward(self, noisy, t, condition):
        """Predicts v of a noisy latent, [batch, latent_channels, frames,
        bands], at integer time steps [batch], given a condition latent of its
        shape; frames and bands are multiples of `downsampling`."""
        time = timestep_embedding(t, self.channels).to(noisy.dtype)
        time = self.time_mlp(time)
        checkpointing = self.gradient_checkpointing
        h = self.conv_in(torch.cat([noisy, condition], dim=1))
        skips = [h]
        for block in self.down:
            h = run(block, h, time, checkpointing=checkpointing)
            skips.append(h)
        h = run(self.middle, h, time, checkpointing=checkpointing)
        for block in self.up:
            h = torch.cat([h, skips.pop()], dim=1)
            h = run(block, h, time, checkpointing=checkpointing)
        return self.conv_out(silu(self.norm_out(h)))
