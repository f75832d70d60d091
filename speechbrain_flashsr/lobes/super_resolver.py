"""The parts composed: low-resolution waveform -> high-resolution waveform.

The signal path of FlashSR (https://arxiv.org/abs/2501.10807, figure 1) for
one batch of windows. The interface normalises levels and handles windows and
files.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from torch import nn

WINDOW_LENGTH = 245760
"""Usual length of a window in samples, 5.12 s as in the paper."""

RESTORED_FROM = 0.9
"""Share of the cut-off from which the model's output is used."""


class MelPredictor(nn.Module):
    """Restores the high band of log-mel spectrograms by diffusion in a latent
    space: all of FlashSR but the vocoder.

    Arguments
    ---------
    features : speechbrain_flashsr.lobes.features.LogMel
        Waveform -> log-mel spectrogram.
    autoencoder : speechbrain_flashsr.lobes.autoencoder.Autoencoder
        Log-mel spectrogram <-> latent.
    denoiser : speechbrain_flashsr.diffusion.VDenoiser
        The latent U-Net with its noise schedule.
    floor : float, optional
        Lowest value of the given spectrogram below the cut-off. Recordings for
        training have a noise floor; without one, digital silence raises the
        band next to it.
    """

    def __init__(self, features, autoencoder, denoiser, floor=None):
        super().__init__()
        self.floor = floor
        self.features = features
        self.autoencoder = autoencoder
        self.denoiser = denoiser
        self.sample_rate = features.sample_rate
        self.hop_length = features.hop_length
        self.frame_multiple = (
            autoencoder.downsampling * denoiser.unet.downsampling
        )

    @property
    def window_multiple(self):
        """Samples of which a window's length must be a multiple."""
        return self.frame_multiple * self.hop_length

    def latent_shape(self, num_samples):
        """Shape of the latent, and of the noise, for one window: (channels,
        frames / 8, n_mels / 8). Raises a ValueError if the number of samples is
        not a multiple of `window_multiple`."""
        if num_samples <= 0 or num_samples % self.window_multiple:
            raise ValueError(
                f"A window of {num_samples} samples does not fit: its length "
                f"must be a positive multiple of {self.window_multiple}."
            )
        frames = num_samples // self.hop_length
        return self.autoencoder.latent_shape(
            (1, 1, frames, self.features.n_mels)
        )

    def forward(self, low, noise, cutoff_hz, num_steps=1, guidance_scale=1.0):
        """Restores the high band of the log-mel spectrogram, [batch, 1, frames,
        n_mels]; see :meth:`LatentSuperResolver.forward`."""
        mel = self.features(low)
        if self.floor is not None:
            top_hz = RESTORED_FROM * cutoff_hz.to(mel)[:, None, None, None]
            below = self.features.band_centres().to(mel) < top_hz
            mel = torch.where(below, mel.clamp_min(self.floor), mel)
        condition = self.autoencoder.encode(mel)
        latent = self.denoiser.sample(
            noise, condition, num_steps, guidance_scale
        )
        return self.autoencoder.decode(latent)


class LatentSuperResolver(nn.Module):
    """Restores the high band of windows: a :class:`MelPredictor`, then a
    vocoder.

    Arguments
    ---------
    features, autoencoder, denoiser
        See :class:`MelPredictor`.
    vocoder : speechbrain_flashsr.lobes.vocoder.SRVocoder
        Log-mel spectrogram and low-resolution waveform -> waveform.
    floor : float, optional
        See :class:`MelPredictor`.

    Example
    -------
    >>> import torch
    >>> from speechbrain_flashsr.diffusion import VDenoiser
    >>> from speechbrain_flashsr.lobes.autoencoder import Autoencoder
    >>> from speechbrain_flashsr.lobes.features import LogMel
    >>> from speechbrain_flashsr.lobes.unet import LatentUNet
    >>> from speechbrain_flashsr.lobes.vocoder import SRVocoder
    >>> resolver = LatentSuperResolver(
    ...     LogMel(),
    ...     Autoencoder(4, (1, 1, 1, 1), 1, 1, groups=2),
    ...     VDenoiser(LatentUNet(16, 4, (1, 1, 1, 1), 1, (), 0, groups=2)),
    ...     SRVocoder(256, 32, kernel_sizes=(3,), dilations=(1,)),
    ... )
    >>> low = torch.randn(1, resolver.window_multiple)
    >>> noise = torch.randn(1, *resolver.latent_shape(low.shape[1]))
    >>> resolver(
    ...     low, noise, torch.tensor([4000.0]), torch.randn_like(low)
    ... ).shape
    torch.Size([1, 30720])
    """

    def __init__(self, features, autoencoder, denoiser, vocoder, floor=None):
        super().__init__()
        self.predictor = MelPredictor(features, autoencoder, denoiser, floor)
        self.vocoder = vocoder
        self.sample_rate = features.sample_rate

    @property
    def window_multiple(self):
        """See :attr:`MelPredictor.window_multiple`."""
        return self.predictor.window_multiple

    def latent_shape(self, num_samples):
        """See :meth:`MelPredictor.latent_shape`."""
        return self.predictor.latent_shape(num_samples)

    def forward(
        self, low, noise, cutoff_hz, excitation, num_steps=1, guidance_scale=1.0
    ):
        """Restores the high band: returns waveforms at the input's level,
        [batch, time].

        Arguments
        ---------
        low : torch.Tensor
            Band-limited waveforms at the output's sample rate, normalised (see
            :func:`~speechbrain_flashsr.lobes.features.normalize`),
            [batch, time]; time a multiple of `window_multiple`.
        noise : torch.Tensor
            Standard normal, [batch, *latent_shape(time)].
        cutoff_hz : torch.Tensor
            Where the band of each waveform ends, in Hz, [batch].
        excitation : torch.Tensor
            Standard normal, of the waveforms' shape, for vocoders that use it.
        num_steps : int
            Diffusion steps: 1 for a distilled student.
        guidance_scale : float
            Classifier-free guidance; 1 for none.

        Raises
        ------
        ValueError
            If the shapes do not fit.
        """
        expected = (low.shape[0], *self.latent_shape(low.shape[-1]))
        if tuple(noise.shape) != expected:
            raise ValueError(
                f"The noise has shape {list(noise.shape)}, but windows of "
                f"shape {list(low.shape)} need {list(expected)}."
            )
        mel = self.predictor(low, noise, cutoff_hz, num_steps, guidance_scale)
        mel = mel.squeeze(1).transpose(1, 2)
        return self.vocoder(mel, low, cutoff_hz, excitation)
