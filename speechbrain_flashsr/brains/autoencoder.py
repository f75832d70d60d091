"""Trains the KL autoencoder on log-mel spectrograms.

Authors
 * The speechbrain_flashsr developers 2026
"""

import speechbrain as sb
import torch
from speechbrain.dataio.batch import PaddedBatch

from speechbrain_flashsr.brains.base import FlashSRBrain
from speechbrain_flashsr.brains.weights import frozen


class AutoencoderBrain(FlashSRBrain):
    """First stage: log-mel spectrograms of full-band recordings, continued
    above their roll-off, and of band-limited ones (even and odd draws), to
    latents and back.

    Losses: `reconstruction`, the mean absolute difference of log-mel
    spectrograms; `kl`, the posterior's divergence from the standard normal per
    element of the latent; and from step `adversarial_start` on `adversarial`
    and the discriminator's `discriminator`, least squares that keep the
    spectrogram's texture (Esser et al. 2021,
    https://arxiv.org/abs/2012.09841)."""

    trained = ("autoencoder",)
    optimized = {"autoencoder": trained, "discriminator": ("discriminator",)}

    def compute_losses(self, batch, stage):
        """The losses of a batch of segments."""
        mel = self.mel_of(batch)
        autoencoder = self.evaluated("autoencoder", stage)
        shape = self.unwrapped("autoencoder").latent_shape(mel.shape)
        noise = self.draw_noise(batch, shape)
        reconstruction, posterior = autoencoder(mel, noise)
        kl = posterior.kl_divergence() / posterior.mean[0].numel()
        losses = {
            "reconstruction": (reconstruction - mel).abs().mean(),
            "kl": kl.mean(),
        }
        if stage == sb.Stage.TRAIN and "discriminator" in self.turns():
            whole = self.unwrapped("autoencoder")
            self.pair = [
                (x - whole.mel_mean) / whole.mel_std
                for x in (mel, reconstruction)
            ]
            with frozen(self.unwrapped("discriminator")) as discriminator:
                score = discriminator(self.pair[1])
            losses["adversarial"] = (score - 1).square().mean()
        return losses

    def discriminator_losses(self, batch):
        """Least squares between true and reconstructed spectrograms."""
        real, fake = self.pair
        discriminator = self.modules.discriminator
        loss = (discriminator(real) - 1).square().mean()
        loss = loss + discriminator(fake.detach()).square().mean()
        return {"discriminator": loss}

    def mel_of(self, batch):
        """The spectrograms that a batch stands for, [batch, 1, frames,
        n_mels]."""
        high, low = batch.high.data, batch.low.data
        features = self.hparams.features
        odd = torch.tensor([int(i) % 2 for i in batch.id], device=self.device)
        odd = odd.bool()[:, None, None, None]
        extended = features.extended(high, batch.rolloff_hz)
        return torch.where(odd, features(low), extended)

    def samples(self, batch):
        """The first spectrogram of a batch, and what comes back."""
        mel = self.mel_of(batch)[:1]
        autoencoder = self.averages["autoencoder"].module
        reconstruction = autoencoder.decode(autoencoder.encode(mel))
        return {"mel": mel[0, 0], "reconstruction": reconstruction[0, 0]}

    @torch.no_grad()
    def measure_scale(self, dataset, num_batches):
        """Sets the averaged autoencoder's scale to one over the standard
        deviation of the latents of some batches of segments, so that the
        diffusion sees unit variance."""
        autoencoder = self.averages["autoencoder"].module
        loader = self.make_dataloader(
            dataset,
            sb.Stage.TEST,
            ckpt_prefix=None,
            collate_fn=PaddedBatch,
            **self.hparams.dataloader_opts,
        )
        latents = []
        for _, batch in zip(range(num_batches), loader):
            mel = self.mel_of(batch.to(self.device))
            latents.append(autoencoder.posterior(mel).mean.flatten())
        autoencoder.scale.fill_(1 / torch.cat(latents).std())
