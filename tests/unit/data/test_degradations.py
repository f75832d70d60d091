"""Low-pass simulation against published numbers, telephones, codecs, noise.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest

from speechbrain_flashsr.data.degradations import (
    DEFAULT_RESAMPLERS,
    RandomDegradation,
    low_pass,
    random_low_pass,
    resample_at,
)
from tests.unit.signals import band_noise, level_db


@pytest.mark.parametrize(
    "family, order, cutoff_hz",
    [
        ("cheby1", 8, 4000),
        ("butter", 4, 8000),
        ("bessel", 6, 12000),
        ("ellip", 2, 2000),
    ],
)
def test_low_pass_matches_reference(family, order, cutoff_hz, reference):
    numbers = reference("degradation")
    key = f"{family.rstrip('1')}-{order}-{cutoff_hz}"
    low = low_pass(numbers["wav"].numpy(), 48000, cutoff_hz, family, order)
    np.testing.assert_allclose(low, numbers["filtered"][key], atol=1e-7)


def test_low_pass_names_what_is_wrong():
    with pytest.raises(ValueError, match="30000.*half the sample rate"):
        low_pass(np.zeros(100), 48000, 30000)
    with pytest.raises(ValueError, match="'chebyshev'.*cheby1"):
        low_pass(np.zeros(100), 48000, 4000, "chebyshev")


def test_low_pass_keeps_any_length():
    for length in (1, 2, 17, 4801):
        assert low_pass(np.ones(length), 48000, 4000).shape == (length,)


def test_random_low_pass_follows_from_its_generator():
    wav = band_noise(20000, time=24000)
    draws = [
        random_low_pass(wav, np.random.default_rng(seed)) for seed in (1, 1, 2)
    ]
    assert draws[0][1] == draws[1][1] != draws[2][1]
    assert np.array_equal(draws[0][0], draws[1][0])


def test_log_uniform_cutoffs_favour_the_low_end():
    rng = np.random.default_rng(0)
    wav = np.zeros(64)
    cutoffs = [random_low_pass(wav, rng)[1] for _ in range(100)]
    assert min(cutoffs) >= 2000 and max(cutoffs) <= 16000
    assert 4500 < np.median(cutoffs) < 7000  # sqrt(2000 * 16000) = 5657


@pytest.mark.parametrize("resampler", DEFAULT_RESAMPLERS)
def test_resamplers_cut_at_half_the_rate_without_delay(resampler):
    wav = band_noise(20000, time=24001)
    low = resample_at(wav, 10000, resampler)
    assert low.shape == wav.shape
    assert level_db(low, 5600, 24000) < level_db(wav, 5600, 24000) - 30
    rest = resample_at(low - wav, 8000, resampler)
    assert level_db(rest, 0, 3000) < level_db(wav, 0, 3000) - 30


def test_degradations_come_as_often_as_asked():
    wav, low = band_noise(20000, time=9600), band_noise(5000, time=9600)
    degrade = RandomDegradation(0.2, 0.1, 0.3, (20.0, 20.0), 0.25)
    fates = dict.fromkeys(
        ("telephone", "noise", "codec", "resampler", "nothing"), 0
    )
    resampled = [
        resample_at(wav, 10000, resampler) for resampler in DEFAULT_RESAMPLERS
    ]
    for draw in range(300):
        rng = np.random.default_rng([1, draw])
        result, cutoff_hz = degrade(wav, low, 5000, rng)
        assert result.shape == low.shape and np.isfinite(result).all()
        error = np.square(result - low).mean()
        snr_db = 10 * np.log10(np.square(low).mean() / max(error, 1e-20))
        if cutoff_hz == 3400:
            fates["telephone"] += 1
        elif error == 0:
            fates["nothing"] += 1
        elif any(np.array_equal(result, other) for other in resampled):
            fates["resampler"] += 1
        elif snr_db == pytest.approx(20.0, abs=1e-6):
            fates["noise"] += 1
            assert level_db(result, 5300, 24000) < level_db(low, 0, 5000) - 80
        else:
            fates["codec"] += 1
    shares = {name: count / 300 for name, count in fates.items()}
    expected = {"telephone": 0.2, "noise": 0.3, "codec": 0.1}
    expected |= {"resampler": 0.25, "nothing": 0.15}
    assert shares == pytest.approx(expected, abs=0.07)


def test_the_same_draw_is_degraded_in_the_same_way():
    low = band_noise(5000, time=9600)
    degrade = RandomDegradation(0.3, 0.3, 0.3)
    for draw in range(10):
        one, two = (
            degrade(low, low, 5000, np.random.default_rng(draw))[0]
            for _ in range(2)
        )
        assert np.array_equal(one, two)


def test_silence_stays_silence():
    silence = np.zeros(9600)
    for probabilities in np.eye(4):
        *others, resampler = probabilities
        degrade = RandomDegradation(*others, resampler_probability=resampler)
        result, _ = degrade(silence, silence, 5000, np.random.default_rng(0))
        assert np.abs(result).max() < 1e-9
