"""Activations as kernels that PyTorch's compiler generates, for CPUs.

Given a whole network, the compiler does not work in pieces that fit the
processor's cache, and is slower than the network as it is. Given only what is
computed between two convolutions, piece by piece, it is several times as fast:
filters, oscillation and filters again are two passes over a piece.

Authors
 * The speechbrain_flashsr developers 2026
"""

import functools
import math

import torch
from torch import nn

from speechbrain_flashsr.lobes import activations
from speechbrain_flashsr.lobes.activations import (
    BLOCK,
    CHUNK,
    AliasFree,
    SnakeBeta,
    kaiser_sinc_filter,
)

SINE = (3.14159258, -5.16770688, 2.55003138, -0.598045174, 0.0772201279)
"""sin(pi x) = x (c0 + c1 x^2 + c2 x^4 ...) for |x| <= 0.5, to 4e-9."""

OPTIONS = {
    "cpp.enable_floating_point_contract_flag": "fast",
    "realize_reads_threshold": 32,
    "realize_acc_reads_threshold": 32,
    "realize_opcount_threshold": 256,
}
"""A filter and the activation after it are one pass: no intermediate result is
stored for the number of values or operations that go into it."""

VECTOR = 32
"""Elements that a processor works on at a time, at most."""


class SnakeKernel(nn.Module):
    """x + 2 amplitude sin^2(frequency x / 2): SnakeBeta, in one pass.

    Constants that the compiler is to know are attributes of a module.
    """

    def __init__(self):
        super().__init__()
        self.sine = SINE

    def forward(self, x, turns, height, output):
        """Computes SnakeBeta of rows.

        Arguments
        ---------
        x : torch.Tensor
            [any, width]
        turns : torch.Tensor
            frequency / (2 pi), [width]
        height : torch.Tensor
            2 amplitude, [width]
        output : torch.Tensor
            Where the result goes, [any, width].
        """
        output.copy_(self.snake(x.to(turns.dtype), turns, height))

    def snake(self, x, turns, height):
        """The formula."""
        turn = x * turns
        turn = turn - turn.round()
        square = turn * turn
        sine = self.sine[-1]
        for coefficient in self.sine[-2::-1]:
            sine = sine * square + coefficient
        sine = sine * turn
        return x + height * (sine * sine)


class AliasFreeKernel(SnakeKernel):
    """The alias-free activation of a piece of a signal, in two passes: to the
    even and odd samples of the doubled signal, and back."""

    def __init__(self):
        super().__init__()
        down = kaiser_sinc_filter().view(-1, 2).T
        self.down = tuple(tuple(phase) for phase in down.tolist())
        up = 2 * down.flip(1)  # the upsampler's taps are reversed
        self.up = tuple(tuple(phase) for phase in up.tolist())

    def forward(self, x, turns, height, output):
        """Computes the activation away from the signal's ends.

        A row of the output may hold several samples of all channels. Flat,
        the same channel of the next sample is `channels` elements ahead.

        Arguments
        ---------
        x : torch.Tensor
            The signal from 5 samples before the first output, [time,
            channels], as long as :func:`alias_free` says.
        turns, height : torch.Tensor
            See :meth:`SnakeKernel.forward`; [width].
        output : torch.Tensor
            Where the result goes, [rows, width].
        """
        channels, (rows, width) = x.shape[1], output.shape

        def filtered(signal, taps, rows):
            # A view of this kind makes the compiler store the signal first.
            return sum(
                weight
                * signal.as_strided((rows, width), (width, 1), tap * channels)
                for tap, weight in enumerate(taps)
            )

        x = x.to(turns.dtype, copy=True)
        total = 0
        for up, down in zip(self.up, self.down):
            phase = self.snake(filtered(x, up, rows + 5), turns, height)
            total = total + filtered(phase, down, rows)
        output.copy_(total)


@functools.cache
def _compiled(kernel):
    """A kernel for tensors of all sizes, compiled when it is first called."""
    return torch.compile(kernel().forward, dynamic=True, options=OPTIONS)


def snake(rows, frequency, amplitude, output):
    """SnakeBeta of rows, see :func:`activations.snake`."""
    if rows.dtype == torch.float64 or 1 in rows.shape:
        activations.snake(rows, frequency, amplitude, output)
    else:
        turns = frequency.float() / (2 * math.pi)
        _compiled(SnakeKernel)(rows, turns, 2 * amplitude.float(), output)


def alias_free(rows, frequency, amplitude, up_matrix, down_matrix, memory=None):
    """The alias-free activation, see :func:`activations.alias_free`."""
    matrices = frequency, amplitude, up_matrix, down_matrix
    if frequency.dtype == torch.float64:
        return activations.alias_free(rows, *matrices, memory)
    time, channels = rows.shape[1:]
    kernel = _compiled(AliasFreeKernel)
    # As many samples make a row as it takes to fill the vectors, and at least
    # two: a width equal to the number of channels would be compiled as one
    # with it, for a kernel half as fast.
    samples = 2 * VECTOR // math.gcd(channels, VECTOR)
    turns = (frequency / (2 * math.pi)).repeat(samples)
    height = (2 * amplitude).repeat(samples)
    step = max(2, CHUNK * torch.get_num_threads() // len(turns))
    # Five rows more of the doubled signal are made than are needed.
    last = time - 5 - 5 * samples
    output = activations.reuse(memory, rows)
    for source, target in zip(rows.contiguous(), output):
        stop = BLOCK
        while (num_rows := min(step, (last - stop) // samples)) >= 2:
            start, stop = stop, stop + num_rows * samples
            kernel(
                source[start - 5 : stop + 5 * samples],
                turns,
                height,
                target[start:stop].view(num_rows, -1),
            )
        # The ends, and what is left over.
        for begin, end in (0, min(BLOCK, time)), (stop, time):
            if begin < end:
                span = activations.span(source, begin, end, *matrices)
                target[begin:end] = span
    return output


def compile_activations(model):
    """Has the activations of a model compiled, for inference on a CPU.

    Arguments
    ---------
    model : torch.nn.Module
        Changed in place. With gradients, on a GPU and in double precision its
        activations are what they were.

    Example
    -------
    >>> model = nn.Sequential(SnakeBeta(2), nn.Conv1d(2, 3, 1))
    >>> compile_activations(model)
    """
    for module in model.modules():
        if isinstance(module, AliasFree):
            module.inference = alias_free
        elif isinstance(module, SnakeBeta):
            module.inference = snake
