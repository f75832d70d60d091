"""Trains the KL autoencoder on log-mel spectrograms.

Authors
 * The speechbrain_flashsr developers 2026
"""

import speechbrain as sb
import torch
from speechbrain.dataio.batch import PaddedBatch

from speechbrain_flashsr.brains.base import FlashSRBrain


class AutoencoderBrain(FlashSRBrain):
    """First stage: log-mel spectrograms of full-band and of band-limited
    recordings (even and odd draws), to latents and back.

    Losses: `reconstruction`, the mean absolute difference of log-mel
    spectrograms, and `kl`, the posterior's divergence from the standard normal
    per element of the latent.
    """

    trained = ("autoencoder",)
    optimized = {"autoencoder": trained}

    def compute_losses(self, batch, stage, turn):
        """The losses of a batch of segments."""
        mel = self.mel_of(batch)
        autoencoder = self.evaluated("autoencoder", stage)
        shape = self.unwrapped("autoencoder").latent_shape(mel.shape)
        noise = self.draw_noise(batch, shape)
        reconstruction, posterior = autoencoder(mel, noise)
        kl = posterior.kl_divergence() / posterior.mean[0].numel()
        return {
            "reconstruction": (reconstruction - mel).abs().mean(),
            "kl": kl.mean(),
        }

    def mel_of(self, batch):
        """The spectrograms that a batch stands for, [batch, 1, frames,
        n_mels]."""
        high, low = batch.high.data, batch.low.data
        odd = torch.tensor([int(i) % 2 for i in batch.id], device=self.device)
        return self.hparams.features(torch.where(odd[:, None] == 1, low, high))

    def samples(self, batch):
        """The first spectrogram of a batch, and what comes back."""
        mel = self.mel_of(batch)[:1]
        autoencoder = self.averages["autoencoder"].module
        reconstruction = autoencoder.decode(autoencoder.encode(mel))
        return {"mel": mel[0, 0], "reconstruction": reconstruction[0, 0]}

    @torch.no_grad()
    def measure_scale(self, dataset, num_batches):
        """Sets the averaged autoencoder's scale to one over the standard
        deviation of its latents, so that the diffusion sees unit variance.

        Arguments
        ---------
        dataset : torch.utils.data.Dataset
            Segments.
        num_batches : int
            How many batches to measure.
        """
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
            batch = batch.to(self.device)
            high = batch.high.data
            mel = self.hparams.features(high)
            latents.append(autoencoder.posterior(mel).mean.flatten())
        autoencoder.scale.fill_(1 / torch.cat(latents).std())
