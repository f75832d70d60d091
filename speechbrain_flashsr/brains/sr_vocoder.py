"""Trains the super-resolution vocoder.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import speechbrain as sb
import torch
from speechbrain.lobes.models.HifiGAN import (
    DiscriminatorLoss,
    GeneratorLoss,
    MelganFeatureLoss,
    MSEDLoss,
    MSEGLoss,
)

from speechbrain_flashsr.brains.base import FlashSRBrain, frozen
from speechbrain_flashsr.lobes.features import at_least_single, extend_band
from speechbrain_flashsr.metrics import spectral

EXCITATION = 1
"""The stream of the noise that the vocoder starts from."""

GENERATOR_LOSS = GeneratorLoss(
    mseg_loss=MSEGLoss(),
    mseg_loss_weight=1,
    feat_match_loss=MelganFeatureLoss(),
    feat_match_loss_weight=1,
)
DISCRIMINATOR_LOSS = DiscriminatorLoss(msed_loss=MSEDLoss())


class SRVocoderBrain(FlashSRBrain):
    """Last stage: log-mel spectrograms, continued above each clip's roll-off as
    the teacher's targets are, and band-limited waveforms to full-band waveforms
    (FlashSR, https://arxiv.org/abs/2501.10807, section 2.3; losses of BigVGAN,
    https://arxiv.org/abs/2206.04658).

    Hyperparameters read beside the base's: `student_mel_fraction`, the share of
    the samples whose spectrogram is the one that the student (`super_resolver`)
    predicts, as at inference, instead of the true one.

    Losses: `stft` (multi-resolution), `fine_structure` (the envelope within the
    spectrogram's frames), `mel`, and from step `adversarial_start` on
    `adversarial`, `feature_matching` and the discriminator's `discriminator`;
    the first two stop at each clip's roll-off. Validation logs the log-spectral
    distance `lsd`.
    """

    trained = ("vocoder",)
    optimized = {"vocoder": trained, "discriminator": ("discriminator",)}

    def on_fit_start(self):
        """Freezes the student."""
        super().on_fit_start()
        resolver = self.hparams.super_resolver.to(self.device)
        for part in (resolver.autoencoder, resolver.denoiser):
            part.eval().requires_grad_(False)

    def turns(self):
        """The discriminator joins in at `adversarial_start`."""
        if self.optimizer_step < self.hparams.adversarial_start:
            return ["vocoder"]
        return ["vocoder", "discriminator"]

    def compute_losses(self, batch, stage, turn):
        """The losses of a batch of segments."""
        if turn == "discriminator":
            return self.discriminator_losses()
        high, low = batch.high.data, batch.low.data
        cutoff_hz = batch.cutoff_hz.to(self.device)
        rolloff_hz = batch.rolloff_hz.to(self.device)
        features = self.hparams.features
        mel = extend_band(features(high), rolloff_hz, features.band_centres())
        given = self.given_mel(batch, mel, low)
        vocoder = self.evaluated("vocoder", stage)
        excitation = None
        if self.unwrapped("vocoder").needs_excitation:
            excitation = self.draw_noise(batch, low.shape[1:], EXCITATION)
        generated = vocoder(given.squeeze(1).transpose(1, 2), low, excitation)
        self.pair = high.unsqueeze(1), generated.unsqueeze(1)
        generated_mel = features(at_least_single(generated))
        losses = {
            "stft": self.hparams.stft_loss(generated, high, rolloff_hz),
            "fine_structure": self.hparams.fine_structure_loss(
                generated, high, cutoff_hz, rolloff_hz
            ),
            "mel": (generated_mel - mel).abs().mean(),
        }
        if stage != sb.Stage.TRAIN:
            distances = spectral.lsd(
                at_least_single(generated), high, upper_hz=rolloff_hz
            )
            losses["lsd"] = distances.nanmean()
        elif "discriminator" in self.turns():
            losses.update(self.generator_losses())
        return losses

    def samples(self, batch):
        """The first recording of the batch of the last losses: band-limited,
        original and generated, as sound and as spectrograms."""
        low = batch.low.data
        high, generated = self.pair
        wavs = {"low": low[0], "high": high[0, 0], "generated": generated[0, 0]}
        mels = {
            f"{name}_mel": self.hparams.features(wav[None])[0, 0]
            for name, wav in wavs.items()
        }
        return {**wavs, **mels}

    @torch.no_grad()
    def given_mel(self, batch, mel, low):
        """True spectrograms, or for some samples what the student makes of
        their band-limited waveforms, [batch, 1, frames, n_mels]."""
        predicted = torch.tensor(
            [
                np.random.default_rng(
                    [self.hparams.seed, int(draw), 3]
                ).random()
                < self.hparams.student_mel_fraction
                for draw in batch.id
            ]
        )
        if not predicted.any():
            return mel
        resolver = self.hparams.super_resolver
        noise = self.draw_noise(batch, resolver.latent_shape(low.shape[-1]))
        given = mel.clone()
        given[predicted] = resolver.predict_mel(
            low[predicted], noise[predicted]
        ).to(mel.dtype)
        return given

    def generator_losses(self):
        """What the discriminator tells the vocoder."""
        real, generated = self.pair
        with frozen(self.unwrapped("discriminator")) as discriminator:
            scores, features = discriminator(generated)
            with torch.no_grad():
                _, real_features = discriminator(real)
        losses = GENERATOR_LOSS(
            sb.Stage.TRAIN,
            scores_fake=scores,
            feats_fake=features,
            feats_real=real_features,
        )
        return {
            "adversarial": losses["G_mse_fake_loss"] / len(scores),
            "feature_matching": losses["G_feat_match_loss"],
        }

    def discriminator_losses(self):
        """Least squares between real and generated waveforms."""
        real, generated = self.pair
        real_scores, _ = self.modules.discriminator(real)
        scores, _ = self.modules.discriminator(generated.detach())
        losses = DISCRIMINATOR_LOSS(scores, real_scores)
        return {"discriminator": losses["D_loss"] / len(scores)}
