"""The noise that the model starts from: keyed by position, and as similar among
channels as their sound is.

A sample gets the same noise in any window and any batch. The noises of channels
are mixed from independent ones so that they have the correlation that the
channels have below their cut-off: a wide, narrow or inverted image stays as it
is.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import torch

from speechbrain_flashsr.random_streams import InferenceStream, generator_of

FIRST_BLOCK = 8
"""Number of the block at position 0; a few before it have numbers, too."""

CORRELATED_BAND = (0.5, 0.9)
"""Band in which channels are compared, relative to the cut-off: near the
restored band, and below the fall of filters."""

LEAST_INDEPENDENT = 1e-6
"""Share of power below which channels are regarded as the same."""


class WindowNoise:
    """The noises of the windows of one recording.

    `super_resolver` is the model, a
    :class:`~speechbrain_flashsr.lobes.super_resolver.LatentSuperResolver`,
    `analysis` the recording's SignalAnalysis."""

    def __init__(self, super_resolver, analysis, seed):
        self.sample_rate = super_resolver.sample_rate
        self.multiple = super_resolver.window_multiple
        self.latent_shape = super_resolver.latent_shape(self.multiple)
        self.analysis = analysis
        self.seed = seed

    def of(self, windows, starts):
        """Noise of evened out windows [windows, channels, time], by the
        absolute position of each in samples: [windows, channels, ...], by the
        names of the model's arguments."""
        weights = np.stack(
            [
                self._mixing(block, start + index * self.multiple)
                for window, start in zip(windows, starts)
                for index, block in enumerate(window.split(self.multiple, 1))
            ]
        )
        weights = torch.from_numpy(weights).float()
        # [windows, blocks, channels, channels of a clip]
        for_waves, for_latents = weights.unflatten(0, (len(starts), -1)).unbind(
            2
        )
        excitation = self._mixed(
            for_waves, (1, self.multiple, 1), starts, InferenceStream.EXCITATION
        )
        return {
            "noise": self._mixed(
                for_latents, self.latent_shape, starts, InferenceStream.LATENT
            ),
            "excitation": excitation.flatten(2),
        }

    def _mixing(self, block, start):
        """Weights that mix the channels' noises in one block, for
        waveforms and for latents, [2, channels, channels of a clip]."""
        size = self.analysis.channels_per_clip
        seconds = (start + block.shape[1] / 2) / self.sample_rate
        weights = []
        for first in range(0, len(block), size):
            similar = np.eye(size)
            tracks = self.analysis.tracks[first : first + size]
            cutoffs = [track.cutoff_at(seconds) for track in tracks]
            cutoffs = [hz for hz in cutoffs if hz is not None]
            if size > 1 and cutoffs:
                similar = correlation(
                    block[first : first + size], min(cutoffs), self.sample_rate
                )
            # The powers of two bands are as similar as the square of their
            # waveforms' correlation: a latent is about powers.
            weights.append(
                np.stack([mixing_matrix(similar), mixing_matrix(similar**2)])
            )
        return np.concatenate(weights, axis=1)

    def _mixed(self, weights, block_shape, starts, stream):
        """Noises of one kind for all windows and channels,
        [windows, channels, ...]."""
        num_blocks, _, size = weights.shape[1:]
        length = num_blocks * self.multiple
        mixed = 0.0
        for source in range(size):
            if not weights[..., source].any():
                continue
            key = stream, self.analysis.first_channel + source
            independent = [
                position_noise(
                    self.seed, start, length, self.multiple, block_shape, *key
                )
                for start in starts
            ]
            independent = torch.stack(independent)[:, None]
            if size == 1:  # all weights are 1
                return independent.expand(-1, weights.shape[2], -1, -1, -1)
            weight = weights[..., source].transpose(1, 2)
            weight = weight.repeat_interleave(block_shape[1], dim=2)
            mixed = mixed + weight[:, :, None, :, None] * independent
        return mixed


def position_noise(
    seed, start, length, multiple, block_shape, stream, channel=0
):
    """Standard normal noise of a window, keyed by seed and position.

    `start` and `length`, in samples, are multiples of `multiple`, for which a
    block of noise of `block_shape` stands: (channels, frames, bands) of a
    latent, or (1, samples, 1). `channel` tells independent noises of one stream
    apart. Returns [channels, length / multiple * frames, bands].

    Example
    -------
    >>> stream = InferenceStream.LATENT
    >>> a = position_noise(0, -10, 20, 10, (1, 2, 3), stream)
    >>> b = position_noise(0, 0, 20, 10, (1, 2, 3), stream)
    >>> a.shape, torch.equal(a[:, 2:], b[:, :2])
    (torch.Size([1, 4, 3]), True)
    """
    first = start // multiple + FIRST_BLOCK
    blocks = [
        generator_of(seed, first + index, stream, channel).standard_normal(
            block_shape, dtype=np.float32
        )
        for index in range(length // multiple)
    ]
    return torch.from_numpy(np.concatenate(blocks, axis=1))


def correlation(block, cutoff_hz, sample_rate):
    """Correlations of channels of sound [channels, time] in the upper part of
    their common band, 0 with silence: [channels, channels], numpy.ndarray."""
    time = block.shape[1]
    spectra = torch.fft.rfft(block * torch.hann_window(time).to(block))
    lower, upper = (
        int(share * cutoff_hz * time / sample_rate) for share in CORRELATED_BAND
    )
    spectra = torch.view_as_real(spectra[:, lower : max(upper, lower + 1)])
    rows = spectra.flatten(1).double().cpu().numpy()
    rows = rows / np.maximum(1e-30, np.linalg.norm(rows, axis=1))[:, None]
    similar = rows @ rows.T
    np.fill_diagonal(similar, 1.0)
    return similar


def mixing_matrix(covariance):
    """Weights by which independent noises become noises of a covariance
    [channels, channels]: its Cholesky factor, also where channels are the same.

    Example
    -------
    >>> mixing_matrix(np.array([[1.0, -1.0], [-1.0, 1.0]]))
    array([[ 1.,  0.],
           [-1.,  0.]])
    """
    factor = np.zeros_like(covariance)
    for column in range(len(covariance)):
        known = factor[column:, :column] @ factor[column, :column]
        rest = covariance[column:, column] - known
        if rest[0] > LEAST_INDEPENDENT:
            factor[column:, column] = rest / np.sqrt(rest[0])
    # Where nothing independent was left, rounding may have taken power away.
    return factor / np.linalg.norm(factor, axis=1, keepdims=True)
