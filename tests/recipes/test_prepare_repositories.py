"""Preparation of clones of public repositories, on small trees laid out like
them.

Authors
 * The speechbrain_flashsr developers 2026
"""

import re

import pytest
import repositories_prepare

from tests.recipes.preparation import prepare
from tests.recipes.sounds import noise, speech, write

FILES = {
    "alphanumeric-audio-dataset/audio_data/Names/R_14L9qNxUlipFmsF.wav": (
        *("speech", "sakshee5-R_14L9qNxUlipFmsF", "test"),
    ),
    "alphanumeric-audio-dataset/audio_data/Names/R_1DN3Yy2ILEefmz8.wav": (
        *("speech", "sakshee5-R_1DN3Yy2ILEefmz8", "train"),
    ),
    "GCompris-voices/pt_BR/intro/a.ogg": (
        *("speech", "gcompris-pt_BR", "train"),
    ),
    "GCompris-voices/kn/intro/a.ogg": ("speech", "gcompris-kn", "dev"),
    "GCompris-voices/pl/intro/a.ogg": None,
    "GCompris-voices/th/intro/a.ogg": None,
    "plh-kids-teens-app-za-content/app/za_xh/audio/a.wav": (
        *("speech", "plh-xh", "test"),
    ),
    "plh-kids-teens-app-za-content/app/za_en/audio/a.wav": (
        *("speech", "plh-en", "train"),
    ),
    "blanket/data/resources/sounds/rain.wav": (
        "effects",
        "blanket-rain",
        "dev",
    ),
    "blanket/help/rain.ogg": None,
    "minetest_game/mods/fire/sounds/fire.1.ogg": (
        *("effects", "minetest-fire", "test"),
    ),
}


@pytest.fixture
def data_folder(tmp_path):
    """Five of the repositories."""
    folder = tmp_path / "clones"
    for seed, (name, expected) in enumerate(FILES.items()):
        long = name.endswith("sounds/rain.wav")
        wav = noise(seed, 61.0 if long else 1.0)
        if expected and expected[0] == "speech":
            wav = speech(seed)
        subtype = "VORBIS" if name.endswith("ogg") else "PCM_16"
        write(folder, name, wav, subtype=subtype)
    return folder


def test_domains_groups_and_splits(data_folder, tmp_path, capsys):
    run = repositories_prepare.prepare_repositories
    arguments = run, data_folder, tmp_path / "data"
    found = {}
    for split, entries in prepare(*arguments).items():
        for e in entries.values():
            name = e["source"].split("/", 1)[1]
            found[name] = (e["domain"], e["group"], split)
            if e["group"] == "blanket-rain":
                assert e["duration"] == 6.0  # the first minute, cut into ten
    assert found == {name: value for name, value in FILES.items() if value}
    printed = capsys.readouterr().out
    assert "left out: " in printed and "nodepa/seedlingo" in printed
    prepare(*arguments)
    assert "preparation skipped" in capsys.readouterr().out


def test_a_folder_without_clones_is_one_clear_error(tmp_path):
    arguments = [tmp_path / name for name in ("a", "b", "c", "d", "e")]
    run = repositories_prepare.prepare_repositories
    assert run(*arguments, skip_prep=True) is None
    with pytest.raises(FileNotFoundError, match="git clone --depth 1"):
        run(*arguments)


def test_the_table_is_sound():
    for source in repositories_prepare.SOURCES:
        assert source.domain in ("speech", "music", "effects")
        assert re.compile(source.pattern).groups == source.group.count("{}")
