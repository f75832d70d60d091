"""Level normalisation and log-mel spectrograms.

The level of a segment is normalised (and undone on the output), then a log-mel
spectrogram is taken. Both follow FlashSR's signal path
(https://arxiv.org/abs/2501.10807, figure 1).

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
import torchaudio
from torch import nn

NORMALIZED_PEAK = 0.5
"""Peak of a normalised waveform."""


def normalize(wavs):
    """Removes the mean of each waveform [batch, time] and brings its peak to
    0.5; returns also the means and the divisors, [batch, 1].

    Example
    -------
    >>> wavs = torch.tensor([[1.0, 3.0, 2.0]])
    >>> normalized, mean, scale = normalize(wavs)
    >>> normalized
    tensor([[-0.5000,  0.5000,  0.0000]])
    >>> torch.allclose(normalized * scale + mean, wavs)
    True
    """
    mean = wavs.mean(dim=-1, keepdim=True)
    centred = wavs - mean
    peak = centred.abs().amax(dim=-1, keepdim=True)
    scale = (peak + 1e-8) / NORMALIZED_PEAK
    return centred / scale, mean, scale


def normalize_pair(high, low):
    """Normalises a recording and its band-limited copy, [batch, time], by the
    level of the copy, because only the copy is known at inference.

    Example
    -------
    >>> high, low = torch.tensor([[2.0, -2.0]]), torch.tensor([[1.0, -1.0]])
    >>> normalize_pair(high, low)
    (tensor([[ 1., -1.]]), tensor([[ 0.5000, -0.5000]]))
    """
    low, mean, scale = normalize(low)
    return (high - mean) / scale, low


class LogMel(nn.Module):
    """Natural logarithm of a Slaney-normalised mel spectrogram of magnitudes.

    The frames are those of HiFi-GAN's front-end: the waveform is reflect-padded
    by (n_fft - hop_length) / 2 on both sides and the short-time Fourier
    transform is not centred, so `time` samples give exactly `time //
    hop_length` frames.

    Arguments
    ---------
    sample_rate : int
        In Hz.
    n_fft : int
        Length of the transform and of its periodic Hann window, in samples.
    hop_length : int
        Step between frames, in samples.
    n_mels : int
        Number of mel bands.
    f_min, f_max : float
        Lower edge of the first band and upper edge of the last, in Hz.
    floor : float
        Smallest magnitude before the logarithm.

    Example
    -------
    >>> log_mel = LogMel()
    >>> log_mel(torch.randn(2, 9600)).shape
    torch.Size([2, 1, 20, 256])
    """

    def __init__(
        self,
        sample_rate=48000,
        n_fft=2048,
        hop_length=480,
        n_mels=256,
        f_min=20.0,
        f_max=24000.0,
        floor=1e-5,
    ):
        super().__init__()
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.floor = floor
        self.padding = (n_fft - hop_length) // 2
        self.mel = torchaudio.transforms.MelSpectrogram(
            sample_rate=sample_rate,
            n_fft=n_fft,
            hop_length=hop_length,
            f_min=f_min,
            f_max=f_max,
            n_mels=n_mels,
            power=1.0,
            center=False,
            norm="slaney",
            mel_scale="slaney",
        )

    def band_centres(self):
        """Centre frequency of each mel band, in Hz, [n_mels]."""
        weights = self.mel.mel_scale.fb
        bins = torch.linspace(
            0, self.sample_rate / 2, len(weights), device=weights.device
        )
        return (bins[:, None] * weights).sum(0) / weights.sum(0)

    def forward(self, wavs):
        """Computes the log-mel spectrogram, [batch, 1, time // hop_length,
        n_mels], of waveforms [batch, time]; time is at least (n_fft -
        hop_length) / 2 + 1 samples."""
        padded = nn.functional.pad(
            wavs.unsqueeze(1), (self.padding, self.padding), mode="reflect"
        )
        # Half precision cannot represent quiet bands.
        with torch.autocast(wavs.device.type, enabled=False):
            mel = self.mel(padded.squeeze(1))
        return mel.clamp_min(self.floor).log().transpose(1, 2).unsqueeze(1)

    def extended(self, wavs, rolloff_hz):
        """Computes the log-mel spectrograms of recordings, and continues each
        above its roll-off in Hz, [batch]; see :func:`extend_band`."""
        centres = self.band_centres()
        return extend_band(self(wavs), rolloff_hz.to(centres.device), centres)


MAX_TILT = 0.05
"""Steepest fall of an extended band, in natural logarithms per mel band."""


def extend_band(mel, rolloff_hz, band_centres):
    """Continues log-mel spectrograms [batch, 1, frames, n_mels] above the
    frequency in Hz where their recording stops, [batch].

    Most recordings stop at 16 to 20 kHz because of an encoder, and a model must
    not learn that higher bands are empty. The bands below the roll-off, by
    their centre frequencies [n_mels], are mirrored at it and tilted by twice
    their own mean slope, so that the spectrum keeps falling as it did.

    Example
    -------
    >>> mel = torch.tensor([5.0, 5.0, 4.0, 4.0, -11.5, -11.5])
    >>> centres = torch.arange(6) * 1000.0
    >>> extend_band(mel.view(1, 1, 1, 6), torch.tensor([3900.0]), centres)
    tensor([[[[5., 5., 4., 4., 4., 4.]]]])
    """
    extended = mel.clone()
    n_mels = mel.shape[-1]
    for clip, rolloff in zip(extended, rolloff_hz):
        edge = int((band_centres < rolloff).sum())
        missing = min(n_mels - edge, edge)
        if missing == 0:
            continue
        below = clip[..., edge - missing : edge].flip(-1)
        steps = torch.arange(missing, device=mel.device) + 0.5
        half = missing // 2
        tilt = torch.zeros((), device=mel.device)
        if half:
            rise = below[..., -half:].mean() - below[..., :half].mean()
            tilt = (rise / (missing - half)).clamp(0.0, MAX_TILT)
        mirrored = below - 2 * tilt * steps
        clip[..., edge : edge + missing] = mirrored.clamp_min(clip.min())
    return extended


def at_least_single(wavs):
    """Converts half precision to single, which Fourier transforms need."""
    return wavs.to(torch.promote_types(wavs.dtype, torch.float32))


def check_frames(mel, wavs, hop_length):
    """Raises a ValueError unless a spectrogram [..., frames] and a waveform
    [..., time] are equally long."""
    needed = mel.shape[-1] * hop_length
    if wavs.shape[-1] != needed:
        raise ValueError(
            f"{mel.shape[-1]} mel frames need {needed} samples of waveform, "
            f"but {wavs.shape[-1]} were given."
        )
