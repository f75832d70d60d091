"""Random recordings whose band ends somewhere.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest
import scipy.signal
import soundfile

from speechbrain_flashsr.data import band_limits
from speechbrain_flashsr.data.cutoff_examples import (
    CutoffExamples,
    cache_examples,
)
from speechbrain_flashsr.data.resamplers import (
    INTERPOLATIONS,
    available_resamplers,
    resample,
)
from tests.recipes.training import write_corpus
from tests.unit.signals import pink_noise


def level_db(example, low_hz, high_hz):
    hz, power = scipy.signal.welch(
        example.wav, example.sample_rate, nperseg=1024
    )
    inside = (hz >= low_hz) & (hz <= high_hz)
    return 10 * np.log10(power[inside].mean() + 1e-20)


@pytest.mark.parametrize("name", available_resamplers())
def test_resamplers_neither_delay_nor_change_what_is_below_the_edge(name):
    wav = band_limits.filtered(pink_noise(1), 2000, "fir", 8).wav
    down = name if name not in INTERPOLATIONS else "torchaudio kaiser best"
    low = resample(wav, 48000, 16000, down)
    back = resample(low, 16000, 48000, name)
    assert len(back) == len(wav)
    error = (back - wav)[4800:-4800]
    assert np.sqrt(np.mean(error**2)) < 0.2 * wav.std()


@pytest.mark.parametrize("name", available_resamplers())
def test_what_a_resampler_leaves_above_the_edge_is_fainter(name):
    down = name if name not in INTERPOLATIONS else "torchaudio kaiser best"
    example = band_limits.resampled(pink_noise(1), 16000, 48000, down, name)
    assert example.cutoff_hz == 8000 * band_limits.cutoff_of_resamplers(
        down, name
    )
    fall = level_db(example, 3000, 7000) - level_db(example, 12500, 15500)
    assert fall > 10


@pytest.mark.parametrize(
    "name, share",
    [
        *(("torchaudio", 1.0), ("scipy resample_poly", 1.0)),
        *(("soxr HQ (librosa)", 0.98), ("torchaudio kaiser best", 0.98)),
        *(("soxr LQ", 0.925), ("torchaudio kaiser fast", 0.94)),
        *(("SoX -l", 0.925), ("SoX -v", 0.98), ("julius", 1.0)),
        *(("ffmpeg swr, 128 taps", 1.0), ("scipy decimate", 1.0)),
    ],
)
def test_a_resampler_s_edge_is_where_60_db_are_gone(name, share):
    """Images above half of the rate do not move it up."""
    found = band_limits.cutoff_of_resamplers(name, name)
    assert found == pytest.approx(share, abs=0.008)


def test_an_edge_at_the_rate_s_own_limit_is_none():
    example = band_limits.coded(
        pink_noise(1), 8000, "g711", None, 8000, "torchaudio"
    )
    assert example.cutoff_hz is None
    example = band_limits.coded(
        pink_noise(1), 8000, "g711", None, 16000, "torchaudio"
    )
    assert example.cutoff_hz == 4000


def test_disturbances_have_the_level_that_is_asked_for():
    rng = np.random.default_rng(0)
    example = band_limits.filtered(pink_noise(2), 4000, "cheby1", 8)
    floor = band_limits.with_floor(example, -60, rng)
    assert level_db(floor, 8000, 20000) == pytest.approx(-103.8, abs=1)
    tone = band_limits.with_tone(example, -40, rng).wav - example.wav
    assert 20 * np.log10(tone.std()) == pytest.approx(-40, abs=0.1)
    clicks = band_limits.with_clicks(example, 10, rng).wav - example.wav
    assert 10 <= np.count_nonzero(clicks) <= 32


def test_random_examples_follow_from_the_generator():
    def draw(seed):
        make = band_limits.ExampleMaker(np.random.default_rng(seed))
        made = []
        while not made:
            made = make(pink_noise(0.5), 22000)
        return made[0]

    first, again, other = draw(3), draw(3), draw(4)
    assert np.array_equal(first.wav, again.wav)
    assert not np.array_equal(first.wav, other.wav)


def test_examples_are_written_once_and_stretched_when_read(tmp_path):
    write_corpus(tmp_path)
    folder = tmp_path / "examples"
    recordings = (tmp_path / "train.json", str(tmp_path))
    cache_examples(folder, *recordings, 8, file_examples=8)
    written = folder / "0000.npz"
    time = written.stat().st_mtime_ns
    cache_examples(folder, *recordings, 8, file_examples=8)
    assert written.stat().st_mtime_ns == time
    plain = CutoffExamples(folder)
    stretched = CutoffExamples(folder, max_stretch=1.25)
    assert len(plain) >= 8
    for number in range(8):
        item, moved = plain[number], stretched[number]
        assert item["statistics"].shape == (4, 5, 512)
        assert item["count"].sum() >= 1
        assert item["edge"] <= moved["edge"] <= 1.25 * item["edge"]
    lowered = CutoffExamples(folder, min_stretch=0.8)
    edges = [(plain[n]["edge"], lowered[n]["edge"]) for n in range(64)]
    assert all(0.8 * edge <= moved <= edge for edge, moved in edges)
    assert any(0 < moved < 0.95 * edge for edge, moved in edges)
    with pytest.raises(ValueError, match="skip_prep"):
        CutoffExamples(tmp_path)


def test_examples_of_recordings_at_another_rate_are_refused(tmp_path):
    write_corpus(tmp_path)
    for path in tmp_path.glob("*.wav"):
        soundfile.write(path, 0.1 * np.ones(96000), 32000)
    recordings = (tmp_path / "train.json", str(tmp_path))
    with pytest.raises(ValueError, match="wav' cannot .* of 32000 Hz instead"):
        cache_examples(tmp_path / "examples", *recordings, 8)
