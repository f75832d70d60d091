"""Axes about which the phases of spectra mirror each other.

Authors
 * The speechbrain_flashsr developers 2026
"""

import io

import numpy as np
import pytest
import scipy.signal
import soundfile

from speechbrain_flashsr.bandwidth import spectral_images
from speechbrain_flashsr.bandwidth.spectral_images import ImageDetector
from speechbrain_flashsr.data.degradations import low_pass

RATE = 48000
BIN_HZ = RATE / 2048


def noise(seconds, seed=0):
    return np.random.default_rng(seed).standard_normal(int(seconds * RATE)) / 10


def spectra(*wavs):
    frames = np.lib.stride_tricks.sliding_window_view(np.stack(wavs), 2048, 1)
    return np.fft.rfft(
        frames[:, ::1024] * scipy.signal.get_window("hann", 2048)
    )


def axes_hz(*wavs):
    detector = ImageDetector(64, 890)
    detector.update(spectra(*wavs))
    return [[BIN_HZ * axis for axis in axes] for axes in detector.result()]


@pytest.mark.parametrize("cutoff_hz", [2000, 5512.5, 8000, 11990, 16000])
@pytest.mark.parametrize("family", ["cheby1", "bessel"])
def test_half_the_former_rate_is_the_lowest_axis(cutoff_hz, family):
    low = low_pass(noise(3), RATE, cutoff_hz, family, 4)
    (axes,) = axes_hz(np.round(low * 32767) / 32768)
    assert axes[0] == pytest.approx(cutoff_hz, rel=5e-4)


def test_images_of_interpolation_are_found():
    """Straight lines between the samples, as careless resampling draws them."""
    low = scipy.signal.resample_poly(noise(3), 1, 3)
    wav = np.interp(np.arange(len(low) * 3) / 3, np.arange(len(low)), low)
    (axes,) = axes_hz(wav)
    assert axes[0] == pytest.approx(8000, rel=5e-4)


def test_faint_images_under_aliases_are_found():
    """A band at 2.5 kHz leaves an alias at 18.5 kHz above the images there."""
    loud = scipy.signal.butter(4, (2000, 3000), "band", fs=RATE, output="sos")
    wav = 0.003 * noise(2) + scipy.signal.sosfilt(loud, noise(2, seed=1))
    (axes,) = axes_hz(low_pass(wav, RATE, 16000, "bessel", 2))
    assert axes == pytest.approx([16000], rel=5e-4)


def test_a_change_of_level_or_pitch_is_no_axis():
    time = np.arange(3 * RATE) / RATE
    envelope = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * time)
    glide = scipy.signal.sawtooth(2 * np.pi * (200 * time + 15 * time**2))
    assert axes_hz(noise(3), envelope * noise(3), glide) == [[], [], []]


def test_the_partials_of_a_steady_tone_are_no_axes(monkeypatch):
    """They mirror each other, too, but about many axes near each other."""
    time = np.arange(3 * RATE) / RATE
    tone = scipy.signal.sawtooth(2 * np.pi * 261.6 * time) + 0.1 * noise(3)
    assert axes_hz(tone) == [[]]
    monkeypatch.setattr(spectral_images, "COMB_SHARE", 1.0)
    assert axes_hz(tone) != [[]]


def test_the_subbands_of_mp3_are_no_axes(monkeypatch):
    """Aliases between subbands, 750 Hz wide, mirror each other, too."""
    bursts = np.sin(4 * np.pi * np.arange(6 * RATE) / RATE) > 0.7
    pink = scipy.signal.lfilter([1], [1, -0.98], noise(6))
    file = io.BytesIO()
    soundfile.write(
        file,
        pink * (0.02 + bursts) / 10,
        RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=0.6,
    )
    file.seek(0)
    wav, _ = soundfile.read(file)
    assert axes_hz(wav) == [[]]
    monkeypatch.setattr(spectral_images, "COMB_SHARE", 1.0)
    (axes,) = axes_hz(wav)
    assert axes
    for axis in axes:
        assert axis / 750 == pytest.approx(round(axis / 750), abs=0.01)


def test_channels_and_blocks_do_not_matter():
    wavs = [low_pass(noise(7, k), RATE, 4000 + 4000 * k) for k in range(2)]
    frames = spectra(*wavs)
    detector = ImageDetector(64, 890)
    for block in np.array_split(frames, 13, axis=1):
        detector.update(block)
    in_blocks = detector.result()
    for wav, found in zip(wavs, in_blocks):
        assert [BIN_HZ * axis for axis in found] == axes_hz(wav)[0]
    assert in_blocks[0][0] == pytest.approx(4000 / BIN_HZ, rel=5e-4)
    assert in_blocks[1][0] == pytest.approx(8000 / BIN_HZ, rel=5e-4)


def test_short_and_silent_signals_have_no_axes():
    assert ImageDetector(64, 890).result() == []
    assert axes_hz(noise(0.1)) == [[]]
    assert axes_hz(np.zeros(3 * RATE)) == [[]]
    low = low_pass(noise(0.5), RATE, 8000)
    assert axes_hz(low)[0][0] == pytest.approx(8000, rel=2e-3)


def test_long_signals_are_looked_at_ever_more_rarely():
    detector = ImageDetector(300, 301)
    looked_at = []
    for k in range(1000):
        before = detector.count
        detector.update(np.ones((1, 64, 1025), complex))
        if detector.count > before:
            looked_at.append(k)
    assert looked_at[:6] == [0, 1, 2, 3, 4, 5]
    assert len(looked_at) < 40
    assert looked_at[-1] > 750
    assert detector.pending.shape[1] == 0
