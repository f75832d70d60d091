"""Weights that oneDNN has reordered beforehand.

By default it reorders the weight of a convolution or product in every call,
which takes longer than the rest where there are more weights than positions.
The operators are those that PyTorch's compiler inserts; they are not public,
and are used in this module alone.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from torch import nn
from torch.nn import functional as F

POINTWISE = "none", [], ""
"""No operation after the convolution or product."""

GELU = "gelu", [], "none"
"""The exact GELU after it, in the same pass."""


def can_pack(weight):
    """Whether oneDNN takes such a weight packed.

    Example
    -------
    >>> can_pack(torch.empty(0, device="meta"))
    False
    """
    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    if not hasattr(torch.ops.mkldnn, "_convolution_pointwise"):
        return False
    if weight.dtype == torch.bfloat16:
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return weight.dtype == torch.float32


class Packed:
    """A module whose `weight` may be packed."""

    packed = None

    def pack(self):
        """Packs the weight, which may not change any more, if that can be."""
        if can_pack(self.weight):
            self.packed = self._packed_weight()

    def is_packed(self, x):
        """Whether the packed weight can be used for an input."""
        return (
            self.packed is not None
            and x.device.type == "cpu"
            and self.packed.dtype == self.weight.dtype
            and not torch.is_grad_enabled()
        )

    def __getstate__(self):
        """Packed weights cannot be copied: copies pack theirs."""
        return {**self.__dict__, "packed": self.packed is not None}

    def __setstate__(self, state):
        is_packed = state.pop("packed")
        super().__setstate__(state)
        if is_packed:
            self.pack()


class PackedLinear(Packed, nn.Linear):
    """A linear layer with a packed weight.

    Example
    -------
    >>> linear = PackedLinear(3, 4)
    >>> linear.pack()
    >>> with torch.no_grad():
    ...     linear(torch.randn(2, 5, 3)).shape
    torch.Size([2, 5, 4])
    """

    def _packed_weight(self):
        return pack_product(self.weight.detach())

    def forward(self, x):
        """Maps [..., in_features] to [..., out_features]."""
        if not self.is_packed(x):
            return super().forward(x)
        return multiply(x, self)


class PackedConv2d(Packed, nn.Conv2d):
    """A 2-d convolution with a packed weight. Where its kernel has a single
    position, it is a product.

    Example
    -------
    >>> conv = PackedConv2d(3, 4, 3, padding=1)
    >>> conv.pack()
    >>> with torch.no_grad():
    ...     conv(torch.randn(2, 3, 6, 5)).shape
    torch.Size([2, 4, 6, 5])
    """

    def _geometry(self):
        """Padding, stride, dilation and groups."""
        return self.padding, self.stride, self.dilation, self.groups

    def _is_product(self):
        single = self.kernel_size == self.stride == (1, 1)
        return single and self.padding == (0, 0) and self.groups == 1

    def _packed_weight(self):
        if self._is_product():
            return pack_product(self.weight.detach().flatten(1))
        return pack_convolution(self.weight.detach(), *self._geometry())

    def forward(self, x):
        """Maps [batch, in_channels, height, width] to [batch, out_channels,
        any, any]."""
        if not self.is_packed(x):
            return super().forward(x)
        if self._is_product():
            return multiply(x.permute(0, 2, 3, 1), self).permute(0, 3, 1, 2)
        return convolve(x, self, self._geometry())


def pack_product(weight):
    """Packs the weight of a linear layer."""
    return torch.ops.mkldnn._reorder_linear_weight(weight)


def multiply(x, module, operation=POINTWISE):
    """The product with a packed weight, the bias, and an operation."""
    return torch.ops.mkldnn._linear_pointwise(
        x.to(module.weight.dtype), module.packed, module.bias, *operation
    )


def gelu_after(linear, x):
    """The GELU of a linear layer's output.

    Example
    -------
    >>> linear, x = PackedLinear(3, 4), torch.randn(2, 5, 3)
    >>> linear.pack()
    >>> with torch.no_grad():
    ...     difference = gelu_after(linear, x) - F.gelu(linear(x))
    >>> bool(difference.abs().max() < 1e-5)
    True
    """
    if isinstance(linear, Packed) and linear.is_packed(x):
        return multiply(x, linear, GELU)
    return F.gelu(linear(x))


def pack_convolution(weight, padding, stride, dilation, groups):
    """Packs the weight of a 2-d convolution."""
    return torch._C._nn.mkldnn_reorder_conv2d_weight(
        weight.to_mkldnn(), padding, stride, dilation, groups
    )


def convolve(x, module, geometry):
    """The 2-d convolution of a packed module, channels-last."""
    return torch.ops.mkldnn._convolution_pointwise(
        x.to(module.weight.dtype),
        module.packed,
        module.bias,
        *geometry,
        *POINTWISE,
    )
