"""Resampling of whole signals and of streams, with the same result.

Windowed-sinc interpolation (J. O. Smith, "Digital audio resampling",
https://ccrma.stanford.edu/~jos/resample/) by torchaudio, flat to 0.95 of the
lower Nyquist frequency and 100 dB down from there on. Rates without a large
common divisor need a filter of millions of taps: they are left to the SoX
resampler (https://sourceforge.net/projects/soxr), flat to 0.93 of it, which
evaluates its filter as needed. Memory depends on neither length nor rates.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import numpy as np
import soxr
import torch
import torchaudio
from torch.nn.functional import pad

# The filter: zero crossings on each side, centre of the transition as a
# fraction of the lower Nyquist frequency, shape of the Kaiser window.
_ZERO_CROSSINGS = 128
_ROLLOFF = 0.976
_BETA = 10.0

# Entries of torchaudio's table of filters above which it is not used: 768 kHz
# to 44.1 kHz has fewer, which take 60 MB while they are computed.
_LARGEST_TABLE = 2**20

# New samples that one product gives at least, and entries of its matrix at most.
_LEAST_PRODUCT = 128
_LARGEST_MATRIX = 2**20

# Samples that are resampled at a time, roughly: of a channel at the lower
# rate, and of all channels at the higher one.
_CHUNK = 2**16
_LARGEST_CHUNK = 2**22


def resampled_length(num_samples, orig_rate, new_rate):
    """Number of samples at another rate: rounded to the nearest, never zero.

    Example
    -------
    >>> resampled_length(1000, 16000, 48000)
    3000
    """
    return max(1, round(num_samples * new_rate / orig_rate))


class Resampler:
    """Brings signals from one sample rate in Hz to another, without delay.

    Beyond its ends a signal is continued by its first and last sample. The
    result of a stream does not depend on its division into blocks.

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
        self._width = math.ceil(_ZERO_CROSSINGS * ratio / _ROLLOFF)
        self._matrix = None
        table = self.new * (self.orig + 2 * self._width)
        if self.orig != self.new and table <= _LARGEST_TABLE:
            self._matrix = self._filter_matrix()

    def _filter_matrix(self):
        """The matrix by which consecutive samples become `steps` times `new`
        new ones, [samples, new samples]. It is banded: small products with it
        are faster than a convolution with few channels."""
        filters = torchaudio.transforms.Resample(
            self.orig,
            self.new,
            resampling_method="sinc_interp_kaiser",
            lowpass_filter_width=_ZERO_CROSSINGS,
            rolloff=_ROLLOFF,
            beta=_BETA,
        ).kernel.squeeze(1)
        length = filters.shape[1]
        steps = max(1, _LEAST_PRODUCT // self.new)
        while (
            steps > 1
            and steps * self.new * (length + (steps - 1) * self.orig)
            > _LARGEST_MATRIX
        ):
            steps //= 2
        shifts = [step * self.orig for step in range(steps)]
        columns = [
            pad(filters.T, (0, 0, shift, shifts[-1] - shift))
            for shift in shifts
        ]
        return torch.cat(columns, dim=1)

    def __call__(self, wavs):
        """Resamples whole signals, [batch, time] to [batch,
        resampled_length(time)]."""
        return torch.cat(list(self.stream([wavs])), dim=1)

    def stream(self, blocks):
        """Resamples a signal that comes in blocks [channels, time], time at
        least 1."""
        if self.orig == self.new:
            return iter(blocks)
        if self._matrix is None:
            return self._stream_by_soxr(blocks)
        return self._stream_by_table(blocks)

    def _stream_by_table(self, blocks):
        """Convolves chunks that overlap by the filter's length."""
        # Chunks start and end at multiples of `orig` input samples, which are
        # multiples of `new` output samples.
        margin = self.orig * math.ceil((self._width + 1) / self.orig)
        buffer = None
        num_samples = 0
        written = 0
        for block in blocks:
            num_samples += block.shape[1]
            if buffer is None:
                higher = max(self.orig, self.new) / self.orig
                chunk = min(_CHUNK, _LARGEST_CHUNK / (len(block) * higher))
                chunk = self.orig * math.ceil(chunk / self.orig)
                buffer = torch.cat(
                    [block[:, :1].expand(-1, margin), block], dim=1
                )
            else:
                buffer = torch.cat([buffer, block], dim=1)
            while buffer.shape[1] >= chunk + 2 * margin:
                yield self._resample_chunk(buffer, chunk, margin)
                written += chunk // self.orig * self.new
                buffer = buffer[:, chunk:]
        missing = resampled_length(num_samples, self.orig, self.new) - written
        while missing > 0:
            # Lengths are powers of two: oneDNN keeps its code for each length.
            lacking = (math.ceil(missing / self.new) - 1).bit_length()
            chunk = min(chunk, self.orig * 2**lacking)
            lacking = max(0, chunk + 2 * margin - buffer.shape[1])
            end = buffer[:, -1:].expand(-1, lacking)
            buffer = torch.cat([buffer, end], dim=1)
            yield self._resample_chunk(buffer, chunk, margin)[:, :missing]
            missing -= chunk // self.orig * self.new
            buffer = buffer[:, chunk:]

    def _resample_chunk(self, buffer, chunk, margin):
        """Resamples `chunk` samples of [channels, margin + chunk + margin]."""
        self._matrix = self._matrix.to(buffer.device)
        samples, new_samples = self._matrix.shape
        hop = new_samples // self.new * self.orig
        size = chunk // self.orig * self.new
        products = -(-size // new_samples)
        first = margin - self._width
        last = first + samples + (products - 1) * hop
        part = buffer[:, first : chunk + 2 * margin]
        part = pad(part, (0, max(0, last - first - part.shape[1])))
        windows = part.unfold(1, samples, hop)[:, :products]
        return (windows @ self._matrix).flatten(1)[:, :size]

    def _stream_by_soxr(self, blocks):
        """Leaves the blocks, less the first sample, to the SoX resampler: it
        takes a signal for 0 before its start."""
        resample = None
        num_samples = 0
        written = 0
        for block in blocks:
            if resample is None:
                first = block[:, :1]
                resample = soxr.ResampleStream(
                    self.orig, self.new, len(block), "float32", "HQ"
                ).resample_chunk
            num_samples += block.shape[1]
            new = _as_block(resample(_as_frames(block - first)), first)
            written += new.shape[1]
            if new.shape[1] > 0:
                yield new
        missing = resampled_length(num_samples, self.orig, self.new) - written
        end = (block[:, -1:] - first).expand(-1, self._width)
        new = _as_block(resample(_as_frames(end), last=True), first)
        yield new[:, :missing]


def _as_frames(block):
    """[channels, time] for soxr, which takes one channel as [time]."""
    frames = block.T.to("cpu", torch.float32).numpy()
    return np.ascontiguousarray(frames[:, 0] if len(block) == 1 else frames)


def _as_block(frames, first):
    """[time, channels] as a tensor like `first`, which is added."""
    block = torch.from_numpy(frames.reshape(len(frames), len(first)).T)
    return block.to(first) + first
