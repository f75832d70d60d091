"""The super-resolution vocoder: (mel, low-resolution waveform) -> waveform.

BigVGAN (Lee et al. 2023, https://arxiv.org/abs/2206.04658) with a branch that
feeds the low-resolution waveform in at every stage, so that the network does
not have to invent the phase of the existing band (FlashSR,
https://arxiv.org/abs/2501.10807, section 2.3).

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from speechbrain_flashsr.lobes.activations import AliasFree, SnakeBeta
from speechbrain_flashsr.lobes.convolutions import PreciseConv1d, add_to, run
from speechbrain_flashsr.lobes.features import check_frames

LEAKY_SLOPE = 0.1


class AMPBlock(nn.Module):
    """Anti-aliased multi-periodicity block of BigVGAN.

    For each dilation: activation, dilated convolution, activation, convolution,
    residual; kernels are odd. The activations run at twice the rate.

    Example
    -------
    >>> AMPBlock(4, 3, (1, 3))(torch.randn(1, 4, 20)).shape
    torch.Size([1, 4, 20])
    """

    def __init__(self, channels, kernel_size, dilations):
        super().__init__()

        def convolution(dilation):
            return weight_norm(
                nn.Conv1d(
                    channels,
                    channels,
                    kernel_size,
                    dilation=dilation,
                    padding=dilation * (kernel_size - 1) // 2,
                )
            )

        self.layers = nn.ModuleList(
            nn.Sequential(
                AliasFree(SnakeBeta(channels)),
                convolution(dilation),
                AliasFree(SnakeBeta(channels)),
                convolution(1),
            )
            for dilation in dilations
        )

    def forward(self, x):
        """Maps [batch, channels, time] to the same shape."""
        for activation1, convolution1, activation2, convolution2 in self.layers:
            h = convolution1(activation1(x))
            x = add_to(convolution2(activation2(h)), x)
        return x


class WaveformBranch(nn.Module):
    """Features of the low-resolution waveform at the rate of each stage.

    Takes the number of channels of the feature at the waveform's own rate,
    which doubles at each downsampling, and the strides from the highest rate
    downwards.

    Example
    -------
    >>> branch = WaveformBranch(2, (2, 3))
    >>> [list(f.shape) for f in branch(torch.randn(1, 1, 12))]
    [[1, 8, 2], [1, 4, 6], [1, 2, 12]]
    """

    def __init__(self, channels, strides):
        super().__init__()
        self.conv_in = PreciseConv1d(1, channels, 7, padding=3)
        self.downsamples = nn.ModuleList(
            nn.Conv1d(
                channels * 2**index,
                channels * 2 ** (index + 1),
                2 * stride,
                stride=stride,
                padding=stride - 1,
            )
            for index, stride in enumerate(strides)
        )

    def forward(self, wavs):
        """Maps waveforms [batch, 1, time] to a list of features
        [batch, channels * 2^i, time / rate], from the lowest rate to the
        highest."""
        length = wavs.shape[-1]
        features = [self.conv_in(wavs)]
        for downsample in self.downsamples:
            length = length // downsample.stride[0]
            h = downsample(features[-1])
            features.append(F.leaky_relu(h[..., :length], LEAKY_SLOPE))
        return features[::-1]


class SRVocoder(nn.Module):
    """Mel spectrogram and low-resolution waveform -> high-resolution waveform.

    Arguments
    ---------
    n_mels : int
        Mel bands of the input.
    channels : int
        Channels before the first stage; each stage halves them.
    upsample_rates : sequence of int
        Rate of each stage's transposed convolution (kernel twice the rate);
        their product is the mel spectrogram's hop length.
    kernel_sizes : sequence of int
        Kernel sizes of the AMP blocks whose mean is taken in each stage.
    dilations : sequence of int
        Dilations of every AMP block.

    Example
    -------
    >>> vocoder = SRVocoder(8, 16, (3, 2), (3,), (1,))
    >>> vocoder(torch.randn(1, 8, 5), torch.randn(1, 30)).shape
    torch.Size([1, 30])
    """

    def __init__(
        self,
        n_mels=256,
        channels=1536,
        upsample_rates=(10, 6, 2, 2, 2),
        kernel_sizes=(3, 7, 11),
        dilations=(1, 3, 5),
    ):
        super().__init__()
        self.gradient_checkpointing = False
        self.hop_length = math.prod(upsample_rates)
        widths = [channels // 2**i for i in range(len(upsample_rates) + 1)]
        self.conv_in = weight_norm(
            PreciseConv1d(n_mels, channels, 7, padding=3)
        )
        self.waveform_branch = WaveformBranch(widths[-1], upsample_rates[:0:-1])
        self.upsamples = nn.ModuleList(
            weight_norm(
                nn.ConvTranspose1d(
                    in_width, out_width, 2 * rate, rate, padding=rate // 2
                )
            )
            for in_width, out_width, rate in zip(
                widths, widths[1:], upsample_rates
            )
        )
        self.stages = nn.ModuleList(
            nn.ModuleList(
                AMPBlock(width, kernel_size, dilations)
                for kernel_size in kernel_sizes
            )
            for width in widths[1:]
        )
        self.activation_out = AliasFree(SnakeBeta(widths[-1]))
        self.conv_out = weight_norm(PreciseConv1d(widths[-1], 1, 7, padding=3))

    def forward(self, mel, wavs, cutoff_hz=None, excitation=None):
        """Generates waveforms in -1..1, [batch, frames * hop_length]; see
        :meth:`~speechbrain_flashsr.lobes.spectral_vocoder.SpectralVocoder.forward`.
        This vocoder uses neither cut-off nor excitation."""
        check_frames(mel, wavs, self.hop_length)
        features = self.waveform_branch(wavs.unsqueeze(1))
        h = self.conv_in(mel)
        for upsample, blocks in zip(self.upsamples, self.stages):
            # An odd rate leaves one sample too many.
            length = features[0].shape[-1]
            h = add_to(upsample(h)[..., :length], features.pop(0))
            checkpointing = self.gradient_checkpointing
            total = run(blocks[0], h, checkpointing=checkpointing)
            for block in blocks[1:]:
                total = add_to(
                    total, run(block, h, checkpointing=checkpointing)
                )
            h = total / len(blocks)
        return torch.tanh(self.conv_out(self.activation_out(h))).squeeze(1)
