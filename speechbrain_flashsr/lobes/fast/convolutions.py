"""Convolutions in the forms that CPUs run fastest.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from torch import nn
from torch.nn import functional as F

from speechbrain_flashsr.lobes.convolutions import (
    PreciseConv1d,
    PreciseConv2d,
    UpsamplingConv2d,
)
from speechbrain_flashsr.lobes.fast.packing import (
    Packed,
    PackedConv2d,
    convolve,
    pack_convolution,
)


class FastConv1d(Packed, nn.Conv1d):
    """A 1-d convolution that is computed as a 2-d one of height 1, for which
    there is a layout with adjacent channels: PyTorch's channels-last.

    Example
    -------
    >>> import torch
    >>> wavs = torch.randn(2, 9, 3).transpose(1, 2)
    >>> FastConv1d(3, 4, 3)(wavs).stride()
    (28, 1, 4)
    """

    def _geometry(self):
        """Padding, stride, dilation and groups of the 2-d convolution."""
        return (
            (0, *self.padding),
            (1, *self.stride),
            (1, *self.dilation),
            self.groups,
        )

    def _packed_weight(self):
        return pack_convolution(
            self.weight.detach().unsqueeze(2), *self._geometry()
        )

    def forward(self, x):
        """Maps [batch, in_channels, time] to [batch, out_channels, any]."""
        geometry = self._geometry()
        x = x.unsqueeze(2)
        if self.is_packed(x):
            return convolve(x, self, geometry).squeeze(2)
        padding, stride, dilation, groups = geometry
        return F.conv2d(
            x,
            self.weight.unsqueeze(2),
            self.bias,
            stride,
            padding,
            dilation,
            groups,
        ).squeeze(2)


class FastPreciseConv1d(PreciseConv1d, FastConv1d):
    """A :class:`FastConv1d` in single precision, also under autocast.

    Example
    -------
    >>> import torch
    >>> FastPreciseConv1d(3, 4, 3)(torch.randn(2, 3, 9).half()).dtype
    torch.float32
    """


class FastConvTranspose1d(nn.ConvTranspose1d):
    """A transposed 1-d convolution, computed like :class:`FastConv1d`.

    Example
    -------
    >>> import torch
    >>> FastConvTranspose1d(3, 4, 4, 2, padding=1)(torch.randn(1, 3, 5)).shape
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
            groups=self.groups,
            dilation=(1, *self.dilation),
        ).squeeze(2)


class FastPreciseConv2d(PreciseConv2d, PackedConv2d):
    """A :class:`PackedConv2d` in single precision, also under autocast.

    Example
    -------
    >>> import torch
    >>> FastPreciseConv2d(3, 4, 1)(torch.randn(2, 3, 9, 5).half()).dtype
    torch.float32
    """


class FastUpsamplingConv2d(UpsamplingConv2d):
    """An :class:`UpsamplingConv2d` as one transposed convolution of stride 2.

    Its 4x4 kernel is the 3x3 kernel smeared over the two copies of each row and
    column: 16 products for four output pixels instead of 36. It has gradients,
    so training can use it. It is not faster on a GPU. Prepared for bfloat16, it
    multiplies in bfloat16 and still returns single precision.

    Example
    -------
    >>> import torch
    >>> FastUpsamplingConv2d(2, 5)(torch.randn(1, 2, 3, 4)).shape
    torch.Size([1, 5, 6, 8])
    """

    product_dtype = None
    """Set by :meth:`prepare`; before, the weight's."""

    def forward(self, x):
        """Maps [batch, in_channels, frames, bands] to
        [batch, out_channels, 2 * frames, 2 * bands]."""
        if x.is_cuda:
            return super().forward(x)
        kernel = self._buffers.get("smeared")
        if kernel is None:
            kernel = self._smear()
        bias = self.bias.to(kernel.dtype)
        with torch.autocast(x.device.type, enabled=False):
            h = F.conv_transpose2d(
                x.to(kernel.dtype), kernel, bias, stride=2, padding=1
            )
        return h.to(self.bias.dtype)

    def prepare(self, dtype=torch.float32, keep=True):
        """Sets the precision of the products, and keeps the kernel, if asked:
        the weight may not change any more."""
        self.product_dtype = dtype
        if keep:
            kernel = self._smear().detach()
            self.register_buffer("smeared", kernel, persistent=False)

    def _smear(self):
        """The kernel of the transposed convolution."""
        kernel = self.weight.flip(2, 3).transpose(0, 1)
        kernel = F.pad(kernel, (0, 0, 0, 1)) + F.pad(kernel, (0, 0, 1, 0))
        kernel = F.pad(kernel, (0, 1)) + F.pad(kernel, (1, 0))
        if self.product_dtype is None:
            return kernel
        layout = torch.channels_last
        return kernel.to(self.product_dtype, memory_format=layout)
