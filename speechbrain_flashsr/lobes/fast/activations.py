"""The alias-free activation as products with small banded matrices.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from torch.nn import functional as F

from speechbrain_flashsr.lobes.activations import MAGNITUDE_EPS, AliasFree

BLOCK = 8
"""Output samples of one product: larger matrices hold more zeros."""

CHUNK = 1 << 17
"""Elements of the doubled signal that a processor core works on at a time. With
their scratch memory, they fit the cache of cores of 2020 to 2025."""


class FastAliasFree(AliasFree):
    """An :class:`AliasFree` several times as fast on a CPU, without gradients.

    Blocks of samples are multiplied by one banded matrix, which gives the even
    and odd samples of the doubled signal (its two polyphase components) in
    turn, and after the activation by another, which filters and decimates. The
    doubled signal never exists as a whole. Channels that are adjacent in memory
    are read without a copy, and are adjacent in the output.

    Example
    -------
    >>> from speechbrain_flashsr.lobes.activations import SnakeBeta
    >>> plain = AliasFree(SnakeBeta(2))
    >>> fast = FastAliasFree(plain.activation)
    >>> x = torch.randn(1, 2, 7)
    >>> with torch.no_grad():
    ...     torch.allclose(fast(x), plain(x), atol=1e-6)
    True
    """

    def forward(self, x):
        """Maps [batch, channels, time] to the same shape."""
        if torch.is_grad_enabled() or x.is_cuda:
            return super().forward(x)
        time, channels = x.shape[2], x.shape[1]
        blocks = CHUNK * torch.get_num_threads() // (2 * BLOCK * channels)
        step = BLOCK * max(1, blocks)
        rows = x.transpose(1, 2)
        output = rows.new_empty(rows.shape)
        dtype = torch.promote_types(x.dtype, torch.float32)
        matrices = self._matrices(dtype)
        with torch.autocast(x.device.type, enabled=False):
            for row, target in zip(rows, output):
                for start in range(0, time, step):
                    stop = min(start + step, time)
                    target[start:stop] = self._span(row, start, stop, *matrices)
        return output.transpose(1, 2)

    def _matrices(self, dtype):
        """Matrices of upsampling, [2 * BLOCK, BLOCK + 5], and of downsampling,
        [BLOCK, 2 * BLOCK + 10], and SnakeBeta's frequency and amplitude as
        sin^2(a) = (1 - cos(2 a)) / 2, each [channels]."""
        taps = self.taps.flatten().to(dtype)
        # The upsampler's taps are reversed, as a transposed convolution's are,
        # and restore the level (times 2).
        even, odd = 2 * taps.flip(0).view(-1, 2).T
        up = taps.new_zeros(2 * BLOCK, BLOCK + 5)
        down = taps.new_zeros(BLOCK, 2 * BLOCK + 10)
        for i in range(BLOCK):
            up[2 * i, i : i + 6] = odd
            up[2 * i + 1, i : i + 6] = even
            down[i, 2 * i : 2 * i + 12] = taps
        snake = self.activation
        frequency = 2 * snake.alpha.exp()
        amplitude = 0.5 / (snake.beta.exp() + MAGNITUDE_EPS)
        return up, down, frequency, amplitude

    def _span(self, row, start, stop, up, down, frequency, amplitude):
        """Outputs `start`, a multiple of BLOCK, to `stop` of one signal, [time,
        channels]."""
        time = len(row)
        num_blocks = -(-(stop - start) // BLOCK)
        # The last outputs reach into one more block of the doubled signal.
        first, last = start - 5, start + (num_blocks + 1) * BLOCK
        part = row[max(0, first) : last].to(up.dtype)
        if first < 0 or last > time:  # both ends go on with constant values
            ends = max(0, -first), max(0, last - time)
            part = F.pad(part.T[None], ends, mode="replicate")[0].T
        windows = part.contiguous().unfold(0, BLOCK + 5, BLOCK).transpose(1, 2)
        doubled = torch.bmm(up.expand(len(windows), -1, -1), windows)
        doubled = doubled.flatten(0, 1)
        cosine = torch.mul(doubled, frequency).cos_()
        active = doubled.addcmul_(cosine, -amplitude)
        # The doubled signal starts with its sample 2 * start - 5; outside the
        # recording, it goes on with constant values, too.
        begin, end = 5 - 2 * start, 2 * (time - start) + 4
        if begin > 0:
            active[:begin] = active[begin].clone()
        if end < len(active):
            active[end + 1 :] = active[end].clone()
        windows = active.unfold(0, 2 * BLOCK + 10, 2 * BLOCK).transpose(1, 2)
        # The filter's gain at zero frequency is 1, so that the constant part of
        # the activation can be added here.
        result = torch.baddbmm(
            amplitude, down.expand(num_blocks, -1, -1), windows
        )
        return result.flatten(0, 1)[: stop - start]
