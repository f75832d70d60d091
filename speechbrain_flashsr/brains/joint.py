"""Trains encoder, U-Net and decoder jointly.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch

from speechbrain_flashsr.brains.base import FlashSRBrain
from speechbrain_flashsr.brains.losses import EXCESS_BAND_HZ
from speechbrain_flashsr.lobes.features import extend_band


class JointBrain(FlashSRBrain):
    """Trains all that predicts the spectrogram, in the one step that it takes
    at inference, towards the true spectrogram.

    A latent diffusion model never sees what its errors in the latent become
    behind the decoder; here the error is that of the spectrogram, which is what
    the log-spectral distance measures.

    Hyperparameters read beside the base's: `features`, `spectrogram_distance`;
    `train_autoencoder` (False: the U-Net alone is trained); `excess_weights`
    ({domain: weight of what is too loud}, 1 for domains that it lacks).

    Losses: `restored`, `kept` and `beyond`, see
    :class:`~speechbrain_flashsr.brains.losses.SpectrogramDistance`; and `held`, if
    :meth:`hold_to` was called. Above each clip's roll-off the target is
    continued, as for the other stages.
    """

    trained = ("predictor",)
    optimized = {"predictor": trained}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.hparams.train_autoencoder:
            self.unwrapped("predictor").autoencoder.requires_grad_(False)
        self.reference = None

    def hold_to(self, reference):
        """Has the predictions held to those of another model wherever
        `excess_weights` ask for nothing else, so that what is learnt in one
        domain is not forgotten in another (Li and Hoiem, "Learning without
        Forgetting", https://arxiv.org/abs/1606.09282).

        The loss `held` is the distance to them, for clips whose domain has no
        weight or whose cut-off lies above the lower `EXCESS_BAND_HZ`.

        Arguments
        ---------
        reference : speechbrain_flashsr.lobes.super_resolver.MelPredictor
            On the device of the training, and not trained.
        """
        self.reference = reference

    def compute_losses(self, batch, stage, turn):
        """The losses of a batch of segments."""
        high, low = batch.high.data, batch.low.data
        cutoff_hz = batch.cutoff_hz.to(self.device)
        rolloff_hz = batch.rolloff_hz.to(self.device)
        features = self.hparams.features
        mel = extend_band(features(high), rolloff_hz, features.band_centres())
        shape = self.unwrapped("predictor").latent_shape(low.shape[-1])
        noise = self.draw_noise(batch, shape)
        predicted = self.evaluated("predictor", stage)(low, noise)
        self.pair = mel, predicted
        weights = self.hparams.excess_weights
        excess_weight = torch.tensor(
            [weights.get(domain, 1.0) for domain in batch.domain],
            device=self.device,
        )
        losses = self.hparams.spectrogram_distance(
            predicted, mel, cutoff_hz, rolloff_hz, excess_weight
        )
        if self.reference is not None:
            shape = self.reference.latent_shape(low.shape[-1])
            with torch.no_grad():
                reference = self.reference.predict_mel(
                    low, self.draw_noise(batch, shape)
                )
            distance = self.hparams.spectrogram_distance.root_mean_square(
                predicted, reference
            )
            held = (excess_weight == 1) | (cutoff_hz > EXCESS_BAND_HZ[0])
            losses["held"] = (distance * held).mean()
        return losses

    def samples(self, batch):
        """The first spectrograms of the batch of the last losses:
        band-limited, original and predicted."""
        high, predicted = self.pair
        return {
            "low": self.hparams.features(batch.low.data[:1])[0, 0],
            "high": high[0, 0],
            "predicted": predicted[0, 0],
        }

    def export(self):
        """Writes the averaged weights to `output_folder`/autoencoder.ckpt and
        unet.ckpt.

        Returns
        -------
        dict
            {name: path}.
        """
        average = self.averages["predictor"].module
        return {
            "autoencoder": self.save_state("autoencoder", average.autoencoder),
            "unet": self.save_state("unet", average.denoiser.unet),
        }
