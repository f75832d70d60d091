"""Spectral losses, limited to the band that has content.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

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

EXCESS_BAND_HZ = (5000.0, 12000.0)
"""Too much power counts more below the first frequency, nothing more above the
second, and ever less between them, so that the restored band has no valley."""


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


class FineStructureLoss(nn.Module):
    """Distance of envelopes over time, finer than a mel spectrogram's frames.

    A mel spectrogram whose windows last 43 ms tells neither where in them a
    click is nor that a voiced sound pulsates with the vocal folds. Here levels
    in bands of 1.5 kHz above the cut-off are taken every 0.7 ms, from windows
    of 2.7 ms; of each level its mean over the 43 ms around is subtracted, so
    that what the spectrogram tells does not count; the loss is the mean
    absolute difference in natural logarithms of magnitude, over the frames that
    are less than 40 dB below the band's loudest.

    Arguments
    ---------
    sample_rate : int
        In Hz.
    floor : float
        Smallest magnitude of a band, of a waveform's full scale of 1.

    Example
    -------
    >>> loss = FineStructureLoss()
    >>> wavs = torch.randn(1, 9600)
    >>> hz = torch.tensor([4e3]), torch.tensor([16e3])
    >>> loss(0.5 * wavs, wavs, *hz).item() < 1e-5
    True
    >>> pulses = wavs * (torch.arange(9600) % 480 < 120)
    >>> loss(wavs, pulses, *hz).item() > 0.5
    True
    """

    n_fft = 128
    hop_length = 32
    bins_per_band = 4
    context = 65  # frames: 43 ms

    def __init__(self, sample_rate=48000, floor=1e-5):
        super().__init__()
        self.floor = floor
        window = torch.hann_window(self.n_fft)
        self.register_buffer("window", window, persistent=False)
        self.bin_hz = sample_rate / self.n_fft

    def forward(self, predicted, target, cutoff_hz, rolloff_hz):
        """Compares waveforms.

        Arguments
        ---------
        predicted : torch.Tensor
            [batch, time].
        target : torch.Tensor
            [batch, time].
        cutoff_hz : torch.Tensor
            Where the band-limited copy ends, [batch].
        rolloff_hz : torch.Tensor
            Where the recording ends, [batch].

        Returns
        -------
        torch.Tensor
            Scalar, mean over the clips.
        """
        ours, theirs = self.levels(predicted), self.levels(target)
        edges = torch.arange(ours.shape[1] + 1, device=ours.device)
        edges = edges * self.bins_per_band * self.bin_hz
        inside = edges[:-1] >= cutoff_hz[:, None].to(edges)
        inside &= edges[1:] <= rolloff_hz[:, None].to(edges)
        loudest = theirs.amax(dim=2, keepdim=True)
        counted = theirs > loudest - QUIET_DB * math.log(10) / 20
        counted &= inside[:, :, None]
        difference = (self.detail(ours) - self.detail(theirs)).abs()
        total = (difference * counted).sum(dim=(1, 2))
        return (total / counted.sum(dim=(1, 2)).clamp_min(1)).mean()

    def levels(self, wavs):
        """Logarithms of the bands' magnitudes, [batch, bands, frames]."""
        spectrum = torch.stft(
            at_least_single(wavs),
            self.n_fft,
            self.hop_length,
            window=self.window,
            return_complex=True,
        )
        power = spectrum.real**2 + spectrum.imag**2
        power = power[:, :-1].unflatten(1, (-1, self.bins_per_band)).sum(2)
        return 0.5 * power.clamp_min(self.floor**2).log()

    def detail(self, levels):
        """What levels have beyond their mean over the time around."""
        half = self.context // 2
        padded = F.pad(levels, (half, half), mode="replicate")
        return levels - F.avg_pool1d(padded, self.context, stride=1)


class SpectrogramDistance(nn.Module):
    """Log-spectral distance between log-mel spectrograms, in three regions.

    In each region and frame the mean over mel bands of the squared difference
    of common logarithms of power, each band counted with its width in Hz, so
    that it stands for as many bins of a Fourier transform; plus `DETAIL`, and
    the root of the sum; then the mean over frames, those more than 40 dB below
    the loudest counted less. It foretells what
    :func:`speechbrain_flashsr.metrics.spectral.lsd` will measure behind a vocoder: of
    that, frames that are far off have the larger part.

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
        low, high = EXCESS_BAND_HZ
        taper = ((high - band_centres) / (high - low)).clamp(0, 1)
        self.register_buffer("taper", taper, persistent=False)

    def forward(
        self, predicted, target, cutoff_hz, rolloff_hz, excess_weight=None
    ):
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
        excess_weight : torch.Tensor or None
            How many times as much as one that is too low the squared difference
            counts where the prediction is louder than the target, in `restored`
            below `EXCESS_BAND_HZ`, [batch]; both together count as ever. Above
            1, a network predicts less where it is less sure: what is too loud
            annoys more than what is missing (Nilsson and Kleijn, "Avoiding
            over-estimation in bandwidth extension of telephony speech",
            ICASSP 2001). None: 1.

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
        if excess_weight is not None:
            excess = excess_weight[:, None] ** self.taper
            excess = torch.where(regions["restored"], excess, 1.0)[:, None]
            weight = torch.where(difference > 0, excess, 1.0)
            squared = squared * weight * 2 / (1 + excess)
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

    def root_mean_square(self, predicted, reference):
        """Distance from another prediction, over all bands.

        Arguments
        ---------
        predicted : torch.Tensor
            Natural logarithms of magnitudes, [batch, 1, frames, n_mels].
        reference : torch.Tensor
            Likewise.

        Returns
        -------
        torch.Tensor
            The root of the mean square over bands, each counted with its width,
            of the difference of common logarithms of power; the mean over
            frames, [batch].
        """
        predicted = at_least_single(predicted)
        difference = (predicted - at_least_single(reference)) * LOG10_POWER
        mean = (difference**2 * self.widths).sum(-1) / self.widths.sum()
        return (mean + 1e-6).sqrt().mean(dim=(1, 2))
