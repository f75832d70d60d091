"""Gradient checkpointing recomputes activations and changes no gradient.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch

from speechbrain_flashsr.lobes import convolutions
from speechbrain_flashsr.lobes.autoencoder import Decoder, Encoder
from speechbrain_flashsr.lobes.unet import LatentUNet
from speechbrain_flashsr.lobes.vocoder import SRVocoder

LATENT = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
T = torch.tensor([3, 999])

LOBES = {
    "encoder": (
        Encoder(8, (1, 2), 1, latent_channels=4, groups=4),
        (LATENT[:, :1],),
    ),
    "decoder": (Decoder(8, (1, 2), 1, latent_channels=4, groups=4), (LATENT,)),
    "unet": (
        LatentUNet(4, 8, (1, 2), 1, (2,), 1, head_channels=4, groups=4),
        (LATENT, T, LATENT),
    ),
    "vocoder": (
        SRVocoder(8, 16, (3, 2), (3,), (1,)),
        (LATENT[:, 0], LATENT.flatten(1)[:, :48]),
    ),
}


def gradients(lobe, inputs):
    lobe.zero_grad()
    lobe(*inputs).square().sum().backward()
    return [parameter.grad for parameter in lobe.parameters()]


@pytest.mark.parametrize("name", LOBES)
def test_gradients_are_the_same(name, monkeypatch):
    lobe, inputs = LOBES[name]
    expected = gradients(lobe, inputs)
    calls = []

    def checkpoint(*arguments, **options):
        calls.append(1)
        return torch.utils.checkpoint.checkpoint(*arguments, **options)

    monkeypatch.setattr(convolutions, "checkpoint", checkpoint)
    lobe.gradient_checkpointing = True
    for gradient, wanted in zip(gradients(lobe, inputs), expected):
        torch.testing.assert_close(gradient, wanted)
    assert calls
