"""The fast alias-free activation gives what the plain one gives.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch

from speechbrain_flashsr.lobes.activations import AliasFree, SnakeBeta
from speechbrain_flashsr.lobes.fast.activations import FastAliasFree


@torch.no_grad()
@pytest.mark.parametrize("channels_last", [False, True])
# A signal's end may lie in two blocks of 16; the last one is long enough for
# several chunks.
@pytest.mark.parametrize(
    "time",
    [1, 2, 5, 6, 7, 15, 16, 17, 18, 19, 20, 21, 32, 33, 34, 64, 1001, 50001],
)
def test_values_are_those_of_the_plain_form(time, channels_last):
    generator = torch.Generator().manual_seed(0)
    snake = SnakeBeta(3).double()
    for parameter in snake.parameters():
        parameter.copy_(torch.randn(3, generator=generator) / 2)
    x = torch.randn(2, 3, time, generator=generator).double()
    if channels_last:
        x = x.transpose(1, 2).contiguous().transpose(1, 2)
    plain, fast = (form(snake).double() for form in (AliasFree, FastAliasFree))
    output = fast(x)
    torch.testing.assert_close(output, plain(x), rtol=1e-9, atol=1e-9)
    assert output.transpose(1, 2).is_contiguous()


def test_gradients_are_those_of_the_plain_form():
    x = torch.randn(1, 2, 40, requires_grad=True)
    snake = SnakeBeta(2)
    gradients = [
        torch.autograd.grad((form(snake)(x) ** 3).sum(), [x, snake.alpha])
        for form in (AliasFree, FastAliasFree)
    ]
    torch.testing.assert_close(*gradients)
