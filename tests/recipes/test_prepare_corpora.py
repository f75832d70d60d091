"""Preparation of VCTK, MUSDB18-HQ, ESC-50, FSD50K and any folder, on small
trees laid out as the originals.

Authors
 * The speechbrain_flashsr developers 2026
"""

import csv
import json
import os
import runpy
import sys

import esc50_prepare
import folder_prepare
import fsd50k_prepare
import mix_manifests
import musdb18hq_prepare
import numpy as np
import pytest
import vctk_prepare

from speechbrain_flashsr.data.segments import RandomSegments
from tests.recipes.preparation import prepare, sources
from tests.recipes.sounds import low_pass, noise, speech, write


def write_csv(path, rows):
    """Writes rows, a list of dict."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def vctk(tmp_path):
    """Five speakers: p280 and p315 without the second microphone, p315
    without transcripts."""
    folder = tmp_path / "VCTK-Corpus-0.92"
    for number, speaker in enumerate(("p225", "p280", "p315", "p345", "s5")):
        for sentence in (1, 2):
            name = f"{speaker}_{sentence:03}"
            wav = speech(10 * number + sentence, 48000)
            if name == "p225_002":
                wav = low_pass(wav, 8000, 48000)
            for mic in (1, 2):
                if mic == 1 or speaker not in ("p280", "p315"):
                    flac = (
                        f"{vctk_prepare.AUDIO}/{speaker}/{name}_mic{mic}.flac"
                    )
                    write(folder, flac, wav / mic, 48000)
            if speaker != "p315":
                text = folder / "txt" / speaker / f"{name}.txt"
                text.parent.mkdir(parents=True, exist_ok=True)
                text.write_text("Please call Stella.\n")
    (folder / vctk_prepare.AUDIO / "log.txt").write_text("p280 mic2 failed\n")
    (folder / "speaker-info.txt").write_text("ID AGE GENDER ACCENTS\n")
    return folder


def test_vctk(vctk, tmp_path, capsys):
    manifests = prepare(vctk_prepare.prepare_vctk, vctk, tmp_path / "data")
    found = {split: sources(entries) for split, entries in manifests.items()}

    def expected(*names):
        return {
            (
                f"wav48_silence_trimmed/{name[:-4]}/{name}_mic1.flac",
                name[:-4],
                "CC-BY-4.0",
            )
            for name in names
        }

    assert found == {
        # p225_002 ends at 8 kHz.
        "train": expected(
            "p225_001", "p280_001", "p280_002", "p315_001", "p315_002"
        ),
        "dev": expected("p345_001", "p345_002"),
        "test": expected("s5_001", "s5_002"),
    }
    entry = next(iter(manifests["train"].values()))
    assert (entry["domain"], entry["start"], entry["stop"]) == (
        ("speech", 0, 48000)
    )
    assert entry["rolloff_hz"] > 23000
    printed = capsys.readouterr().out
    assert "train  speech       5       5     0.1  CC-BY-4.0 (0.1)" in printed
    assert "Left out: 1 nothing at 14-16 kHz." in printed
    # Again, it does nothing; another corpus in the same folder is prepared.
    prepare(vctk_prepare.prepare_vctk, vctk, tmp_path / "data")
    assert "preparation skipped" in capsys.readouterr().out


def test_vctk_speakers_are_on_one_side_only():
    assert len(vctk_prepare.DEV_SPEAKERS | vctk_prepare.TEST_SPEAKERS) == 16


SONGS = {
    "train": ("Some Band - First & Last", "Leaf - Summerghost"),
    "test": ("Other - Song",),
}


@pytest.fixture
def musdb(tmp_path):
    """Three songs, one of which is for validation."""
    folder = tmp_path / "musdb18hq"
    seed = 0
    for part, songs in SONGS.items():
        for song in songs:
            for track in musdb18hq_prepare.TRACKS:
                seed += 1
                wav = noise(seed, 5.5)
                if track == "bass":
                    wav = low_pass(wav, 6000)
                if track == "vocals":  # silent for nearly 3 s
                    wav[: 44100 * 11 // 4] = 0
                stereo = np.stack([wav, 0.5 * wav], axis=1)
                write(folder, f"{part}/{song}/{track}.wav", stereo)
    (folder / "train" / "notes.txt").write_text("not a song")
    return folder


def test_musdb18hq(musdb, tmp_path, capsys):
    manifests = prepare(
        musdb18hq_prepare.prepare_musdb18hq,
        musdb,
        tmp_path / "data",
        segment_seconds=2.75,
    )
    for split, part, song in (
        ("train", "train", "Some Band - First & Last"),
        ("dev", "train", "Leaf - Summerghost"),
        ("test", "test", "Other - Song"),
    ):
        assert sources(manifests[split]) == {
            (f"{part}/{song}/{track}.wav", song, "academic use only (MUSDB18)")
            for track in ("mixture", "drums", "other", "vocals")
        }
        pieces = [
            (entry["source"].split("/")[-1], entry["start"], entry["stop"])
            for entry in manifests[split].values()
        ]
        # 5.5 s at 44.1 kHz are 264000 samples at 48 kHz; half of the vocals
        # is silence.
        assert sorted(pieces) == [
            ("drums.wav", 0, 132000),
            ("drums.wav", 132000, 264000),
            ("mixture.wav", 0, 132000),
            ("mixture.wav", 132000, 264000),
            ("other.wav", 0, 132000),
            ("other.wav", 132000, 264000),
            ("vocals.wav", 132000, 264000),
        ]
    assert "3 nothing at 14-16 kHz." in capsys.readouterr().out


def test_musdb18_that_is_compressed_or_incomplete(musdb, tmp_path):
    (musdb / "train/Leaf - Summerghost/bass.wav").unlink()
    with pytest.raises(
        FileNotFoundError,
        match="1 of the 15 files of MUSDB18-HQ are missing in .*"
        "such as train/Leaf - Summerghost/bass.wav.*zenodo",
    ):
        musdb18hq_prepare.find_clips(musdb)
    (musdb / "train/Leaf - Summerghost.stem.mp4").touch()
    with pytest.raises(FileNotFoundError, match="compressed.*MUSDB18-HQ"):
        musdb18hq_prepare.find_clips(musdb)


@pytest.fixture
def esc50(tmp_path):
    """Five sounds in four folds, one of them silent, one padded."""
    folder = tmp_path / "ESC-50-master"
    rows = []
    for number, (fold, esc10) in enumerate(
        [(1, True), (2, False), (4, False), (5, True), (3, False)]
    ):
        wav = noise(number, 2.0)
        if fold == 2:
            wav[: 44100 // 2] = 0
            wav[-44100 // 2 :] = 1 / 2**15
        if fold == 3:
            wav[:] = 0
        source = str(100032 + number)
        name = f"{fold}-{source}-A-{number}.wav"
        write(folder, f"audio/{name}", wav)
        rows.append(
            {
                "filename": name,
                "fold": fold,
                "target": number,
                "category": "dog",
                "esc10": esc10,
                "src_file": source,
                "take": "A",
            }
        )
    write_csv(folder / "meta/esc50.csv", rows)
    write(folder, "audio/5-999-A-0.wav", noise(9))  # in no list
    return folder


def test_esc50(esc50, tmp_path, capsys):
    manifests = prepare(esc50_prepare.prepare_esc50, esc50, tmp_path / "data")
    found = {split: sources(entries) for split, entries in manifests.items()}
    assert found == {
        "train": {
            ("audio/1-100032-A-0.wav", "100032", "CC-BY-3.0"),
            ("audio/2-100033-A-1.wav", "100033", "CC-BY-NC-3.0"),
        },
        "dev": {("audio/4-100034-A-2.wav", "100034", "CC-BY-NC-3.0")},
        "test": {("audio/5-100035-A-3.wav", "100035", "CC-BY-3.0")},
    }
    train = manifests["train"].values()
    durations = {e["source"][6]: e["duration"] for e in train}
    assert durations == {"1": 2.0, "2": pytest.approx(1.0, abs=1e-3)}
    assert all(e["domain"] == "effects" for e in train)
    assert "Left out: 1 too quiet." in capsys.readouterr().out


@pytest.fixture
def fsd50k(tmp_path):
    """Two parts, three splits, clips down to 0.3 s, licences by address."""
    folder = tmp_path / "FSD50K"
    creative = "http://creativecommons.org"
    licences = {
        "64760": f"{creative}/licenses/by/3.0/",
        "16399": f"{creative}/publicdomain/zero/1.0/",
        "37199": f"{creative}/licenses/by-nc/3.0/",
        "21914": f"{creative}/licenses/sampling+/1.0/",
    }
    parts = {
        "dev": {"64760": "train", "16399": "val", "37199": "train"},
        "eval": {"21914": None},
    }
    for part, splits in parts.items():
        rows, info = [], {}
        for name, split in splits.items():
            wav = noise(int(name), 0.3 if name == "37199" else 1.0)
            write(folder, f"FSD50K.{part}_audio/{name}.wav", wav)
            row = {"fname": name, "labels": "Bark,Dog", "mids": "/m/05tny_"}
            rows.append({**row, "split": split} if split else row)
            info[name] = {
                "title": "a sound",
                "description": "",
                "tags": [],
                "license": licences[name],
                "uploader": f"user{name[0]}",
            }
        write_csv(folder / f"FSD50K.ground_truth/{part}.csv", rows)
        path = folder / f"FSD50K.metadata/{part}_clips_info_FSD50K.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(info))
    (folder / "FSD50K.ground_truth/vocabulary.csv").write_text("0,Bark,/m/0\n")
    return folder


def test_fsd50k(fsd50k, tmp_path, capsys):
    manifests = prepare(
        fsd50k_prepare.prepare_fsd50k, fsd50k, tmp_path / "data"
    )
    found = {split: sources(entries) for split, entries in manifests.items()}
    assert found == {
        "train": {
            ("FSD50K.dev_audio/64760.wav", "user6", "CC-BY-3.0"),
            ("FSD50K.dev_audio/37199.wav", "user3", "CC-BY-NC-3.0"),
        },
        "dev": {("FSD50K.dev_audio/16399.wav", "user1", "CC0-1.0")},
        "test": {("FSD50K.eval_audio/21914.wav", "user2", "CC-SAMPLING+-1.0")},
    }
    assert [e["stop"] for e in manifests["train"].values()][1] == 14400  # 0.3 s
    assert "CC-BY-3.0 (0.0), CC-BY-NC-3.0 (0.0)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "module, missing, home",
    [
        (vctk_prepare, "wav48_silence_trimmed", "10.7488/ds/2645"),
        (musdb18hq_prepare, "train", "zenodo.3338373"),
        (esc50_prepare, "audio", "karolpiczak/ESC-50"),
        (fsd50k_prepare, "FSD50K.dev_audio", "zenodo.4060432"),
    ],
)
def test_another_folder_is_one_clear_error(
    module, missing, home, tmp_path, monkeypatch
):
    arguments = [tmp_path / "other", tmp_path / "data"]
    monkeypatch.setattr(sys, "argv", list(map(str, ["script", *arguments])))
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(module.__file__, run_name="__main__")
    message = ended.value.code
    assert message.startswith(f"error: {tmp_path}/other is not the folder of")
    assert f"{missing} is missing" in message and home in message
    assert "\n" not in message
    assert not (tmp_path / "data").exists()


def test_mixed_corpora_are_drawn_by_weight(vctk, esc50, tmp_path, capsys):
    prepare(vctk_prepare.prepare_vctk, vctk, tmp_path / "speech")
    prepare(esc50_prepare.prepare_esc50, esc50, tmp_path / "effects")
    capsys.readouterr()
    mixed = tmp_path / "all" / "mixed"
    folders = [tmp_path / "speech", tmp_path / "effects"]
    mix_manifests.mix_manifests(folders, mixed)
    assert capsys.readouterr().out.splitlines()[1:3] == [
        "train  speech        5     0.1      3",
        "train  effects       2     0.1      2",
    ]
    segments = RandomSegments(
        mixed / "train.json", mixed, 4800, {"speech": 1, "effects": 4}
    )
    lengths = {domain: len(e) for domain, (_, e) in segments.domains.items()}
    assert lengths == {"speech": 5, "effects": 2}
    assert list(segments.domain_probabilities) == [0.2, 0.8]
    assert segments[0]["high"].abs().max() > 0.01
    with pytest.raises(ValueError, match="pass each corpus once"):
        mix_manifests.mix_manifests([folders[0], folders[0]], mixed)
    with pytest.raises(FileNotFoundError, match="prepare the corpus first"):
        mix_manifests.mix_manifests([tmp_path / "music"], mixed)
    os.rename(tmp_path / "speech", tmp_path / "gone")
    with pytest.raises(ValueError, match="speech.*cannot be trained on"):
        for draw in range(30):
            segments[draw]


def test_skip_prep(tmp_path):
    for function in (
        vctk_prepare.prepare_vctk,
        musdb18hq_prepare.prepare_musdb18hq,
        esc50_prepare.prepare_esc50,
        fsd50k_prepare.prepare_fsd50k,
    ):
        function("nothing", tmp_path / "data", *"abc", skip_prep=True)
    folder_prepare.prepare_folder(
        "nothing", tmp_path / "data", *"abc", domain="speech", skip_prep=True
    )
    assert not list(tmp_path.iterdir())
