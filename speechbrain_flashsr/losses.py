"""Spectral losses between waveforms, limited to the band that has content.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from torch import nn


def at_least_single(wavs):
    """Half precision as single precision, which Fourier transforms need.

    Arguments
    ---------
    wavs : torch.Tensor
        Of any floating-point type.

    Returns
    -------
    torch.Tensor
        Of at least 32 bits.

    Example
    -------
    >>> at_least_single(torch.ones(1, dtype=torch.bfloat16)).dtype
    torch.float32
    """
    return wavs.to(torch.promote_types(wavs.dtype, torch.float32))


class MultiResolutionSTFTLoss(nn.Module):
    """Distance of magnitude spectrograms at several resolutions.

    At each, the spectral convergence ||S| - |S^|| / ||S|| and the mean absolute
    difference of log-magnitudes (Yamamoto et al. 2020,
    https://arxiv.org/abs/1910.11480), on bins below a frequency of each clip's
    own.

    Arguments
    ---------
    n_ffts : sequence of int
        Length of each transform and of its Hann window; the hop is a quarter.
    sample_rate : int
        In Hz.
    floor : float
        Smallest magnitude before the logarithm.

    Example
    -------
    >>> loss = MultiResolutionSTFTLoss((256, 512))
    >>> wavs = torch.randn(2, 4800)
    >>> round(loss(wavs, wavs).item(), 4)
    0.0
    >>> 0.6 < loss(0.5 * wavs, wavs, torch.tensor([8000.0, 24000.0])) < 1.3
    tensor(True)
    """

    def __init__(self, n_ffts=(512, 1024, 2048), sample_rate=48000, floor=1e-4):
        super().__init__()
        self.n_ffts = tuple(n_ffts)
        self.sample_rate = sample_rate
        self.floor = floor
        for n_fft in self.n_ffts:
            self.register_buffer(
                f"window_{n_fft}", torch.hann_window(n_fft), persistent=False
            )

    def forward(self, predicted, target, rolloff_hz=None):
        """Compares waveforms.

        Arguments
        ---------
        predicted : torch.Tensor
            [batch, time].
        target : torch.Tensor
            [batch, time].
        rolloff_hz : torch.Tensor
            Frequency up to which each clip is compared, [batch]; all by
            default.

        Returns
        -------
        torch.Tensor
            Scalar, mean over the resolutions.
        """
        losses = []
        for n_fft in self.n_ffts:
            window = getattr(self, f"window_{n_fft}")
            magnitudes = []
            for wavs in (predicted, target):
                spectrum = torch.stft(
                    at_least_single(wavs),
                    n_fft,
                    n_fft // 4,
                    window=window,
                    return_complex=True,
                )
                power = spectrum.real**2 + spectrum.imag**2
                magnitudes.append(power.clamp_min(self.floor**2).sqrt())
            mask = torch.ones(
                len(target), n_fft // 2 + 1, 1, device=target.device
            )
            if rolloff_hz is not None:
                bins = torch.arange(n_fft // 2 + 1, device=target.device)
                frequencies = bins * self.sample_rate / n_fft
                mask = (frequencies < rolloff_hz[:, None])[..., None]
            ours, theirs = magnitudes
            convergence = torch.linalg.vector_norm(
                (ours - theirs) * mask, dim=(1, 2)
            ) / torch.linalg.vector_norm(theirs * mask, dim=(1, 2))
            difference = (ours.log() - theirs.log()).abs() * mask
            mean = difference.sum(dim=(1, 2)) / (
                mask.sum(dim=(1, 2)) * ours.shape[-1]
            )
            losses.append((convergence + mean).mean())
        return torch.stack(losses).mean()
