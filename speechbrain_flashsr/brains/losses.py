"""Spectral losses, limited to the band that has content.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import torch
from torch import nn

from speechbrain_flashsr.lobes.features import at_least_single

LOG10_POWER = 2 / math.log(10)
"""Brings natural logarithms of magnitudes to common logarithms of power."""

LOWEST_RESTORED = 0.9
"""Share of the cut-off from which the model's output is used."""

QUIET_DB = 40.0
"""Below the loudest frame by more than this, a frame is quiet."""

DETAIL = 0.6
"""What detail within mel bands adds to the mean squared difference of common
logarithms of power: as much as between two noises of one spectrum."""


class MultiResolutionSTFTLoss(nn.Module):
    """Distance of magnitude spectrograms at several resolutions.

    At each, the mean absolute difference of log-magnitudes (Yamamoto et al.
    2020, https://arxiv.org/abs/1910.11480) and that of magnitudes raised to the
    power of 0.3, on the bins above each clip's cut-off.

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
    >>> lower_hz = torch.tensor([4e3, 0.0])
    >>> loss(wavs, wavs, lower_hz)
    tensor(0.)
    >>> loss(0.5 * wavs, wavs, lower_hz) > 0.6
    tensor(True)
    """

    def __init__(self, n_ffts=(2048, 512, 128), sample_rate=48000, floor=1e-4):
        super().__init__()
        self.n_ffts = tuple(n_ffts)
        self.sample_rate = sample_rate
        self.floor = floor
        for n_fft in self.n_ffts:
            self.register_buffer(
                f"window_{n_fft}", torch.hann_window(n_fft), persistent=False
            )

    def forward(self, predicted, target, lower_hz):
        """Compares waveforms.

        Arguments
        ---------
        predicted : torch.Tensor
            [batch, time].
        target : torch.Tensor
            [batch, time].
        lower_hz : torch.Tensor
            Frequency from which each clip is compared, [batch].

        Returns
        -------
        torch.Tensor
            Scalar, mean over the resolutions.
        """
        losses = []
        for n_fft in self.n_ffts:
            ours, theirs = (
                self.magnitudes(wavs, n_fft) for wavs in (predicted, target)
            )
            bins = torch.arange(n_fft // 2 + 1, device=ours.device)
            hz = bins * (self.sample_rate / n_fft)
            mask = (hz >= lower_hz[:, None]).to(ours)[:, :, None]
            logarithms = (ours.log() - theirs.log()).abs()
            compressed = (ours**0.3 - theirs**0.3).abs()
            difference = (logarithms + compressed) * mask
            count = mask.sum(dim=(1, 2)).clamp_min(1) * ours.shape[-1]
            losses.append((difference.sum(dim=(1, 2)) / count).mean())
        return torch.stack(losses).mean()

    def magnitudes(self, wavs, n_fft):
        """Magnitudes not below the floor, [batch, bins, frames]."""
        spectrum = torch.stft(
            at_least_single(wavs),
            n_fft,
            n_fft // 4,
            window=getattr(self, f"window_{n_fft}"),
            return_complex=True,
        )
        power = spectrum.real**2 + spectrum.imag**2
        return power.clamp_min(self.floor**2).sqrt()


class BandLevelLoss(nn.Module):
    """Mean absolute difference of the levels of 1 kHz bands, in bels.

    A level is that of the whole segment, as the ear judges whether a band is
    too loud or too quiet; a distance of logarithms at every moment is least for
    too quiet a band.

    Arguments
    ---------
    sample_rate : int
        In Hz.
    band_hz : float
        Width of the bands.
    floor : float
        Smallest power of a band, of a full scale of 1.

    Example
    -------
    >>> loss = BandLevelLoss()
    >>> wavs = torch.randn(2, 9600)
    >>> lower_hz = torch.tensor([4e3, 8e3])
    >>> round(loss(10**-0.5 * wavs, wavs, lower_hz).item(), 3)
    1.0
    """

    def __init__(self, sample_rate=48000, band_hz=1000.0, floor=1e-10):
        super().__init__()
        self.sample_rate = sample_rate
        self.band_hz = band_hz
        self.floor = floor

    def forward(self, predicted, target, lower_hz):
        """Compares waveforms [batch, time] above a frequency [batch]; returns a
        scalar."""
        ours, theirs = (self.levels(wavs) for wavs in (predicted, target))
        start = torch.arange(ours.shape[1], device=ours.device) * self.band_hz
        inside = start >= lower_hz[:, None]
        difference = (ours - theirs).abs() * inside
        return (difference.sum(1) / inside.sum(1).clamp_min(1)).mean()

    def levels(self, wavs):
        """Common logarithm of each band's mean power, [batch, bands]."""
        wavs = at_least_single(wavs)
        time = wavs.shape[-1]
        spectrum = torch.fft.rfft(wavs)
        power = (spectrum.real**2 + spectrum.imag**2) * 2 / time**2
        hz = torch.arange(power.shape[1], device=wavs.device)
        band = (hz * (self.sample_rate / time / self.band_hz)).long()
        num_bands = int(self.sample_rate / 2 / self.band_hz)
        sums = power.new_zeros(len(power), num_bands + 1)
        sums = sums.index_add(1, band.clamp_max(num_bands), power)
        return sums[:, :num_bands].clamp_min(self.floor).log10()


class SpectrogramDistance(nn.Module):
    """Log-spectral distance between log-mel spectrograms, in three regions.

    In each region and frame the mean over mel bands of the squared difference
    of common logarithms of power, each band counted with its width in Hz, so
    that it stands for as many bins of a Fourier transform; plus `DETAIL`, and
    the root of the sum; then the mean over frames, those more than 40 dB below
    the loudest counted less. It approximates what
    :func:`speechbrain_flashsr.metrics.spectral.lsd` measures behind a vocoder,
    which frames with large errors dominate.

    Arguments
    ---------
    band_centres : torch.Tensor
        Centre frequencies of the mel bands in Hz, [n_mels].
    quiet_weight : float
        Weight of frames more than 40 dB below the loudest.

    Example
    -------
    >>> distance = SpectrogramDistance(torch.arange(8) * 3000.0)
    >>> mel = torch.randn(2, 1, 5, 8)
    >>> losses = distance(
    ...     mel + 1, mel, torch.tensor([4e3, 8e3]), torch.tensor([16e3, 16e3])
    ... )
    >>> {name: round(loss.item(), 3) for name, loss in losses.items()}
    {'restored': 1.164, 'kept': 1.164, 'beyond': 1.164}
    """

    def __init__(self, band_centres, quiet_weight=0.2):
        super().__init__()
        self.quiet_weight = quiet_weight
        self.register_buffer("centres", band_centres, persistent=False)
        (widths,) = torch.gradient(band_centres)
        self.register_buffer("widths", widths, persistent=False)

    def forward(self, predicted, target, cutoff_hz, rolloff_hz):
        """Compares spectrograms.

        Arguments
        ---------
        predicted : torch.Tensor
            Natural logarithms of magnitudes, [batch, 1, frames, n_mels].
        target : torch.Tensor
            Likewise; frames are loud or quiet by it.
        cutoff_hz : torch.Tensor
            Where the band-limited copy ends, [batch].
        rolloff_hz : torch.Tensor
            Where the recording ends, [batch].

        Returns
        -------
        dict
            Scalars: `restored`, from 0.9 of the cut-off to the roll-off;
            `kept`, below; `beyond`, above.
        """
        predicted, target = at_least_single(predicted), at_least_single(target)
        lower = LOWEST_RESTORED * cutoff_hz[:, None].to(self.centres)
        upper = rolloff_hz[:, None].to(self.centres)
        regions = {
            "restored": (self.centres >= lower) & (self.centres < upper),
            "kept": self.centres < lower,
            "beyond": self.centres >= upper,
        }
        difference = (predicted - target).squeeze(1) * LOG10_POWER
        squared = difference**2
        energy = torch.logsumexp(2 * target.squeeze(1), dim=-1)
        loudest = energy.amax(dim=-1, keepdim=True)
        quiet = energy < loudest - QUIET_DB * math.log(10) / 10
        weights = torch.where(quiet, self.quiet_weight, 1.0)
        losses = {}
        for name, region in regions.items():
            widths = (self.widths * region).unsqueeze(1)
            total = widths.sum(-1).clamp_min(1e-8)
            mean = (squared * widths).sum(-1) / total
            frames = (mean + DETAIL).sqrt() * region.any(1, keepdim=True)
            losses[name] = (frames * weights).sum() / weights.sum()
        return losses
