"""The discriminators that SpeechBrain's HifiGAN.py does not have.

The multi-period discriminator is
`speechbrain.lobes.models.HifiGAN.MultiPeriodDiscriminator`; here are the
multi-resolution one for waveforms (UnivNet, https://arxiv.org/abs/2106.07889)
and the one for latents that the adversarial loss of the distillation uses.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from speechbrain.lobes.models.HifiGAN import MultiPeriodDiscriminator
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from speechbrain_flashsr.lobes.features import at_least_single

LEAKY_SLOPE = 0.1


class SpectrogramDiscriminator(nn.Module):
    """Judges the magnitude spectrogram at one resolution.

    Arguments
    ---------
    n_fft : int
        Length of the transform and of its Hann window, in samples.
    hop_length : int
        Step between frames, in samples.
    channels : int
        Width of the convolutions.

    Example
    -------
    >>> discriminator = SpectrogramDiscriminator(256, 64, channels=4)
    >>> scores, features = discriminator(torch.randn(2, 1, 4800))
    >>> scores.shape[0], len(features)
    (2, 6)
    """

    def __init__(self, n_fft, hop_length, channels=32):
        super().__init__()
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.register_buffer(
            "window", torch.hann_window(n_fft), persistent=False
        )
        self.layers = nn.ModuleList(
            weight_norm(
                nn.Conv2d(
                    in_channels, channels, (9, 3), (stride, 1), padding=(4, 1)
                )
            )
            for in_channels, stride in (
                (1, 1),
                (channels, 2),
                (channels, 2),
                (channels, 2),
                (channels, 1),
            )
        )
        self.output = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, x):
        """Judges waveforms [batch, 1, time].

        Returns
        -------
        scores : torch.Tensor
            [batch, positions].
        features : list of torch.Tensor
            Output of every layer.
        """
        spectrum = torch.stft(
            at_least_single(x.squeeze(1)),
            self.n_fft,
            self.hop_length,
            window=self.window,
            return_complex=True,
        )
        power = spectrum.real**2 + spectrum.imag**2
        h = power.clamp_min(1e-8).log().unsqueeze(1) / 10
        features = []
        for layer in self.layers:
            h = F.leaky_relu(layer(h), LEAKY_SLOPE)
            features.append(h)
        h = self.output(h)
        features.append(h)
        return h.flatten(1), features


class MultiResolutionDiscriminator(nn.Module):
    """One :class:`SpectrogramDiscriminator` for each resolution.

    Arguments
    ---------
    resolutions : sequence of (int, int)
        (n_fft, hop_length) of each.
    channels : int
        Width of the convolutions.

    Example
    -------
    >>> discriminator = MultiResolutionDiscriminator(((256, 64),), 4)
    >>> scores, features = discriminator(torch.randn(2, 1, 4800))
    >>> len(scores), len(features)
    (1, 1)
    """

    def __init__(
        self,
        resolutions=((512, 128), (1024, 256), (2048, 512)),
        channels=32,
    ):
        super().__init__()
        self.discriminators = nn.ModuleList(
            SpectrogramDiscriminator(n_fft, hop_length, channels)
            for n_fft, hop_length in resolutions
        )

    def forward(self, x):
        """Maps waveforms [batch, 1, time] to a list of scores and a list of
        lists of features."""
        outputs = [discriminator(x) for discriminator in self.discriminators]
        return [s for s, _ in outputs], [f for _, f in outputs]


class VocoderDiscriminator(nn.Module):
    """Multi-resolution and multi-period discriminators, as BigVGAN has them.

    Arguments
    ---------
    resolutions : sequence of (int, int)
        Of the multi-resolution discriminator.
    channels : int
        Width of the multi-resolution discriminator.
    multi_period : bool
        Whether SpeechBrain's multi-period discriminator (41 M parameters,
        most of the cost of a training step) is there too.

    Example
    -------
    >>> discriminator = VocoderDiscriminator(((256, 64),), 4)
    >>> scores, features = discriminator(torch.randn(1, 1, 4800))
    >>> len(scores), len(features)
    (6, 6)
    """

    def __init__(
        self,
        resolutions=((512, 128), (1024, 256), (2048, 512)),
        channels=32,
        multi_period=True,
    ):
        super().__init__()
        parts = [MultiResolutionDiscriminator(resolutions, channels)]
        if multi_period:
            parts.append(MultiPeriodDiscriminator())
        self.parts = nn.ModuleList(parts)

    def forward(self, x):
        """Maps waveforms [batch, 1, time] to a list of scores and a list of
        lists of features."""
        scores, features = [], []
        for part in self.parts:
            part_scores, part_features = part(x)
            scores += part_scores
            features += part_features
        return scores, features


class LatentDiscriminator(nn.Module):
    """Judges patches of what the teacher predicts for a latent.

    The architecture is not public; this is a patch discriminator of strided
    3x3 convolutions.

    Arguments
    ---------
    latent_channels : int
        Channels of the input.
    channels : int
        Width of the first convolution; it doubles at each.
    num_layers : int
        Number of strided convolutions.

    Example
    -------
    >>> LatentDiscriminator(4, 8, 2)(torch.randn(2, 4, 16, 32)).shape
    torch.Size([2, 1, 4, 8])
    """

    def __init__(self, latent_channels=16, channels=64, num_layers=3):
        super().__init__()
        layers = []
        in_channels = latent_channels
        for i in range(num_layers):
            width = channels * 2**i
            layers += [
                nn.Conv2d(in_channels, width, 3, stride=2, padding=1),
                nn.GroupNorm(1, width),
                nn.SiLU(),
            ]
            in_channels = width
        layers.append(nn.Conv2d(in_channels, 1, 3, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        """Maps [batch, latent_channels, frames, bands] to logits
        [batch, 1, frames / 2^num_layers, bands / 2^num_layers]."""
        return self.layers(x)
