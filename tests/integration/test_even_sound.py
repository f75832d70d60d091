"""The band that the shipped model restores: even up to the ends, at the level
of the recording at each moment, and as wide as the image below it.

Authors
 * The speechbrain_flashsr developers 2026
"""

import functools

import numpy as np
import pytest
import scipy.signal
import soundfile
import torch

from speechbrain_flashsr.inference import FlashSR

pytestmark = pytest.mark.slow

SEEDS = range(3)
"""Single results vary by 0.6 dB (standard deviation) from 20 ms to 20 ms."""

LONG = 6
"""Seconds that take the shipped model two windows."""


def load(precision):
    return FlashSR.from_hparams(
        run_opts={
            "device": "cpu",
            "precision": precision,
            "noprogressbar": True,
        }
    )


@pytest.fixture(scope="module")
def flashsr():
    return load("fp32")


@pytest.fixture(scope="module")
def speech(project):
    """Three seconds of speech at 16 kHz, [time]."""
    path = project / "examples" / "announcement.flac"
    wav, _ = soundfile.read(path, start=8000, frames=48000, dtype="float32")
    return torch.from_numpy(wav)


def white(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 0.05 * torch.randn(*shape, generator=generator)


def band(flashsr, wav, cutoff=8000, rate=16000, **options):
    """The band restored above 1.1 times the cut-off, of a waveform
    [time] or [time, channels]: [..., time], numpy.ndarray."""
    output = (
        flashsr.super_resolve_batch(
            wav[None], sample_rate=rate, cutoff=cutoff, **options
        )[0]
        .numpy()
        .T
    )
    if options.get("loop"):  # heard as it is played
        output = np.tile(output, 3)
    highpass = scipy.signal.butter(
        8, 1.1 * cutoff, "highpass", fs=48000, output="sos"
    )
    filtered = scipy.signal.sosfiltfilt(highpass, output)
    if options.get("loop"):
        filtered = np.split(filtered, 3, axis=-1)[1]
    return filtered


def decibels(band):
    return 10 * np.log10(np.square(band).mean())


@pytest.fixture(scope="module")
def steady_bands(flashsr):
    """The bands of white noise that lasts some seconds: [seeds, time]."""

    @functools.cache
    def make(seconds, loop):
        length = int(16000 * seconds)
        return np.stack(
            [
                band(flashsr, white(length, seed=seed), seed=seed, loop=loop)
                for seed in SEEDS
            ]
        )

    return make


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("seconds", [0.05, 0.1, 0.2, 0.5, 1, LONG])
def test_the_band_of_steady_noise_is_even_up_to_the_ends(
    steady_bands, seconds, loop
):
    bands = steady_bands(seconds, loop)
    middle = decibels(bands[:, 960:-960])
    assert abs(decibels(bands[:, :960]) - middle) < 1.5
    assert abs(decibels(bands[:, -960:]) - middle) < 1.5
    if loop:  # the largest step is not the one at the seam
        seam = abs(bands[:, 0] - bands[:, -1])
        assert (seam < abs(np.diff(bands)).max(1)).all()


@pytest.mark.parametrize("seconds", [0.05, 0.1, 0.2, 0.5])
def test_clips_of_any_length_get_the_level_of_long_ones(steady_bands, seconds):
    long = decibels(steady_bands(LONG, False))
    assert abs(decibels(steady_bands(seconds, False)) - long) < 1


@pytest.mark.parametrize("seconds", [0.05, 0.2, 1])
def test_tones_begin_and_end_without_a_click(flashsr, seconds):
    time = torch.arange(int(16000 * seconds)) / 16000
    tone = 0.3 * torch.sin(2 * torch.pi * 3000 * time)
    assert abs(band(flashsr, tone)).max() < 0.01


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_band_has_the_gain_of_the_recording(precision, speech):
    flashsr = load(precision)
    whole = band(flashsr, speech)
    for gain_db in (-60, -40.3, -20, -6.5):
        gain = 10 ** (gain_db / 20)
        error = band(flashsr, gain * speech) / gain - whole
        assert decibels(error) < decibels(whole) - 50


def test_a_click_elsewhere_leaves_the_band(flashsr, speech):
    quiet = torch.nn.functional.pad(0.01 * speech, (8000, 12000))
    spoken = slice(24000, 24000 + 3 * len(speech))
    alone = decibels(band(flashsr, quiet)[spoken])
    for position in (2000, len(quiet) - 8000, len(quiet) - 4000):
        clicked = quiet.clone()
        clicked[position : position + 10] = 0.99
        assert abs(decibels(band(flashsr, clicked)[spoken]) - alone) < 1


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_passage_leaves_the_band_however_loud_it_is(flashsr, speech, place):
    """A passage that is as quiet has the same influence, by its sound."""
    bands = []
    for gain in (1, 0.01):
        passage = torch.cat([gain * white(16000), torch.zeros(4000)])
        parts = [0.01 * speech, passage.flip(0)]
        if place == "before":
            parts = [passage, 0.01 * speech]
        bands.append(band(flashsr, torch.cat(parts)))
    spoken = slice(0, 3 * len(speech))
    if place == "before":
        spoken = slice(-3 * len(speech), None)
    change = decibels(bands[0][spoken]) - decibels(bands[1][spoken])
    assert abs(change) < 1


@pytest.mark.parametrize("seconds, fall", [(3, 0), (3, -1), (8, -1)])
def test_fades_of_60_db_are_followed(flashsr, seconds, fall):
    wav = white(8000 * seconds)
    slope = torch.linspace(-60 - 60 * fall, 60 * fall, len(wav))
    fade = 10 ** (slope / 20)
    steady, faded = (
        band(flashsr, wavs, cutoff=4000, rate=8000)
        for wavs in (wav, fade * wav)
    )
    time = np.arange(len(faded)) / 6
    faded /= np.interp(time, np.arange(len(fade)), fade.numpy())
    for part in range(0, len(faded), 24000):
        change = decibels(faded[part : part + 24000])
        change -= decibels(steady[part : part + 24000])
        assert abs(change) < 2


@pytest.mark.parametrize("agreement", [-1.0, -0.5, 0.0, 0.5, 1.0])
def test_channels_of_noise_keep_their_image(flashsr, agreement):
    first, second = white(2, 32000, seed=1)
    rest = (1 - agreement**2) ** 0.5
    stereo = torch.stack([first, agreement * first + rest * second], dim=1)
    above = band(flashsr, stereo)
    assert abs(np.corrcoef(above)[0, 1] - agreement) < 0.15


def test_the_channels_of_music_keep_their_image(flashsr, project):
    music, rate = soundfile.read(
        project / "examples" / "music.flac", dtype="float32"
    )
    music = music[: 5 * rate]
    bandpass = scipy.signal.butter(
        6, [0.25 * rate, 0.45 * rate], "bandpass", fs=rate, output="sos"
    )
    below = np.corrcoef(scipy.signal.sosfiltfilt(bandpass, music, axis=0).T)
    above = band(flashsr, torch.from_numpy(music), 0.5 * rate, rate)
    assert abs(np.corrcoef(above)[0, 1] - below[0, 1]) < 0.15
