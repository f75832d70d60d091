"""Trains the super-resolution vocoder.

Authors
 * The speechbrain_flashsr developers 2026
"""

import speechbrain as sb
import torch
from speechbrain.lobes.models.HifiGAN import (
    DiscriminatorLoss,
    GeneratorLoss,
    MelganFeatureLoss,
    MSEDLoss,
    MSEGLoss,
)

from speechbrain_flashsr.brains.base import FlashSRBrain
from speechbrain_flashsr.brains.weights import frozen
from speechbrain_flashsr.lobes.features import at_least_single
from speechbrain_flashsr.lobes.super_resolver import RESTORED_FROM
from speechbrain_flashsr.metrics import spectral
from speechbrain_flashsr.random_streams import TrainingStream

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
    predicts, as at inference, instead of the true one; `true_mels_until`, the
    step before which all are true; `discriminator_length`, the samples of the
    excerpt that the discriminator sees.

    Targets are continued above each clip's roll-off by `band_extension`.
    Losses: `stft` (multi-resolution) and `level` (of bands), above the cut-off,
    `mel`, and from step `adversarial_start` on `adversarial`,
    `feature_matching` and the discriminator's `discriminator`. Validation logs
    the log-spectral distance `lsd` below the roll-off."""

    trained = ("vocoder",)
    optimized = {"vocoder": trained, "discriminator": ("discriminator",)}

    def on_fit_start(self):
        """Freezes the student."""
        super().on_fit_start()
        predictor = self.hparams.super_resolver.predictor.to(self.device)
        predictor.eval().requires_grad_(False)

    def compute_losses(self, batch, stage):
        """The losses of a batch of segments."""
        high, low = batch.high.data, batch.low.data
        cutoff_hz = batch.cutoff_hz.to(self.device)
        rolloff_hz = batch.rolloff_hz.to(self.device)
        features = self.hparams.features
        mel = features.extended(high, rolloff_hz)
        given = self.given_mel(batch, mel, low, cutoff_hz, stage)
        excitation = self.draw_noise(
            batch, low.shape[1:], TrainingStream.EXCITATION
        )
        generated = self.evaluated("vocoder", stage)(
            given.squeeze(1).transpose(1, 2), low, cutoff_hz, excitation
        )
        original = high
        high = self.hparams.band_extension(
            high, mel.squeeze(1).transpose(1, 2), rolloff_hz
        )
        lower_hz = RESTORED_FROM * cutoff_hz
        generated_mel = features(at_least_single(generated))
        losses = {
            "stft": self.hparams.stft_loss(generated, high, lower_hz),
            "level": self.hparams.level_loss(generated, high, lower_hz),
            "mel": (generated_mel - mel).abs().mean(),
        }
        self.triple = high, generated, low
        if stage != sb.Stage.TRAIN:
            distances = spectral.lsd(
                at_least_single(generated), original, upper_hz=rolloff_hz
            )
            losses["lsd"] = distances.nanmean()
        elif "discriminator" in self.turns():
            self.judged = self.excerpts()
            losses.update(self.generator_losses())
        return losses

    def excerpts(self):
        """A random excerpt of original, generated and band-limited sound, or
        all of it if it is shorter."""
        time = self.triple[0].shape[1]
        length = min(self.hparams.discriminator_length, time)
        spare = time - length
        generator = self.generator(self.optimizer_step)
        start = int(torch.randint(spare + 1, (), generator=generator))
        return [wavs[:, start : start + length] for wavs in self.triple]

    def samples(self, batch):
        """The first recording of the batch of the last losses: band-limited,
        original and generated, as sound and as spectrograms."""
        high, generated, low = self.triple
        wavs = {"low": low[0], "high": high[0], "generated": generated[0]}
        mels = {
            f"{name}_mel": self.hparams.features(wav[None])[0, 0]
            for name, wav in wavs.items()
        }
        return {**wavs, **mels}

    @torch.no_grad()
    def given_mel(self, batch, mel, low, cutoff_hz, stage):
        """True spectrograms, or for some samples what the student makes of
        their band-limited waveforms, [batch, 1, frames, n_mels]."""
        fraction = self.hparams.student_mel_fraction
        learning = stage == sb.Stage.TRAIN
        if learning and self.optimizer_step < self.hparams.true_mels_until:
            fraction = 0.0
        rngs = self.generators(batch, TrainingStream.PREDICTED_MEL)
        predicted = torch.tensor([rng.random() < fraction for rng in rngs])
        if not predicted.any():
            return mel
        predictor = self.hparams.super_resolver.predictor
        noise = self.draw_noise(batch, predictor.latent_shape(low.shape[-1]))
        given = mel.clone()
        given[predicted] = predictor(
            low[predicted], noise[predicted], cutoff_hz[predicted]
        ).to(mel.dtype)
        return given

    def generator_losses(self):
        """The adversarial and feature-matching losses of the vocoder."""
        real, generated, low = self.judged
        with frozen(self.unwrapped("discriminator")) as discriminator:
            scores, features = discriminator(generated, low)
            with torch.no_grad():
                _, real_features = discriminator(real, low)
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

    def discriminator_losses(self, batch):
        """Least squares between real and generated waveforms."""
        real, generated, low = self.judged
        real_scores, _ = self.modules.discriminator(real, low)
        scores, _ = self.modules.discriminator(generated.detach(), low)
        losses = DISCRIMINATOR_LOSS(scores, real_scores)
        return {"discriminator": losses["D_loss"] / len(scores)}
