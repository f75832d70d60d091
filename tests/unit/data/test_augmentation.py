"""Augmentation of training segments.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest

from speechbrain_flashsr.data.augmentation import (
    Augmentation,
    change_speed,
    rms,
)

LENGTH = 48000


def response_db(augmentation, seed=0):
    impulse = np.zeros(LENGTH)
    impulse[0] = 1
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(augmentation.equalize(impulse, rng))
    return 20 * np.log10(np.abs(spectrum))


@pytest.mark.parametrize("gain_db", [-12.0, 4.0])
def test_tilt_changes_the_top_by_what_it_was_given(gain_db):
    tilt = Augmentation(tilt_db=(gain_db, gain_db), ripple_db=0)
    for seed in range(5):
        level_db = response_db(tilt, seed)
        assert abs(level_db[400]) < 1e-6
        assert abs(level_db[16000] - gain_db) < 1e-6
        assert np.all(np.sign(gain_db) * np.diff(level_db) > -1e-9)


@pytest.mark.slow
def test_ripple_has_the_deviation_it_was_given():
    ripple = Augmentation(tilt_db=(0, 0), ripple_db=2.0)
    levels = [response_db(ripple, seed)[[1000, 10000]] for seed in range(300)]
    # Three cosines of random phase: half the variance of each.
    assert abs(np.std(levels) - 2.0 * np.sqrt(3 / 2)) < 0.2


def test_speed_is_as_often_other_than_one_as_it_was_given():
    augmentation = Augmentation(speed=(0.9, 1.1), speed_probability=0.25)
    rng = np.random.default_rng(0)
    factors = np.array([augmentation.draw_speed(rng) for _ in range(2000)])
    changed = factors[factors != 1]
    assert abs(len(changed) / len(factors) - 0.25) < 0.04
    assert changed.min() >= 0.9 and changed.max() <= 1.1
    assert np.allclose(factors * 100, np.round(factors * 100))


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.17])
def test_change_speed_scales_frequency(factor):
    time = np.arange(LENGTH) / 48000
    faster = change_speed(np.sin(2 * np.pi * 1000 * time), factor)
    assert len(faster) == int(np.ceil(LENGTH / factor))
    expected = np.sin(2 * np.pi * 1000 * factor * time[: len(faster)])
    inside = slice(2000, 30000)
    assert np.abs(faster[inside] - expected[inside]).max() < 0.02


@pytest.mark.parametrize("noise_db", [-20.0, 10.0])
def test_noise_is_steady_and_as_loud_as_it_was_given(noise_db):
    augmentation = Augmentation(
        noise_probability=1.0, noise_db=(noise_db, noise_db)
    )
    wav = np.sin(np.arange(LENGTH))
    for seed in range(5):
        noise = augmentation.add_noise(wav, np.random.default_rng(seed)) - wav
        level_db = 20 * np.log10(rms(noise) / rms(wav))
        assert abs(level_db - noise_db) < 1e-6
        parts = noise.reshape(10, -1)
        assert np.ptp([20 * np.log10(rms(part)) for part in parts]) < 4


def test_noise_is_between_white_and_pink():
    augmentation = Augmentation(noise_probability=1.0, noise_db=(0.0, 0.0))
    wav = np.sin(np.arange(LENGTH))
    slopes = []
    for seed in range(200):
        noise = augmentation.add_noise(wav, np.random.default_rng(seed)) - wav
        power = np.abs(np.fft.rfft(noise)) ** 2
        # Of two bands four octaves apart.
        ratio = power[8000:16000].mean() / power[500:1000].mean()
        slopes.append(10 * np.log10(ratio) / 4)
    assert -3.3 < min(slopes) < -2.5 and -0.5 < max(slopes) < 0.3
    assert abs(np.mean(slopes) + 1.5) < 0.2


def test_noise_is_as_frequent_as_it_was_given():
    augmentation = Augmentation(noise_probability=0.25)
    rng = np.random.default_rng(0)
    wav = np.ones(16)
    changed = [augmentation.add_noise(wav, rng) is not wav for _ in range(2000)]
    assert abs(np.mean(changed) - 0.25) < 0.04
