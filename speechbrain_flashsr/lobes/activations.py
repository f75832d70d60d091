"""Periodic activations of BigVGAN, with and without anti-aliasing.

SnakeBeta is BigVGAN's snake activation (https://arxiv.org/abs/2006.08195,
https://arxiv.org/abs/2206.04658) with a separate magnitude. Run at twice the
sample rate between two low-pass filters it does not alias ("alias-free",
after StyleGAN3, https://arxiv.org/abs/2106.12423).

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import torch
from torch import nn

MAGNITUDE_EPS = 1e-9

CHUNK = 1 << 17
"""Elements that each processor core works on at a time. They fit its cache
together with the scratch memory."""

LARGEST_REPEAT = 128
"""Largest number of samples of all channels that are treated as one row."""


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
        self.inference = snake  # computes rows without gradients

    def coefficients(self, dtype):
        """Frequency and amplitude of the equal form
        x + amplitude - amplitude cos(frequency x): one transcendental and one
        square less, as sin^2(a) = (1 - cos(2 a)) / 2. Each [channels]."""
        frequency = 2 * self.alpha.exp()
        amplitude = 0.5 / (self.beta.exp() + MAGNITUDE_EPS)
        return frequency.to(dtype), amplitude.to(dtype)

    def forward(self, x, memory=None):
        """Applies the activation.

        Arguments
        ---------
        x : torch.Tensor
            [batch, channels, time]
        memory : torch.Tensor, optional
            An earlier output that is not needed any more. It is overwritten if
            it fits and gradients are off, because new memory is slow.

        Returns
        -------
        torch.Tensor
            [batch, channels, time]
        """
        coefficients = self.coefficients(x.dtype)
        rows = x.transpose(1, 2)
        if not rows.is_contiguous():
            return _snake(x, *(values[:, None] for values in coefficients))
        # Where the channels are adjacent in memory, and few, many samples
        # make one row.
        repeats = math.gcd(rows.shape[0] * rows.shape[1], LARGEST_REPEAT)
        coefficients = [values.repeat(repeats) for values in coefficients]
        flat = rows.view(-1, len(coefficients[0]))
        if torch.is_grad_enabled() or not _in_chunks(x):
            return _snake(flat, *coefficients).view_as(rows).transpose(1, 2)
        output = reuse(memory, rows)
        self.inference(flat, *coefficients, output.view_as(flat))
        return output.transpose(1, 2)


def _in_chunks(x):
    """Whether to process a tensor in chunks that fit the processor's cache. A
    compiler of whole networks fuses the operations by itself."""
    return not x.is_cuda and not torch.compiler.is_compiling()


def reuse(memory, rows):
    """Memory for an output like `rows`, [batch, time, channels]: that of an
    earlier one, [batch, channels, time], if it fits."""
    if memory is not None and memory.dtype == rows.dtype:
        memory = memory.transpose(1, 2)
        if memory.shape == rows.shape and memory.is_contiguous():
            return memory
    return rows.new_empty(rows.shape)


def snake(rows, frequency, amplitude, output):
    """Writes SnakeBeta of rows [any, width] to `output`; coefficients
    [width]."""
    step = max(1, CHUNK * torch.get_num_threads() // rows.shape[1])
    for source, target in zip(rows.split(step), output.split(step)):
        _snake(source, frequency, amplitude, out=target)


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


BLOCK = 8
"""Output samples of one product with the block matrices."""


class AliasFree(nn.Module):
    """SnakeBeta at twice the sample rate: without aliases.

    Upsamples by 2, applies the activation, downsamples by 2, with the same
    12-tap filter. Two products with small banded matrices, block by block,
    take the place of depthwise convolutions: the first gives the even and odd
    samples of the doubled signal (its two polyphase components) in turn. The
    doubled signal never exists as a whole.

    It is fastest if the channels are adjacent in memory, as they are after a
    convolution in PyTorch's channels-last layout; its output has that layout,
    too. On a CPU, half precision is computed in single precision.

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
        self.inference = alias_free  # computes rows without gradients
        taps = kaiser_sinc_filter()
        # The upsampler's phases: its taps are reversed, as a transposed
        # convolution's are, and restore the level (times 2).
        even, odd = 2 * taps.flip(0).view(-1, 2).T
        # N of each phase need N + 5 samples, N outputs 2 N + 10 doubled ones.
        up_matrix = torch.zeros(2 * BLOCK, BLOCK + 5)
        down_matrix = torch.zeros(BLOCK, 2 * BLOCK + 10)
        for i in range(BLOCK):
            up_matrix[2 * i, i : i + 6] = odd
            up_matrix[2 * i + 1, i : i + 6] = even
            down_matrix[i, 2 * i : 2 * i + 12] = taps
        self.register_buffer("up_matrix", up_matrix, False)
        self.register_buffer("down_matrix", down_matrix, False)

    def forward(self, x, memory=None):
        """Maps [batch, channels, time] to the same shape, see
        :meth:`SnakeBeta.forward`."""
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
                output = self.inference(*arguments, memory)
        return output.transpose(1, 2)


class _ChunkedAliasFree(torch.autograd.Function):
    """:func:`alias_free` with gradients, for which the doubled signal is
    computed again: chunk by chunk that costs less than storing it.
    Upsampling is the adjoint of downsampling, times 2: the gradient goes
    through the same two matrices."""

    @staticmethod
    def forward(ctx, rows, *matrices):
        ctx.save_for_backward(rows, *matrices)
        return alias_free(rows, *matrices)

    @staticmethod
    def backward(ctx, grad_output):
        rows, frequency, amplitude, up_matrix, down_matrix = ctx.saved_tensors
        (batch, time, channels), dtype = rows.shape, frequency.dtype
        # With a block more at each end.
        grad_rows = frequency.new_empty(batch, time + 2 * BLOCK, channels)
        sums = torch.promote_types(dtype, torch.float32)
        grad_frequency = grad_amplitude = amplitude.new_zeros((), dtype=sums)
        nothing = torch.zeros_like(amplitude)
        with torch.autocast(rows.device.type, enabled=False):
            for item, start, stop in _chunks(grad_rows):
                num_blocks = -(-(stop - start) // BLOCK)
                origin = start - BLOCK
                index = torch.arange(
                    origin - 5,
                    origin + (num_blocks + 1) * BLOCK,
                    device=rows.device,
                )
                inside = index.clamp(0, time - 1)
                doubled = _upsample(rows[item, inside].to(dtype), up_matrix)
                grad = grad_output[item, inside].to(dtype)
                grad[: max(0, 5 - origin)] = 0
                grad[max(0, time + 5 - origin) :] = 0
                grad = _upsample(grad, up_matrix)
                # Its first and last sample extend the doubled signal.
                begin, end = 5 - 2 * origin, 2 * (time - origin) + 4
                if 0 < begin < len(grad):
                    grad[begin] += grad[:begin].sum(0)
                if 0 <= end < len(grad):
                    grad[end] += grad[end + 1 :].sum(0)
                grad[: max(0, begin)] = 0
                grad[max(0, end + 1) :] = 0
                phase = doubled * frequency
                swing = grad * phase.sin()
                own = slice(5, 5 + 2 * (stop - start))
                part = (swing * doubled)[own].sum(0, dtype=sums)
                grad_frequency = grad_frequency + part
                part = (grad - grad * phase.cos_())[own].sum(0, dtype=sums)
                grad_amplitude = grad_amplitude + part
                grad = torch.addcmul(grad, swing, amplitude * frequency)
                grad = _downsample(grad, down_matrix, num_blocks, nothing)
                grad_rows[item, start:stop] = grad[: stop - start]
        grad_rows[:, BLOCK] += grad_rows[:, :BLOCK].sum(1)
        grad_rows[:, -BLOCK - 1] += grad_rows[:, -BLOCK:].sum(1)
        return (
            grad_rows[:, BLOCK:-BLOCK].to(rows.dtype),
            (0.5 * amplitude * grad_frequency).to(dtype),
            (0.5 * grad_amplitude).to(dtype),
            None,
            None,
        )


def _upsample(rows, up_matrix, out=None):
    """Doubles the rate of [blocks * BLOCK + 5, channels]; `out` is
    [blocks, 2 * BLOCK, channels]. Returns [blocks * 2 * BLOCK, channels]."""
    windows = rows.unfold(0, BLOCK + 5, BLOCK).transpose(1, 2)
    up_matrix = up_matrix.expand(len(windows), -1, -1)
    return torch.bmm(up_matrix, windows, out=out).flatten(0, 1)


def _downsample(doubled, down_matrix, num_blocks, offset, out=None):
    """Halves the rate, and adds an offset, [channels]; `out` is
    [num_blocks, BLOCK, channels]. Returns [num_blocks * BLOCK, channels]."""
    windows = doubled.unfold(0, 2 * BLOCK + 10, 2 * BLOCK).transpose(1, 2)
    down_matrix = down_matrix.expand(num_blocks, -1, -1)
    return torch.baddbmm(offset, down_matrix, windows, out=out).flatten(0, 1)


def alias_free(rows, frequency, amplitude, up_matrix, down_matrix, memory=None):
    """The alias-free activation of signals [batch, time, channels]."""
    time, channels = rows.shape[1:]
    matrices = frequency, amplitude, up_matrix, down_matrix
    if not _in_chunks(rows):
        spans = [span(item, 0, time, *matrices) for item in rows]
        return torch.stack(spans).to(rows.dtype)
    output = reuse(memory, rows)
    scratch = None
    for item, start, stop in _chunks(rows):
        num_blocks = -(-(stop - start) // BLOCK)
        if scratch is None:
            scratch = frequency.new_empty(
                2, num_blocks + 1, 2 * BLOCK, channels
            )
        target = output[item, start:stop]
        whole = target.dtype == scratch.dtype and len(target) % BLOCK == 0
        result = span(
            rows[item],
            start,
            stop,
            *matrices,
            *scratch[:, : num_blocks + 1],
            target.view(num_blocks, BLOCK, channels) if whole else None,
        )
        if not whole:
            target.copy_(result)
    return output


def _chunks(rows):
    """Yields (item, start, stop) of each chunk."""
    batch, time, channels = rows.shape
    step = time
    if _in_chunks(rows):
        blocks = CHUNK * torch.get_num_threads() // (2 * BLOCK * channels)
        step = BLOCK * max(1, blocks)
    for item in range(batch):
        for start in range(0, time, step):
            yield item, start, min(start + step, time)


def span(
    rows,
    start,
    stop,
    frequency,
    amplitude,
    up_matrix,
    down_matrix,
    doubled=None,
    oscillation=None,
    output=None,
):
    """Outputs `start` to `stop` of one signal.

    Arguments
    ---------
    rows : torch.Tensor
        The signal, [time, channels].
    start, stop : int
        Samples wanted; `start` is a multiple of BLOCK.
    frequency, amplitude : torch.Tensor
        Of the activation, [channels].
    up_matrix, down_matrix : torch.Tensor
        The filters, see `AliasFree`.
    doubled, oscillation : torch.Tensor, optional
        Scratch memory, [blocks + 1, 2 * BLOCK, channels].
    output : torch.Tensor, optional
        Memory for the result, [blocks, BLOCK, channels].

    Returns
    -------
    torch.Tensor
        [stop - start, channels]
    """
    time = len(rows)
    num_blocks = -(-(stop - start) // BLOCK)
    # The last outputs reach into one more block of the doubled signal.
    first, last = start - 5, start + (num_blocks + 1) * BLOCK
    part = rows[max(0, first) : last].to(frequency.dtype)
    at_end = first < 0 or last > time
    if at_end:
        # The signal is extended by its first and last sample.
        before = part[:1].expand(max(0, -first), -1)
        after = rows[-1:].to(part).expand(max(0, last - time), -1)
        part = torch.cat([before, part, after])
    doubled = _upsample(part.contiguous(), up_matrix, doubled)
    if oscillation is not None:
        oscillation = oscillation.flatten(0, 1)
    oscillation = torch.mul(doubled, frequency, out=oscillation).cos_()
    active = doubled.addcmul_(oscillation, -amplitude)
    if at_end:
        # So is the doubled signal, whose sample 2 * start - 5 comes first.
        begin, end = 5 - 2 * start, 2 * (time - start) + 4
        if begin > 0:
            active[:begin] = active[begin].clone()
        if end < len(active):
            active[end + 1 :] = active[end].clone()
    # The filter's gain at zero frequency is 1, so what the activation adds to
    # the oscillation can be added here.
    result = _downsample(active, down_matrix, num_blocks, amplitude, output)
    return result[: stop - start]
