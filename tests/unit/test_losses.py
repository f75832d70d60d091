"""Spectral losses and discriminators.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import pytest
import torch

from speechbrain_flashsr.lobes.discriminators import (
    LatentDiscriminator,
    MultiResolutionDiscriminator,
    VocoderDiscriminator,
)
from speechbrain_flashsr.losses import MultiResolutionSTFTLoss


@pytest.fixture
def noise():
    return torch.randn(2, 9600, generator=torch.Generator().manual_seed(0))


def test_stft_loss_of_half_the_level(noise):
    loss = MultiResolutionSTFTLoss((512, 1024))(0.5 * noise, noise)
    # |S| - |S| / 2 over |S|, and |log(1 / 2)|
    assert loss.item() == pytest.approx(0.5 + math.log(2), rel=1e-3)


def test_loss_stops_at_the_rolloff(noise):
    time = torch.arange(9600) / 48000
    whistle = noise + torch.sin(2 * torch.pi * 18000 * time)
    below = torch.tensor([16000.0, 16000.0])
    above = torch.tensor([20000.0, 20000.0])
    stft = MultiResolutionSTFTLoss()
    assert stft(whistle, noise, below) < 0.05
    assert stft(whistle, noise, above) > 0.3


def test_loss_has_gradients_at_silence():
    silence = torch.zeros(1, 9600, requires_grad=True)
    loss = MultiResolutionSTFTLoss()(silence, torch.zeros(1, 9600))
    loss.backward()
    assert loss.item() == 0
    assert silence.grad.isfinite().all()


@pytest.mark.parametrize("multi_period", [False, True])
def test_vocoder_discriminator_judges_each_resolution(noise, multi_period):
    discriminator = VocoderDiscriminator(
        ((256, 64), (512, 128)), channels=2, multi_period=multi_period
    )
    scores, features = discriminator(noise.unsqueeze(1))
    assert len(scores) == len(features) == (7 if multi_period else 2)
    assert all(score.shape[0] == 2 for score in scores)


def test_discriminators_learn_to_tell_apart(noise):
    torch.manual_seed(0)
    tone = torch.sin(torch.arange(9600) * 0.3).expand(2, 1, -1)
    discriminator = MultiResolutionDiscriminator(((256, 64),), 4)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-2)
    for _ in range(20):
        (real,), _ = discriminator(noise.unsqueeze(1))
        (fake,), _ = discriminator(tone)
        loss = ((real - 1) ** 2).mean() + (fake**2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.2


def test_latent_discriminator_judges_patches():
    logits = LatentDiscriminator(16, 8, 3)(torch.randn(2, 16, 16, 32))
    assert logits.shape == (2, 1, 2, 4)
