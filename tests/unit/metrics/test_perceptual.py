"""Perceptual metrics, behind packages that may be missing.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest
import torch

from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.data.degradations import low_pass
from speechbrain_flashsr.metrics import perceptual


@pytest.fixture(scope="module")
def speech():
    """Something with the rhythm and the spectrum of speech, [2, time]."""
    rng = np.random.default_rng(0)
    time = np.arange(2 * 48000) / 48000
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / 48000
    voiced = sum(np.sin(k * phase) / k for k in range(1, 60))
    rhythm = np.clip(np.sin(2 * np.pi * 3 * time), 0, 1)
    wav = 0.1 * voiced * rhythm + 1e-3 * rng.standard_normal(len(time))
    return torch.from_numpy(np.stack([wav, wav[::-1]])).float()


def noisy(wavs, level):
    generator = torch.Generator().manual_seed(0)
    return wavs + level * torch.randn(wavs.shape, generator=generator)


def test_pesq(speech):
    pytest.importorskip("pesq")
    assert perceptual.pesq(speech, speech).numpy() == pytest.approx(4.644, 1e-3)
    a_little = perceptual.pesq(noisy(speech, 0.003), speech)
    much = perceptual.pesq(noisy(speech, 0.1), speech)
    assert (a_little > much).all() and (much < 2).all()
    # 16 kHz is all it hears.
    above = speech + 0.03 * torch.cos(torch.pi * 0.7 * torch.arange(96000))
    assert perceptual.pesq(above, speech).numpy() == pytest.approx(
        4.644, abs=0.01
    )


def test_pesq_of_what_it_cannot_judge(speech):
    pytest.importorskip("pesq")
    silence = torch.zeros_like(speech)
    assert perceptual.pesq(silence, speech).isnan().all()
    assert perceptual.pesq(speech, silence).isnan().all()
    short = speech[:, :9600]
    assert perceptual.pesq(short, short).isnan().all()


def test_stoi(speech):
    pytest.importorskip("pystoi")
    values = {}
    for extended in (False, True):
        same = perceptual.stoi(speech, speech, extended)
        assert same.numpy() == pytest.approx(1, abs=1e-4)
        values[extended] = perceptual.stoi(noisy(speech, 0.1), speech, extended)
        assert (values[extended] < 0.95).all()
    assert not torch.equal(values[False], values[True])
    double = speech.double()
    assert perceptual.stoi(double, double).dtype == torch.float64
    short = speech[:, :9600]
    assert perceptual.stoi(short, short).isnan().all()


def test_p808_agrees_with_the_function_of_its_package(speech):
    for package in perceptual.PACKAGES["p808"]:
        pytest.importorskip(package)
    from speechmos import dnsmos

    values = perceptual.p808(torch.cat([speech[:1], torch.zeros(1, 96000)]))
    assert values[1].isnan()
    long = speech[:1].repeat(1, 6)  # 12 s
    for wavs in (speech[:1], long):
        resampled = Resampler(48000, 16000)(wavs)[0].numpy()
        theirs = dnsmos.run(resampled, 16000)["p808_mos"]
        assert perceptual.p808(wavs).item() == pytest.approx(theirs, abs=1e-4)


def test_visqol_hears_the_whole_band(speech):
    pytest.importorskip("visqol")
    same = perceptual.visqol(speech, speech)
    assert same.numpy() == pytest.approx(4.73, abs=0.01)
    lower = torch.from_numpy(
        np.stack([low_pass(w, 48000, 12000) for w in speech.double().numpy()])
    )
    lowest = torch.from_numpy(
        np.stack([low_pass(w, 48000, 4000) for w in speech.double().numpy()])
    )
    lower, lowest = (perceptual.visqol(x, speech) for x in (lower, lowest))
    assert (same > lower).all() and (lower > lowest + 0.1).all()


def test_visqol_of_what_it_cannot_judge(speech):
    pytest.importorskip("visqol")
    silence = torch.zeros_like(speech)
    assert perceptual.visqol(silence, speech).isnan().all()
    assert perceptual.visqol(speech, silence).isnan().all()
    short = speech[:, :47000]
    assert perceptual.visqol(short, short).isnan().all()
    just_enough = speech[:, :48000]
    assert perceptual.visqol(just_enough, just_enough).isfinite().all()


def test_packages_that_are_missing_are_named(monkeypatch):
    monkeypatch.setitem(perceptual.PACKAGES, "pesq", ("no_such_package",))
    assert perceptual.missing_packages("pesq") == ["no_such_package"]
    assert perceptual.missing_packages("si_sdr") == []
