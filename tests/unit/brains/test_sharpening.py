"""The adversarial fine-tuning of the student.

Authors
 * The speechbrain_flashsr developers 2026
"""

from types import SimpleNamespace

import pytest
import speechbrain as sb
import torch

from speechbrain_flashsr.brains.distillation import regression_loss
from speechbrain_flashsr.brains.sharpening import SharpeningBrain
from speechbrain_flashsr.diffusion import VDenoiser
from speechbrain_flashsr.lobes.discriminators import LatentDiscriminator

SCALES = [(0.5, (1, 1)), (4.0, (4, 2))]


class Echo(torch.nn.Module):
    """A student that answers with a latent of its own."""

    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.latent = torch.nn.Parameter(torch.randn(2, 4, 8, 8))

    def forward(self, x, t, condition):
        return -(self.latent[: len(x)] + condition)


class Batch:
    id = ["3", "4"]
    domain = ["speech", "speech"]
    z_high = SimpleNamespace(data=torch.tensor([[[[0.5]]], [[[-1.0]]]]))
    z_low = SimpleNamespace(data=torch.tensor([[[[1.0]]], [[[2.0]]]]))
    for latents in (z_high, z_low):
        latents.data = latents.data.expand(2, 4, 8, 8)


def brain_at(step):
    unet, start = Echo(1), VDenoiser(Echo(2))
    discriminator = LatentDiscriminator(4, 8, channels=4)
    modules = {"unet": unet, "discriminator": discriminator}
    brain = SharpeningBrain(
        modules=modules,
        hparams={
            "modules": modules,
            "seed": 0,
            "denoiser": VDenoiser(unet),
            "start": start,
            "sharpened_domains": ["speech"],
            "regression_scales": SCALES,
            "adversarial_start": 2,
            "adversarial_ratio": 0.5,
            "feature_matching_ratio": 2.0,
        },
        run_opts={"device": "cpu"},
    )
    brain.optimizer_step = step
    return brain, unet, discriminator


def gradient_of(loss, unet):
    (gradient,) = torch.autograd.grad(loss, unet.latent, retain_graph=True)
    return gradient.norm().item()


def test_gradients_have_the_given_ratios():
    brain, unet, discriminator = brain_at(2)
    losses = brain.compute_losses(Batch, sb.Stage.TRAIN)
    reference = gradient_of(losses["regression"], unet)
    for name, ratio in [("adversarial", 0.5), ("feature_matching", 2.0)]:
        size = gradient_of(losses[name], unet)
        assert size / reference == pytest.approx(ratio, rel=1e-3)
    assert all(p.grad is None for p in discriminator.parameters())
    assert all(p.requires_grad for p in discriminator.parameters())


def test_the_adversarial_loss_makes_latents_more_real():
    brain, unet, discriminator = brain_at(2)
    losses = brain.compute_losses(Batch, sb.Stage.TRAIN)
    (gradient,) = torch.autograd.grad(losses["adversarial"], unet.latent)

    def realness(latent):
        condition = Batch.z_low.data
        scores, _ = discriminator(latent + condition, condition)
        return sum(score.mean() for score in scores)

    with torch.no_grad():
        before = realness(unet.latent)
        assert realness(unet.latent - 0.1 * gradient) > before


def test_other_domains_are_held_to_the_start():
    brain, unet, _ = brain_at(2)
    batch = Batch()
    batch.domain = ["speech", "music"]
    losses = brain.compute_losses(batch, sb.Stage.TRAIN)
    start = brain.hparams.start.unet.latent
    # The start is given the second sample alone.
    kept = regression_loss(unet.latent[1:], start[:1], SCALES) / 2
    assert losses["kept"].item() == pytest.approx(kept.item(), rel=1e-3)
    for name in ("regression", "adversarial", "feature_matching"):
        (gradient,) = torch.autograd.grad(
            losses[name], unet.latent, retain_graph=True
        )
        assert gradient[0].any() and not gradient[1].any()


def test_the_discriminator_learns_by_a_hinge_loss():
    brain, unet, discriminator = brain_at(2)
    batch = Batch()
    batch.domain = ["music", "speech"]
    brain.compute_losses(batch, sb.Stage.TRAIN)
    (loss,) = brain.discriminator_losses(batch).values()
    condition = batch.z_low.data[1:]
    with torch.no_grad():
        x0 = unet.latent[1:] + condition
        real, _ = discriminator(batch.z_high.data[1:], condition)
        fake, _ = discriminator(x0, condition)
    expected = sum(
        (1 - r).clamp_min(0).mean() + (1 + f).clamp_min(0).mean()
        for r, f in zip(real, fake)
    )
    # Half of the batch, and the mean over three scales.
    assert loss.item() == pytest.approx(expected.item() / 6, rel=1e-3)


def test_features_are_compared_with_those_of_the_true_latents():
    brain, unet, discriminator = brain_at(2)
    condition = Batch.z_low.data
    brain.compute_losses(Batch, sb.Stage.TRAIN)
    true = brain.adversarial_losses(Batch.z_high.data)
    assert true["feature_matching"] == 0
    scores, _ = discriminator(Batch.z_high.data, condition)
    expected = -sum(score.mean() for score in scores) / 3
    assert true["adversarial"].item() == pytest.approx(expected.item(), 1e-5)


def test_a_batch_without_the_domain_teaches_no_detail():
    """But every parameter has a gradient, for which other processes wait."""
    brain, _, discriminator = brain_at(2)
    batch = Batch()
    batch.domain = ["effects", "music"]
    assert list(brain.compute_losses(batch, sb.Stage.TRAIN)) == ["kept"]
    (loss,) = brain.discriminator_losses(batch).values()
    assert loss == 0
    loss.backward()
    for parameter in discriminator.parameters():
        assert parameter.grad is not None and not parameter.grad.any()


def test_the_student_learns_nothing_from_it_before_the_start():
    brain, unet, discriminator = brain_at(1)
    assert brain.turns() == ["unet", "discriminator"]
    losses = brain.compute_losses(Batch, sb.Stage.TRAIN)
    assert list(losses) == ["regression"]
    x0 = unet.latent + Batch.z_low.data
    expected = regression_loss(x0, Batch.z_high.data, SCALES)
    assert losses["regression"].item() == pytest.approx(expected.item(), 1e-3)
    (loss,) = brain.discriminator_losses(Batch).values()
    loss.backward()
    assert unet.latent.grad is None
    assert all(p.grad is not None for p in discriminator.parameters())


def test_validation_measures_the_averaged_network_against_the_truth():
    brain, *_ = brain_at(2)
    averaged = Echo(3)
    brain.averages = {"unet": SimpleNamespace(module=averaged)}
    (error,) = brain.compute_losses(Batch, sb.Stage.VALID).values()
    distance = averaged.latent + Batch.z_low.data - Batch.z_high.data
    expected = distance.square().mean().item()
    assert error.item() == pytest.approx(expected, rel=1e-3)
