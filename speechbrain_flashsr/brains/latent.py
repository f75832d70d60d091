"""Base of the stages that train on latents.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch

from speechbrain_flashsr.brains.base import FlashSRBrain


class LatentBrain(FlashSRBrain):
    """Base of teacher, student and its sharpening.

    Hyperparameters read beside the base's: `denoiser`, `autoencoder` (to show
    latents as spectrograms)."""

    trained = ("unet",)

    sample_steps = 1
    """Diffusion steps of the samples that TensorBoard shows."""

    def on_fit_start(self):
        """Lays kernels out with adjacent channels, as CPUs convolve faster."""
        if self.device_type == "cpu":
            self.modules.to(memory_format=torch.channels_last)
        super().on_fit_start()

    def denoiser_of(self, unet):
        """The denoiser with another copy of its network."""
        denoiser = self.hparams.denoiser
        return type(denoiser)(unet, denoiser.schedule, denoiser.unconditional)

    def one_step_losses(self, batch):
        """How far one step of the averaged network is from the true latents,
        for validation."""
        z_high, condition = batch.z_high.data, batch.z_low.data
        noise = self.draw_noise(batch, z_high.shape[1:])
        student = self.denoiser_of(self.averages["unet"].module)
        x0 = student.sample(noise, condition)
        return {"one_step": torch.nn.functional.mse_loss(x0, z_high)}

    def samples(self, batch):
        """The first latent of a batch, generated and decoded."""
        z_high, z_low = batch.z_high.data[:1], batch.z_low.data[:1]
        noise = self.draw_noise(batch, z_high.shape[1:])[:1]
        denoiser = self.denoiser_of(self.averages["unet"].module)
        latents = {
            "low": z_low,
            "high": z_high,
            "generated": denoiser.sample(noise, z_low, self.sample_steps),
        }
        decode = self.hparams.autoencoder.to(self.device).decode
        return {name: decode(z)[0, 0] for name, z in latents.items()}
