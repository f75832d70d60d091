"""The model that ships: its size, and that it restores a real high band.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pickle

import pytest
import soundfile
import torch

from speechbrain_flashsr import SHIPPED_MODEL
from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.inference import FlashSR


@pytest.fixture(scope="module")
def flashsr():
    return FlashSR.from_hparams(run_opts={"device": "cpu", "precision": "fp32"})


@pytest.fixture(scope="module")
def announcement(flashsr, project):
    """A spoken announcement at 48 kHz, as it is and restored, [time]."""
    wav, sample_rate = soundfile.read(
        project / "examples" / "announcement.flac", dtype="float32"
    )
    wavs = torch.from_numpy(wav)[None]
    output = flashsr.super_resolve_batch(wavs, sample_rate=sample_rate)
    return Resampler(sample_rate, 48000)(wavs)[0], output[0]


def levels_db(wav, sample_rate, edges):
    """Level of each band between the edges, in dB."""
    power = torch.fft.rfft(wav).abs() ** 2
    frequencies = torch.linspace(0, sample_rate / 2, len(power))
    return [
        10 * torch.log10(power[(frequencies >= a) & (frequencies < b)].mean())
        for a, b in zip(edges, edges[1:])
    ]


def test_it_is_small(flashsr):
    parameters = sum(p.numel() for p in flashsr.mods.parameters())
    assert parameters <= 16e6
    files = [
        path.stat().st_size
        for path in SHIPPED_MODEL.iterdir()
        if path.suffix in (".ckpt", ".safetensors")
    ]
    assert len(files) == 3 and sum(files) <= 32e6 and max(files) <= 20e6
    assert (SHIPPED_MODEL / "README.md").exists()


@pytest.mark.slow
def test_it_can_be_sent_to_the_workers_of_a_data_loader(flashsr):
    """Where these are not forked, as on macOS, it is pickled."""
    copy = pickle.loads(pickle.dumps(flashsr))
    wavs = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    ours, theirs = (
        model.super_resolve_batch(wavs, sample_rate=8000)
        for model in (flashsr, copy)
    )
    assert torch.equal(ours, theirs)


@pytest.mark.slow
def test_the_high_band_of_a_real_recording_comes_back(announcement):
    plain, output = announcement
    assert len(output) == len(plain)
    edges = [3000, 5000, 8500, 12000, 15000]
    before = levels_db(plain, 48000, edges)
    after = levels_db(output, 48000, edges)
    # The band that was there stays; above it there is speech, not silence, and
    # less of it the higher it gets.
    assert abs(after[0] - before[0]) < 0.1
    assert before[2] < before[0] - 60
    for level in after[2:]:
        assert before[0] - 40 < level < before[0]


@pytest.mark.slow
def test_the_high_band_follows_the_words(announcement):
    _, output = announcement
    spectrum = torch.stft(
        output, 2048, 512, window=torch.hann_window(2048), return_complex=True
    )
    level = 20 * (spectrum.abs() + 1e-6).log10()
    low, high = level[100:300].mean(0), level[400:600].mean(0)
    correlation = torch.corrcoef(torch.stack([low, high]))[0, 1]
    assert correlation > 0.6


def test_silence_stays_silent(flashsr):
    output = flashsr.super_resolve_batch(
        torch.zeros(1, 16000), sample_rate=16000, cutoff=7000
    )
    assert output.abs().max() < 1e-4


def test_no_hiss_in_silence_after_sound(flashsr):
    generator = torch.Generator().manual_seed(0)
    wavs = torch.zeros(1, 3 * 16000)
    wavs[:, :16000] = 0.3 * torch.randn(16000, generator=generator)
    output = flashsr.super_resolve_batch(wavs, sample_rate=16000, cutoff=7000)
    silence = output[:, 48000 + 9600 :]
    assert silence.square().mean().sqrt() < 1e-5  # -100 dBFS
