"""Telephone lines and lossy coding.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest

from speechbrain_flashsr.audio.codecs import (
    OPUS_RATES,
    code,
    code_at,
    telephone,
)
from tests.unit.signals import band_noise, level_db


@pytest.mark.parametrize("rate", OPUS_RATES)
@pytest.mark.parametrize("codec", ["g711", "gsm", "mp3", "ogg", "opus"])
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
