"""Operations on short-time spectra that synthesise a band.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

N_FFT = 1024
HOP_LENGTH = 240
"""Length of the short-time transform that sound is synthesised in, and the step
between its frames, in samples."""

NOISE_TO_MEL = -0.35
"""Natural logarithm of a bin's magnitude in noise, under a window of half the
length, relative to the level that the mel spectrogram tells."""

GATE_START = 0.95
GATE_WIDTH = 0.015
"""Where the synthesis begins and how softly, relative to the cut-off: -29 dB at
0.9 of it, from where the output is used."""

SOURCE_TOP = 0.92
SOURCE_SHARE = 0.5
WIDEST_SOURCE_HZ = 4000.0
"""The band that is shifted up: it ends at 0.92 of the cut-off, before filters
act, and spans half the cut-off, at most 4 kHz."""

EVEN_HZ = 700.0
EVEN_SECONDS = 0.045
EVEN_FLOOR = 1e-3
"""Over which the level of the shifted band is evened out, about what a frame of
the mel spectrogram spans: finer detail (harmonics, pulses, onsets) stays. Bins
30 dB below the mean of all are noise and not raised."""


class ShortTimeSpectrum(nn.Module):
    """Short-time Fourier transform whose frames lie in the middle of hops, and
    its inverse by overlap and add.

    The framing is that of :class:`~speechbrain_flashsr.lobes.features.LogMel`:
    `time` samples give `time / hop_length` frames. `n_fft` is the length of the
    transform and of its periodic Hann window, in samples; it differs from the
    hop by an even number.

    Example
    -------
    >>> spectrum = ShortTimeSpectrum(1024, 240)
    >>> wavs = torch.randn(2, 4800)
    >>> spectrum(wavs).shape
    torch.Size([2, 20, 513])
    >>> torch.allclose(spectrum.inverse(spectrum(wavs)), wavs, atol=1e-4)
    True
    """

    def __init__(self, n_fft, hop_length):
        super().__init__()
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.padding = (n_fft - hop_length) // 2
        window = torch.hann_window(n_fft)
        self.register_buffer("window", window, persistent=False)

    def forward(self, wavs):
        """Maps waveforms [batch, time] to [batch, frames, bins], complex."""
        padded = F.pad(
            wavs.unsqueeze(1), (self.padding, self.padding), mode="reflect"
        )
        return torch.stft(
            padded.squeeze(1),
            self.n_fft,
            self.hop_length,
            window=self.window,
            center=False,
            return_complex=True,
        ).transpose(1, 2)

    def inverse(self, spectrum):
        """Maps [batch, frames, bins] to waveforms [batch, time]."""
        frames = torch.fft.irfft(spectrum, self.n_fft)
        power = self.window.square().expand(1, frames.shape[1], -1)
        wavs = self.overlap_add(frames * self.window)
        return wavs / self.overlap_add(power)

    def overlap_add(self, frames):
        """Sums frames [batch, frames, n_fft] at their places, hop by hop."""
        count = -(-self.n_fft // self.hop_length)
        padding = count * self.hop_length - self.n_fft
        hops = F.pad(frames, (0, padding)).chunk(count, dim=2)
        wavs = sum(
            F.pad(hop, (0, 0, n, count - 1 - n)) for n, hop in enumerate(hops)
        )
        time = frames.shape[1] * self.hop_length
        return wavs.flatten(1)[:, self.padding : self.padding + time]


def moving_mean(x, extent, dim):
    """The mean over an odd number of neighbours along a dimension; at its ends,
    over those that exist. A sum is made of two of half the extent, and so on,
    so a wide mean costs little more than a narrow one.

    Example
    -------
    >>> moving_mean(torch.tensor([0.0, 0.0, 6.0, 9.0]), 3, 0)
    tensor([0.0000, 2.0000, 5.0000, 7.5000])
    """
    ones = x.new_ones([1] * dim + [x.shape[dim]] + [1] * (x.dim() - dim - 1))
    return moving_sum(x, extent, dim) / moving_sum(ones, extent, dim)


def moving_sum(x, extent, dim):
    """The sum where :func:`moving_mean` takes the mean."""
    padding = [0, 0] * (x.dim() - dim - 1) + [extent // 2] * 2
    x = total = F.pad(x, padding)
    width = 1
    for bit in f"{extent:b}"[1:]:
        size = total.shape[dim] - width
        total = total.narrow(dim, 0, size) + total.narrow(dim, width, size)
        width *= 2
        if bit == "1":
            size = total.shape[dim] - 1
            total = total.narrow(dim, 0, size) + x.narrow(dim, width, size)
            width += 1
    return total


def shift_up(spectrum, cutoff_hz, bin_hz, hop_length):
    """The upper part of a band, with an even level, moved to the bins above it.

    Each bin of the result is a bin from below the cut-off whose phases are
    turned from frame to frame as those of the waveform would be that is
    modulated by the difference: harmonics, pulses and onsets stay what they
    are.

    Takes the short-time spectrum of band-limited waveforms, [batch, frames,
    bins], complex, where each band ends, [batch], the distance of bins in Hz,
    and the samples between frames. Returns a spectrum of the same shape, of
    about unit power from 0.92 of the cut-off upwards, where there is sound
    below."""
    num_frames, num_bins = spectrum.shape[1:]
    n_fft = 2 * (num_bins - 1)
    level = spectrum.real.square() + spectrum.imag.square()
    extents = even_extents(bin_hz, hop_length / (n_fft * bin_hz))
    for dim, extent in enumerate(extents, 1):
        level = moving_mean(level, extent, dim)
    level = level + EVEN_FLOOR * level.mean(2, keepdim=True)
    even = spectrum * (level + 1e-12).rsqrt()
    top, span = source_band(cutoff_hz, bin_hz)
    bins = torch.arange(num_bins, device=spectrum.device)
    above = (bins - top).clamp_min(0)
    source = (top - span + above % span).clamp(0, num_bins - 1)
    index = source[:, None].expand(-1, num_frames, -1)
    moved = torch.complex(
        even.real.gather(2, index), even.imag.gather(2, index)
    )
    frames = torch.arange(num_frames, device=spectrum.device)
    turns = (bins - source)[:, None] * (hop_length * frames)[:, None]
    angles = torch.arange(n_fft, device=spectrum.device) * (2 * math.pi / n_fft)
    turns = turns % n_fft
    # Indexed before they are joined: ONNX indexes no complex numbers.
    return moved * torch.complex(angles.cos()[turns], angles.sin()[turns])


def even_extents(bin_hz, frame_seconds):
    """Frames and bins over which the level of the shifted band is evened out,
    by their distances in seconds and Hz; odd numbers.

    Example
    -------
    >>> even_extents(46.875, 0.005)
    (9, 15)
    """
    extents = EVEN_SECONDS / frame_seconds, EVEN_HZ / bin_hz
    return tuple(2 * int(extent / 2) + 1 for extent in extents)


def source_band(cutoff_hz, bin_hz):
    """Bin above the band that is shifted up, and its width in bins, [batch, 1],
    for each cut-off in Hz, [batch].

    Example
    -------
    >>> source_band(torch.tensor([8000.0]), 46.875)
    (tensor([[157]]), tensor([[85]]))
    """
    top = (SOURCE_TOP * cutoff_hz / bin_hz).long()[:, None]
    span = (SOURCE_SHARE * cutoff_hz).clamp(max=WIDEST_SOURCE_HZ)
    return top, (span / bin_hz).long().clamp_min(1)[:, None]


class MelLevels(nn.Module):
    """The magnitude in the bins of a short-time spectrum that a log-mel
    spectrogram tells, by interpolation between the centres of its bands.

    Takes the :class:`~speechbrain_flashsr.lobes.features.LogMel` of the
    spectrogram, whose hop is a multiple of the spectrum's.

    Example
    -------
    >>> from speechbrain_flashsr.lobes.features import LogMel
    >>> levels = MelLevels(LogMel())
    >>> levels(torch.randn(1, 256, 10)).shape
    torch.Size([1, 20, 513])
    """

    def __init__(self, features):
        super().__init__()
        self.frames_per_mel = features.hop_length // HOP_LENGTH
        num_bins = N_FFT // 2 + 1
        gain = features.mel.mel_scale.fb.sum(0)
        filled = gain > 1e-6  # the lowest bands may hold no bin
        centres = features.band_centres()[filled]
        hz = np.linspace(0, features.sample_rate / 2, num_bins)
        to_bins = torch.zeros(num_bins, features.n_mels)
        bands = [np.interp(hz, centres, band) for band in np.eye(len(centres))]
        to_bins[:, filled] = torch.from_numpy(np.stack(bands, 1)).to(to_bins)
        self.register_buffer("to_bins", to_bins, persistent=False)
        band_gain = gain.clamp_min(1e-6).log()
        self.register_buffer("band_gain", band_gain, persistent=False)

    def forward(self, mel):
        """Maps a log-mel spectrogram [batch, n_mels, frames] to natural
        logarithms of magnitudes [batch, frames * frames_per_mel, bins]."""
        mel = self.between_frames(mel).transpose(1, 2)
        return F.linear(mel - self.band_gain, self.to_bins) + NOISE_TO_MEL

    def between_frames(self, x):
        """Interpolates [batch, any, frames] to the frames of the short-time
        transform."""
        return F.interpolate(x, scale_factor=self.frames_per_mel, mode="linear")


def gate_above(frequencies, cutoff_hz):
    """Where the synthesis is heard: 0 below each cut-off [batch], 1 above it,
    [batch, 1, bins]."""
    cutoff_hz = cutoff_hz[:, None, None]
    distance = frequencies - GATE_START * cutoff_hz
    return torch.sigmoid(distance / (GATE_WIDTH * cutoff_hz))


class BandExtension(nn.Module):
    """Continues recordings above the frequency where they stop, by their own
    upper band at the level of their continued spectrogram.

    Most recordings stop at 16 to 20 kHz because of an encoder; a vocoder that
    nothing teaches what to do above makes steady lines there.

    Example
    -------
    >>> from speechbrain_flashsr.lobes.features import LogMel
    >>> extension = BandExtension(LogMel())
    >>> wavs, mel = torch.randn(1, 4800), torch.randn(1, 256, 10)
    >>> extension(wavs, mel, torch.tensor([16000.0])).shape
    torch.Size([1, 4800])
    """

    def __init__(self, features):
        super().__init__()
        self.spectrum = ShortTimeSpectrum(N_FFT, HOP_LENGTH)
        self.levels = MelLevels(features)
        self.bin_hz = features.sample_rate / N_FFT
        frequencies = torch.arange(N_FFT // 2 + 1) * self.bin_hz
        self.register_buffer("frequencies", frequencies, persistent=False)

    @torch.no_grad()
    def forward(self, wavs, mel, rolloff_hz):
        """Continues waveforms [batch, time] that end at `rolloff_hz`, [batch],
        by their continued log-mel spectrogram (see
        :func:`~speechbrain_flashsr.lobes.features.extend_band`), [batch,
        n_mels, frames]."""
        rolloff_hz = rolloff_hz.to(wavs)
        spectrum = self.spectrum(wavs)
        shifted = shift_up(spectrum, rolloff_hz, self.bin_hz, HOP_LENGTH)
        gate = gate_above(self.frequencies, rolloff_hz)
        high = gate * self.levels(mel.to(wavs)).exp() * shifted
        return wavs + self.spectrum.inverse(high)
