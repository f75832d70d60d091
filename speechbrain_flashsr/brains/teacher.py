"""Trains the teacher: latent diffusion with v-prediction.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import torch

from speechbrain_flashsr.brains.latent import LatentBrain


class TeacherBrain(LatentBrain):
    """Second stage: predicts v from noisy latents of the high-resolution signal
    and the latent of the low-resolution signal
    (AudioSR, https://arxiv.org/abs/2309.07314).

    Hyperparameters read beside the base's: `condition_dropout`, the probability
    of withholding the condition for classifier-free guidance,
    `last_step_fraction`, the share of the samples at the last time step (the
    rest are uniform over all), and `beyond_rolloff_weight`, what the latent's
    bands above a recording's roll-off count: what was put there cannot be
    predicted.

    Loss: `v`, the weighted mean squared error of v.
    """

    optimized = {"unet": LatentBrain.trained}
    sample_steps = 32

    def compute_losses(self, batch, stage, turn):
        """The losses of a batch of latents."""
        z_high, z_low = batch.z_high.data, batch.z_low.data
        denoiser = self.denoiser_of(self.evaluated("unet", stage))
        t, drop = self.draw_timesteps(batch)
        noise = self.draw_noise(batch, z_high.shape[1:])
        weights = self.band_weights(batch, z_high.shape[-1])
        losses = denoiser.loss(z_high, z_low, noise, t, drop, weights)
        return {"v": losses.mean()}

    def band_weights(self, batch, num_bands):
        """What each band of the latents counts, [batch, 1, 1, num_bands]."""
        centres = self.hparams.features.band_centres().to(self.device)
        centres = centres.view(num_bands, -1).mean(dim=1)
        beyond = centres >= batch.rolloff_hz.to(self.device)[:, None]
        weights = torch.where(beyond, self.hparams.beyond_rolloff_weight, 1.0)
        return weights[:, None, None]

    def draw_timesteps(self, batch):
        """Draws each sample's time step, [batch], and whether its condition
        is withheld, [batch]."""
        num_timesteps = self.hparams.denoiser.schedule.num_timesteps
        t, drop = [], []
        for draw in batch.id:
            rng = np.random.default_rng([self.hparams.seed, int(draw), 0, 2])
            uniform = int(rng.integers(num_timesteps))
            last = rng.random() < self.hparams.last_step_fraction
            t.append(num_timesteps - 1 if last else uniform)
            drop.append(rng.random() < self.hparams.condition_dropout)
        return (
            torch.tensor(t, device=self.device),
            torch.tensor(drop, device=self.device),
        )
