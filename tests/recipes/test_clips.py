"""Measures of clips, their resampling, and files that are cut.

Authors
 * The speechbrain_flashsr developers 2026
"""

import clip_audio
import clip_filter
import clip_manifest
import numpy as np
import pytest

from tests.recipes.sounds import low_pass, noise, speech, write


def test_measure_of_white_noise():
    clip = clip_filter.measure(noise(0, seconds=20), 44100)
    assert clip.rms_db == pytest.approx(-20, abs=0.1)
    assert clip.seconds == 20
    assert clip.lower_band[0] == pytest.approx(0, abs=0.1)
    # A density of -20 dBFS; the 95th percentile of frames is a bit higher.
    assert -20 < clip.lower_band[1] < -18
    assert clip.lower_band_variation_db < 3
    assert clip.active_seconds == pytest.approx(20, abs=0.05)
    assert clip.rolloff_hz == 21963


@pytest.mark.parametrize("cutoff_hz", [3000, 9000, 15000, 20000])
def test_rolloff_is_the_spectral_edge(cutoff_hz):
    wav = low_pass(noise(0), cutoff_hz)
    rolloff_hz = clip_filter.measure(wav, 44100).rolloff_hz
    assert 0 <= rolloff_hz - cutoff_hz < 500


@pytest.mark.parametrize(
    "gain_db, reason", [(-50, None), (-70, "nothing at 14-16 kHz")]
)
def test_band_needs_a_level_above_minus_60_db(gain_db, reason):
    limited = low_pass(noise(0), 10000)
    high = noise(1) - low_pass(noise(1), 13000)
    wav = limited + 10 ** (gain_db / 20) * high
    clip = clip_filter.measure(wav, 44100)
    assert clip_filter.why_left_out(clip, "effects") == reason
    assert clip_filter.why_left_out(clip, "music") == (
        reason or "too short or too long"
    )


def test_broken_samples_are_refused():
    with pytest.raises(ValueError, match="no samples"):
        clip_filter.measure(np.zeros(0), 44100)
    with pytest.raises(ValueError, match="NaN"):
        clip_filter.measure(np.array([0.0, np.nan]), 44100)


@pytest.mark.parametrize("level", [0.4, 3.0])
def test_resampling_is_exact(level):
    def sine(sample_rate):
        return level * np.sin(
            2 * np.pi * 15000 / sample_rate * np.arange(sample_rate)
        )

    wav = clip_audio.resample(sine(44100), 44100)
    assert len(wav) == 48000
    error = np.abs(wav - sine(48000))[500:-500].max()
    assert error < 1e-5 * level


@pytest.mark.parametrize("suffix", ["wav", "ogg", "flac"])
def test_truncated_files_are_noticed(tmp_path, suffix):
    path = write(tmp_path, f"a.{suffix}", speech(0), subtype=None)
    clip_audio.read_mono(path)
    clip = clip_manifest.Clip(
        str(path), "a", "c", "speech", "train", "de", "CC0"
    )
    path.write_bytes(path.read_bytes()[:-100])
    outcome = clip_manifest.process_clip(("0" * 40, clip), tmp_path, 6.0)
    assert outcome.error and not outcome.entries
