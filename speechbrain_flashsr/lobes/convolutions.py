"""Convolutions in the forms and layouts in which processors are fastest.

PyTorch's channels-last layout keeps the channels of a sample adjacent in
memory, which is how oneDNN and cuDNN want them. Every lobe takes either layout
and gives the same values.

Authors
 * The speechbrain_flashsr developers 2026
"""

import functools

import torch
from torch import nn
from torch.nn import functional as F


class Conv1d(nn.Conv1d):
    """A 1-d convolution that is computed as a 2-d one of height 1.

    If the channels of its input are adjacent in memory they are in its output,
    PyTorch's channels-last layout, in which convolutions are at their fastest.

    Example
    -------
    >>> wavs = torch.randn(2, 9, 3).transpose(1, 2)
    >>> Conv1d(3, 4, 3)(wavs).stride()
    (28, 1, 4)
    """

    def forward(self, x, residual=None):
        """Maps [batch, in_channels, time] to [batch, out_channels, any], plus
        a residual of that shape, which nobody else may need then."""
        x, weight = x.unsqueeze(2), self.weight.unsqueeze(2)
        stride, padding = (1, *self.stride), (0, *self.padding)
        dilation = (1, *self.dilation)
        arguments = x, weight, self.bias, stride, padding, dilation
        if residual is not None and _adds_at_once(x, weight, residual):
            return _add_convolution(residual.unsqueeze(2), *arguments).squeeze(
                2
            )
        output = F.conv2d(*arguments)
        output = output.squeeze(2)
        return output if residual is None else add_to(output, residual)


def _add_convolution(residual, x, weight, bias, stride, padding, dilation):
    """Adds a convolution to a residual, in place, by an operation of oneDNN
    that PyTorch's compiler uses; it is not part of PyTorch's public interface."""
    return torch.ops.mkldnn._convolution_pointwise_.binary(
        *(residual, x, weight, bias, padding, stride, dilation, 1),
        *("add", 1.0, None, [], None),
    )


@functools.cache
def _can_add(dtype):
    """Whether there is such an operation, for this processor, and it works."""
    one = torch.ones(1, 1, 1, 1, dtype=dtype)
    try:
        with torch.no_grad():
            total = _add_convolution(
                one.clone(), one, one, None, (1, 1), (0, 0), (1, 1)
            )
    except (AttributeError, RuntimeError, TypeError):
        return False
    return total.item() == 2.0


def _adds_at_once(x, weight, residual):
    """Whether a convolution can be added while it is computed."""
    return (
        not torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == residual.dtype
        and x.dtype in (torch.float32, torch.bfloat16)
        and residual.transpose(1, 2).is_contiguous()
        and _can_add(x.dtype)
    )


class ConvTranspose1d(nn.ConvTranspose1d):
    """A transposed 1-d convolution, computed like :class:`Conv1d`.

    Example
    -------
    >>> ConvTranspose1d(3, 4, 4, 2, padding=1)(torch.randn(1, 3, 5)).shape
    torch.Size([1, 4, 10])
    """

    def forward(self, x):
        """Maps [batch, in_channels, time] to [batch, out_channels, any]."""
        return F.conv_transpose2d(
            x.unsqueeze(2),
            self.weight.unsqueeze(2),
            self.bias,
            stride=(1, *self.stride),
            padding=(0, *self.padding),
        ).squeeze(2)


class PreciseConv1d(Conv1d):
    """A :class:`Conv1d` in single precision, whatever surrounds it.

    For the first and last convolution of a network: the mantissa of half
    precision does not hold a waveform or a log-mel spectrogram.
    """

    def forward(self, x):
        """Maps [batch, in_channels, time] to [batch, out_channels, any]."""
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.to(self.weight.dtype))


class PreciseConv2d(nn.Conv2d):
    """The same in two dimensions.

    Example
    -------
    >>> with torch.autocast("cpu", torch.bfloat16):
    ...     PreciseConv2d(2, 3, 1)(torch.randn(1, 2, 3, 4)).dtype
    torch.float32
    """

    def forward(self, x):
        """Maps [batch, in_channels, frames, bands] to [batch, out_channels,
        any, any]."""
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.to(self.weight.dtype))


class UpsamplingConv2d(nn.Conv2d):
    """Doubles both axes by nearest neighbour, then convolves 3x3.

    In single precision on a CPU both are one transposed convolution of stride
    2, whose 4x4 kernel is the 3x3 kernel smeared over the two copies of each
    row and column: 16 products for four output pixels instead of 36.

    Arguments
    ---------
    in_channels : int
        Channels of the input.
    out_channels : int
        Channels of the output.

    Example
    -------
    >>> UpsamplingConv2d(2, 5)(torch.randn(1, 2, 3, 4)).shape
    torch.Size([1, 5, 6, 8])
    """

    def __init__(self, in_channels, out_channels):
        super().__init__(in_channels, out_channels, 3, padding=1)
        self.register_buffer("kept_kernel", None, persistent=False)
        self.register_load_state_dict_post_hook(_keep_kernel_anew)

    def keep_kernel(self):
        """Computes the kernel of the transposed convolution in advance."""
        self.kept_kernel = self.smeared_kernel().detach()

    def forward(self, x):
        """Maps [batch, in_channels, frames, bands] to
        [batch, out_channels, 2 * frames, 2 * bands]."""
        if x.is_cuda or x.dtype != torch.float32:
            return super().forward(F.interpolate(x, scale_factor=2.0))
        kernel = self.kept_kernel
        if kernel is None:
            kernel = self.smeared_kernel()
        return F.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)

    def smeared_kernel(self):
        """Kernel of the transposed convolution, [in_channels, out_channels, 4,
        4]."""
        kernel = self.weight.flip(2, 3).transpose(0, 1)
        kernel = F.pad(kernel, (0, 0, 0, 1)) + F.pad(kernel, (0, 0, 1, 0))
        return F.pad(kernel, (0, 1)) + F.pad(kernel, (1, 0))


def _keep_kernel_anew(module, _):
    """The kernel that is kept, after other weights were loaded."""
    if module.kept_kernel is not None:
        module.keep_kernel()


def add_to(x, y):
    """The sum of two tensors: where no gradients are wanted, in the memory and
    precision of the first, which nobody else may need then.

    Arguments
    ---------
    x, y : torch.Tensor
        Of one shape.

    Returns
    -------
    torch.Tensor
        x + y, of the same shape.

    Example
    -------
    >>> with torch.no_grad():
    ...     add_to(torch.ones(1), torch.ones(1))
    tensor([2.])
    """
    return x + y if torch.is_grad_enabled() else x.add_(y.to(x.dtype))


def silu(x):
    """SiLU of a tensor: where no gradients are wanted, in its memory.

    Arguments
    ---------
    x : torch.Tensor
        Any shape.

    Returns
    -------
    torch.Tensor
        x * sigmoid(x), of the same shape.

    Example
    -------
    >>> silu(torch.zeros(1))
    tensor([0.])
    """
    return F.silu(x, inplace=not torch.is_grad_enabled())
