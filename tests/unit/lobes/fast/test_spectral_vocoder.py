"""The fast spectral vocoder gives what the plain one gives.

Authors
 * The speechbrain_flashsr developers 2026
"""

import copy

import pytest
import torch

from speechbrain_flashsr.lobes.fast.preparation import prepare_for_inference
from speechbrain_flashsr.lobes.fast.spectral_vocoder import BLOCK, ShiftedBand
from speechbrain_flashsr.lobes.features import LogMel
from speechbrain_flashsr.lobes.spectral_vocoder import SpectralVocoder
from speechbrain_flashsr.lobes.spectrum import ShortTimeSpectrum, shift_up


@pytest.fixture(scope="module")
def vocoder():
    """One whose network decides something."""
    torch.manual_seed(0)
    plain = SpectralVocoder(LogMel(), 8, 16, 2, swing=0.65, gain_frames=21)
    torch.nn.init.normal_(plain.head.weight, std=0.5)
    return plain.eval()


# The band that is shifted up begins below the first bins, or ends at the last.
@pytest.mark.parametrize(
    "cutoffs", [[4000.0, 8000.0], [300.0, 23000.0], [12345.0, 500.0]]
)
# Less than one block of frames, and several with a rest.
@pytest.mark.parametrize("mel_frames", [20, BLOCK + 13])
@torch.no_grad()
def test_waveforms_are_those_of_the_plain_form(vocoder, cutoffs, mel_frames):
    generator = torch.Generator().manual_seed(1)
    mel = 2 * torch.randn(2, 256, mel_frames, generator=generator) - 5
    wavs, excitation = torch.randn(
        2, 2, 480 * mel_frames, generator=generator
    ).mul(0.1)
    inputs = mel, wavs, torch.tensor(cutoffs), excitation
    expected = vocoder(*inputs)
    fast = copy.deepcopy(vocoder)
    prepare_for_inference(fast)
    assert type(fast).__name__ == "FastSpectralVocoder"
    scale = (expected - wavs).abs().max().item()
    torch.testing.assert_close(
        fast(*inputs), expected, rtol=0, atol=1e-5 * max(1, scale)
    )


@pytest.mark.parametrize("cutoff", [200.0, 4000.0, 23500.0])
def test_the_shifted_band_is_that_of_the_plain_form(cutoff):
    generator = torch.Generator().manual_seed(0)
    wavs = torch.randn(1, 240 * (BLOCK + 7), generator=generator)
    low = ShortTimeSpectrum(1024, 240)(wavs)
    cutoff_hz = torch.tensor([cutoff])
    shifted = ShiftedBand(cutoff_hz, 46.875, 513)
    for block in low.split(BLOCK, 1):
        shifted.update(block, block.abs().square())
    first = int(0.64 * cutoff / 46.875)
    shifted.finish(first)
    blocks = [
        torch.complex(*shifted.rows(slice(start, start + BLOCK)))
        for start in range(0, low.shape[1], BLOCK)
    ]
    expected = shift_up(low, cutoff_hz, 46.875, 240)[..., first:]
    torch.testing.assert_close(
        torch.cat(blocks, 1), expected, rtol=1e-4, atol=1e-4
    )


def test_gradients_are_those_of_the_plain_form(vocoder):
    """Training runs the fast forms, too."""
    fast = copy.deepcopy(vocoder)
    prepare_for_inference(fast)
    mel = torch.randn(1, 256, 10, requires_grad=True)
    wavs = torch.randn(1, 4800)
    gradients = [
        torch.autograd.grad(
            form(mel, wavs, torch.tensor([4e3]), wavs).square().sum(), mel
        )
        for form in (vocoder, fast)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-3)
