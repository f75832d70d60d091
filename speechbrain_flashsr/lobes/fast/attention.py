"""Self-attention with one product for queries, keys and values.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from torch.nn import functional as F

from speechbrain_flashsr.lobes.unet import SelfAttention


class FastSelfAttention(SelfAttention):
    """A :class:`SelfAttention` that joins its projections when it is prepared.
    Before that, with gradients, it is two products: on a CPU, the backward pass
    of `scaled_dot_product_attention` takes longer.

    Example
    -------
    >>> attention = FastSelfAttention(8, head_channels=4)
    >>> x = torch.randn(1, 6, 8)
    >>> expected = attention(x)
    >>> attention.prepare()
    >>> torch.allclose(attention(x), expected, atol=1e-6)
    True
    """

    def prepare(self):
        """Joins the projections, whose weights become views of the joined one:
        they may not change any more."""
        projections = self.query, self.key, self.value
        joined = torch.cat([each.weight.detach() for each in projections])
        self.register_buffer("joined", joined, persistent=False)
        for projection, weight in zip(projections, joined.chunk(3)):
            projection.weight.data = weight

    def forward(self, x):
        """Maps [batch, positions, channels] to the same shape."""
        joined = self._buffers.get("joined")
        if joined is None:
            if torch.is_grad_enabled() and x.device.type == "cpu":
                return self._with_gradients(x)
            return super().forward(x)
        parts = F.linear(x, joined).unflatten(2, (3, -1, self.head_channels))
        h = F.scaled_dot_product_attention(*parts.permute(2, 0, 3, 1, 4))
        return self.output(h.transpose(1, 2).flatten(2))

    def _with_gradients(self, x):
        """As :meth:`forward`, as two products, which keeps [batch, heads,
        positions, positions] for the backward pass."""
        query, key, value = (
            projection(x).unflatten(2, (-1, self.head_channels)).transpose(1, 2)
            for projection in (self.query, self.key, self.value)
        )
        scaled = query * self.head_channels**-0.5
        h = (scaled @ key.transpose(2, 3)).softmax(-1) @ value
        return self.output(h.transpose(1, 2).flatten(2))
