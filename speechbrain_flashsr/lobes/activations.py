"""Periodic activations of BigVGAN, with and without anti-aliasing.

SnakeBeta is BigVGAN's snake activation (https://arxiv.org/abs/2006.08195,
https://arxiv.org/abs/2206.04658) with a separate magnitude. Run at twice the
sample rate between two low-pass filters it makes no aliases ("alias-free",
after StyleGAN3, https://arxiv.org/abs/2106.12423).

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import torch
from torch import nn

MAGNITUDE_EPS = 1e-9

CHUNK = 1 << 16
"""Elements that each processor core works on at a time: what fits its cache,
with the scratch memory that goes with it."""

LARGEST_REPEAT = 128
"""Samples of all channels that are treated as one row, at most."""


class SnakeBeta(nn.Module):
    """x + sin^2(e^alpha x) / (e^beta + 1e-9), alpha and beta per channel.

    Arguments
    ---------
    channels : int
        Channels of the input.

    Example
    -------
    >>> SnakeBeta(2)(torch.zeros(1, 2, 3)).abs().max().item()
    0.0
    """

    def __init__(self, channels):
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def coefficients(self, dtype):
        """Frequency and amplitude of the equal form
        x + amplitude - amplitude cos(frequency x): one transcendental and one
        square less, as sin^2(a) = (1 - cos(2 a)) / 2. Each [channels]."""
        frequency = 2 * self.alpha.exp()
        amplitude = 0.5 / (self.beta.exp() + MAGNITUDE_EPS)
        return frequency.to(dtype), amplitude.to(dtype)

    def forward(self, x):
        """Maps [batch, channels, time] to the same shape."""
        coefficients = self.coefficients(x.dtype)
        rows = x.transpose(1, 2)
        if not rows.is_contiguous():
            return _snake(x, *(values[:, None] for values in coefficients))
        # Where the channels are adjacent in memory, and few, many samples
        # make one row.
        repeats = math.gcd(rows.shape[0] * rows.shape[1], LARGEST_REPEAT)
        coefficients = [values.repeat(repeats) for values in coefficients]
        width = len(coefficients[0])
        flat = rows.view(-1, width)
        if torch.is_grad_enabled() or not _in_chunks(x):
            return _snake(flat, *coefficients).view_as(rows).transpose(1, 2)
        output = torch.empty_like(flat)
        step = max(1, CHUNK * torch.get_num_threads() // width)
        for source, target in zip(flat.split(step), output.split(step)):
            _snake(source, *coefficients, out=target)
        return output.view_as(rows).transpose(1, 2)


def _in_chunks(x):
    """Whether to work through a tensor bit by bit, in the processor's cache.
    A compiler fuses the operations by itself."""
    return not x.is_cuda and not torch.compiler.is_compiling()


def _snake(x, frequency, amplitude, out=None):
    oscillation = torch.cos(torch.mul(x, frequency, out=out), out=out)
    return torch.addcmul(x + amplitude, oscillation, -amplitude, out=out)


def kaiser_sinc_filter(cutoff=0.25, half_width=0.3, num_taps=12):
    """Kaiser-windowed sinc low-pass filter with unit gain at zero frequency.

    Arguments
    ---------
    cutoff : float
        Cut-off in cycles per sample.
    half_width : float
        Half of the transition's width, in cycles per sample.
    num_taps : int
        Even length of the filter.

    Returns
    -------
    torch.Tensor
        [num_taps].

    Example
    -------
    >>> round(kaiser_sinc_filter().sum().item(), 6)
    1.0
    """
    half = num_taps // 2
    attenuation = 2.285 * (half - 1) * math.pi * 4 * half_width + 7.95
    if attenuation > 50:
        beta = 0.1102 * (attenuation - 8.7)
    elif attenuation >= 21:
        beta = 0.5842 * (attenuation - 21) ** 0.4
        beta += 0.07886 * (attenuation - 21)
    else:
        beta = 0.0
    window = torch.kaiser_window(
        num_taps, periodic=False, beta=beta, dtype=torch.float64
    )
    time = torch.arange(-half, half, dtype=torch.float64) + 0.5
    taps = window * torch.sinc(2 * cutoff * time)
    return (taps / taps.sum()).float()


BLOCK = 16
"""Output samples that one product with the block matrices gives."""


class AliasFree(nn.Module):
    """SnakeBeta at twice the sample rate: without aliases.

    Upsamples by 2, applies the activation, downsamples by 2, with the same
    12-tap filter. The even and odd samples of the doubled signal (its two
    polyphase components) are made, activated and filtered apart, block by
    block: two products with small banded matrices take the place of depthwise
    convolutions, and the doubled signal never exists as a whole.

    It is at its fastest, without a copy, where the channels are adjacent in
    memory, as they are after a convolution in PyTorch's channels-last layout;
    so they are in its output. Half precision is computed in single on a CPU.

    Arguments
    ---------
    activation : SnakeBeta
        Pointwise in time.

    Example
    -------
    >>> activation = AliasFree(SnakeBeta(2))
    >>> activation(torch.randn(1, 2, 7)).shape
    torch.Size([1, 2, 7])
    """

    def __init__(self, activation):
        super().__init__()
        self.activation = activation
        taps = kaiser_sinc_filter()
        # Correlation kernels [phase, tap]: the upsampler's are reversed, as a
        # transposed convolution's are, and restore the level (times 2).
        down_taps = torch.stack([taps[1::2], taps[0::2]])
        up_taps = 2 * down_taps.flip(1)
        # A block of N outputs needs N + 5 samples of each phase, and they
        # N + 11 of the input: five before the block to six after it.
        width = BLOCK + 5
        up_matrix = torch.zeros(2, width, BLOCK + 11)
        down_matrix = torch.zeros(BLOCK, 2, width)
        for phase in range(2):
            for i in range(width):
                up_matrix[phase, i, i : i + 6] = up_taps[phase]
            for i in range(BLOCK):
                down_matrix[i, phase, i : i + 6] = down_taps[phase]
        self.register_buffer("up_matrix", up_matrix.flatten(0, 1), False)
        self.register_buffer("down_matrix", down_matrix.flatten(1), False)

    def forward(self, x):
        """Maps [batch, channels, time] to the same shape."""
        rows = x.transpose(1, 2)
        with torch.autocast(x.device.type, enabled=False):
            dtype = x.dtype
            if not x.is_cuda:
                dtype = torch.promote_types(dtype, torch.float32)
            arguments = (
                rows,
                *self.activation.coefficients(dtype),
                self.up_matrix.to(dtype),
                self.down_matrix.to(dtype),
            )
            if torch.is_grad_enabled():
                output = _ChunkedAliasFree.apply(*arguments)
            else:
                output = _alias_free(*arguments)
        return output.transpose(1, 2)


class _ChunkedAliasFree(torch.autograd.Function):
    """:func:`_alias_free` with gradients, for which the doubled signal is
    computed anew: chunk by chunk it costs less than to keep and fetch it."""

    @staticmethod
    def forward(ctx, rows, *matrices):
        ctx.save_for_backward(rows, *matrices)
        return _alias_free(rows, *matrices)

    @staticmethod
    def backward(ctx, grad_output):
        rows, frequency, amplitude, up_matrix, down_matrix = ctx.saved_tensors
        rows = rows.detach()
        leaves = [
            values.detach().requires_grad_()
            for values in (frequency, amplitude)
        ]
        grad_rows = torch.zeros_like(rows)
        grad_leaves = [torch.zeros_like(values) for values in leaves]
        time = rows.shape[1]
        with torch.autocast(rows.device.type, enabled=False):
            for item, start, stop in _chunks(rows, up_matrix):
                first, last = max(0, start - 5), stop + BLOCK + 6
                with torch.enable_grad():
                    part = rows[item, first:last].requires_grad_()
                    output = _span(
                        part,
                        first,
                        time,
                        start,
                        stop,
                        *leaves,
                        up_matrix,
                        down_matrix,
                    )
                grads = torch.autograd.grad(
                    output,
                    (part, *leaves),
                    grad_output[item, start:stop].to(output.dtype),
                )
                grad_rows[item, first:last] += grads[0]
                for total, grad in zip(grad_leaves, grads[1:]):
                    total += grad
        return grad_rows, *grad_leaves, None, None


def _alias_free(rows, frequency, amplitude, up_matrix, down_matrix):
    """The alias-free activation of signals [batch, time, channels]."""
    time, channels = rows.shape[1:]
    matrices = frequency, amplitude, up_matrix, down_matrix
    if not _in_chunks(rows):
        spans = [_span(item, 0, time, 0, time, *matrices) for item in rows]
        return torch.stack(spans).to(rows.dtype)
    output = rows.new_empty(rows.shape)
    scratch = None
    for item, start, stop in _chunks(rows, up_matrix):
        num_blocks = -(-(stop - start) // BLOCK)
        if scratch is None:
            scratch = up_matrix.new_empty(
                2, num_blocks, len(up_matrix), channels
            )
        output[item, start:stop] = _span(
            rows[item],
            0,
            time,
            start,
            stop,
            *matrices,
            *scratch[:, :num_blocks],
        )
    return output


def _chunks(rows, up_matrix):
    """Yields (item, start, stop) of what is computed at a time."""
    batch, time, channels = rows.shape
    step = time
    if _in_chunks(rows):
        blocks = CHUNK * torch.get_num_threads() // channels
        step = BLOCK * max(1, blocks // len(up_matrix))
    for item in range(batch):
        for start in range(0, time, step):
            yield item, start, min(start + step, time)


def _span(
    rows,
    offset,
    time,
    start,
    stop,
    frequency,
    amplitude,
    up_matrix,
    down_matrix,
    doubled=None,
    oscillation=None,
):
    """Outputs `start` to `stop` of one signal.

    Arguments
    ---------
    rows : torch.Tensor
        The signal from sample `offset` on, [any, channels].
    offset, time : int
        See there; length of the signal.
    start, stop : int
        Samples wanted; `start` is a multiple of BLOCK.
    frequency, amplitude : torch.Tensor
        Of the activation, [channels].
    up_matrix, down_matrix : torch.Tensor
        The filters, see `AliasFree`.
    doubled, oscillation : torch.Tensor, optional
        Scratch memory, [blocks, 2 * (BLOCK + 5), channels].

    Returns
    -------
    torch.Tensor
        [stop - start, channels]
    """
    num_blocks = -(-(stop - start) // BLOCK)
    first, last = start - 5, start + num_blocks * BLOCK + 6
    part = rows[max(0, first) - offset : last - offset].to(frequency.dtype)
    at_end = first < 0 or last > time
    if at_end:
        # The signal is extended by its first and last sample.
        before = part[:1].expand(max(0, -first), -1)
        after = part[-1:].expand(max(0, last - time), -1)
        part = torch.cat([before, part, after])
    windows = part.contiguous().unfold(0, BLOCK + 11, BLOCK).transpose(1, 2)
    doubled = torch.bmm(
        up_matrix.expand(num_blocks, -1, -1), windows, out=doubled
    )
    phase = torch.mul(doubled, frequency, out=oscillation)
    oscillation = torch.cos(phase, out=oscillation)
    scratch = None if oscillation.requires_grad else doubled
    active = torch.addcmul(doubled, oscillation, -amplitude, out=scratch)
    if at_end:
        _extend(active.unflatten(1, (2, -1)), start, time)
    # The filter's gain at zero frequency is 1, so what the activation adds to
    # the oscillation can be added here.
    down_matrix = down_matrix.expand(num_blocks, -1, -1)
    filtered = torch.baddbmm(amplitude, down_matrix, active)
    return filtered.flatten(0, 1)[: stop - start]


def _extend(phases, start, time):
    """Extends the doubled signal by its first and last sample, in place.

    Arguments
    ---------
    phases : torch.Tensor
        Even and odd samples of consecutive blocks, [blocks, 2, BLOCK + 5,
        channels]. The i-th of the block whose first output is n is the even
        sample n + i - 2, and the odd one n + i - 3.
    start : int
        First output of the first block.
    time : int
        Length of the signal.
    """
    if start == 0:
        first = phases[0, 0, 2].clone()
        phases[0, 0, :2] = first
        phases[0, 1, :3] = first
    # The last sample may lie in two blocks: they overlap.
    for index in range(max(0, len(phases) - 2), len(phases)):
        end = time + 2 - (start + index * BLOCK)
        if end < phases.shape[2]:
            last = phases[index, 1, end].clone()
            phases[index, 0, end:] = last
            phases[index, 1, end + 1 :] = last
