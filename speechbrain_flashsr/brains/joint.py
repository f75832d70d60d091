"""Trains encoder, U-Net and decoder jointly.

Authors
 * The speechbrain_flashsr developers 2026
"""

from speechbrain_flashsr.brains.base import FlashSRBrain
from speechbrain_flashsr.lobes.features import extend_band


class JointBrain(FlashSRBrain):
    """Trains encoder, U-Net and decoder, in the one step that they take at
    inference, to predict the true spectrogram.

    A latent diffusion model is trained on errors of the latent, not on the
    errors that they cause in the decoded spectrogram. Here the loss is the
    log-spectral distance of the decoded spectrogram.

    Hyperparameters read beside the base's: `features`, `spectrogram_distance`.

    Losses: `restored`, `kept` and `beyond`, see
    :class:`~speechbrain_flashsr.brains.losses.SpectrogramDistance`. Above each clip's
    roll-off the target is continued, as for the other stages.
    """

    trained = ("predictor",)
    optimized = {"predictor": trained}

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
        return self.hparams.spectrogram_distance(
            predicted, mel, cutoff_hz, rolloff_hz
        )

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
