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


class AliasFree(nn.Module):
    """Runs a pointwise activation at twice the sample rate.

    Upsamples by 2, applies the activation, downsamples by 2, with the same
    12-tap filter. The doubled signal's even and odd samples (its two
    polyphase components) are made, activated and filtered apart, so that it is
    never interleaved nor stuffed with zeros.

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
        self.register_buffer("up_taps", 2 * phases.flip(1), persistent=False)
        self.register_buffer("down_taps", phases, persistent=False)

    def forward(self, x):
        """Maps [batch, channels, time] to the same shape."""
        batch, channels, time = x.shape
        flat = x.reshape(batch * channels, 1, time)
        padded = F.pad(flat, (3, 3), mode="replicate")
        up = F.conv1d(padded, self.up_taps.unsqueeze(1).to(x.dtype))
        even = self._activate(up[:, 0, :-1], x.shape)
        odd = self._activate(up[:, 1, 1:], x.shape)
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

    def _activate(self, phase, shape):
        return self.activation(phase.reshape(shape))
