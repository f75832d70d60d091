"""Where the band ends: filters, resamplers, codecs, noise, over time.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest
import scipy.signal
import torch

from speechbrain_flashsr.audio.codecs import code
from speechbrain_flashsr.bandwidth import (
    BandwidthDetector,
    detector as detector_module,
)
from speechbrain_flashsr.bandwidth.detector import WEIGHTS
from speechbrain_flashsr.bandwidth.network import edge_bins
from speechbrain_flashsr.data import band_limits
from speechbrain_flashsr.data.degradations import FAMILIES, low_pass
from speechbrain_flashsr.data.resamplers import available_resamplers, resample
from tests.unit.signals import pink_noise, voice

GOOD = "soxr HQ (librosa)"


def tracks_of(*channels, rate=48000, block=None, **options):
    detector = BandwidthDetector(rate, **options)
    wavs = torch.tensor(np.stack(channels)).float()
    for part in wavs.split(block or wavs.shape[1], dim=1):
        detector.update(part)
    return detector.result()


def steady_edges(*channels, **options):
    """The edge of each channel, of which each has only one."""
    tracks = tracks_of(*channels, **options)
    assert all(len(track.segments) == 1 for track in tracks), tracks
    return [track.segments[0].cutoff_hz for track in tracks]


def near(cutoff_hz):
    return pytest.approx(cutoff_hz, rel=0.05)


def narrow(wav, cutoff_hz, rate=48000):
    """A steep low-pass."""
    taps = scipy.signal.firwin(4095, cutoff_hz, window=("kaiser", 10), fs=rate)
    return scipy.signal.fftconvolve(wav, taps, mode="same")


def hiss(length, level_db, seed=1):
    noise = np.random.default_rng(seed).standard_normal(length)
    return 10 ** (level_db / 20) * noise


def tone(length, hz, level_db, rate=48000):
    phase = 2 * np.pi * hz * np.arange(length) / rate
    return 10 ** (level_db / 20) * np.sin(phase)


@pytest.mark.parametrize("cutoff_hz", [2000, 4000, 8000, 12000, 16000])
@pytest.mark.parametrize("family", FAMILIES)
def test_edges_of_filters_are_found(family, cutoff_hz):
    low = low_pass(pink_noise(2), 48000, cutoff_hz, family, 8)
    assert steady_edges(low) == [near(cutoff_hz)]


@pytest.mark.parametrize("band_rate", [8000, 16000, 24000])
@pytest.mark.parametrize("name", available_resamplers())
def test_edges_of_resamplers_are_found(name, band_rate):
    down = resample(voice(3), 48000, band_rate, GOOD)
    up = resample(down, band_rate, 48000, name)
    share = band_limits.cutoff_of_resamplers(GOOD, name)
    assert steady_edges(up) == [near(share * band_rate / 2)]


@pytest.mark.parametrize(
    "codec, rate, quality, cutoff_hz",
    [
        ("ogg", 16000, 0.5, 7900),
        ("opus", 16000, None, 8000),
        ("mp3", 44100, 0.3, None),
        ("aac", 44100, 0.2, None),
        ("g711", 8000, None, 4000),
    ],
)
def test_edges_of_codecs_are_found(codec, rate, quality, cutoff_hz):
    wav = resample(0.3 * pink_noise(3), 48000, rate, GOOD)
    decoded = code(wav, rate, codec, quality)
    cutoff_hz = cutoff_hz or band_limits.cutoff_of_codec(wav, decoded, rate)
    assert cutoff_hz < 17000
    assert steady_edges(resample(decoded, rate, 48000, GOOD)) == [
        near(cutoff_hz)
    ]


@pytest.mark.parametrize("rate", [16000, 22050, 24000, 32000, 44100])
@pytest.mark.parametrize("level_db", [-80, -70, -50])
def test_a_telephone_band_in_a_wider_file_with_a_noise_floor(rate, level_db):
    wav = resample(narrow(voice(4), 3900), 48000, rate, GOOD)
    wav = wav + hiss(len(wav), level_db)
    assert steady_edges(wav, rate=rate) == [near(3900)]


@pytest.mark.parametrize("level_db", [-60, -50, -40])
@pytest.mark.parametrize("cutoff_hz, hz", [(10000, 15625), (15000, 19000)])
def test_a_steady_tone_above_the_edge_does_not_hide_it(cutoff_hz, hz, level_db):
    """The whistle of a picture tube, the pilot of FM radio."""
    low = narrow(pink_noise(3), cutoff_hz) + hiss(3 * 48000, -65)
    assert steady_edges(low) == [near(cutoff_hz)]
    low = low + tone(len(low), hz, level_db)
    assert steady_edges(low) == [near(cutoff_hz)]


@pytest.mark.parametrize("cutoff_hz", [4000, 8000, 15000])
def test_ten_clicks_a_second_do_not_hide_the_edge(cutoff_hz):
    low = low_pass(pink_noise(2), 48000, cutoff_hz)
    low[np.random.default_rng(0).integers(0, len(low), 20)] += 0.5
    assert steady_edges(low) == [near(cutoff_hz)]


def test_short_wide_crackle_over_a_narrow_bed_does_not_hide_the_edge():
    rng = np.random.default_rng(0)
    wav = narrow(hiss(3 * 44100, -30), 6000, 44100) + hiss(3 * 44100, -96, 2)
    for start in range(100, 12 * 11000, 11000):
        burst = rng.standard_normal(3000) * np.exp(-np.arange(3000) / 176)
        wav[start : start + 3000] += 0.2 * burst[: len(wav) - start]
    assert steady_edges(wav, rate=44100) == [near(6000)]


class Undecided:
    """Finds edges from 3.3 to 4.6 kHz equally likely, nothing else."""

    prior = 0.0

    def __call__(self, statistics):
        cutoff_hz = edge_bins() * 46.875
        likely = (cutoff_hz > 3300) & (cutoff_hz < 4600)
        scores = torch.where(likely, 0.0, -9.0)
        scores = torch.cat([scores, torch.tensor([-9.0])])
        return scores.expand(len(statistics), -1), None


def test_half_of_a_common_rate_is_the_likelier_edge():
    noise = pink_noise(2)
    found = steady_edges(noise, network=Undecided())
    assert found == [pytest.approx(4000, rel=0.02)]
    # At 8 kHz, that is the limit of the file itself.
    (found,) = steady_edges(noise[:16000], rate=8000, network=Undecided())
    assert found < 3700


def test_an_offset_does_not_hide_the_edge():
    low = low_pass(pink_noise(2), 48000, 4000)
    assert steady_edges(low + 0.3) == [near(4000)]


def test_sixteen_bits_and_hiss_do_not_hide_the_edge():
    low = low_pass(pink_noise(2), 48000, 6000)
    quantised = np.round(low * 32767) / 32768
    for wav in (low + hiss(len(low), -100), quantised):
        assert steady_edges(wav) == [near(6000)]


def test_the_level_does_not_matter():
    low = low_pass(pink_noise(2), 48000, 5000)
    for gain in (1.0, 1e-3, 32768.0):
        assert steady_edges(gain * low) == [near(5000)]


@pytest.mark.parametrize("rate", [22050, 44100, 96000, 192000])
def test_edges_are_found_at_any_rate(rate):
    for cutoff_hz in (4000, 8000):
        low = low_pass(pink_noise(2), rate, cutoff_hz)
        assert steady_edges(low, rate=rate) == [near(cutoff_hz)]


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_full_band_has_no_edge(rate):
    wav = resample(pink_noise(3), 48000, rate, GOOD)
    assert steady_edges(wav, wav + hiss(len(wav), -70), rate=rate) == [
        None,
        None,
    ]


def test_dull_and_quiet_sound_is_full_band():
    wav = pink_noise(3)
    dull = band_limits.gentle(wav, 2000)
    bass = band_limits.gentle(wav, 200, order=6)
    for sound in (dull, 0.01 * wav, bass):
        rounded = np.round(sound * 32767) / 32768
        assert steady_edges(rounded) == [None]


def test_clicks_alone_are_full_band():
    clicks = np.zeros(48000)
    clicks[::6000] = 0.5
    assert steady_edges(clicks) == [None]


@pytest.mark.parametrize("rate", [8000, 16000, 32000])
def test_the_sample_rate_limits_the_band(rate):
    wav = resample(pink_noise(2), 48000, rate, GOOD)
    (cutoff_hz,) = steady_edges(wav, rate=rate)
    assert 0.45 * rate <= cutoff_hz <= rate / 2


def test_silence_has_no_edge():
    assert steady_edges(np.zeros(96000)) == [None]
    assert BandwidthDetector(48000).result() == []


def test_a_file_that_alternates_is_told_apart_within_half_a_second():
    wide = pink_noise(30)
    low = narrow(wide, 4000) + hiss(len(wide), -90)
    is_narrow = np.arange(len(wide)) // (5 * 48000) % 2 == 1
    (track,) = tracks_of(np.where(is_narrow, low, wide))
    assert len(track.segments) == 6
    for number, segment in enumerate(track.segments):
        assert segment.start_s == pytest.approx(5 * number, abs=0.52)
        assert segment.cutoff_hz == (near(4000) if number % 2 else None)
    assert track.summary().startswith("0:00-0:05 full band, 0:05-0:10 rest")


def test_a_jingle_does_not_end_the_restoration_of_a_call():
    wav = narrow(voice(12), 3900) + hiss(12 * 48000, -85)
    wav[4 * 48000 : 5 * 48000] = hiss(48000, -20)
    (track,) = tracks_of(wav)
    assert track.cutoff_at(1.0) == track.cutoff_at(10.0) == near(3900)


def test_pauses_take_the_edge_of_what_is_around_them():
    low = narrow(voice(9), 3900)
    for floor_db in (-200, -70):
        wav = low.copy()
        wav[3 * 48000 : 6 * 48000] = 0
        wav += hiss(len(wav), floor_db)
        assert steady_edges(wav) == [near(3900)]


def test_a_bright_second_shows_the_edge_of_a_dull_recording():
    """The rest sinks into noise below the edge, like full band."""
    bright = narrow(pink_noise(6), 8000)
    dull = band_limits.gentle(bright, 1500, order=4)
    low = np.concatenate([bright[:48000], dull[48000:]])
    assert steady_edges(low + hiss(len(low), -70)) == [near(8000)]


def test_bands_that_a_codec_mostly_takes_away_do_not_lower_the_edge():
    """AAC at low rates keeps 7.5 to 8.2 kHz in attacks alone."""
    whole = pink_noise(6)
    low = narrow(whole, 7500)
    for start in range(24576, len(low), 3 * 24576):
        attack = slice(start, start + 24576)
        low[attack] = narrow(whole, 8200)[attack]
    assert steady_edges(low) == [near(8200)]


def test_channels_have_edges_of_their_own():
    wav = pink_noise(4)
    channels = [low_pass(wav, 48000, hz) for hz in (3000, 9000)] + [wav]
    assert steady_edges(*channels) == [near(3000), near(9000), None]


def test_channels_that_agree_share_one_edge():
    low = [low_pass(pink_noise(3, seed), 48000, 5000) for seed in (0, 1)]
    left, right = steady_edges(*low)
    assert left == right == near(5000)


def test_a_bass_channel_and_a_silent_one_take_the_edge_of_the_others():
    wav = resample(voice(4), 48000, 16000, GOOD)
    low = narrow(wav, 3900, 16000) + hiss(len(wav), -90)
    bass = narrow(hiss(len(wav), -20), 120, 16000)
    edges = steady_edges(low, bass, 0 * low, rate=16000)
    assert edges == [near(3900)] * 3


def test_clips_of_a_batch_share_nothing():
    wav = pink_noise(3)
    low = low_pass(wav, 48000, 4000)
    edges = steady_edges(low, wav, 0 * wav, channels_per_clip=1)
    assert edges == [near(4000), None, None]


def test_a_loud_clip_of_a_batch_does_not_hide_a_quiet_one():
    loud, quiet = (low_pass(pink_noise(3), 48000, hz) for hz in (4000, 8000))
    edges = steady_edges(loud, 1e-3 * quiet, channels_per_clip=1)
    assert edges == [near(4000), near(8000)]


@pytest.mark.parametrize("block", [1000, 24576, 48001])
def test_blocks_do_not_matter(block):
    low = low_pass(pink_noise(10), 48000, 5000)
    (whole,) = tracks_of(low)
    (in_blocks,) = tracks_of(low, block=block)
    (segment,) = in_blocks.segments
    assert segment.cutoff_hz == pytest.approx(
        whole.segments[0].cutoff_hz, rel=1e-3
    )
    assert segment.stop_s == 10.0


def test_result_may_be_asked_for_at_any_time():
    low = torch.tensor(low_pass(pink_noise(2), 48000, 5000)).float()[None]
    detector = BandwidthDetector(48000)
    detector.update(low[:, :30000])
    early = detector.result()
    assert detector.result() == early
    detector.update(low[:, 30000:])
    assert detector.result() == tracks_of(low[0].numpy())
    assert early[0].lowest_hz == near(5000)


@pytest.mark.parametrize("seconds", [0.02, 0.04, 0.1, 0.3])
def test_short_clips_have_their_edge(seconds):
    for cutoff_hz in (2500, 7000):
        low = low_pass(pink_noise(1), 48000, cutoff_hz)[10000:]
        (found,) = steady_edges(low[: int(48000 * seconds)])
        assert found == pytest.approx(cutoff_hz, rel=0.1)


def test_short_signals_are_no_error():
    for length in (1, 100, 1500):
        (found,) = steady_edges(pink_noise(1)[:length])
        assert found is None or 0 < found < 24000


@pytest.mark.slow
def test_memory_is_flat_and_long_recordings_keep_their_edges(monkeypatch):
    monkeypatch.setattr(detector_module, "MAX_STEPS", 32)
    wide = pink_noise(60)
    low = narrow(wide, 4000) + hiss(len(wide), -90)
    detector = BandwidthDetector(48000)
    for start in range(0, 60 * 48000, 48000):
        wav = low if start < 33 * 48000 else wide
        detector.update(torch.tensor(wav[start : start + 48000]).float()[None])
        assert detector._pending.shape[1] < 10 * 48000
        if detector._steps is not None:
            assert detector._steps.bands.shape[1] < 32
    assert detector._step_chunks == 4
    first, second = detector.result()[0].segments
    assert first.cutoff_hz == near(4000) and second.cutoff_hz is None
    assert second.start_s == pytest.approx(33, abs=2.1)
    assert second.stop_s == 60


def test_the_network_that_ships_is_small():
    assert WEIGHTS.stat().st_size < 300_000
