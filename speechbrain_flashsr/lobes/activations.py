"""Periodic activations of BigVGAN, with and without anti-aliasing.

SnakeBeta is BigVGAN's snake activation (https://arxiv.org/abs/2006.08195,
https://arxiv.org/abs/2206.04658) with a separate magnitude. Run at twice the
sample rate between two low-pass filters it does not alias ("alias-free",
after StyleGAN3, https://arxiv.org/abs/2106.12423).

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from scipy.signal import firwin, kaiser_atten, kaiser_beta
from torch import nn
from torch.nn import functional as F

from speechbrain_flashsr.lobes.features import at_least_single

MAGNITUDE_EPS = 1e-9


class SnakeBeta(nn.Module):
    """x + sin^2(e^alpha x) / (e^beta + 1e-9), alpha and beta per channel.

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
        alpha, beta = self.alpha.exp()[:, None], self.beta.exp()[:, None]
        return x + (alpha * x).sin().square() / (beta + MAGNITUDE_EPS)


class AliasFree(nn.Module):
    """SnakeBeta at twice the sample rate: without aliases.

    Upsamples by 2, applies the activation, which is pointwise in time, and
    downsamples by 2, with the same 12-tap filter, in single precision at least.

    Example
    -------
    >>> activation = AliasFree(SnakeBeta(2))
    >>> activation(torch.randn(1, 2, 7)).shape
    torch.Size([1, 2, 7])
    """

    def __init__(self, activation):
        super().__init__()
        self.activation = activation
        taps = kaiser_sinc_filter().view(1, 1, -1)
        self.register_buffer("taps", taps, persistent=False)

    def forward(self, x):
        """Maps [batch, channels, time] to the same shape."""
        single = at_least_single(x)
        taps = self.taps.to(single.dtype).expand(x.shape[1], -1, -1)
        with torch.autocast(x.device.type, enabled=False):
            up = F.pad(single, (5, 5), mode="replicate")
            up = 2 * F.conv_transpose1d(up, taps, stride=2, groups=len(taps))
            up = self.activation(up[..., 15:-15])
            up = F.pad(up, (5, 6), mode="replicate")
            down = F.conv1d(up, taps, stride=2, groups=len(taps))
        return down.to(x.dtype)


def kaiser_sinc_filter():
    """The Kaiser-windowed sinc low-pass filter of a quarter of the sample rate,
    with unit gain at zero frequency, [12].

    Example
    -------
    >>> round(kaiser_sinc_filter().sum().item(), 6)
    1.0
    """
    # StyleGAN3 takes the attenuation of half of the taps.
    beta = kaiser_beta(kaiser_atten(6, 1.2))
    return torch.from_numpy(firwin(12, 0.5, window=("kaiser", beta))).float()
