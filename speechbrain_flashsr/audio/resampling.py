"""Resampling of whole signals and of streams, with the same result.

Windowed-sinc interpolation (J. O. Smith, "Digital audio resampling",
https://ccrma.stanford.edu/~jos/resample/) by torchaudio, flat to 0.95 of the
lower Nyquist frequency and 100 dB down from there on.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import torch
import torchaudio
from scipy.signal import firwin, resample_poly

# The filter: zero crossings on each side, centre of the transition as a
# fraction of the lower Nyquist frequency, shape of the Kaiser window.
_ZERO_CROSSINGS = 128
_ROLLOFF = 0.976
_BETA = 10.0

# Entries of torchaudio's table of filters above which it is not used.
_LARGEST_TABLE = 2**22

# Samples that are resampled at a time, roughly.
_CHUNK = 2**16


class Resampler:
    """Brings signals from one sample rate to another, without delay.

    Beyond its ends a signal is continued by its first and last sample. A
    stream cut into any blocks gives what the whole signal gives.

    Arguments
    ---------
    orig_rate : int
        Sample rate of the input, in Hz.
    new_rate : int
        Sample rate of the output, in Hz.

    Example
    -------
    >>> resampler = Resampler(16000, 48000)
    >>> wavs = torch.randn(2, 1000)
    >>> resampler(wavs).shape
    torch.Size([2, 3000])
    >>> blocks = resampler.stream([wavs[:, :10], wavs[:, 10:]])
    >>> torch.allclose(torch.cat(list(blocks), dim=1), resampler(wavs))
    True
    """

    def __init__(self, orig_rate, new_rate):
        gcd = math.gcd(orig_rate, new_rate)
        self.orig = orig_rate // gcd
        self.new = new_rate // gcd
        ratio = max(1.0, self.orig / self.new)
        width = math.ceil(_ZERO_CROSSINGS * ratio / _ROLLOFF)
        # Segments start and end at multiples of `orig` input samples, which
        # are multiples of `new` output samples.
        self._margin = self.orig * math.ceil((width + 1) / self.orig)
        self._chunk = self.orig * math.ceil(_CHUNK / self.orig)
        if self.new * (self.orig + 2 * width) <= _LARGEST_TABLE:
            self._filter = torchaudio.transforms.Resample(
                self.orig,
                self.new,
                resampling_method="sinc_interp_kaiser",
                lowpass_filter_width=_ZERO_CROSSINGS,
                rolloff=_ROLLOFF,
                beta=_BETA,
            )
        else:
            self._taps = _polyphase_taps(self.orig, self.new)
            self._filter = self._polyphase

    def output_length(self, num_samples):
        """Length of the output for an input of `num_samples` samples.

        It is rounded to the nearest, but never zero.
        """
        return max(1, round(num_samples * self.new / self.orig))

    def __call__(self, wavs):
        """Resamples whole signals.

        Arguments
        ---------
        wavs : torch.Tensor
            [batch, time]

        Returns
        -------
        torch.Tensor
            [batch, output_length(time)]
        """
        return torch.cat(list(self.stream([wavs])), dim=1)

    def stream(self, blocks):
        """Resamples a signal that comes in blocks.

        Arguments
        ---------
        blocks : iterable of torch.Tensor
            Consecutive samples, [channels, time], time at least 1.

        Yields
        ------
        torch.Tensor
            Consecutive samples of the output, [channels, time].
        """
        if self.orig == self.new:
            yield from blocks
            return
        buffer = None
        num_samples = 0
        written = 0
        for block in blocks:
            num_samples += block.shape[1]
            if buffer is None:
                block = _extend_start(block, self._margin)
                buffer = block
            else:
                buffer = torch.cat([buffer, block], dim=1)
            while buffer.shape[1] >= self._chunk + 2 * self._margin:
                yield self._resample_chunk(buffer, self._chunk)
                written += self._chunk // self.orig * self.new
                buffer = buffer[:, self._chunk :]
        missing = self.output_length(num_samples) - written
        while missing > 0:
            chunk = min(self._chunk, self.orig * math.ceil(missing / self.new))
            lacking = chunk + 2 * self._margin - buffer.shape[1]
            buffer = _extend_end(buffer, max(0, lacking))
            yield self._resample_chunk(buffer, chunk)[:, :missing]
            missing -= chunk // self.orig * self.new
            buffer = buffer[:, chunk:]

    def _resample_chunk(self, buffer, chunk):
        """Resamples `chunk` samples of [channels, margin + chunk + margin]."""
        if isinstance(self._filter, torch.nn.Module):
            self._filter.to(buffer.device)
        resampled = self._filter(buffer[:, : chunk + 2 * self._margin])
        start = self._margin // self.orig * self.new
        return resampled[:, start : start + chunk // self.orig * self.new]

    def _polyphase(self, wavs):
        """Resamples by scipy, for rates without a large common divisor."""
        resampled = resample_poly(
            wavs.cpu().numpy(), self.new, self.orig, axis=1, window=self._taps
        )
        return torch.from_numpy(resampled).to(wavs)


def _polyphase_taps(orig, new):
    """The same filter, sampled at the common multiple of both rates."""
    longer = max(orig, new)
    half = math.ceil(_ZERO_CROSSINGS * longer / _ROLLOFF)
    return firwin(2 * half + 1, _ROLLOFF / longer, window=("kaiser", _BETA))


def _extend_start(wavs, num_samples):
    return torch.cat([wavs[:, :1].expand(-1, num_samples), wavs], dim=1)


def _extend_end(wavs, num_samples):
    return torch.cat([wavs, wavs[:, -1:].expand(-1, num_samples)], dim=1)
