"""Distils the teacher into a student that needs one step.

Authors
 * The speechbrain_flashsr developers 2026
"""

import speechbrain as sb
import torch

from speechbrain_flashsr.brains import distillation
from speechbrain_flashsr.brains.latent import LatentBrain
from speechbrain_flashsr.brains.phases import phase_at
from speechbrain_flashsr.brains.weights import frozen
from speechbrain_flashsr.random_streams import TrainingStream


class StudentBrain(LatentBrain):
    """Third stage: FlashSR's distillation (https://arxiv.org/abs/2501.10807,
    figure 1c) with the losses of
    :mod:`speechbrain_flashsr.brains.distillation`.

    Hyperparameters read beside the base's: `phases` (a list of
    :class:`~speechbrain_flashsr.brains.phases.Phase`), `scale_boundary`,
    `boundary` (arguments of
    :func:`~speechbrain_flashsr.brains.distillation.boundary_scaling`),
    `use_distillation`, `use_distribution_matching`, `use_adversarial` (each
    switches one loss off), `adversarial_timesteps` (time steps to which the
    adversarial loss adds noise), `regression_scales` (of
    :func:`~speechbrain_flashsr.brains.distillation.regression_loss`),
    `denoiser` (the student) and `teacher`.

    Losses, weighted by the phase: `distillation`, `distribution_matching`,
    `adversarial`, and the discriminator's `discriminator`; beside the paper's,
    `regression`, the distance to the true latents, which teaches one step while
    the teacher's many steps are not good yet."""

    optimized = {
        "unet": LatentBrain.trained,
        "discriminator": ("discriminator",),
    }

    def on_fit_start(self):
        """Freezes the teacher."""
        super().on_fit_start()
        teacher = self.hparams.teacher.to(self.device)
        teacher.eval().requires_grad_(False)
        # Gradients of the adversarial loss pass through the teacher.
        teacher.unet.gradient_checkpointing = (
            self.hparams.gradient_checkpointing
        )

    @property
    def phase_of_step(self):
        """The phase of the iteration under way."""
        return phase_at(self.hparams.phases, self.optimizer_step + 1)

    @property
    def adversarial(self):
        """Whether the adversarial loss counts in this iteration."""
        return (
            self.hparams.use_adversarial
            and self.phase_of_step.adversarial_weight > 0
        )

    def turns(self):
        """The discriminator follows the student where its loss counts."""
        return ["unet", "discriminator"] if self.adversarial else ["unet"]

    def loss_weights(self):
        """The weights of the phase, beside those of the YAML."""
        phase = self.phase_of_step
        return {
            **self.hparams.loss_weights,
            "distillation": phase.distillation_weight,
            "distribution_matching": phase.dmd_weight,
            "adversarial": phase.adversarial_weight,
            "regression": phase.regression_weight,
        }

    def compute_losses(self, batch, stage):
        """The losses of a batch of latents."""
        if stage != sb.Stage.TRAIN:
            return self.one_step_losses(batch)
        z_high, condition = batch.z_high.data, batch.z_low.data
        noise = self.draw_noise(batch, z_high.shape[1:])
        return self.student_losses(batch, z_high, condition, noise)

    def student_losses(self, batch, z_high, condition, noise):
        """Distillation, distribution matching and adversarial losses."""
        settings, teacher = self.phase_of_step, self.hparams.teacher
        timesteps = settings.timesteps(teacher.schedule.num_timesteps)
        timesteps = timesteps.to(self.device)
        shared = self.generator(self.optimizer_step)
        start = int(
            torch.multinomial(
                settings.start_probabilities(), 1, generator=shared
            )
        )
        u_rollout, u_dmd = torch.rand(2, generator=shared).tolist()

        x = distillation.start_state(
            teacher.schedule, z_high, noise, timesteps, start
        )
        t = timesteps[start].expand(len(x))
        x0 = distillation.student_output(
            self.denoiser_of(self.modules["unet"]),
            x,
            t,
            condition,
            self.hparams.scale_boundary,
            **self.hparams.boundary,
        )
        self.pair = z_high, x0.detach(), condition

        losses = {}
        if self.hparams.use_distillation and settings.distillation_weight > 0:
            target = distillation.teacher_rollout(
                teacher,
                x,
                condition,
                timesteps[start:],
                settings.guidance_scale(u_rollout),
            )
            losses["distillation"] = distillation.distillation_loss(x0, target)
        if settings.regression_weight > 0:
            losses["regression"] = distillation.regression_loss(
                x0, z_high, self.hparams.regression_scales
            )
        if self.hparams.use_distribution_matching and settings.dmd_weight > 0:
            losses["distribution_matching"] = (
                distillation.distribution_matching_loss(
                    x0,
                    condition,
                    teacher,
                    self.denoiser_of(self.unwrapped("unet")),
                    self.draw_noise(
                        batch, x0.shape[1:], TrainingStream.MATCHING_NOISE
                    ),
                    self.draw_integers(
                        batch,
                        TrainingStream.MATCHING_TIMESTEP,
                        len(teacher.schedule.alphas),
                    ),
                    settings.guidance_scale(u_dmd),
                )
            )
        if self.adversarial:
            with frozen(self.unwrapped("discriminator")) as discriminator:
                logits = discriminator(self.features(batch, x0, condition))
            losses["adversarial"] = distillation.generator_adversarial_loss(
                logits
            )
        return losses

    def discriminator_losses(self, batch):
        """Least squares between real and generated latents."""
        z_high, x0, condition = self.pair
        with torch.no_grad():
            real = self.features(batch, z_high, condition)
            fake = self.features(batch, x0, condition)
        logits = self.modules["discriminator"](torch.cat([real, fake]))
        return {
            "discriminator": distillation.discriminator_loss(*logits.chunk(2))
        }

    def features(self, batch, x0, condition):
        """Features of latents that the discriminator reads."""
        choices = torch.tensor(
            self.hparams.adversarial_timesteps, device=self.device
        )
        index = self.draw_integers(
            batch, TrainingStream.ADVERSARIAL_TIMESTEP, len(choices)
        )
        return distillation.adversarial_features(
            self.hparams.teacher,
            x0,
            condition,
            self.draw_noise(
                batch, x0.shape[1:], TrainingStream.ADVERSARIAL_NOISE
            ),
            choices[index],
        )

    def draw_integers(self, batch, stream, high):
        """An integer below `high` for each sample, [batch]."""
        draws = [int(r.integers(high)) for r in self.generators(batch, stream)]
        return torch.tensor(draws, device=self.device)
