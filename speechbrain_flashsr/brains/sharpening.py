"""Sharpens a one-step student by an adversarial loss on latents.

Authors
 * The speechbrain_flashsr developers 2026
"""

import speechbrain as sb
import torch
from torch.nn import functional as F

from speechbrain_flashsr.brains.distillation import regression_loss
from speechbrain_flashsr.brains.latent import LatentBrain
from speechbrain_flashsr.brains.weights import frozen
from speechbrain_flashsr.lobes.fast.preparation import use_fast_forms


class SharpeningBrain(LatentBrain):
    """After regression: brings back the detail that a mean lacks.

    A student that is trained on a distance predicts the mean of what could have
    been there, in which onsets and gaps of a few frames are blurred. Here a
    discriminator judges its latents of some domains beside their condition, and
    the distance to the true latents counts mostly in averages. In the other
    domains, the student is held to what it predicted at the start.

    Hyperparameters read beside the base's: `sharpened_domains`, `start` (a
    denoiser with the weights that the student starts from), `regression_scales`
    (of :func:`~speechbrain_flashsr.brains.distillation.regression_loss`),
    `adversarial_start` (the step before which the student trains by regression
    alone, while the discriminator learns), `adversarial_ratio` and
    `feature_matching_ratio`: the size of the gradients of these losses at the
    student's output, as a share of that of the regression (after Esser et al.
    2021, https://arxiv.org/abs/2012.09841, equation 7).

    Losses: `regression`, `adversarial` (hinge) and `feature_matching` of the
    sharpened domains, `kept` of the others, and the discriminator's
    `discriminator`, each in proportion to its samples' share of the batch. The
    adversarial two are logged with their varying weights.
    Validation logs the distance `one_step`, which grows as detail returns."""

    optimized = {
        "unet": LatentBrain.trained,
        "discriminator": ("discriminator",),
    }

    def on_fit_start(self):
        """Freezes the copy of the student at the start."""
        super().on_fit_start()
        start = self.hparams.start.to(self.device)
        start.eval().requires_grad_(False)
        if self.device_type == "cpu":
            use_fast_forms(start.to(memory_format=torch.channels_last))

    def turns(self):
        """Both train from the first step."""
        return list(self.optimized)

    def compute_losses(self, batch, stage):
        """The losses of a batch of latents."""
        if stage != sb.Stage.TRAIN:
            return self.one_step_losses(batch)
        z_high, condition = batch.z_high.data, batch.z_low.data
        noise = self.draw_noise(batch, z_high.shape[1:])
        x0 = self.denoiser_of(self.modules["unet"]).sample(noise, condition)
        domains = self.hparams.sharpened_domains
        sharp = torch.tensor([domain in domains for domain in batch.domain])
        self.triple = z_high[sharp], x0.detach()[sharp], condition[sharp]
        scales, share = self.hparams.regression_scales, sharp.float().mean()
        losses = {}
        if not sharp.all():
            kept = self.hparams.start.sample(noise[~sharp], condition[~sharp])
            loss = regression_loss(x0[~sharp], kept, scales)
            losses["kept"] = (1 - share) * loss
        if sharp.any():
            loss = regression_loss(x0[sharp], z_high[sharp], scales)
            losses["regression"] = share * loss
            if self.optimizer_step >= self.hparams.adversarial_start:
                losses.update(
                    self.balanced_losses(x0, sharp, losses["regression"])
                )
        return losses

    def balanced_losses(self, x0, sharp, regression):
        """Adversarial losses of the student's latents `x0` in the sharpened
        domains, of a set size relative to the regression's."""
        losses = self.adversarial_losses(x0[sharp])
        ratios = {
            "adversarial": self.hparams.adversarial_ratio,
            "feature_matching": self.hparams.feature_matching_ratio,
        }
        reference = gradient_size(regression, x0)
        return {
            name: ratios[name] * reference / gradient_size(loss, x0) * loss
            for name, loss in losses.items()
        }

    def adversarial_losses(self, x0):
        """How real the discriminator finds the student's latents, and how far
        the outputs of its layers are from those for the true ones."""
        z_high, _, condition = self.triple
        with frozen(self.unwrapped("discriminator")) as discriminator:
            scores, features = discriminator(x0, condition)
            with torch.no_grad():
                _, real_features = discriminator(z_high, condition)
        distances = [
            (fake - real).abs().mean() / real.abs().mean().clamp_min(1e-6)
            for fake, real in zip(features, real_features)
        ]
        return {
            "adversarial": -sum(s.mean() for s in scores) / len(scores),
            "feature_matching": sum(distances) / len(distances),
        }

    def discriminator_losses(self, batch):
        """Hinge loss between true latents and the student's; 0 for a batch
        without the sharpened domains."""
        z_high, x0, condition = self.triple
        scores, _ = self.modules["discriminator"](
            torch.cat([z_high, x0]), torch.cat([condition, condition])
        )
        pairs = [score.chunk(2) for score in scores]
        losses = [
            (F.relu(1 - real) + F.relu(1 + fake)).mean((1, 2, 3)).sum()
            / len(batch.id)
            for real, fake in pairs
        ]
        return {"discriminator": sum(losses) / len(losses)}


def gradient_size(loss, at):
    """Euclidean norm of the gradient of a loss at a tensor.

    Example
    -------
    >>> x = torch.ones(4, requires_grad=True)
    >>> gradient_size(3 * x.sum(), x)
    tensor(6.)
    """
    (gradient,) = torch.autograd.grad(loss, at, retain_graph=True)
    return gradient.norm().clamp_min(1e-12)
