"""KL-regularised autoencoder: log-mel spectrogram <-> latent.

The first stage of latent diffusion (Rombach et al. 2022,
https://arxiv.org/abs/2112.10752), with log-mel spectrograms as one-channel
images and attention in the middle only, as FlashSR
(https://arxiv.org/abs/2501.10807) takes it over from AudioSR
(https://arxiv.org/abs/2309.07314).

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from torch import nn
from torch.nn import functional as F

from speechbrain_flashsr.lobes.autoencoder_blocks import (
    NORM_EPS,
    Downsample,
    ResidualBlock,
    Upsample,
    middle_blocks,
)
from speechbrain_flashsr.lobes.convolutions import PreciseConv2d, run, silu


class Encoder(nn.Module):
    """Log-mel spectrogram -> mean and log-variance of the latent's posterior.

    Arguments
    ---------
    channels : int
        Width of the first level.
    channel_mults : sequence of int
        Width of each level as a multiple of `channels`; each level but the
        last ends with a downsampling by 2.
    num_blocks : int
        Residual blocks a level.
    latent_channels : int
        Channels of the latent.
    groups : int
        Groups of the normalisations.
    patch_size : int
        Frames, and bands, that one position of the highest resolution stands
        for: 1 in the paper; 2 costs a quarter.

    Example
    -------
    >>> encoder = Encoder(8, (1, 2), 1, latent_channels=4, groups=4)
    >>> encoder(torch.randn(1, 1, 8, 16)).shape
    torch.Size([1, 8, 4, 8])
    """

    def __init__(
        self,
        channels,
        channel_mults,
        num_blocks,
        latent_channels,
        groups=32,
        patch_size=1,
    ):
        super().__init__()
        self.gradient_checkpointing = False
        self.patch_size = patch_size
        self.conv_in = PreciseConv2d(patch_size**2, channels, 3, padding=1)
        layers = []
        width = channels
        for level, mult in enumerate(channel_mults):
            for _ in range(num_blocks):
                layers.append(ResidualBlock(width, channels * mult, groups))
                width = channels * mult
            if level < len(channel_mults) - 1:
                layers.append(Downsample(width))
        self.levels = nn.ModuleList(layers)
        self.middle = middle_blocks(width, groups)
        self.norm_out = nn.GroupNorm(groups, width, eps=NORM_EPS)
        self.conv_out = PreciseConv2d(width, 2 * latent_channels, 3, padding=1)

    def forward(self, mel):
        """Maps [batch, 1, frames, n_mels] to
        [batch, 2 * latent_channels, frames / 8, n_mels / 8] (for four levels).
        """
        patches = F.pixel_unshuffle(mel, self.patch_size)
        h = self.conv_in(patches)
        for block in self.levels:
            h = run(block, h, checkpointing=self.gradient_checkpointing)
        h = self.middle(h)
        return self.conv_out(silu(self.norm_out(h)))


class Decoder(nn.Module):
    """Latent -> log-mel spectrogram, the mirror of :class:`Encoder`, whose
    arguments it takes.

    Example
    -------
    >>> decoder = Decoder(8, (1, 2), 1, latent_channels=4, groups=4)
    >>> decoder(torch.randn(1, 4, 4, 8)).shape
    torch.Size([1, 1, 8, 16])
    """

    def __init__(
        self,
        channels,
        channel_mults,
        num_blocks,
        latent_channels,
        groups=32,
        patch_size=1,
    ):
        super().__init__()
        self.gradient_checkpointing = False
        width = channels * channel_mults[-1]
        self.conv_in = PreciseConv2d(latent_channels, width, 3, padding=1)
        self.middle = middle_blocks(width, groups)
        layers = []
        for level, mult in reversed(list(enumerate(channel_mults))):
            for _ in range(num_blocks):
                layers.append(ResidualBlock(width, channels * mult, groups))
                width = channels * mult
            if level > 0:
                layers.append(Upsample(width))
        self.levels = nn.ModuleList(layers)
        self.norm_out = nn.GroupNorm(groups, width, eps=NORM_EPS)
        self.patch_size = patch_size
        self.conv_out = PreciseConv2d(width, patch_size**2, 3, padding=1)

    def forward(self, latent):
        """Maps [batch, latent_channels, frames / 8, n_mels / 8] to
        [batch, 1, frames, n_mels] (for four levels)."""
        h = self.middle(self.conv_in(latent))
        for block in self.levels:
            h = run(block, h, checkpointing=self.gradient_checkpointing)
        patches = self.conv_out(silu(self.norm_out(h)))
        return F.pixel_shuffle(patches, self.patch_size)


class DiagonalGaussian:
    """The posterior of a latent: independent normal distributions, by mean and
    log-variance concatenated, [batch, 2 * channels, ...]; the log-variance is
    clamped to -30..20.

    Example
    -------
    >>> posterior = DiagonalGaussian(torch.zeros(1, 4, 2, 2))
    >>> posterior.sample(torch.ones(1, 2, 2, 2)).mean()
    tensor(1.)
    >>> posterior.kl_divergence()
    tensor([0.])
    """

    def __init__(self, parameters):
        self.mean, log_variance = parameters.chunk(2, dim=1)
        self.log_variance = log_variance.clamp(-30.0, 20.0)

    def sample(self, noise):
        """A draw, with `noise` [batch, channels, ...] standard normal."""
        return self.mean + (0.5 * self.log_variance).exp() * noise

    def kl_divergence(self):
        """Divergence from the standard normal, summed over all but the batch,
        in nats, [batch]."""
        terms = self.mean**2 + self.log_variance.exp() - 1 - self.log_variance
        return 0.5 * terms.flatten(1).sum(dim=1)


class Autoencoder(nn.Module):
    """KL autoencoder between log-mel spectrograms and scaled latents.

    Arguments
    ---------
    channels, channel_mults, latent_channels, groups, patch_size
        See :class:`Encoder`.
    encoder_blocks, decoder_blocks : int
        Residual blocks a level.
    scale : float
        Factor that brings latents to unit variance for the diffusion; a
        buffer, as it belongs to the weights.
    mel_mean, mel_std : float
        The log-mel spectrogram is encoded as (mel - mel_mean) / mel_std.

    Example
    -------
    >>> model = Autoencoder(8, (1, 2), 1, 1, latent_channels=4, groups=4)
    >>> mel = torch.randn(1, 1, 8, 16)
    >>> latent = model.encode(mel)
    >>> latent.shape
    torch.Size([1, 4, 4, 8])
    >>> model.decode(latent).shape
    torch.Size([1, 1, 8, 16])
    """

    def __init__(
        self,
        channels=128,
        channel_mults=(1, 2, 4, 8),
        encoder_blocks=2,
        decoder_blocks=3,
        latent_channels=16,
        groups=32,
        scale=0.3342,
        mel_mean=0.0,
        mel_std=1.0,
        patch_size=1,
    ):
        super().__init__()
        self.latent_channels = latent_channels
        self.downsampling = patch_size * 2 ** (len(channel_mults) - 1)
        self.register_buffer("scale", torch.tensor(scale))
        self.mel_mean = mel_mean
        self.mel_std = mel_std
        sizes = latent_channels, groups, patch_size
        self.encoder = Encoder(channels, channel_mults, encoder_blocks, *sizes)
        self.quant_conv = PreciseConv2d(
            2 * latent_channels, 2 * latent_channels, 1
        )
        self.post_quant_conv = PreciseConv2d(
            latent_channels, latent_channels, 1
        )
        self.decoder = Decoder(channels, channel_mults, decoder_blocks, *sizes)

    def latent_shape(self, mel_shape):
        """Shape of one latent, (latent_channels, frames / 8, n_mels / 8), for
        spectrograms of shape (batch, 1, frames, n_mels)."""
        frames, n_mels = mel_shape[2:]
        return (
            self.latent_channels,
            frames // self.downsampling,
            n_mels // self.downsampling,
        )

    def forward(self, mel, noise):
        """Encodes [batch, 1, frames, n_mels], draws from the posterior with
        standard normal noise [batch, *latent_shape] and decodes, as in
        training; returns the reconstruction and the posterior."""
        posterior = self.posterior(mel)
        latent = posterior.sample(noise) * self.scale
        return self.decode(latent), posterior

    def posterior(self, mel):
        """The unscaled posterior, [batch, latent_channels, frames / 8, n_mels /
        8], of a log-mel spectrogram [batch, 1, frames, n_mels]. Raises a
        ValueError if frames and n_mels are not multiples of `downsampling`."""
        if mel.dim() != 4 or any(
            size % self.downsampling for size in mel.shape[2:]
        ):
            raise ValueError(
                f"A log-mel spectrogram of shape {list(mel.shape)} cannot be "
                f"encoded: it must be [batch, 1, frames, n_mels] with frames "
                f"and n_mels multiples of {self.downsampling}."
            )
        mel = (mel - self.mel_mean) / self.mel_std
        return DiagonalGaussian(self.quant_conv(self.encoder(mel)))

    def encode(self, mel):
        """Encodes a log-mel spectrogram [batch, 1, frames, n_mels] to a scaled
        latent [batch, latent_channels, frames / 8, n_mels / 8], the posterior's
        mean."""
        return self.posterior(mel).mean * self.scale

    def decode(self, latent):
        """Decodes a scaled latent [batch, latent_channels, frames / 8, n_mels /
        8] to [batch, 1, frames, n_mels]."""
        mel = self.decoder(self.post_quant_conv(latent / self.scale))
        return mel * self.mel_std + self.mel_mean
