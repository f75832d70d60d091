"""Noise in the shape of a spectrogram, for the vocoder to start from.

A small vocoder trained for hours rather than weeks cannot make noise: it has
none in its input, so what should hiss becomes a comb of steady lines. Shaped
noise, as the aperiodic part of source-filter vocoders (for neural ones see
Wang, Takaki and Yamagishi 2019, https://arxiv.org/abs/1904.12088), follows a
given spectrogram from the first training step on. Of the white noise only the
phases are kept: its magnitudes are made even, so that the result fluctuates
less, in the manner of low-noise noise (Pumplin 1985, J. Acoust. Soc. Am. 78,
100-104). Phases of white noise do not fit magnitudes that are even; a few rounds
of the fast Griffin-Lim algorithm (Perraudin, Balazs and Sondergaard 2013, "A
fast Griffin-Lim algorithm", WASPAA) bring them nearer.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from torch import nn
from torch.nn import functional as F

NUM_ROUNDS = 5
"""Of the algorithm. Levels of white noise deviate by 5.6 dB, after none by 4.1,
after five by 2.9, after ten by 2.6; a round takes 1.5 % of the small model's time."""

MOMENTUM = 0.99
"""Of the algorithm, as its authors recommend."""

EVEN_MAGNITUDE = 0.944
"""Mean magnitude in the spectrogram of a waveform that is synthesised from
magnitudes of 1 and these phases (Hann windows, a hop of about a quarter): they
still do not quite fit together, and so cancel a little."""

ENVELOPE_HOP = 24
"""Samples between levels of a fine envelope: 0.5 ms at 48 kHz."""

ENVELOPE_CONTEXT = 85
"""Levels, 43 ms, with which each is compared: what lasts longer, a mel
spectrogram tells."""

ENVELOPE_FLOOR = 1e-3
"""Power, as a share of that around, below which nothing is told apart."""


def fine_envelope(wavs):
    """How loud waveforms are at each moment compared with the 43 ms around.

    The band above the cut-off rises and falls with the one below: at the onset
    of a drum, at each pulse of the vocal folds. Speech coders give the noise of
    their upper band the fine envelope of the lower one (McCree 2000, "A 14 kb/s
    wideband speech coder with a parametric highband model", ICASSP).

    Arguments
    ---------
    wavs : torch.Tensor
        [batch, time], time a multiple of 24.

    Returns
    -------
    torch.Tensor
        Natural logarithm of the amplitude of the waveforms' difference (which
        stresses their upper band) relative to its root mean square over 43 ms,
        both under Hann windows, [batch, time].

    Example
    -------
    >>> fine_envelope(torch.randn(3, 4800)).shape
    torch.Size([3, 4800])
    """
    power = F.pad(wavs.diff(dim=-1), (1, 0)).unsqueeze(1) ** 2
    power = F.avg_pool1d(power, ENVELOPE_HOP)
    power = power + 1e-12  # in silence as loud as what is around
    now, around = (_smooth(power, n) for n in (3, ENVELOPE_CONTEXT))
    levels = 0.5 * (now / around + ENVELOPE_FLOOR).log()
    levels = F.interpolate(levels, scale_factor=ENVELOPE_HOP, mode="linear")
    return levels.squeeze(1)


def _smooth(x, num_taps):
    """Means of [batch, 1, time] under a Hann window."""
    window = torch.hann_window(num_taps + 2, periodic=False)[1:-1]
    window = (window / window.sum()).to(x)
    x = F.pad(x, (num_taps // 2, num_taps // 2), mode="replicate")
    with torch.autocast(x.device.type, enabled=False):
        return F.conv1d(x, window[None, None])


class ShapedNoise(nn.Module):
    """Noise filtered so that it adds to a waveform what a log-mel
    spectrogram has beyond that waveform's own.

    Arguments
    ---------
    features : speechbrain_flashsr.lobes.features.LogMel
        Whose spectrograms are given.

    Example
    -------
    >>> from speechbrain_flashsr.lobes.features import LogMel
    >>> features = LogMel()
    >>> shape = ShapedNoise(features)
    >>> low, excitation = torch.zeros(1, 48000), torch.randn(1, 48000)
    >>> mel = torch.full((1, 256, 100), -4.0)
    >>> noise = shape(mel, low, excitation)
    >>> bool((features(noise)[..., 16:].mean() + 4).abs() < 0.15)
    True
    """

    def __init__(self, features):
        super().__init__()
        transform = features.mel.spectrogram
        self.n_fft = transform.n_fft
        self.hop_length = features.hop_length
        bands = features.mel.mel_scale.fb.clone()
        self.register_buffer("bands", bands, persistent=False)
        # A band's magnitude at each bin: a mean over the bands there.
        sums = bands.sum(1, keepdim=True).clamp_min(1e-12)
        spread = bands / sums / bands.sum(0, keepdim=True)
        self.register_buffer("spread", spread, persistent=False)
        window = torch.hann_window(self.n_fft)
        self.register_buffer("window", window, persistent=False)

    def forward(self, mel, wavs, excitation):
        """Shapes noise.

        Arguments
        ---------
        mel : torch.Tensor
            Log-mel spectrogram of what is wanted, [batch, n_mels, frames].
        wavs : torch.Tensor
            What is there already, [batch, frames * hop_length].
        excitation : torch.Tensor
            White noise, of the waveforms' shape.

        Returns
        -------
        torch.Tensor
            What to add, of the waveforms' shape.
        """
        with torch.autocast(wavs.device.type, enabled=False):
            dtype = self.window.dtype
            wanted = self.between_frames(mel.to(dtype).exp())
            there = self.transform(wavs.to(dtype)).abs()
            there = torch.matmul(self.bands.T, there)
            missing = (wanted**2 - there**2).clamp_min(0.0)
            # The gradient of a square root at 0 is not finite.
            missing = (missing + 1e-12).sqrt()
            magnitude = torch.matmul(self.spread, missing) / EVEN_MAGNITUDE
            phases = self.even_phases(excitation.to(dtype))
            return self.inverse(magnitude * phases, wavs.shape[-1])

    @torch.no_grad()
    def even_phases(self, noise):
        """Phases near those of the given noise [batch, time] that fit even
        magnitudes, as complex numbers of magnitude 1, [batch, bins, frames + 1].
        """
        phases = self.transform(noise).sgn()
        previous = 0.0
        for _ in range(NUM_ROUNDS):
            spectrum = self.transform(self.inverse(phases, noise.shape[-1]))
            phases = (spectrum + MOMENTUM * (spectrum - previous)).sgn()
            previous = spectrum
        return phases

    def transform(self, wavs):
        """Centred short-time Fourier transform, [batch, bins, frames + 1]."""
        return torch.stft(
            wavs,
            self.n_fft,
            self.hop_length,
            window=self.window,
            return_complex=True,
        )

    def inverse(self, spectrum, length):
        """Waveforms of such a transform, [batch, length]."""
        return torch.istft(
            spectrum,
            self.n_fft,
            self.hop_length,
            window=self.window,
            length=length,
        )

    @staticmethod
    def between_frames(mel):
        """Spectrograms whose frames lie in the middle of hops, at the borders
        of the hops: [batch, n_mels, frames] to [batch, n_mels, frames + 1]."""
        padded = F.pad(mel, (1, 1), mode="replicate")
        return (padded[..., 1:] + padded[..., :-1]) / 2
