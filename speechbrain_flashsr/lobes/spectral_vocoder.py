"""A super-resolution vocoder at the rate of frames, for small models.

(mel, low-resolution waveform) -> waveform, as the SR vocoder of FlashSR
(https://arxiv.org/abs/2501.10807, section 2.3), but in the short-time spectrum
and without upsampling, as in Vocos (Siuzdak 2024,
https://arxiv.org/abs/2306.00814): a network at the rate of frames decides, for
bands of about 1 kHz, the level and the share of three excitations: a component
whose phase the network tells for each bin, white noise, and the band below the
cut-off, shifted up (spectral band replication, Dietz et al. 2002, AES 112),
which brings harmonics, onsets and pulses. The synthesised band is added to the
waveform that is there.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from torch import nn
from torch.nn import functional as F

from speechbrain_flashsr.lobes.features import check_frames
from speechbrain_flashsr.lobes.spectrum import (
    HOP_LENGTH,
    N_FFT,
    MelLevels,
    ShortTimeSpectrum,
    gate_above,
    moving_mean,
    shift_up,
)

COMPRESSION = 0.3
"""Power to which magnitudes are raised where networks read spectra, so that
quiet high bands count."""

NUM_BANDS = 24
"""Bands, from 0 to half the sample rate, for which a level and the shares of
the excitations are decided."""

FRAMES_PER_SECOND = 200
SWING_SECONDS = 1.2
SWING_RANGE = 4.6
"""Time over which the mean level is taken that swings depart from, and how far
below the loudest moment it counts: 40 dB, in natural logarithms."""

SWING_CUTOFF_HZ = 4000.0
"""Cut-off up to which swings grow by the whole share, which is inversely
proportional to it above: the more of the band is there, the better the rest is
predicted. On the dev split, shares of 0.22 instead of 0.65 at 12 kHz lower the
level error from 8.5, 7.6, 5.2 dB to 7.2, 5.0, 2.5 dB (speech, music, effects);
at 8 kHz, 0.3 lowers that of speech and music by 2 dB and raises that of effects
from 5.9 to 6.7 dB."""


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, then two layers in each frame with
    `hidden` channels between (Liu et al. 2022,
    https://arxiv.org/abs/2201.03545; in one dimension as in Vocos).

    Example
    -------
    >>> ConvNeXtBlock(4, 12)(torch.randn(2, 10, 4)).shape
    torch.Size([2, 10, 4])
    """

    def __init__(self, channels, hidden):
        super().__init__()
        self.depthwise = nn.Conv1d(
            channels, channels, 7, padding=3, groups=channels
        )
        self.norm = nn.LayerNorm(channels)
        self.expand = nn.Linear(channels, hidden)
        self.contract = nn.Linear(hidden, channels)
        self.scale = nn.Parameter(torch.full((channels,), 1 / 8))

    def forward(self, x):
        """Maps [batch, frames, channels] to the same shape."""
        h = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        h = F.gelu(self.expand(self.norm(h)))
        return x + self.scale * self.contract(h)


def enlarge_swings(level, gate, share):
    """Enlarges how the level of the band above the cut-off rises and falls.

    A network that is trained on a distance evens the level out: loud moments
    come out too quiet, quiet ones too loud. Speech synthesis restores the
    global variance of its parameters likewise (Toda and Tokuda 2007, IEICE
    Transactions E90-D).

    Takes natural logarithms of magnitudes, [batch, frames, bins], a gate that
    is 1 above the cut-off and 0 below it, [batch, 1, bins], and the shares by
    which the bands' levels depart further from their means over the
    `SWING_SECONDS` around, [batch]."""
    power = ((2 * level).exp() * gate).mean(2)
    return level + swing_of(power, share)[:, :, None]


def swing_of(power, share):
    """The change of each frame's level by :func:`enlarge_swings`, by the power
    of its band, both [batch, frames], and the shares, [batch]."""
    width = 2 * int(SWING_SECONDS * FRAMES_PER_SECOND / 2) + 1
    band = power.clamp_min(1e-12).log() / 2
    loudest = F.max_pool1d(band, width, stride=1, padding=width // 2)
    band = torch.maximum(band, loudest - SWING_RANGE)
    return share[:, None] * (band - moving_mean(band, width, 1))


class SpectralVocoder(nn.Module):
    """Mel spectrogram and low-resolution waveform -> high-resolution waveform.

    Arguments
    ---------
    features : speechbrain_flashsr.lobes.features.LogMel
        Whose spectrograms are given.
    channels : int
        Width of the network.
    hidden : int
        Width within its blocks.
    num_blocks : int
        Number of :class:`ConvNeXtBlock`.
    mel_mean, mel_std : float
        Log-mel spectrograms are read as (mel - mel_mean) / mel_std.
    swing : float
        Share of :func:`enlarge_swings` for cut-offs up to 4 kHz.
    gain_frames : int
        Frames over which the gain of a band is averaged, an odd number: a
        correction of the predicted level, not of its course.

    Example
    -------
    >>> from speechbrain_flashsr.lobes.features import LogMel
    >>> vocoder = SpectralVocoder(LogMel(), 8, 16, 1)
    >>> mel, low = torch.randn(1, 256, 10), torch.randn(1, 4800)
    >>> excitation = torch.randn(1, 4800)
    >>> vocoder(mel, low, torch.tensor([4000.0]), excitation).shape
    torch.Size([1, 4800])
    """

    def __init__(
        self,
        features,
        channels=256,
        hidden=768,
        num_blocks=8,
        mel_mean=-6.0,
        mel_std=3.0,
        swing=0.0,
        gain_frames=1,
    ):
        super().__init__()
        self.swing = swing
        self.gain_frames = gain_frames
        self.hop_length = features.hop_length
        self.mel_mean = mel_mean
        self.mel_std = mel_std
        self.spectrum = ShortTimeSpectrum(N_FFT, HOP_LENGTH)
        bins = N_FFT // 2 + 1
        self.bin_hz = features.sample_rate / N_FFT
        self.mel_in = nn.Linear(features.n_mels, channels)
        self.low_in = nn.Linear(3 * bins, channels)
        self.cutoff_in = nn.Linear(16, channels)
        self.conv_in = nn.Conv1d(channels, channels, 7, padding=3)
        self.norm_in = nn.LayerNorm(channels)
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(channels, hidden) for _ in range(num_blocks)
        )
        self.norm_out = nn.LayerNorm(channels)
        # For each band a gain and three shares, for each bin a phase.
        self.head = nn.Linear(channels, 4 * NUM_BANDS + 2 * bins)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)
        with torch.no_grad():
            self.head.bias[NUM_BANDS : 2 * NUM_BANDS] = -2.0  # tonal
        self.levels = MelLevels(features)
        frequencies = torch.arange(bins) * self.bin_hz
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, mel, wavs, cutoff_hz, excitation):
        """Generates waveforms, [batch, frames * hop_length].

        Arguments
        ---------
        mel : torch.Tensor
            Log-mel spectrogram of the high-resolution signal,
            [batch, n_mels, frames].
        wavs : torch.Tensor
            Normalised low-resolution waveforms at the output's rate, and of its
            shape.
        cutoff_hz : torch.Tensor
            Where the band of each waveform ends, in Hz, [batch].
        excitation : torch.Tensor
            White noise of unit variance, of the waveforms' shape.

        Raises
        ------
        ValueError
            If the lengths do not fit.
        """
        check_frames(mel, wavs, self.hop_length)
        if excitation.shape != wavs.shape:
            raise ValueError(
                f"The vocoder needs white noise of shape {list(wavs.shape)} "
                f"as `excitation`; got {list(excitation.shape)}."
            )
        mel, cutoff_hz = mel.to(wavs), cutoff_hz.to(wavs)
        return wavs + self.added(mel, wavs, cutoff_hz, excitation)

    def added(self, mel, wavs, cutoff_hz, excitation):
        """The band to add to waveforms; see :meth:`forward`."""
        with torch.autocast(wavs.device.type, enabled=False):
            low = self.spectrum(wavs)
            read = self.read(low)
        decisions = self.decide(mel, read, cutoff_hz)
        with torch.autocast(wavs.device.type, enabled=False):
            high = self.synthesise(
                decisions.to(wavs), mel, low, cutoff_hz, excitation
            )
            return self.spectrum.inverse(high)

    @staticmethod
    def read(spectrum):
        """Log-magnitude and compressed complex spectrum, scaled to about unit
        variance: [batch, frames, bins] to [batch, frames, 3 * bins]."""
        magnitude = spectrum.abs()
        compressed = spectrum * (magnitude + 1e-4) ** (COMPRESSION - 1)
        return torch.cat(
            [
                ((magnitude + 1e-5).log() + 4) / 3,
                compressed.real / 2,
                compressed.imag / 2,
            ],
            dim=2,
        )

    def decide(self, mel, low, cutoff_hz):
        """Runs the network: [batch, frames, 4 * NUM_BANDS + 2 * bins]."""
        scales = torch.linspace(0.5, 8, 16, device=mel.device)
        cutoff = torch.sin((cutoff_hz.log()[:, None] - 9) * scales)
        h = self.mel_in((mel.transpose(1, 2) - self.mel_mean) / self.mel_std)
        h = self.levels.between_frames(h.transpose(1, 2)).transpose(1, 2)
        h = h + self.low_in(low)
        h = h + self.cutoff_in(cutoff)[:, None]
        h = self.norm_in(self.conv_in(h.transpose(1, 2)).transpose(1, 2))
        for block in self.blocks:
            h = block(h)
        return self.head(self.norm_out(h))

    def swing_share(self, cutoff_hz):
        """Share of :func:`enlarge_swings` for each cut-off in Hz, [batch]."""
        return self.swing * (SWING_CUTOFF_HZ / cutoff_hz).clamp(max=1)

    def synthesise(self, decisions, mel, low, cutoff_hz, excitation):
        """The short-time spectrum to add, [batch, frames, bins], complex."""
        bins = len(self.frequencies)
        size = [4 * NUM_BANDS, bins, bins]
        bands, real, imaginary = decisions.split(size, dim=2)
        gain, shares = bands.unflatten(2, (4, NUM_BANDS)).split([1, 3], dim=2)
        gain = moving_mean(gain, self.gain_frames, 1)
        bands = torch.cat([gain, shares], dim=2)
        bands = F.interpolate(bands, (4, bins), mode="bilinear")
        gain, shares = bands.split([1, 3], dim=2)
        gate = gate_above(self.frequencies, cutoff_hz)
        level = (self.levels(mel) + 2 * gain.squeeze(2)).clamp(-12, 7)
        swing = self.swing_share(cutoff_hz)
        magnitude = enlarge_swings(level, gate, swing).exp()
        tonal, noisy, replicated = shares.softmax(2).sqrt().unbind(2)
        phase = torch.complex(4 * real + 1e-2, 4 * imaginary)
        phase = phase / (phase.real**2 + phase.imag**2 + 1e-4).sqrt()
        noise = self.spectrum(excitation / self.spectrum.window.norm())
        shifted = shift_up(low, cutoff_hz, self.bin_hz, HOP_LENGTH)
        mixed = tonal * phase + noisy * noise + replicated * shifted
        return gate * magnitude * mixed
