"""The cut-off network and the statistics that it sees.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch

from speechbrain_flashsr.bandwidth.network import CutoffNetwork
from speechbrain_flashsr.bandwidth.statistics import (
    NUM_BINS,
    all_statistics,
    chunk_statistics,
    num_bins,
)


@pytest.mark.parametrize("rate", [4000, 8000, 11025, 44100, 48000, 192000])
def test_white_noise_has_the_same_density_at_every_rate(rate):
    """Full scale is spread over half the sample rate."""
    noise = torch.randn(rate, generator=torch.Generator().manual_seed(0))
    statistics, rest = all_statistics(noise, rate)
    mean = statistics[0, 0, 3 : num_bins(rate)].mean()
    assert mean == pytest.approx(-10 * torch.tensor(rate / 2).log10(), abs=1)
    assert (statistics[..., num_bins(rate) :] == -200).all()
    assert len(rest) < rate


def test_a_tone_lies_in_the_bin_of_its_frequency():
    tone = torch.sin(2 * torch.pi * 3000 * torch.arange(24576) / 48000)
    statistics, _ = all_statistics(tone, 48000)
    assert statistics[0, 0].argmax() == 64


def test_less_than_a_frame_keeps_a_steep_edge():
    """No leakage of an end that is cut off."""
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(900) / 48000)
    level = chunk_statistics(tone, 48000)[0]
    assert level[256:].max() < level.max() - 80


def test_a_batch_of_several_rates_is_scored_as_each_alone():
    network = CutoffNetwork(channels=8, inner_channels=4).eval()
    chunks = [all_statistics(torch.randn(r), r)[0][:1] for r in (8000, 48000)]
    together, prior = network(torch.cat(chunks))
    for chunk, scores in zip(chunks, together):
        alone, same_prior = network(chunk)
        assert torch.allclose(alone[0], scores, atol=1e-4)
        assert torch.equal(prior, same_prior)


def test_the_level_and_an_offset_make_no_difference():
    network = CutoffNetwork(channels=8, inner_channels=4).eval()
    statistics = -60 - 20 * torch.rand(1, 4, NUM_BINS)
    louder = statistics + 30
    louder[..., :2] = 0  # An offset
    quiet, loud = network(statistics)[0], network(louder)[0]
    assert torch.allclose(quiet, loud, atol=1e-4)
