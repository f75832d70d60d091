"""Degradations of the evaluation: they cut, without delay.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest

from tests.recipes.evaluation import recipe_module


@pytest.fixture(scope="module")
def tone_mix():
    """100 Hz, 1 kHz and 6 kHz, with a click to tell delays by, [time]."""
    time = np.arange(24000) / 48000
    tones = [0.1 * np.sin(2 * np.pi * f * time) for f in (100, 1000, 6000)]
    mix = sum(tones)
    mix[12000:12048] += 0.5 * np.hanning(48)
    return mix


def level(wav, frequency):
    spectrum = np.abs(np.fft.rfft(wav * np.hanning(len(wav))))
    index = round(frequency * len(wav) / 48000)
    return 20 * np.log10(spectrum[index - 3 : index + 4].max() + 1e-9)


@pytest.mark.parametrize(
    "kind", ["cheby1", "torchaudio", "g711", "mp3", "ogg", "opus"]
)
def test_degradations_cut_without_delay(project, tone_mix, kind):
    degrade = recipe_module(project, "degradations").degrade
    cutoff = 3400 if kind == "g711" else 4000
    low, given, rate = degrade(tone_mix, kind, cutoff)
    assert rate == (8000 if kind == "torchaudio" else 48000)
    assert len(given) == len(low) * rate // 48000
    assert low.shape == tone_mix.shape
    assert level(low, 1000) == pytest.approx(level(tone_mix, 1000), abs=1)
    assert level(low, 6000) < level(tone_mix, 6000) - 30
    lost = level(tone_mix, 100) - level(low, 100)
    assert (lost > 15) == (kind == "g711")
    correlation = np.correlate(low[11000:13000], tone_mix[11200:12800], "valid")
    assert abs(correlation.argmax() - 200) <= 1


def test_every_degradation_has_a_name_in_words(project):
    from speechbrain_flashsr.audio.codecs import CODECS
    from speechbrain_flashsr.data.degradations import (
        DEFAULT_RESAMPLERS,
        FAMILIES,
    )

    degradations = recipe_module(project, "degradations")
    known = {*CODECS, *FAMILIES, *DEFAULT_RESAMPLERS}
    assert degradations.NAMES.keys() == known


def test_a_codec_that_cannot_hold_a_rate(project, tone_mix):
    degradations = recipe_module(project, "degradations")
    with pytest.raises(ValueError, match="mp3 cannot hold sound at 14000 Hz"):
        degradations.degrade(tone_mix, "mp3", 7000)
    hparams = {"degradation": "ac3", "cutoffs": [16000], "low_folder": None}
    assert degradations.conditions(hparams) == [16000]
    hparams["cutoffs"] = [16000, 4000]
    with pytest.raises(ValueError, match="ac3 cannot hold sound at 8000 Hz"):
        degradations.conditions(hparams)
