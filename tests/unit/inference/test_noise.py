"""Tests of speechbrain_flashsr.inference.noise.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest
import torch

from speechbrain_flashsr.inference.noise import (
    correlation,
    mixing_matrix,
    position_noise,
)
from speechbrain_flashsr.random_streams import InferenceStream


def test_noise_is_keyed_by_seed_position_and_stream():
    def noise(seed, start, length, stream=InferenceStream.LATENT, channel=0):
        shape = (16, 8, 32)
        return position_noise(seed, start, length, 10, shape, stream, channel)

    long = noise(3, -20, 100)
    assert long.shape == (16, 80, 32)
    assert torch.equal(noise(3, 20, 20), long[:, 32:48])
    for other in (
        noise(4, 20, 20),
        noise(3, 20, 20, InferenceStream.EXCITATION),
        noise(3, 20, 20, InferenceStream.LATENT, 1),
    ):
        assert not torch.equal(other, long[:, 32:48])
    assert not torch.equal(long[:, :8], long[:, 8:16])
    assert abs(long.mean()) < 0.02 and abs(long.std() - 1) < 0.02


def test_correlation_is_that_of_the_upper_band():
    """Bass in the middle does not make wide treble narrow."""
    generator = torch.Generator().manual_seed(0)
    treble = torch.randn(2, 48000, generator=generator)
    bass = torch.sin(torch.arange(48000) * (2 * np.pi * 100 / 48000))
    similar = correlation(treble + 10 * bass, 8000.0, 48000)
    assert abs(similar[0, 1]) < 0.05
    assert np.diag(similar).tolist() == [1.0, 1.0]


def test_correlation_with_silence_is_zero():
    block = torch.stack([torch.randn(4800), torch.zeros(4800)])
    assert correlation(block, 8000.0, 48000)[0, 1] == 0


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
@pytest.mark.parametrize("rank", [1, 2, 6])
def test_mixed_noises_have_the_covariance(channels, rank):
    generator = np.random.default_rng(channels * rank)
    rows = generator.standard_normal((channels, rank))
    rows /= np.linalg.norm(rows, axis=1)[:, None]
    factor = mixing_matrix(rows @ rows.T)
    np.testing.assert_allclose(factor @ factor.T, rows @ rows.T, atol=2e-3)
    assert (np.triu(factor, 1) == 0).all()
