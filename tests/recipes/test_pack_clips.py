"""A corpus packed into a few megabytes.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json

import numpy as np
import pack_clips
import pytest
import soundfile

from speechbrain_flashsr.data.segments import RandomSegments
from tests.recipes.training import write_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder)
    return folder


def manifests(folder):
    return {
        split: json.loads((folder / f"{split}.json").read_text())
        for split in ("train", "dev", "test")
    }


def test_a_packed_corpus_is_small_and_can_be_drawn_from(corpus, tmp_path):
    pack_clips.pack_clips(corpus, tmp_path, megabytes=0.2)
    files = list(tmp_path.rglob("*.ogg"))
    size = sum(path.stat().st_size for path in files)
    assert 60_000 < size <= 200_000
    packed, original = manifests(tmp_path), manifests(corpus)
    assert packed["test"] == {}
    assert len(files) == len(packed["train"]) + len(packed["dev"])
    assert {e["domain"] for e in packed["train"].values()} == {
        "speech",
        "music",
        "effects",
    }
    for split in ("train", "dev"):
        for name, entry in packed[split].items():
            before = original[split][name]
            path = entry["wav"].replace("{data_root}", str(tmp_path))
            wav, _ = soundfile.read(path)
            path = before["wav"].replace("{data_root}", str(corpus))
            expected, _ = soundfile.read(path)
            assert entry["stop"] == len(wav) == len(expected)
            match = np.dot(wav, expected) / np.dot(expected, expected)
            assert match > 0.7  # white noise is the hardest to code
            assert {**entry, "wav": 0} == {**before, "wav": 0}
    dataset = RandomSegments(
        tmp_path / "train.json", tmp_path, 4800, {"speech": 1, "music": 1}
    )
    assert dataset[0]["high"].abs().max() > 0


def test_roll_offs_are_at_most_what_the_codec_keeps(corpus, tmp_path):
    """White noise with a roll-off of 22 kHz loses what lies above 20 kHz."""
    write_corpus(tmp_path / "corpus", rolloff_hz=22000)
    pack_clips.pack_clips(tmp_path / "corpus", tmp_path / "packed")
    entry = next(iter(manifests(tmp_path / "packed")["train"].values()))
    assert entry["rolloff_hz"] == 20000
    path = entry["wav"].replace("{data_root}", str(tmp_path / "packed"))
    wav, _ = soundfile.read(path)
    power = np.abs(np.fft.rfft(wav)) ** 2
    hz = np.linspace(0, 24000, len(power))

    def level_db(low_hz, high_hz):
        return 10 * np.log10(power[(hz > low_hz) & (hz < high_hz)].mean())

    assert abs(level_db(18000, 19800) - level_db(2000, 4000)) < 3
    assert level_db(20500, 23000) < level_db(2000, 4000) - 20


def test_an_unpacked_corpus_sounds_the_same(corpus, tmp_path):
    packed, unpacked = tmp_path / "packed", tmp_path / "unpacked"
    pack_clips.pack_clips(corpus, packed, megabytes=0.2)
    pack_clips.unpack_clips(packed, unpacked)
    datasets = [
        RandomSegments(folder / "train.json", folder, 4800, {"speech": 1})
        for folder in (packed, unpacked)
    ]
    for draw in range(3):
        items = [dataset[draw] for dataset in datasets]
        assert (items[0]["high"] - items[1]["high"]).abs().max() < 1e-5
    files = sorted(unpacked.rglob("*.wav"))
    assert len(files) == len(list(packed.rglob("*.ogg")))
    times = [path.stat().st_mtime_ns for path in files]
    pack_clips.unpack_clips(packed, unpacked)
    assert [path.stat().st_mtime_ns for path in files] == times


def test_the_same_seed_packs_the_same(corpus, tmp_path):
    for name in ("one", "two"):
        pack_clips.pack_clips(corpus, tmp_path / name, 0.2, seed=3)
    assert manifests(tmp_path / "one") == manifests(tmp_path / "two")


def test_errors(corpus, tmp_path):
    with pytest.raises(ValueError, match="not one entry fits into 0.001 MB"):
        pack_clips.pack_clips(corpus, tmp_path / "packed", 0.001)
    with pytest.raises(FileNotFoundError, match="there is no .*train.json"):
        pack_clips.pack_clips(tmp_path, tmp_path / "packed")
