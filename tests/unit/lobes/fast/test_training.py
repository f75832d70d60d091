"""The form in which a U-Net trains on a CPU has the plain one's gradients.

Authors
 * The speechbrain_flashsr developers 2026
"""

import copy

import pytest
import torch
from torch.nn import functional as F

from speechbrain_flashsr.lobes.fast.preparation import use_fast_forms
from speechbrain_flashsr.lobes.unet import LatentUNet


def gradients(unet, autocast):
    """The loss and the gradients of a U-Net, on the same inputs always."""
    generator = torch.Generator().manual_seed(0)
    noisy, condition, target = torch.randn(3, 2, 4, 16, 8, generator=generator)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        v = unet(noisy, torch.tensor([3, 999]), condition)
    loss = F.mse_loss(v.float(), target)
    return [loss, *torch.autograd.grad(loss, list(unet.parameters()))]


@pytest.mark.parametrize("autocast", [False, True])
def test_gradients_are_those_of_the_plain_form(autocast):
    """Within 1e-5 in single precision, within 2 % in bfloat16."""
    torch.manual_seed(0)
    plain = LatentUNet(4, 16, (1, 2), 1, (2,), 1, head_channels=8, groups=4)
    fast = copy.deepcopy(plain)
    use_fast_forms(fast)
    fast.to(memory_format=torch.channels_last)
    ours, expected = gradients(fast, autocast), gradients(plain, False)
    if not autocast:
        torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)
    ours, expected = (
        torch.cat([x.detach().flatten() for x in values])
        for values in (ours, expected)
    )
    assert (ours - expected).norm() < 0.02 * expected.norm()
