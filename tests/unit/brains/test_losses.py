"""Spectral losses and discriminators.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import pytest
import torch

from speechbrain_flashsr.brains.losses import (
    BandLevelLoss,
    MultiResolutionSTFTLoss,
)
from speechbrain_flashsr.lobes.discriminators import (
    BandDiscriminator,
    LatentDiscriminator,
    PatchDiscriminator,
    SpectrumDiscriminator,
    VocoderDiscriminator,
)
from speechbrain_flashsr.lobes.features import LogMel


@pytest.fixture
def noise():
    return torch.randn(2, 9600, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def log_mel():
    return LogMel()


LOWER = torch.tensor([4000.0, 4000.0])


def test_stft_loss_of_half_the_level(noise):
    """The logarithm of 2, and 1 - 2 ** -0.3 of the compressed magnitudes."""
    loss = MultiResolutionSTFTLoss((512,))
    measured = loss(0.5 * noise, noise, LOWER).item()
    compressed = loss.magnitudes(noise, 512)[:, 43:].pow(0.3).mean().item()
    expected = math.log(2) + (1 - 2**-0.3) * compressed
    assert measured == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("loss", [MultiResolutionSTFTLoss(), BandLevelLoss()])
def test_losses_begin_at_a_frequency(loss, noise):
    time = torch.arange(9600) / 48000
    whistle = noise + 3 * torch.sin(2 * torch.pi * 7500 * time)
    assert loss(whistle, noise, LOWER + 8000) < 0.05
    assert loss(whistle, noise, LOWER) > 0.1


def test_loss_has_gradients_at_silence():
    silence = torch.zeros(2, 9600, requires_grad=True)
    for loss in (MultiResolutionSTFTLoss(), BandLevelLoss()):
        value = loss(silence, torch.zeros(2, 9600), LOWER)
        value.backward()
        assert value.item() == 0
        assert silence.grad.isfinite().all()


def test_level_loss_is_that_of_whole_segments(noise):
    """A burst and a steady noise of the same energy have the same level."""
    burst = noise * (torch.arange(9600) < 2400) * 2
    assert BandLevelLoss()(burst, noise, LOWER) < 0.1
    assert MultiResolutionSTFTLoss()(burst, noise, LOWER) > 1


@pytest.mark.slow
@pytest.mark.parametrize("multi_period", [False, True])
def test_vocoder_discriminator_judges_each_resolution(
    noise, log_mel, multi_period
):
    discriminator = VocoderDiscriminator(
        log_mel, ((256, 64), (512, 128)), 2, 2, multi_period=multi_period
    )
    scores, features = discriminator(noise, noise)
    assert len(scores) == len(features) == (8 if multi_period else 3)
    assert all(score.shape[0] == 2 for score in scores)


def learn(discriminator, real, fake):
    """Trains to tell inputs apart; returns the last loss."""
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-2)
    for _ in range(20):
        real_score, _ = discriminator(*real)
        fake_score, _ = discriminator(*fake)
        loss = ((real_score - 1) ** 2).mean() + (fake_score**2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


@pytest.mark.slow
def test_discriminators_learn_to_tell_apart(noise, log_mel):
    torch.manual_seed(0)
    tone = torch.sin(torch.arange(9600) * 0.3).expand(2, -1)
    assert learn(SpectrumDiscriminator(256, 64, 4), [noise], [tone]) < 0.2
    # The same waveform beside a band-limited copy of its own or of another.
    band = BandDiscriminator(log_mel, 4)
    assert learn(band, [noise, noise], [noise, tone]) < 0.2


def test_latent_discriminator_trains_distributed_on_a_cpu():
    """There, buffers are broadcast, and kernels are laid out otherwise."""
    torch.distributed.init_process_group(
        "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    try:
        discriminator = LatentDiscriminator(4, 8, channels=4)
        discriminator.to(memory_format=torch.channels_last)
        latents = torch.randn(2, 4, 16, 8)
        expected, _ = discriminator(latents, latents)
        distributed = torch.nn.parallel.DistributedDataParallel(discriminator)
        scores, _ = distributed(latents, latents)
    finally:
        torch.distributed.destroy_process_group()
    torch.testing.assert_close(scores, expected)


def test_latent_discriminator_judges_patches():
    logits = PatchDiscriminator(16, 8, 3)(torch.randn(2, 16, 16, 32))
    assert logits.shape == (2, 1, 2, 4)


@pytest.mark.slow
def test_latent_discriminator_learns_which_condition_belongs_to_a_latent():
    torch.manual_seed(0)
    discriminator = LatentDiscriminator(4, 8, channels=16)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-3)
    for _ in range(150):
        condition = torch.randn(4, 4, 16, 8)
        x0 = torch.cat([condition, condition.roll(1, dims=0)])
        scores, _ = discriminator(x0, condition.repeat(2, 1, 1, 1))
        pairs = [score.chunk(2) for score in scores]
        loss = sum(
            (1 - real).relu().mean() + (1 + fake).relu().mean()
            for real, fake in pairs
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert all((real > 0).float().mean() > 0.9 for real, _ in pairs)
    assert all((fake < 0).float().mean() > 0.9 for _, fake in pairs)
