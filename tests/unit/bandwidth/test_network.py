"""The cut-off network and the statistics that it sees.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch

from speechbrain_flashsr.bandwidth.network import CutoffNetwork
from speechbrain_flashsr.bandwidth.statistics import (
    NUM_BINS,
    NUM_LEVELS,
    all_statistics,
    chunk_statistics,
    mirror_coherence,
    num_bins,
)
from speechbrain_flashsr.data.resamplers import resample
from tests.unit.signals import pink_noise


@pytest.mark.parametrize("rate", [4000, 8000, 11025, 44100, 48000, 192000])
def test_white_noise_has_the_same_density_at_every_rate(rate):
    """Full scale is spread over half the sample rate."""
    noise = torch.randn(rate, generator=torch.Generator().manual_seed(0))
    statistics = all_statistics(noise, rate)
    mean = statistics[0, 0, 3 : num_bins(rate)].mean()
    assert mean == pytest.approx(-10 * torch.tensor(rate / 2).log10(), abs=1)
    assert (statistics[..., num_bins(rate) :] == -200).all()


def test_a_tone_lies_in_the_bin_of_its_frequency():
    tone = torch.sin(2 * torch.pi * 3000 * torch.arange(24576) / 48000)
    statistics = all_statistics(tone, 48000)
    assert statistics[0, 0].argmax() == 64


@pytest.mark.parametrize("name", ["torchaudio", "ffmpeg swr", "linear"])
def test_images_about_an_edge_are_found_under_noise(name):
    """Noise of -60 dBFS covers most of the images."""
    low = resample(pink_noise(3), 48000, 12000, "torchaudio")
    wav = torch.from_numpy(resample(low, 12000, 48000, name)).float()
    wav += 1e-3 * torch.randn(
        wav.shape, generator=torch.Generator().manual_seed(0)
    )
    statistics = all_statistics(wav, 48000)
    coherence = statistics[:, -1].mean(dim=0)
    lowest, highest = 30, 200  # 1.4 to 9.4 kHz
    assert coherence[lowest:highest].argmax() + lowest == 128  # 6 kHz


def test_a_spectrum_agrees_with_its_own_mirror_image():
    half = torch.randn(40, dtype=torch.complex64)
    turn = torch.polar(torch.tensor(1.0), torch.tensor(0.7))
    for axis, image in ((78, half[:-1]), (79, half)):  # On and between lines
        spectrum = torch.cat([half, turn * image.conj().flip(0)])
        coherence = mirror_coherence(spectrum)
        assert coherence.shape == (2 * len(spectrum),)
        assert coherence[axis] == pytest.approx(1, abs=0.1)
        assert coherence[64 : axis - 1].max() < 0.5


def test_less_than_a_frame_keeps_a_steep_edge():
    """No leakage of an end that is cut off."""
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(900) / 48000)
    level = chunk_statistics(tone, 48000)[0]
    assert level[256:].max() < level.max() - 80


def test_a_batch_of_several_rates_is_scored_as_each_alone():
    network = CutoffNetwork(channels=8, inner_channels=4).eval()
    chunks = [all_statistics(torch.randn(r), r)[:1] for r in (8000, 48000)]
    together, prior = network(torch.cat(chunks))
    for chunk, scores in zip(chunks, together):
        alone, same_prior = network(chunk)
        assert torch.allclose(alone[0], scores, atol=1e-4)
        assert torch.equal(prior, same_prior)


def test_the_level_and_an_offset_make_no_difference():
    network = CutoffNetwork(channels=8, inner_channels=4).eval()
    levels = -60 - 20 * torch.rand(1, NUM_LEVELS, NUM_BINS)
    coherence = 100 * torch.rand(1, 1, NUM_BINS)
    statistics = torch.cat([levels, coherence], dim=1)
    louder = torch.cat([levels + 30, coherence], dim=1)
    louder[..., :2] = 0  # An offset
    quiet, loud = network(statistics)[0], network(louder)[0]
    assert torch.allclose(quiet, loud, atol=1e-4)
