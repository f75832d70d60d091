"""Operations that spare memory.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch

from speechbrain_flashsr.lobes.convolutions import add_to, silu


@pytest.mark.parametrize("function", [lambda x: add_to(x, x + 1), silu])
def test_values_are_the_same_without_gradients(function):
    x = torch.randn(5)
    kept = function(x.clone().requires_grad_())
    assert kept.requires_grad
    with torch.no_grad():
        torch.testing.assert_close(function(x.clone()), kept.detach())
