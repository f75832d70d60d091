"""Tests of speechbrain_flashsr.audio.resampling.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math
import subprocess
import sys

import pytest
import torch

from speechbrain_flashsr.audio.resampling import Resampler

RATES = [4000, 8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000]


def tone(frequency, sample_rate, num_samples):
    time = torch.arange(num_samples, dtype=torch.float64) / sample_rate
    return torch.sin(2 * math.pi * frequency * time + 0.3).float()[None]


@pytest.mark.parametrize("rate", RATES)
def test_tone_keeps_frequency_phase_and_level(rate):
    frequency = 0.9 * min(rate, 48000) / 2
    resampled = Resampler(rate, 48000)(tone(frequency, rate, rate // 2))
    expected = tone(frequency, 48000, resampled.shape[1])
    error = (resampled - expected)[:, 3000:-3000].abs().max()
    assert error < 1e-4


@pytest.mark.parametrize("rate", [8000, 44100])
def test_no_image_above_the_old_nyquist_frequency(rate):
    torch.manual_seed(0)
    resampled = Resampler(rate, 48000)(torch.randn(1, rate))
    window = torch.hann_window(resampled.shape[1])
    power = torch.fft.rfft(resampled[0] * window).abs().square()
    frequency = torch.linspace(0, 24000, len(power))
    image = power[frequency > 1.001 * rate / 2].mean()
    assert 10 * torch.log10(image / power.max()) < -100


def test_downsampling_does_not_alias():
    resampled = Resampler(96000, 48000)(tone(30000, 96000, 20000))
    assert resampled[:, 1000:-1000].abs().max() < 2e-5


# 44056 has a small common divisor with 48000: the SoX resampler's.
@pytest.mark.parametrize("rate", [8000, 44100, 44056, 48000, 96000])
def test_stream_equals_whole_signal(rate):
    torch.manual_seed(0)
    time = int(2.3 * rate) + 7
    wavs = torch.randn(2, time)
    resampler = Resampler(rate, 48000)
    whole = resampler(wavs)
    cuts = [0, 1, 5, rate // 3, rate + 11, 2 * rate, time]
    blocks = [wavs[:, a:b] for a, b in zip(cuts, cuts[1:])]
    streamed = torch.cat(list(resampler.stream(blocks)), dim=1)
    torch.testing.assert_close(streamed, whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("rate", [*RATES, 44056])
@pytest.mark.parametrize("time", [1, 2, 3, 1000, 12345])
def test_length_is_exact(rate, time):
    resampled = Resampler(rate, 48000)(torch.randn(1, time))
    assert resampled.shape == (1, max(1, round(time * 48000 / rate)))


@pytest.mark.parametrize("rate", [8000, 44100, 44056])
def test_constant_stays_constant_to_the_ends(rate):
    resampled = Resampler(rate, 48000)(torch.full((1, rate // 4), 0.7))
    assert (resampled - 0.7).abs().max() < 1e-5


MEMORY = """
import resource, torch
from speechbrain_flashsr.audio.resampling import Resampler
torch.set_num_threads(1)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak()
for orig, new, channels, time in (
    (767999, 48000, 1, 40000),
    (768000, 44100, 1, 40000),
    (7993, 44101, 2, 8000),
    (44101, 48000, 64, 4000),
    (16000, 48000, 512, 400),
):
    blocks = torch.randn(channels, time).split(1000, dim=1)
    made = sum(x.shape[1] for x in Resampler(orig, new).stream(blocks))
    assert made == max(1, round(time * new / orig))
    print(peak() - before)
"""


@pytest.mark.slow
def test_memory_is_bounded_whatever_the_rates():
    """In MB. A filter at the common multiple of the rates took 4600."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY],
        capture_output=True,
        text=True,
        check=True,
    )
    assert max(map(int, done.stdout.split())) < 150, done.stdout


def test_loud_and_faint_signals_are_resampled_alike():
    torch.manual_seed(0)
    wav = torch.randn(1, 20000)
    for rate in (16000, 44056):
        resampler = Resampler(rate, 48000)
        torch.testing.assert_close(
            2.0**-20 * resampler(2.0**20 * wav),
            resampler(wav),
            rtol=0,
            atol=1e-5,
        )
