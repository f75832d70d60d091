"""Periodic activations of BigVGAN, with and without anti-aliasing.

SnakeBeta is BigVGAN's snake activation (https://arxiv.org/abs/2006.08195,
https://arxiv.org/abs/2206.04658) with a separate magnitude. Run at twice the
sample rate between two low-pass filters it makes no aliases ("alias-free",
after StyleGAN3, https://arxiv.org/abs/2106.12423).

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

MAGNITUDE_EPS = 1e-9


class SnakeBeta(nn.Module):
    """x + sin^2(e^alpha x) / (e^beta + 1e-9), alpha and beta per channel.

    Arguments
    ---------
    channels : int
        Channels of the input.

    Example
    -------
    >>> SnakeBeta(2)(torch.zeros(1, 2, 3)).abs().max().item()
    0.0
    """

    def __init__(self, channels):
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        """Maps [batch, channels, time] to the same shape."""
        # sin^2(a) = (1 - cos(2a)) / 2: one transcendental and one square less
        frequency = (2 * self.alpha.exp()).unsqueeze(-1).to(x.dtype)
        amplitude = 0.5 / (self.beta.exp() + MAGNITUDE_EPS)
        amplitude = amplitude.unsqueeze(-1).to(x.dtype)
        return x + amplitude - amplitude * torch.cos(x * frequency)


def kaiser_sinc_filter(cutoff=0.25, half_width=0.3, num_taps=12):
    """Kaiser-windowed sinc low-pass filter with unit gain at zero frequency.

    Arguments
    ---------
    cutoff : float
        Cut-off in cycles per sample.
    half_width : float
        Half of the transition's width, in cycles per sample.
    num_taps : int
        Even length of the filter.

    Returns
    -------
    torch.Tensor
        [num_taps].

    Example
    -------
    >>> round(kaiser_sinc_filter().sum().item(), 6)
    1.0
    """
    half = num_taps // 2
    attenuation = 2.285 * (half - 1) * math.pi * 4 * half_width + 7.95
    if attenuation > 50:
        beta = 0.1102 * (attenuation - 8.7)
    elif attenuation >= 21:
        beta = 0.5842 * (attenuation - 21) ** 0.4
        beta += 0.07886 * (attenuation - 21)
    else:
        beta = 0.0
    window = torch.kaiser_window(
        num_taps, periodic=False, beta=beta, dtype=torch.float64
    )
    time = torch.arange(-half, half, dtype=torch.float64) + 0.5
    taps = window * torch.sinc(2 * cutoff * time)
    return (taps / taps.sum()).float()


BLOCK = 32
"""Output samples that one product with the block matrices gives."""

CHUNK = 1 << 17
"""Elements of the doubled signal that are held at a time without gradients:
what fits a core's cache."""

EDGE = 8
"""Output samples at each end that the signal's extension may reach."""


class AliasFree(nn.Module):
    """Runs a pointwise activation at twice the sample rate.

    Upsamples by 2, applies the activation, downsamples by 2, with the same
    12-tap filter. The even and odd samples of the doubled signal (its two
    polyphase components) are made, activated and filtered apart, block by
    block: two products with small banded matrices take the place of depthwise
    convolutions, and the doubled signal never exists as a whole.

    Arguments
    ---------
    activation : torch.nn.Module
        Pointwise in time, maps [batch, channels, time] to the same shape.

    Example
    -------
    >>> activation = AliasFree(SnakeBeta(2))
    >>> activation(torch.randn(1, 2, 7)).shape
    torch.Size([1, 2, 7])
    """

    def __init__(self, activation):
        super().__init__()
        self.activation = activation
        taps = kaiser_sinc_filter()
        phases = torch.stack([taps[1::2], taps[0::2]])
        # Correlation kernels [phase, tap]: the upsampler's are reversed, as a
        # transposed convolution's are, and restore the level (times 2).
        up_taps, down_taps = 2 * phases.flip(1), phases
        self.register_buffer("up_taps", up_taps, persistent=False)
        self.register_buffer("down_taps", down_taps, persistent=False)
        # A block of N outputs needs N + 5 samples of each phase, and they
        # N + 11 of the input: five before the block to six after it.
        width = BLOCK + 5
        up_matrix = torch.zeros(BLOCK + 11, 2, width)
        down_matrix = torch.zeros(2, width, BLOCK)
        for phase in range(2):
            for i in range(width):
                up_matrix[i : i + 6, phase, i] = up_taps[phase]
            for i in range(BLOCK):
                down_matrix[phase, i : i + 6, i] = down_taps[phase]
        self.register_buffer("up_matrix", up_matrix.flatten(1), False)
        self.register_buffer("down_matrix", down_matrix.flatten(0, 1), False)

    def forward(self, x):
        """Maps [batch, channels, time] to the same shape."""
        if x.shape[-1] < 4 * EDGE:
            return self._whole(x)
        ends = EDGE + 12
        return torch.cat(
            [
                self._whole(x[..., :ends])[..., :EDGE],
                self._blocks(x)[..., EDGE:-EDGE],
                self._whole(x[..., -ends:])[..., -EDGE:],
            ],
            dim=-1,
        )

    def _blocks(self, x):
        """All outputs; those at the ends lack the signal's extension."""
        batch, channels, time = x.shape
        num_blocks = -(-time // BLOCK)
        padded = F.pad(x, (5, num_blocks * BLOCK - time + 6))
        windows = padded.unfold(-1, BLOCK + 11, BLOCK)
        step = num_blocks
        if not torch.is_grad_enabled():
            doubled = batch * channels * self.up_matrix.shape[1]
            step = max(1, CHUNK // doubled)
        up_matrix = self.up_matrix.to(x.dtype)
        down_matrix = self.down_matrix.to(x.dtype)
        outputs = []
        for start in range(0, num_blocks, step):
            up = windows[:, :, start : start + step] @ up_matrix
            active = self.activation(up.flatten(2)).view(up.shape)
            outputs.append((active @ down_matrix).flatten(2))
        return torch.cat(outputs, dim=-1)[..., :time]

    def _whole(self, x):
        """The same by convolution of the whole signal, ends included."""
        batch, channels, time = x.shape
        flat = x.reshape(batch * channels, 1, time)
        padded = F.pad(flat, (3, 3), mode="replicate")
        up = F.conv1d(padded, self.up_taps.unsqueeze(1).to(x.dtype))
        even = self.activation(up[:, 0, :-1].reshape(x.shape))
        odd = self.activation(up[:, 1, 1:].reshape(x.shape))
        # The doubled signal is extended by its first (even) and last (odd)
        # sample.
        first, last = even[..., :1], odd[..., -1:]
        phases = torch.stack(
            [
                torch.cat([first, first, even, last, last, last], dim=-1),
                torch.cat([first, first, first, odd, last, last], dim=-1),
            ],
            dim=2,
        ).reshape(batch * channels, 2, time + 5)
        down = F.conv1d(phases, self.down_taps.unsqueeze(0).to(x.dtype))
        return down.reshape(x.shape)
