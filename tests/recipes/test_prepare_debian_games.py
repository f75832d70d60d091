"""Preparation of the games' sounds on a small tree laid out as the unpacked
packages.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json
import runpy
import shutil
import sys
import zipfile
from pathlib import Path

import debian_games_prepare
import debian_packages
import mix_manifests
import numpy as np
import pytest
from corpus import SPLITS

from tests.recipes import preparation
from tests.recipes.preparation import write_copyright
from tests.recipes.sounds import low_pass, noise, speech, write

KARTS = "supertuxkart-data/usr/share/games/supertuxkart/data"
HYPERROGUE = "hyperrogue-music/usr/share/hyperrogue"
ARCHIVES = "0ad-data/usr/share/games/0ad/mods"
PACKAGES = [
    "supertuxkart-data",
    "0ad-data",
    "hyperrogue-music",
    "wesnoth-1.16-music",
]


def write_archive(folder, name, sounds):
    """Writes a zip archive: {path inside: wav}, and other files."""
    archive = folder / name
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w") as file:
        for path, wav in sounds.items():
            file.write(write(folder.parent / "outside", path, wav), path)
        file.writestr("art/textures/huge.dds", b"no sound")


@pytest.fixture
def data_folder(tmp_path):
    """Four packages, one of them with two archives."""
    folder = tmp_path / "packages"
    write(folder, f"{KARTS}/music/egypt.wav", noise(0, 6.5))
    write(folder, f"{KARTS}/music/jingle.wav", noise(1, 2.0))
    padded = np.concatenate([np.zeros(22050), noise(2), np.zeros(22050)])
    write(folder, f"{KARTS}/sfx/anvil.wav", padded)
    write(folder, f"{KARTS}/sfx/limited.wav", low_pass(noise(3), 8000))
    write(folder, f"{KARTS}/tracks/a/theme.wav", noise(4, 45.5))
    (folder / f"{KARTS}/tracks/a/broken.ogg").write_text("no sound")
    write_copyright(
        folder,
        "supertuxkart-data",
        "Format: https://www.debian.org/\n\nFiles: *\nLicense: GPL-3+\n\n"
        "Files: data/music/egypt.wav\nLicense: CC-BY-SA-3.0\n text of it\n",
    )
    write_archive(
        folder,
        f"{ARCHIVES}/public/public.zip",
        {
            "audio/voice/latin/walk.wav": speech(6),
            "audio/attack/hit.wav": noise(7),
        },
    )
    write_archive(
        folder, f"{ARCHIVES}/mod/mod.zip", {"audio/click.WAV": noise(8)}
    )
    write_copyright(
        folder, "0ad-data", "Files: *\nLicense: CC-BY-SA-3.0\n text\n"
    )
    # The name of the package does not make its sounds music.
    write(folder, f"{HYPERROGUE}/sounds/click.wav", noise(9))
    write(folder, "wesnoth-1.16-music/usr/share/music/a.wav", noise(10, 5.5))
    write_copyright(folder, "wesnoth-1.16-music", "This package is free.\n")
    return folder


def prepare(data_folder, **arguments):
    """Runs the preparation: the folder and the manifests."""
    save_folder = data_folder.parent / "prepared"
    function = debian_games_prepare.prepare_debian_games
    arguments = {"packages": PACKAGES, **arguments}
    return save_folder, preparation.prepare(
        function, data_folder, save_folder, **arguments
    )


def test_domains_groups_and_licences(data_folder, capsys, caplog):
    _, manifests = prepare(data_folder)
    assert manifests["dev"] == manifests["test"] == {}
    music = {
        f"{KARTS}/music/egypt.wav": (2, "CC-BY-SA-3.0"),
        f"{KARTS}/tracks/a/theme.wav": (8, "GPL-3+"),
        "wesnoth-1.16-music/usr/share/music/a.wav": (1, "GPL-2+"),
    }
    others = {
        f"{KARTS}/sfx/anvil.wav": ("effects", "GPL-3+"),
        "0ad-data/pk3/audio/voice/latin/walk.wav": ("speech", "CC-BY-SA-3.0"),
        "0ad-data/pk3/audio/attack/hit.wav": ("effects", "CC-BY-SA-3.0"),
        "0ad-data/pk3/audio/click.WAV": ("effects", "CC-BY-SA-3.0"),
        f"{HYPERROGUE}/sounds/click.wav": (
            "effects",
            "see the package's copyright file",
        ),
    }
    found = sorted(
        (e["source"], e["domain"], e["group"], e["licence"])
        for e in manifests["train"].values()
    )
    assert found == sorted(
        [
            (source, "music", source, licence)
            for source, (entries, licence) in music.items()
            for _ in range(entries)
        ]
        + [
            (source, domain, source.split("/")[0], licence)
            for source, (domain, licence) in others.items()
        ]
    )
    durations = {
        e["source"]: e["duration"] for e in manifests["train"].values()
    }
    # Without the digital silence at both ends.
    assert durations[f"{KARTS}/sfx/anvil.wav"] == pytest.approx(1.0, abs=1e-3)

    printed = capsys.readouterr().out
    assert (
        "train  speech       1       1     0.0  CC-BY-SA-3.0 (0.0)" in printed
    )
    assert "train  music        3      11     1.0  GPL-3+ (0.8), " in printed
    assert (
        "Left out: 1 too short or too long, 1 nothing at 14-16 kHz,"
        " 1 unreadable." in printed
    )
    assert [record.getMessage() for record in caplog.records][0].startswith(
        f"Left out {KARTS}/tracks/a/broken.ogg: "
    )


def test_second_run_does_nothing_and_an_interrupted_one_is_taken_up(
    data_folder, capsys
):
    arguments = {"packages": ["0ad-data", "hyperrogue-music"]}
    save_folder, manifests = prepare(data_folder, **arguments)
    wavs = sorted(save_folder.rglob("*.wav"))
    assert len(wavs) == 4
    times = [path.stat().st_mtime_ns for path in wavs]
    wavs[0].unlink()
    assert prepare(data_folder, **arguments)[1] == manifests
    again = [path.stat().st_mtime_ns for path in wavs]
    assert again[0] != times[0] and again[1:] == times[1:]
    capsys.readouterr()
    shutil.rmtree(data_folder)
    assert prepare(data_folder, **arguments)[1] == manifests
    assert "preparation skipped" in capsys.readouterr().out


def test_it_joins_another_corpus(data_folder, tmp_path):
    save_folder, manifests = prepare(data_folder, packages=["0ad-data"])
    other = tmp_path / "other"
    other.mkdir()
    entry = {"wav": "{data_root}/wavs/a.wav", "domain": "speech"}
    entry |= {"duration": 1.0, "group": "de"}
    for split in SPLITS:
        (other / f"{split}.json").write_text(json.dumps({split: entry}))
    mix_manifests.mix_manifests([other, save_folder], tmp_path / "mixed")
    mixed = {
        split: json.loads((tmp_path / f"mixed/{split}.json").read_text())
        for split in SPLITS
    }
    assert [len(entries) for entries in mixed.values()] == [4, 1, 1]
    for name in manifests["train"]:
        wav = mixed["train"][name]["wav"]
        path = wav.replace("{data_root}", str(tmp_path / "mixed"))
        assert Path(path).is_file()


def test_only_sounds_are_taken_out_of_archives(data_folder):
    debian_packages.provide_package(data_folder, "0ad-data")
    package = data_folder / "0ad-data"
    assert sorted(path.name for path in package.iterdir()) == ["pk3", "usr"]
    files = [path for path in (package / "pk3").rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == [
        *("click.WAV", "hit.wav", "walk.wav")
    ]
    # Once they are there, the archives are not read again.
    (data_folder / f"{ARCHIVES}/mod/mod.zip").write_bytes(b"PK broken")
    debian_packages.provide_package(data_folder, "0ad-data")
    shutil.rmtree(package / "pk3")
    with pytest.raises(RuntimeError, match="mod.zip cannot be unpacked"):
        debian_packages.provide_package(data_folder, "0ad-data")
    assert [path.name for path in package.iterdir()] == ["usr"]
    assert {path.name for path in data_folder.iterdir()} == set(PACKAGES)


def test_drum_kits_have_their_licences_and_none_validates(tmp_path):
    """A kit's archive stands for its files in the copyright file; of the kit
    that validates nothing trains."""
    kits = "hydrogen-drumkits/usr/share/hydrogen/data/drumkits"
    for kit in ("Gimme A Hand 1.0", "circAfrique v4", "The Black Pearl 1.0"):
        write(tmp_path, f"{kits}/{kit}/clap.wav", noise(0))
    write_copyright(
        tmp_path,
        "hydrogen-drumkits",
        "Files:\n drumkits/Gimme?A?Hand?1.0.h2drumkit\n"
        " drumkits/The?Black?Pearl?1.0.h2drumkit\nLicense: GPL-2\n text\n\n"
        "Files: drumkits/circAfrique.h2drumkit\nLicense: CC-BY-SA-3.0\n",
    )
    clips = debian_games_prepare.find_clips(tmp_path, "hydrogen-drumkits")
    assert {clip.source: clip.licence for clip in clips} == {
        f"{kits}/Gimme A Hand 1.0/clap.wav": "GPL-2",
        f"{kits}/circAfrique v4/clap.wav": "CC-BY-SA-3.0",
    }


def test_whole_groups_are_held_out():
    names = {
        "lordsawar-data/usr/share/games/lordsawar/music/intro.ogg": "dev",
        "warzone2100-music/usr/music/albums/a/track27.opus": "test",
        "warzone2100-music/usr/music/albums/a/track2.opus": "train",
        "caveexpress-data/usr/share/games/sounds/water-leave.ogg": "test",
        "caveexpress-data/usr/share/games/sounds/music-1.ogg": "train",
    }
    for name, split in names.items():
        assert debian_games_prepare.split_of(name) == split


def test_packages_are_sorted():
    packages = list(debian_games_prepare.PACKAGES)
    assert sorted(packages) == packages


@pytest.mark.parametrize(
    "source, seconds, domain",
    [
        ("supertux-data/usr/share/games/supertux2/speech/a.ogg", 3, "speech"),
        ("fillets-ng-data-cs/usr/sound/keys/cs/a.ogg", 60, "speech"),
        ("redeclipse-data/usr/data/sounds/announcer/a.ogg", 1, "speech"),
        ("deepin-sound-theme/usr/share/sounds/dialog-error.wav", 1, "effects"),
        ("drascula-music/usr/share/scummvm/audio/track1.ogg", 8, "music"),
        ("redeclipse-data/usr/data/sounds/music/track_1.ogg", 8, "music"),
        ("nexuiz-music/pk3/sound/cdtracks/a.ogg", 8, "music"),
        ("hyperrogue-music/usr/share/hyperrogue/sounds/a.ogg", 8, "effects"),
        ("flare-game/usr/share/soundfx/environment/rain.ogg", 45, "effects"),
        ("flare-game/usr/share/soundfx/environment/rain.ogg", 46, "music"),
    ],
)
def test_domain(source, seconds, domain):
    assert debian_games_prepare.domain_of(source, seconds) == domain


def test_skip_prep_and_wrong_arguments(tmp_path, monkeypatch):
    arguments = [tmp_path / "data", tmp_path / "save", "a", "b", "c"]
    run = debian_games_prepare.prepare_debian_games
    assert run(*arguments, skip_prep=True) is None
    with pytest.raises(ValueError, match="segment_seconds is 0"):
        run(*arguments, segment_seconds=0)
    command = ["script", *map(str, arguments[:2]), "--packages", "quake"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(debian_games_prepare.__file__, run_name="__main__")
    assert ended.value.code.startswith(
        "error: unknown package 'quake'; known: 0ad-data, a7xpg-data,"
    )
    assert not list(tmp_path.iterdir())
