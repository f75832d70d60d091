"""Draws of training segments.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_flashsr.data.augmentation import Augmentation
from speechbrain_flashsr.data.segments import EpochDraws, RandomSegments

LENGTH = 30720

STILL = {
    **{"speed_probability": 0, "mix_probability": 0, "ripple_db": 0},
    **{"tilt_db": (0, 0), "level_db": (0, 0)},
}
"""An augmentation that changes nothing."""


@pytest.fixture
def corpus(tmp_path):
    """Clips whose samples tell which clip they are from: a tone each."""
    entries = {}
    for name, seconds, domain, group, frequency in (
        ("long", 3.0, "music", "album", 1500),
        ("a", 0.2, "speech", "anna", 500),
        ("b", 0.3, "speech", "anna", 1000),
        ("c", 0.2, "speech", "bert", 2500),
    ):
        time = np.arange(int(seconds * 48000)) / 48000
        wav = 0.25 * np.sin(2 * np.pi * frequency * time)
        soundfile.write(tmp_path / f"{name}.wav", wav, 48000, "FLOAT")
        entries[name] = {
            "wav": f"{{data_root}}/{name}.wav",
            "start": 0,
            "stop": len(wav),
            "sample_rate": 48000,
            "duration": seconds,
            "domain": domain,
            "group": group,
            "rolloff_hz": 20000 if name != "b" else 17000,
        }
    (tmp_path / "train.json").write_text(json.dumps(entries))
    return tmp_path


def segments(corpus, weights, **options):
    return RandomSegments(
        corpus / "train.json", str(corpus), LENGTH, weights, **options
    )


def tones(wav):
    """Frequencies of the test tones that a waveform holds."""
    spectrum = torch.fft.rfft(wav).abs()
    bins = {hz: round(hz * LENGTH / 48000) for hz in (500, 1000, 1500, 2500)}
    return {
        hz
        for hz, i in bins.items()
        if spectrum[i - 3 : i + 4].max() > 0.05 * spectrum.max()
    }


def test_a_draw_follows_from_seed_and_number(corpus):
    weights = {"music": 1, "speech": 1}
    one, two = segments(corpus, weights), segments(corpus, weights)
    two[3]  # other draws in between change nothing
    for draw in (0, 7, 10**6):
        first, second = one[draw], two[draw]
        assert torch.equal(first["high"], second["high"])
        assert torch.equal(first["low"], second["low"])
        assert first["cutoff_hz"] == second["cutoff_hz"]
    other = segments(corpus, weights, seed=1)
    assert not torch.equal(other[0]["high"], one[0]["high"])


def test_short_clips_are_followed_by_their_own_group(corpus):
    data = segments(corpus, {"speech": 1})
    groups = set()
    for draw in range(30):
        item = data[draw]
        assert item["high"].shape == item["low"].shape == (LENGTH,)
        found = tones(item["high"])
        assert found <= {500, 1000} or found == {2500}
        assert item["rolloff_hz"] == (17000 if 1000 in found else 20000)
        groups |= found
    assert groups == {500, 1000, 2500}


def test_domains_are_drawn_by_weight(corpus):
    data = segments(corpus, {"music": 3, "speech": 1, "effects": 5})
    music = sum(tones(data[i]["high"]) == {1500} for i in range(200))
    assert 125 <= music <= 175  # 150 expected


def test_groups_are_drawn_by_the_root_of_their_duration(corpus):
    data = segments(corpus, {"speech": 1})
    bert = sum(2500 in tones(data[i]["high"]) for i in range(300))
    expected = 0.2**0.5 / (0.2**0.5 + 0.5**0.5)  # 116 of 300; 86 by duration
    assert abs(bert - 300 * expected) < 20


def test_formants_of_speech_alone_move(corpus):
    for probability, share in ((0, 1), (1, 0.8)):
        formants = {"formants": (0.8, 0.8), "formants_probability": probability}
        moving = Augmentation(**{**STILL, **formants})
        music = segments(corpus, {"music": 1}, augmentation=moving)[5]
        assert music["rolloff_hz"] == 20000
        speech = segments(corpus, {"speech": 1}, augmentation=moving)[5]
        assert speech["rolloff_hz"] in (share * 17000, share * 20000)


def test_speed_moves_pitch_and_rolloff(corpus):
    speed = {"speed": (1.25, 1.25), "speed_probability": 1}
    faster = Augmentation(**{**STILL, **speed})
    item = segments(corpus, {"music": 1}, augmentation=faster)[5]
    peak = torch.fft.rfft(item["high"]).abs().argmax() * 48000 / LENGTH
    assert abs(peak - 1.25 * 1500) < 2
    assert item["rolloff_hz"] == 25000


def test_mixing_adds_a_second_segment(corpus):
    mix = {"mix_probability": 1, "mix_gain_db": (0, 0)}
    mixing = Augmentation(**{**STILL, **mix})
    data = segments(corpus, {"music": 1, "speech": 1}, augmentation=mixing)
    found = [tones(data[i]["high"]) for i in range(20)]
    assert any(1500 in both and len(both) > 1 for both in found)


def test_the_copy_decides_the_level(corpus):
    item = segments(corpus, {"music": 1})[5]
    assert abs(item["low"].abs().max() - 0.5) < 1e-6
    quiet = Augmentation(**{**STILL, "level_db": (-20, -20)})
    lower = segments(corpus, {"music": 1}, augmentation=quiet)
    assert abs(lower[5]["low"].abs().max() - 0.05) < 1e-7
    assert abs(lower[5]["high"].abs().max() - 0.05) < 0.01


def test_no_domain_is_an_error(corpus):
    with pytest.raises(ValueError, match="effects.*domain_weights"):
        segments(corpus, {"effects": 1.0})


def test_epochs_do_not_share_draws():
    sampler = EpochDraws(4)
    drawn = []
    for epoch in (1, 2, 3):
        sampler.set_epoch(epoch)
        drawn += list(sampler)
    assert drawn == list(range(12))


def test_nothing_but_silence_is_an_error(corpus):
    soundfile.write(corpus / "long.wav", np.zeros(144000), 48000, "FLOAT")
    with pytest.raises(ValueError, match="Draw 7 found only silence.*'music'"):
        segments(corpus, {"music": 1})[7]


@pytest.mark.parametrize(
    "rate, channels, problem",
    [
        (44100, 1, "a rate of 44100 Hz instead of 48000"),
        (48000, 2, r"the shape \[\d+, 2\]"),
    ],
)
def test_a_file_that_is_not_as_its_manifest_says(
    corpus, rate, channels, problem
):
    wav = np.full((144000, channels), 0.1)
    soundfile.write(corpus / "long.wav", wav, rate)
    with pytest.raises(ValueError, match=f"long.wav' cannot be .*{problem}"):
        segments(corpus, {"music": 1})[0]
