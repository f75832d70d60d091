"""Telephone lines, lossy coding and noise.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest

from speechbrain_flashsr.codecs import (
    CODEC_RATES,
    CODECS,
    RandomDegradation,
    code,
    code_at,
    telephone,
)


def band_noise(top_hz, seed=0, time=48000):
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(time))
    spectrum[np.linspace(0, 24000, len(spectrum)) > top_hz] = 0
    wav = np.fft.irfft(spectrum)
    return 0.5 * wav / np.abs(wav).max()


def level_db(wav, low_hz, high_hz):
    power = np.abs(np.fft.rfft(wav)) ** 2
    hz = np.linspace(0, 24000, len(power))
    return 10 * np.log10(power[(hz >= low_hz) & (hz < high_hz)].mean() + 1e-20)


@pytest.mark.parametrize("rate", CODEC_RATES)
@pytest.mark.parametrize("codec", CODECS)
def test_codecs_keep_the_sound_where_it_is(codec, rate):
    wav = band_noise(0.3 * rate)
    coded = code_at(wav, rate, codec)
    assert coded.shape == wav.shape and np.isfinite(coded).all()
    assert 1e-4 < np.abs(coded - wav).max()
    lags = range(-48, 49)
    matches = [
        np.dot(wav[4800:-4800], np.roll(coded, lag)[4800:-4800]) for lag in lags
    ]
    # Opus at 24 kHz is a sample of its own early.
    assert abs(lags[int(np.argmax(matches))]) <= 2
    assert max(matches) > 0.5 * np.dot(wav[4800:-4800], wav[4800:-4800])
    if rate < 48000:
        above = level_db(coded, 0.55 * rate, 24000)
        assert above < level_db(wav, 0, 0.3 * rate) - 40


@pytest.mark.parametrize("codec", ["mp3", "ogg"])
def test_lower_quality_is_further_from_the_original(codec):
    wav = band_noise(6000)[:16000]
    errors = [
        np.square(code(wav, 16000, codec, quality) - wav).mean()
        for quality in (0.0, 0.5, 1.0)
    ]
    assert errors[0] > 1.5 * errors[1] > 2.25 * errors[2]


def test_a_rate_that_a_codec_lacks():
    with pytest.raises(ValueError, match="mp3 cannot hold sound at 14000 Hz"):
        code(np.zeros(1000), 14000, "mp3")


def test_a_telephone_line_ends_at_3400_hz():
    wav = band_noise(20000)
    line = telephone(wav)
    inside = level_db(line, 500, 3000)
    assert abs(inside - level_db(wav, 500, 3000)) < 0.5
    assert level_db(line, 0, 100) < inside - 20
    assert level_db(line, 4400, 24000) < inside - 40


def test_degradations_come_as_often_as_asked():
    wav, low = band_noise(20000, time=9600), band_noise(5000, time=9600)
    degrade = RandomDegradation(0.2, 0.1, 0.3, (20.0, 20.0))
    fates = {"telephone": 0, "noise": 0, "codec": 0, "nothing": 0}
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
        elif snr_db == pytest.approx(20.0, abs=1e-6):
            fates["noise"] += 1
            assert level_db(result, 5300, 24000) < level_db(low, 0, 5000) - 80
        else:
            fates["codec"] += 1
    shares = {name: count / 300 for name, count in fates.items()}
    expected = {"telephone": 0.2, "noise": 0.3, "codec": 0.1, "nothing": 0.4}
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
    for probabilities in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        degrade = RandomDegradation(*probabilities)
        result, _ = degrade(silence, silence, 5000, np.random.default_rng(0))
        assert np.abs(result).max() < 1e-9
