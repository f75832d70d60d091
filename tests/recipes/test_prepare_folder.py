"""Preparation of any folder of sound files.

Authors
 * The speechbrain_flashsr developers 2026
"""

from functools import partial

import folder_prepare
import numpy as np
import pytest

from tests.recipes.preparation import prepare, sources
from tests.recipes.sounds import noise, write


@pytest.fixture
def folder(tmp_path):
    """Ten recordings in a flat folder, and some files that are none."""
    for index in range(10):
        wav = np.concatenate([np.zeros(4410), noise(index, 0.5)])
        write(tmp_path / "mine", f"take {index}.wav", wav)
    (tmp_path / "mine/.hidden.wav").touch()
    (tmp_path / "mine/notes.txt").write_text("no sound")
    return tmp_path / "mine"


def test_folder(folder, tmp_path, capsys):
    data = tmp_path / "data"
    mine = {"domain": "effects", "licence": "mine"}
    prepare_mine = partial(
        prepare, folder_prepare.prepare_folder, folder, data, **mine
    )
    manifests = prepare_mine(test_fraction=0.2)
    assert [len(entries) for entries in manifests.values()] == [7, 1, 2]
    found = set.union(*map(sources, manifests.values()))
    names = {f"take {index}.wav" for index in range(10)}
    assert found == {(name, name, "mine") for name in names}
    (entry,) = manifests["dev"].values()
    assert entry["duration"] == pytest.approx(0.5, abs=1e-3)
    write(folder, "take 10.wav", noise(10, 0.5))
    capsys.readouterr()
    again = prepare_mine(test_fraction=0.0)
    assert [len(entries) for entries in again.values()] == [9, 2, 0]
    assert "skipped" not in capsys.readouterr().out


def test_recordings_that_the_filter_leaves_out_are_in_no_split(
    folder, tmp_path
):
    def prepare_mine(name):
        return prepare(
            folder_prepare.prepare_folder,
            *(folder, tmp_path / name),
            domain="effects",
        )

    before = prepare_mine("before")
    for split in ("dev", "test"):
        (entry,) = before[split].values()
        write(folder, entry["source"], 1e-3 * noise(0, 0.5))
    after = prepare_mine("after")
    assert [len(entries) for entries in after.values()] == [6, 1, 1]
    found = set.union(*map(sources, after.values()))
    assert len(found) == 8


def test_folders_of_a_folder_stay_together(tmp_path):
    for index in range(9):
        write(tmp_path, f"{'abc'[index % 3]}/deep/{index}.wav", noise(index))
    paths = folder_prepare.find_files(tmp_path)
    groups = folder_prepare.group_files(paths, tmp_path)
    splits = folder_prepare.split_groups(groups, 0.1, 0.1)
    assert sorted(split for split, _ in splits.values()) == [
        *("dev", "test", "train")
    ]
    for name, (_, members) in splits.items():
        assert [p.relative_to(tmp_path).parts[0] for p in members] == [name] * 3


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"domain": "noise"}, "domain is 'noise'"),
        ({"dev_fraction": 1.5}, "dev_fraction is 1.5"),
        ({"dev_fraction": 0.5, "test_fraction": 0.5}, "too few"),
        ({"segment_seconds": -1}, "segment_seconds is -1"),
    ],
)
def test_wrong_arguments(folder, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        prepare(
            folder_prepare.prepare_folder,
            folder,
            tmp_path / "data",
            **{"domain": "effects", **arguments},
        )
    assert not (tmp_path / "data").exists()


def test_folder_without_sound(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        folder_prepare.find_files(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="holds no sound files"):
        folder_prepare.find_files(tmp_path)
