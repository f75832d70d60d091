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


def position_noise(
    seed,
    start,
    length,
    multiple,
    block_shape,
    stream=InferenceStream.LATENT,
    channel=0,
):
    """Standard normal noise of a window, keyed by seed and position.

    `start` and `length`, in samples, are multiples of `multiple`, for which a
    block of noise of `block_shape` stands: (channels, frames, bands) of a
    latent, or (1, samples, 1). `channel` tells independent noises of one stream
    apart. Returns [channels, length / multiple * frames, bands].

    Example
    -------
    >>> a = position_noise(0, -10, 20, 10, (1, 2, 3))
    >>> b = position_noise(0, 0, 20, 10, (1, 2, 3))
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
