"""Trains the teacher: latent diffusion with v-prediction.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch

from speechbrain_flashsr.brains.latent import LatentBrain
from speechbrain_flashsr.random_streams import TrainingStream


class TeacherBrain(LatentBrain):
    """Second stage: predicts v from noisy latents of the high-resolution signal
    and the latent of the low-resolution signal
    (AudioSR, https://arxiv.org/abs/2309.07314).

    Hyperparameter read beside the base's: `condition_dropout`, the probability
    of withholding the condition, for classifier-free guidance.

    Loss: `v`, the mean squared error of v."""

    optimized = {"unet": LatentBrain.trained}
    sample_steps = 32

    def compute_losses(self, batch, stage):
        """The losses of a batch of latents."""
        z_high, z_low = batch.z_high.data, batch.z_low.data
        denoiser = self.denoiser_of(self.evaluated("unet", stage))
        t, drop = self.draw_timesteps(batch)
        noise = self.draw_noise(batch, z_high.shape[1:])
        losses = denoiser.loss(z_high, z_low, noise, t, drop)
        return {"v": losses.mean()}

    def draw_timesteps(self, batch):
        """Draws each sample's time step, uniform over all, [batch], and whether
        its condition is withheld, [batch]."""
        num_timesteps = self.hparams.denoiser.schedule.num_timesteps
        t, drop = [], []
        for rng in self.generators(batch, TrainingStream.TIMESTEP):
            t.append(int(rng.integers(num_timesteps)))
            drop.append(rng.random() < self.hparams.condition_dropout)
        return (
            torch.tensor(t, device=self.device),
            torch.tensor(drop, device=self.device),
        )
