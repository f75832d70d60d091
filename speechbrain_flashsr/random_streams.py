"""One registry of the random streams, so that no two draws share one.

A draw follows from a seed, a number (of a training sample, or of a block of a
recording) and its stream alone: not from the batch, the worker or the process.

Authors
 * The speechbrain_flashsr developers 2026
"""

from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum

import numpy as np


class InferenceStream(IntEnum):
    """Draws for a block of a recording, numbered by its position."""

    LATENT = 0
    EXCITATION = 1
    EXTRAPOLATION = 2  # of a recording's start, 0, and its end, 1


class TrainingStream(IntEnum):
    """Draws for a training sample, numbered by its draw."""

    SEGMENT = 0  # recording, position, level, degradation
    NOISE = 1  # of the diffusion's start, or the autoencoder's latent
    TIMESTEP = 2  # of the teacher, and whether its condition is withheld
    MATCHING_NOISE = 3  # of the distribution matching
    MATCHING_TIMESTEP = 4
    ADVERSARIAL_NOISE = 5  # of what the latent discriminator sees
    ADVERSARIAL_TIMESTEP = 6
    EXCITATION = 7  # of the vocoder
    PREDICTED_MEL = 8  # whether the vocoder gets a predicted spectrogram


def generator_of(seed, number, stream, channel=0):
    """Source of the draws of a stream (a TrainingStream or InferenceStream): of
    the seed, a sample or block by its number, and a channel, none of them
    negative.

    Example
    -------
    >>> streams = InferenceStream.LATENT, InferenceStream.EXCITATION
    >>> a, b = (generator_of(0, 7, stream).random() for stream in streams)
    >>> a == b, a == generator_of(0, 7, InferenceStream.LATENT).random()
    (False, True)
    """
    return np.random.default_rng(
        [int(seed), int(number), int(stream), int(channel)]
    )


def normal_noise(seed, numbers, stream, shape):
    """Standard normal noise for samples by their numbers, [samples, *shape],
    drawn with all cores.

    Example
    -------
    >>> one = normal_noise(0, [7], TrainingStream.NOISE, (2, 3))
    >>> two = normal_noise(0, [8, 7], TrainingStream.NOISE, (2, 3))
    >>> two.shape, np.array_equal(one[0], two[1])
    ((2, 2, 3), True)
    """

    def draw(number):
        return generator_of(seed, number, stream).standard_normal(shape)

    # Threads that outlive the call would be missing in a forked process.
    with ThreadPoolExecutor() as threads:
        return np.stack(list(threads.map(draw, numbers)))
