"""Files of all kinds through the whole interface, with a tiny model.

Authors
 * The speechbrain_flashsr developers 2026
"""

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile
import torch

from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.inference import AudioError, FlashSR
from speechbrain_flashsr.inference.reporting import with_progress
from tests.tiny_model import toy_interface


@pytest.fixture(scope="module")
def flashsr(folder):
    """The tiny model, in single precision on any machine."""
    options = {"device": "cpu", "precision": "fp32", "noprogressbar": True}
    return FlashSR.from_hparams(folder, run_opts=options)


@pytest.fixture(scope="module")
def toy():
    """A model that adds nothing, for what does not depend on one."""
    return toy_interface()


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(path, rate=16000, seconds=0.5, channels=1, seed=0, **options):
    """Writes noise with a falling spectrum, returns it [time, channels]."""
    generator = np.random.default_rng(seed)
    white = generator.standard_normal((int(seconds * rate), channels))
    samples = scipy.signal.lfilter([0.05], [1, -0.9], white, axis=0)
    soundfile.write(path, samples, rate, **options)
    return samples


def load(path):
    return torch.from_numpy(soundfile.read(path, dtype="float32")[0])


@pytest.mark.parametrize(
    "rate", [8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000]
)
def test_length_rate_and_depth(toy, rate):
    samples = write("a.wav", rate, 0.31, subtype="PCM_24")
    report = toy.super_resolve_file("a.wav", "b.wav")
    info = soundfile.info("b.wav")
    assert info.samplerate == report.sample_rate == 48000
    assert (
        info.frames == report.num_samples == round(len(samples) * 48000 / rate)
    )
    assert info.subtype == "PCM_24"
    assert report.orig_rate == rate


@pytest.mark.slow
@pytest.mark.parametrize("extension", ["wav", "flac", "ogg"])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_formats_and_channels(flashsr, extension, channels):
    source = f"a.{extension}"
    write(source, 8000, channels=channels)
    flashsr.super_resolve_file(source, f"b.{extension}", cutoff=4000)
    info = soundfile.info(f"b.{extension}")
    assert (info.channels, info.frames) == (channels, 24000)
    assert info.format == soundfile.info(source).format


@pytest.mark.slow
def test_file_equals_batch(flashsr, monkeypatch):
    """However the file is cut into blocks and windows."""
    samples = write("a.wav", 16000, 4, channels=2, subtype="FLOAT")
    wavs = torch.from_numpy(samples).float()[None]
    expected = flashsr.super_resolve_batch(wavs, sample_rate=16000, seed=5)[0]
    flashsr.super_resolve_file("a.wav", "b.wav", seed=5)
    torch.testing.assert_close(load("b.wav"), expected, rtol=0, atol=1e-5)
    monkeypatch.setattr(flashsr, "batch_windows", 3)
    direct = flashsr.enhance_file("a.wav", seed=5)
    torch.testing.assert_close(direct, expected, rtol=0, atol=1e-5)


def test_waveform_of_a_mono_file(flashsr):
    write("a.wav", 8000)
    assert flashsr.enhance_file("a.wav").shape == (24000,)


@pytest.mark.slow
def test_enhance_file_is_called_like_those_of_speechbrain(flashsr):
    write("a.wav", 8000, channels=2, subtype="FLOAT")
    wavs = flashsr.enhance_file("a.wav", "b.wav", savedir="fetched")
    assert wavs.shape == (24000, 2)
    assert torch.equal(load("b.wav"), wavs)


def test_a_file_needs_somewhere_to_go(flashsr):
    write("a.wav", 8000)
    with pytest.raises(AudioError, match="a.wav.*enhance_file"):
        flashsr.super_resolve_file("a.wav")


@pytest.mark.slow
def test_a_looped_file_is_a_looped_batch(flashsr):
    samples = write("a.wav", 8000, 3, subtype="FLOAT")
    options = {"cutoff": 4000, "loop": True}
    expected = flashsr.super_resolve_batch(
        torch.from_numpy(samples.T).float(), sample_rate=8000, **options
    )
    out = flashsr.enhance_file("a.wav", **options)
    torch.testing.assert_close(out, expected[0], rtol=0, atol=1e-5)


def test_low_band_gain_and_delay(flashsr):
    samples = write("a.wav", 16000, 3, subtype="FLOAT")
    flashsr.super_resolve_file("a.wav", "b.wav", cutoff=7000)
    out = load("b.wav").double().numpy()
    expected = Resampler(16000, 48000)(torch.from_numpy(samples.T).float())[
        0
    ].numpy()
    lowpass = scipy.signal.firwin(2001, 6000, fs=48000, window=("kaiser", 10))
    out, expected = (
        scipy.signal.oaconvolve(wav, lowpass, mode="valid")
        for wav in (out, expected)
    )
    difference = np.square(out - expected).sum() / np.square(expected).sum()
    assert 10 * np.log10(difference) < -80
    lags = scipy.signal.correlate(out, expected, method="fft")
    assert lags.argmax() == len(out) - 1


def test_full_band_file_comes_back_bit_by_bit(flashsr, caplog):
    generator = np.random.default_rng(0)
    samples = 0.1 * generator.standard_normal((48000, 2))
    for name in ("a.wav", "a.flac"):
        soundfile.write(name, samples, 48000)
    with caplog.at_level(logging.WARNING):
        report = flashsr.super_resolve_file("a.wav", "b.wav")
    assert report.cutoff_hz == [None, None]
    assert "full band" in caplog.text and "a.wav" in caplog.text
    assert torch.equal(load("a.wav"), load("b.wav"))
    flashsr.super_resolve_file("a.flac", "c.wav")
    assert torch.equal(load("a.flac"), load("c.wav"))


def test_a_copy_at_a_higher_rate_loses_nothing(flashsr, caplog):
    rng = np.random.default_rng(0)
    wav = 0.1 * rng.standard_normal(96000)
    soundfile.write("a.wav", wav, 96000, subtype="PCM_24")
    with caplog.at_level(logging.WARNING):
        flashsr.super_resolve_file("a.wav", "b.wav", rate=96000.0)
        assert "drops the band" not in caplog.text
        assert Path("b.wav").read_bytes() == Path("a.wav").read_bytes()
        flashsr.enhance_file("a.wav", "b.wav", rate=96000)
        assert "which drops the band above 24000 Hz" in caplog.text
        caplog.clear()
        flashsr.super_resolve_file("a.wav", "b.flac", rate=96000)
    assert "which drops the band above 24000 Hz" in caplog.text


def test_clipping_is_said_aloud_and_can_be_avoided(caplog):
    flashsr = toy_interface(
        lambda low, noise: 0.4 * (-1.0) ** torch.arange(low.shape[1])
    )
    samples = 0.9 * np.sin(np.arange(8000) * 0.3)
    soundfile.write("a.wav", samples, 16000)
    options = {"cutoff": 8000}
    with caplog.at_level(logging.WARNING):
        report = flashsr.super_resolve_file("a.wav", "b.wav", **options)
    assert report.clipped_samples > 100
    assert f"{report.clipped_samples} samples" in caplog.text
    assert "FLOAT" in caplog.text
    caplog.clear()
    report = flashsr.super_resolve_file("a.wav", "b.wav", headroom=0, **options)
    assert report.clipped_samples == 0 and report.gain_db < -1
    assert not caplog.text
    report = flashsr.super_resolve_file(
        "a.wav", "c.wav", subtype="FLOAT", **options
    )
    assert report.clipped_samples == 0 and not caplog.text
    assert load("c.wav").abs().max() > 1.2


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(4000),
        np.full(4000, 0.25),
        np.full(1, 0.5),
        np.zeros((100, 8)),
        np.clip(np.random.default_rng(0).standard_normal(8000), -1, 1),
    ],
    ids=["silence", "constant", "single", "8 channels", "clipped"],
)
def test_odd_input(flashsr, samples):
    soundfile.write("a.wav", samples, 8000)
    flashsr.super_resolve_file("a.wav", "b.wav")
    out, rate = soundfile.read("b.wav")
    assert rate == 48000 and len(out) == 6 * len(samples)
    assert out.shape[1:] == samples.shape[1:]
    assert np.isfinite(out).all()
    if samples.std() == 0:
        assert np.abs(out - samples.flat[0]).max() < 1e-3


def test_errors_leave_nothing_behind(flashsr, tmp_path):
    write("a.wav", seconds=6, subtype="FLOAT")
    data = Path("a.wav").read_bytes()
    samples, rate = soundfile.read("a.wav")
    samples[-1] = np.nan
    soundfile.write("nan.wav", samples, rate, subtype="FLOAT")
    soundfile.write("low.wav", samples[:100], 3000)
    soundfile.write("c.flac", samples[:-1], rate)
    flac = Path("c.flac").read_bytes()
    Path("cut.flac").write_bytes(flac[: len(flac) // 2])
    Path("cut.wav").write_bytes(data[:3000])
    Path("text.wav").write_text("not audio")
    Path("empty.wav").touch()
    before = sorted(tmp_path.iterdir())
    for name, words in (
        ("nan.wav", "nan"),
        ("low.wav", "3000 Hz"),
        ("cut.flac", "truncated"),
        ("cut.wav", "truncated"),
        ("text.wav", "audio"),
        ("empty.wav", "empty"),
        ("gone.wav", "no file"),
    ):
        with pytest.raises(AudioError, match=words) as error:
            flashsr.super_resolve_file(name, "out.wav")
        assert name in str(error.value)
    for out in ("a.wav", "out.mp3", "a.wav/out.wav"):
        with pytest.raises(AudioError, match=out):
            flashsr.super_resolve_file("a.wav", out)
    for out in (b"out.wav", 3, "out\0.wav"):
        with pytest.raises(AudioError, match="is not a name"):
            flashsr.super_resolve_file("a.wav", out)
    assert sorted(tmp_path.iterdir()) == before
    assert Path("a.wav").read_bytes() == data


@pytest.mark.parametrize("declared", [0, 10, 24000])
def test_progress_with_headers_that_are_wrong(declared, capsys):
    blocks = [torch.zeros(1, 4000)] * 3
    shown = with_progress(iter(blocks), declared, 8000, "Reading a.m4a")
    assert len(list(shown)) == 3
    percent = "50%" if declared == 24000 else "100%"
    assert f"Reading a.m4a: {percent}" in capsys.readouterr().err.replace(
        ":  ", ": "
    )


@pytest.mark.slow
def test_progress_is_shown(folder, capsys):
    write("a.wav", 8000)
    flashsr = FlashSR.from_hparams(folder, run_opts={"device": "cpu"})
    flashsr.super_resolve_file("a.wav", "b.wav")
    shown = capsys.readouterr().err
    assert "Restoring a.wav: 100%" in shown
    flashsr.super_resolve_file("a.wav", "b.wav", progressbar=False)
    assert "Restoring" not in capsys.readouterr().err


MEMORY = """
import collections, resource, sys, torch
from tests.tiny_model import toy_interface
torch.set_num_threads(1)
flashsr = toy_interface()
flashsr.mods.super_resolver.calls = collections.deque(maxlen=1)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
flashsr.super_resolve_file(sys.argv[1], sys.argv[3], cutoff=4000)
short = peak()
flashsr.super_resolve_file(sys.argv[2], sys.argv[3], cutoff=4000)
print(short, peak())
"""


@pytest.mark.slow
def test_memory_is_flat_in_the_length(project, tmp_path):
    """Two minutes of stereo, 46 MB as floats at 48 kHz."""
    write(tmp_path / "short.wav", 8000, 20, channels=2)
    write(tmp_path / "long.wav", 8000, 120, channels=2)
    arguments = [
        str(tmp_path / f"{name}.wav") for name in ("short", "long", "out")
    ]
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    short, long = map(int, done.stdout.split())
    assert long - short < 20
    assert soundfile.info(arguments[2]).frames == 120 * 48000


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
@pytest.mark.parametrize("new_rate", [44100, 48000, 96000])
def test_other_rates_of_the_output(toy, rate, new_rate):
    samples = write("a.wav", rate, 0.123)
    report = toy.super_resolve_file("a.wav", "b.wav", rate=new_rate)
    info = soundfile.info("b.wav")
    assert info.samplerate == report.sample_rate == new_rate
    expected = round(len(samples) * new_rate / rate)
    assert info.frames == report.num_samples == expected


@pytest.mark.slow
def test_bytes_and_open_files_are_inputs(flashsr):
    write("a.wav")
    expected = flashsr.enhance_file("a.wav")
    data = Path("a.wav").read_bytes()
    with open("a.wav", "rb") as file:
        for source in (data, file):
            assert torch.equal(flashsr.enhance_file(source), expected)


def test_headroom_is_reported(toy):
    write("a.wav", subtype="FLOAT")
    report = toy.super_resolve_file("a.wav", "b.wav", headroom=40)
    peak = load("b.wav").abs().max()
    assert report.gain_db < 0 and peak <= 0.01001
