"""Detection of the cut-off.

Authors
 * The speechbrain_flashsr developers 2026
"""

import io

import numpy as np
import pytest
import scipy.signal
import soundfile
import torch

from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.bandwidth.cutoff_detector import CutoffDetector
from speechbrain_flashsr.data.degradations import FAMILIES, low_pass


def pink_noise(seconds, seed=0):
    """Noise that falls by 3 dB an octave, with a syllable-like envelope."""
    rng = np.random.default_rng(seed)
    length = int(48000 * seconds)
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum /= np.sqrt(np.arange(len(spectrum)) + 100)
    wav = np.fft.irfft(spectrum, n=length)
    envelope = 1 + 0.9 * np.sin(2 * np.pi * 3 * np.arange(length) / 48000)
    return 0.2 * wav * envelope / np.abs(wav).max()


def detect(*channels, block=None):
    detector = CutoffDetector(48000)
    wavs = torch.tensor(np.stack(channels)).float()
    for start in range(0, wavs.shape[1], block or wavs.shape[1]):
        detector.update(wavs[:, start : start + (block or wavs.shape[1])])
    return detector.result()


def within_five_percent(found, cutoff_hz):
    return found is not None and abs(found / cutoff_hz - 1) <= 0.05


@pytest.mark.parametrize("cutoff_hz", [2000, 4000, 8000, 12000, 16000])
@pytest.mark.parametrize("family", FAMILIES)
def test_edges_of_filtered_noise_are_found(family, cutoff_hz):
    low = low_pass(pink_noise(2), 48000, cutoff_hz, family, 8)
    (found,) = detect(low)
    assert within_five_percent(found, cutoff_hz)


@pytest.mark.parametrize("rate", [22050, 44100, 96000, 192000])
def test_edges_are_found_at_any_rate(rate):
    wav = pink_noise(2)
    for cutoff_hz in (4000, 8000):
        detector = CutoffDetector(rate)
        low = torch.tensor(low_pass(wav, rate, cutoff_hz))[None].float()
        detector.update(low)
        (found,) = detector.result()
        assert within_five_percent(found, cutoff_hz)


def test_sixteen_bits_and_hiss_do_not_hide_the_edge():
    low = low_pass(pink_noise(2), 48000, 6000)
    hiss = 1e-5 * np.random.default_rng(1).standard_normal(len(low))
    quantised = np.round(low * 32767) / 32768
    for found in detect(low + hiss, quantised):
        assert within_five_percent(found, 6000)


@pytest.mark.parametrize("cutoff_hz", [4000, 8000, 15000])
def test_clicks_do_not_hide_the_edge(cutoff_hz):
    low = low_pass(pink_noise(1), 48000, cutoff_hz)
    low[[3000, 20000, 40000]] += 0.5
    (found,) = detect(low)
    assert within_five_percent(found, cutoff_hz)


def test_a_signal_of_clicks_alone_is_full_band():
    clicks = np.zeros(48000)
    clicks[::6000] = 0.5
    assert detect(clicks) == [None]


def test_an_edge_in_a_quiet_high_band_is_found():
    """What is below the edge is 40 dB weaker than the low frequencies."""
    quiet = pink_noise(2, seed=1) / 100
    quiet += low_pass(pink_noise(2), 48000, 1500)
    (found,) = detect(low_pass(quiet, 48000, 9000))
    assert within_five_percent(found, 9000)


def test_the_level_does_not_matter():
    low = low_pass(pink_noise(2), 48000, 5000)
    for found in detect(low, low / 1000, low * 32768):
        assert within_five_percent(found, 5000)


def test_aliases_above_an_edge_do_not_hide_it():
    """Resampling leaves a loud band at 2.5 kHz at 18.5 kHz, too."""
    rng = np.random.default_rng(0)
    loud = scipy.signal.butter(4, (2000, 3000), "band", fs=48000, output="sos")
    wav = 3e-3 * rng.standard_normal(96000)
    wav += scipy.signal.sosfilt(loud, rng.standard_normal(96000))
    low = low_pass(wav / 10, 48000, 16000, "bessel", 2)
    frequencies, power = scipy.signal.welch(low, 48000, nperseg=2048)
    level = 10 * np.log10(power)
    alias = level[abs(frequencies - 18500) < 300].mean()
    assert alias > level[abs(frequencies - 17900) < 100].mean() + 3
    detector = CutoffDetector(48000)
    detector.update(torch.from_numpy(low)[None])
    assert detector.result() == [pytest.approx(16000, rel=0.001)]


@pytest.mark.parametrize("cutoff_hz", [2000, 5000, 11000, 16000])
def test_steep_edges_are_found(cutoff_hz):
    spectrum = np.fft.rfft(pink_noise(2))
    spectrum[2 * cutoff_hz :] = 0  # bins are half a Hz apart
    (found,) = detect(np.fft.irfft(spectrum, n=96000))
    assert within_five_percent(found, cutoff_hz)


def test_loud_white_hiss_is_the_noise_floor():
    """A decay into hiss that is as wide as the recording is no edge."""
    low = low_pass(pink_noise(2), 48000, 4000)
    hiss = 3e-4 * np.random.default_rng(1).standard_normal(len(low))
    (cut,) = detect(low + hiss)
    assert within_five_percent(cut, 4000)
    assert detect(pink_noise(2) + hiss) == [None]


def test_full_band_and_silence_have_no_edge():
    assert detect(pink_noise(2), np.zeros(96000)) == [None, None]


def test_channels_have_edges_of_their_own():
    wav = pink_noise(2)
    channels = [low_pass(wav, 48000, hz) for hz in (3000, 9000)] + [wav]
    low, high, full = detect(*channels)
    assert within_five_percent(low, 3000)
    assert within_five_percent(high, 9000)
    assert full is None


@pytest.mark.parametrize("rate", [8000, 16000, 32000, 44100])
def test_the_sample_rate_limits_the_band(rate):
    wav = torch.tensor(pink_noise(2)).float()[None]
    low_edge = 0.45 * rate  # nearly all that the rate can hold
    detector = CutoffDetector(rate)
    detector.update(Resampler(48000, rate)(wav))
    (found,) = detector.result()
    if rate == 44100:
        assert found is None
    else:
        assert low_edge <= found <= rate / 2


def test_an_edge_is_found_at_the_native_rate():
    wav = torch.tensor(low_pass(pink_noise(2), 48000, 3400)).float()[None]
    detector = CutoffDetector(16000)
    detector.update(Resampler(48000, 16000)(wav))
    assert within_five_percent(detector.result()[0], 3400)


def test_result_may_be_asked_for_at_any_time():
    low = torch.tensor(low_pass(pink_noise(2), 48000, 5000)).float()[None]
    detector = CutoffDetector(48000)
    detector.update(low[:, :30000])
    (early,) = detector.result()
    assert detector.result() == [early]
    detector.update(low[:, 30000:])
    assert detector.result() == detect(low[0].numpy())
    assert within_five_percent(early, 5000)


@pytest.mark.parametrize("block", [1, 1000, 1024, 48001])
def test_blocks_do_not_matter(block):
    low = low_pass(pink_noise(0.3), 48000, 5000)
    (whole,) = detect(low)
    (in_blocks,) = detect(low, block=block)
    assert in_blocks == pytest.approx(whole, rel=1e-9)
    assert within_five_percent(whole, 5000)


def test_short_signals_are_no_error():
    for length in (1, 100, 1500):
        (found,) = detect(pink_noise(0.1)[:length])
        assert found is None or 0 < found < 24000
    assert CutoffDetector(48000).result() == []


def test_less_than_a_frame_has_its_edge():
    rng = np.random.default_rng(0)
    for seconds in (0.02, 0.04):
        clips = 0.1 * rng.standard_normal((10, round(8000 * seconds)))
        clips = scipy.signal.resample_poly(clips, 6, 1, axis=1)
        for found in detect(*clips):
            assert found == pytest.approx(4000, rel=0.1)


@pytest.mark.parametrize("seconds", [0.3, 0.5])
def test_short_clips_have_their_edge(seconds):
    for cutoff_hz in (2500, 7000):
        (found,) = detect(low_pass(pink_noise(seconds), 48000, cutoff_hz))
        assert within_five_percent(found, cutoff_hz)


def test_memory_is_flat():
    detector = CutoffDetector(48000)
    for _ in range(20):
        detector.update(torch.randn(1, 48000))
    assert detector.pending.shape[1] < 2048
    assert detector.frames.shape[1] == 8


def test_a_codec_s_edge_is_found():
    file = io.BytesIO()
    wav = pink_noise(3)[::3]  # aliased, so full-band at 16 kHz
    soundfile.write(file, wav, 16000, format="OGG", subtype="VORBIS")
    file.seek(0)
    decoded, _ = soundfile.read(file)
    wav48 = Resampler(16000, 48000)(torch.from_numpy(decoded)[None].float())
    (found,) = detect(wav48[0].numpy())
    assert within_five_percent(found, 7900)
