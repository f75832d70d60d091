"""The discriminators that SpeechBrain's HifiGAN.py does not have.

The multi-period discriminator is
`speechbrain.lobes.models.HifiGAN.MultiPeriodDiscriminator`; here are those of
the complex spectrum and of the whole band, for waveforms, and those of latents
that the distillation and the adversarial fine-tuning use.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from speechbrain.lobes.models.HifiGAN import MultiPeriodDiscriminator
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from speechbrain_flashsr.lobes.features import at_least_single
from speechbrain_flashsr.lobes.spectral_vocoder import SpectralVocoder
from speechbrain_flashsr.lobes.spectrum import ShortTimeSpectrum

LEAKY_SLOPE = 0.1

MEL_MEAN, MEL_STD = -6.0, 3.0
"""Of log-mel spectrograms of the training material, roughly."""


class SpectrumDiscriminator(nn.Module):
    """Judges the complex spectrum at one resolution, compressed so that quiet
    high bands count (after Defossez et al. 2022,
    https://arxiv.org/abs/2210.13438).

    Takes the length of the transform and of its Hann window, and the step
    between frames, in samples, and the width of the convolutions.

    Example
    -------
    >>> discriminator = SpectrumDiscriminator(256, 64, channels=4)
    >>> score, features = discriminator(torch.randn(2, 4800))
    >>> score.shape[0], len(features)
    (2, 5)
    """

    def __init__(self, n_fft, hop_length, channels=16):
        super().__init__()
        self.spectrum = ShortTimeSpectrum(n_fft, hop_length)
        self.layers = nn.ModuleList(
            weight_norm(
                nn.Conv2d(
                    in_channels,
                    channels,
                    kernel,
                    stride=(1, stride),
                    dilation=(dilation, 1),
                    padding=(dilation * (kernel[0] // 2), kernel[1] // 2),
                )
            )
            for in_channels, kernel, stride, dilation in (
                (3, (3, 9), 1, 1),
                (channels, (3, 9), 2, 1),
                (channels, (3, 9), 2, 2),
                (channels, (3, 9), 2, 4),
                (channels, (3, 3), 1, 1),
            )
        )
        self.output = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, wavs):
        """Judges waveforms [batch, time]: a score, [batch, positions], and the
        outputs of every layer."""
        with torch.autocast(wavs.device.type, enabled=False):
            spectrum = self.spectrum(at_least_single(wavs))
            parts = SpectralVocoder.read(spectrum).chunk(3, dim=2)
        h = torch.stack(parts, dim=1)
        return _judge(h, self.layers, self.output)


class BandDiscriminator(nn.Module):
    """Judges whether a high band fits its low band: sees the log-mel
    spectrograms, by `features`, of a waveform and of its band-limited copy side
    by side. `channels` is the width of the first convolutions.

    Example
    -------
    >>> from speechbrain_flashsr.lobes.features import LogMel
    >>> discriminator = BandDiscriminator(LogMel(), channels=4)
    >>> wavs = torch.randn(2, 9600)
    >>> score, features = discriminator(wavs, wavs)
    >>> score.shape[0], len(features)
    (2, 6)
    """

    def __init__(self, features, channels=32):
        super().__init__()
        self.log_mel = features
        self.layers = nn.ModuleList(
            weight_norm(
                nn.Conv2d(
                    in_channels, out_channels, (3, 5), stride, padding=(1, 2)
                )
            )
            for in_channels, out_channels, stride in (
                (2, channels, 1),
                (channels, channels, (1, 2)),
                (channels, 2 * channels, 2),
                (2 * channels, 2 * channels, (1, 2)),
                (2 * channels, 4 * channels, 2),
                (4 * channels, 4 * channels, (1, 2)),
            )
        )
        self.output = weight_norm(nn.Conv2d(4 * channels, 1, (3, 8)))

    def forward(self, wavs, low):
        """Judges waveforms [batch, time] beside their band-limited copies: a
        score, [batch, positions], and the outputs of every layer."""
        mels = [self.log_mel(at_least_single(x)) for x in (wavs, low)]
        h = (torch.cat(mels, dim=1) - MEL_MEAN) / MEL_STD
        return _judge(h, self.layers, self.output)


def _judge(h, layers, output):
    """Runs convolutions; returns the score and the features."""
    h = h.contiguous(memory_format=torch.channels_last)
    features = []
    for layer in layers:
        h = F.leaky_relu(layer(h), LEAKY_SLOPE)
        features.append(h)
    return output(h).flatten(1), features


class VocoderDiscriminator(nn.Module):
    """All discriminators of the SR vocoder: of the complex spectrum at several
    resolutions, of the whole band, and SpeechBrain's multi-period one.

    Arguments
    ---------
    features : speechbrain_flashsr.lobes.features.LogMel
        Of the discriminator of the whole band.
    resolutions : sequence of (int, int)
        (n_fft, hop_length) of each :class:`SpectrumDiscriminator`.
    channels : int
        Width of these.
    band_channels : int
        Width of the :class:`BandDiscriminator`.
    multi_period : bool
        Whether SpeechBrain's multi-period discriminator (41 M parameters,
        most of the cost of a training step) is there too.

    Example
    -------
    >>> from speechbrain_flashsr.lobes.features import LogMel
    >>> discriminator = VocoderDiscriminator(LogMel(), ((256, 64),), 4, 4)
    >>> wavs = torch.randn(1, 9600)
    >>> scores, features = discriminator(wavs, wavs)
    >>> len(scores), len(features)
    (2, 2)
    """

    def __init__(
        self,
        features,
        resolutions=((2048, 512), (512, 128)),
        channels=16,
        band_channels=32,
        multi_period=False,
    ):
        super().__init__()
        self.spectrum = nn.ModuleList(
            SpectrumDiscriminator(n_fft, hop_length, channels)
            for n_fft, hop_length in resolutions
        )
        self.band = BandDiscriminator(features, band_channels)
        self.multi_period = MultiPeriodDiscriminator() if multi_period else None

    def forward(self, wavs, low):
        """Judges waveforms [batch, time] beside their band-limited copies: a
        list of the scores of each discriminator, and one of the outputs of its
        layers."""
        outputs = [discriminator(wavs) for discriminator in self.spectrum]
        outputs.append(self.band(wavs, low))
        scores, features = (list(part) for part in zip(*outputs))
        if self.multi_period is not None:
            more_scores, more_features = self.multi_period(wavs.unsqueeze(1))
            scores += more_scores
            features += more_features
        return scores, features


class LatentDiscriminator(nn.Module):
    """Judges whether a latent fits the condition beside it, in patches at three
    scales.

    Takes the channels and the bands of the latents, and the width of the first
    of six 3x3 convolutions, of which the third and the fifth halve both axes.

    Example
    -------
    >>> discriminator = LatentDiscriminator(4, 8, channels=2)
    >>> latents = torch.randn(2, 4, 16, 8)
    >>> scores, features = discriminator(latents, latents)
    >>> [list(score.shape) for score in scores], len(features)
    ([[2, 1, 16, 8], [2, 1, 8, 4], [2, 1, 4, 2]], 6)
    """

    def __init__(self, latent_channels=16, bands=32, channels=64):
        super().__init__()
        height = torch.linspace(-1, 1, bands)
        self.register_buffer("height", height, persistent=False)
        widths = [channels, channels] + 4 * [2 * channels]
        given = [2 * latent_channels + 1, *widths]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(n, m, 3, stride, padding=1))
            for n, m, stride in zip(given, widths, (1, 1, 2, 1, 2, 1))
        )
        self.outputs = nn.ModuleList(
            weight_norm(nn.Conv2d(width, 1, 3, padding=1))
            for width in widths[1::2]
        )

    def forward(self, x0, condition):
        """Judges latents beside their conditions, [batch, channels, frames,
        bands]: a score for each scale, [batch, 1, frames / 2^i, bands / 2^i],
        and the outputs of every layer."""
        height = self.height.expand(len(x0), 1, x0.shape[2], -1)
        h = torch.cat([x0, condition, height.to(x0)], dim=1)
        h = h.contiguous(memory_format=torch.channels_last)
        features = []
        for layer in self.layers:
            h = F.leaky_relu(layer(h), 2 * LEAKY_SLOPE)
            features.append(h)
        scores = [output(h) for output, h in zip(self.outputs, features[1::2])]
        return scores, features


class PatchDiscriminator(nn.Module):
    """Judges patches of an image by strided 3x3 convolutions: of what the
    teacher predicts for a latent (the architecture of FlashSR's discriminator
    is not public), or of a spectrogram.

    `channels` is the width of the first of `num_layers` strided convolutions;
    it doubles at each.

    Example
    -------
    >>> PatchDiscriminator(4, 8, 2)(torch.randn(2, 4, 16, 32)).shape
    torch.Size([2, 1, 4, 8])
    """

    def __init__(self, in_channels=16, channels=64, num_layers=3):
        super().__init__()
        layers = []
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
        """Maps [batch, in_channels, frames, bands] to logits
        [batch, 1, frames / 2^num_layers, bands / 2^num_layers]."""
        return self.layers(x)
