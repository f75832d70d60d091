"""Packed weights give what plain ones give.

Authors
 * The speechbrain_flashsr developers 2026
"""

import copy
import pickle

import pytest
import torch
from torch import nn

from speechbrain_flashsr.lobes.fast.packing import can_pack
from speechbrain_flashsr.lobes.fast.preparation import prepare_for_inference
from speechbrain_flashsr.lobes.unet import LatentUNet

MODULES = {
    "linear": (lambda: nn.Linear(6, 4), (2, 5, 6)),
    "conv": (lambda: nn.Conv2d(6, 4, 3, 2, padding=1), (2, 6, 7, 5)),
    "product": (lambda: nn.Conv2d(6, 4, 1), (2, 6, 7, 5)),
    "flat": (lambda: nn.Conv1d(6, 4, 5, dilation=2), (2, 6, 31)),
    "grouped": (lambda: nn.Conv1d(6, 6, 7, padding=3, groups=6), (2, 6, 31)),
}


@pytest.mark.skipif(
    not can_pack(torch.empty(1)), reason="PyTorch has no oneDNN here"
)
@pytest.mark.parametrize("name", MODULES)
@torch.no_grad()
def test_values_are_those_of_plain_modules(name):
    torch.manual_seed(0)
    make, shape = MODULES[name]
    plain = make()
    packed = nn.Sequential(copy.deepcopy(plain))
    prepare_for_inference(packed)
    assert packed[0].packed is not None
    x = torch.randn(shape)
    expected = plain(x)
    torch.testing.assert_close(packed(x), expected, rtol=1e-5, atol=1e-5)
    for copied in (copy.deepcopy(packed), pickle.loads(pickle.dumps(packed))):
        assert torch.equal(copied(x), packed(x))


def test_a_prepared_network_is_the_same_with_and_without_gradients():
    torch.manual_seed(0)
    unet = LatentUNet(4, 8, (1, 2), 1, (2,), 1, head_channels=4, groups=4)
    noisy, t = torch.randn(2, 4, 8, 8), torch.tensor([999, 3])
    with torch.no_grad():
        expected = unet(noisy, t, noisy)
        names = set(unet.state_dict())
        prepare_for_inference(unet)
        prepared = unet(noisy, t, noisy)
    assert set(unet.state_dict()) == names
    torch.testing.assert_close(prepared, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(
        unet(noisy, t, noisy), expected, rtol=0, atol=1e-5
    )
