"""Data preparation on a small tree laid out as the unpacked packages.

Authors
 * The speechbrain_flashsr developers 2026
"""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from functools import partial

import debian_audio_prepare
import debian_packages
import numpy as np
import pytest
import soundfile
from speechbrain.dataio.dataio import read_audio
from speechbrain.dataio.dataset import DynamicItemDataset

from tests.recipes import preparation
from tests.recipes.preparation import write_copyright
from tests.recipes.sounds import PREPARE, low_pass, noise, speech, write

LETTERS = "klettres-data/usr/share/klettres"
STAMPS = "tuxpaint-stamps-default/usr/share/tuxpaint/stamps"
HEDGEWARS = "hedgewars-data/usr/share/games/hedgewars/Data"
DOORS = "ufoai-sound/pk3/sound/doors"
PACKAGES = [
    "klettres-data",
    "tuxpaint-stamps-default",
    "hedgewars-data",
    "ufoai-sound",
]


@pytest.fixture
def data_folder(tmp_path):
    """Four packages: usable clips, and one for each way to be left out."""
    folder = tmp_path / "packages"
    full = write(folder, f"{LETTERS}/de/alpha/a.wav", speech(0))
    write(folder, f"{LETTERS}/de/alpha/b_hiss.wav", noise(1))
    limited = low_pass(speech(2), 8000)
    write(folder, f"{LETTERS}/de/alpha/c_limited.wav", limited)
    one_side = np.stack([np.zeros(44100), speech(3)], axis=1)
    write(folder, f"{LETTERS}/de/alpha/d_one_side.wav", one_side)
    shutil.copy(full, full.with_name("e_copy.wav"))
    write(folder, f"{LETTERS}/de/alpha/f_quiet.wav", 0.01 * speech(4))
    cut_short = write(folder, f"{LETTERS}/de/syllab/g_cut.wav", speech(5))
    cut_short.write_bytes(cut_short.read_bytes()[:50000])
    write(folder, f"{LETTERS}/de/syllab/text.wav", speech(6)).write_text("hi")
    write(folder, f"{LETTERS}/it/alpha/h.wav", speech(7))
    write(folder, "klettres-data/usr/share/sounds/other.wav", speech(8))
    write_copyright(
        folder,
        "klettres-data",
        "Format: https://www.debian.org/\n\nFiles: *\nLicense: GPL-2+\n\n"
        "Files: usr/share/klettres/it/*\nLicense: CC0\n text of it\n",
    )

    write(folder, f"{STAMPS}/cat_desc_fr.wav", speech(9))
    write(folder, f"{STAMPS}/cat.wav", noise(10))
    write(folder, f"{STAMPS}/cat_desc.wav", noise(11))

    song = noise(12, seconds=14, level=0.3, sample_rate=48000)
    song *= 1.4 / np.abs(song).max()
    song[220000:450000] = 0.0
    write(folder, f"{HEDGEWARS}/Music/Song.wav", song, 48000, "FLOAT")
    write(folder, f"{HEDGEWARS}/Sounds/voices/Default_uk/i.wav", speech(13))
    write(folder, f"{HEDGEWARS}/Sounds/voices/Pirate/j.wav", speech(14))

    door = write(tmp_path, "door.wav", noise(15))
    archive = folder / "ufoai-sound/usr/share/games/ufoai/base/0snd.pk3"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as file:
        file.write(door, "sound/doors/open.wav")
    write_copyright(
        folder,
        "ufoai-sound",
        "Files: *\nLicense: GPL-2+\n\n"
        "Files:\n base/music/a.ogg\n base/sound/doors/open.wav\n"
        "Copyright: somebody\nLicense: CC-BY-3.0\n",
    )
    return folder


def prepare(data_folder, **arguments):
    """Runs the preparation: the folder and the manifests."""
    save_folder = data_folder.parent / "prepared"
    function = debian_audio_prepare.prepare_debian_audio
    arguments = {"packages": PACKAGES, **arguments}
    return save_folder, preparation.prepare(
        function, data_folder, save_folder, **arguments
    )


def entry(
    data_folder,
    source,
    domain,
    group,
    licence="see the package's copyright file",
    piece=(0, 0, 48000),
    rolloff_hz=21963,
):
    """An entry as the manifest should have it, with its id."""
    path = data_folder / source
    package = source.split("/")[0]
    digest = hashlib.sha1(path.read_bytes()).hexdigest()[:8]
    corpus = package.replace("-", "_")
    clip_id = f"{corpus}-{path.stem}-{digest}"
    index, start, stop = piece
    return f"{clip_id}-{index:03d}", {
        "wav": f"{{data_root}}/wavs/{corpus}/{clip_id}.wav",
        "start": start,
        "stop": stop,
        "sample_rate": 48000,
        "duration": (stop - start) / 48000,
        "domain": domain,
        "group": group,
        "rolloff_hz": rolloff_hz,
        "source": source,
        "licence": licence,
    }


def test_manifests_are_exact(data_folder, capsys, caplog):
    save_folder, manifests = prepare(data_folder)
    made = partial(entry, data_folder)
    song = f"{HEDGEWARS}/Music/Song.wav", "music", "Song"
    voices, letters = f"{HEDGEWARS}/Sounds/voices", f"{LETTERS}/de/alpha"
    train = [
        # The second of three pieces of the song is silent.
        made(*song, piece=(0, 0, 224000), rolloff_hz=23976),
        made(*song, piece=(2, 448000, 672000), rolloff_hz=23976),
        made(f"{voices}/Pirate/j.wav", "speech", "Pirate"),
        made(f"{letters}/a.wav", "speech", "de", "GPL-2+"),
        made(f"{letters}/d_one_side.wav", "speech", "de", "GPL-2+"),
        made(f"{STAMPS}/cat.wav", "effects", "tuxpaint-stamps-default"),
        made(f"{STAMPS}/cat_desc_fr.wav", "speech", "fr"),
        made(f"{DOORS}/open.wav", "effects", "ufoai-sound", "CC-BY-3.0"),
    ]
    assert manifests == {
        "train": dict(train),
        "dev": dict([made(f"{voices}/Default_uk/i.wav", "speech", "uk")]),
        "test": dict(
            [made(f"{LETTERS}/it/alpha/h.wav", "speech", "it", "CC0")]
        ),
    }

    printed = capsys.readouterr().out
    assert "train  speech       4       4     0.1  see the" in printed
    assert (
        "Left out: 2 unreadable, 1 duplicate, 1 steady hiss at 14-16 kHz,"
        " 1 nothing at 14-16 kHz, 1 too quiet." in printed
    )
    reports = [record.getMessage() for record in caplog.records]
    assert len(reports) == 2
    assert reports[0].startswith(f"Left out {LETTERS}/de/syllab/g_cut.wav: ")
    assert "is truncated or damaged (50000 of 88244 bytes" in reports[0]
    assert f"{LETTERS}/de/syllab/text.wav" in reports[1]
    assert not list(save_folder.rglob(".flashsr-*"))


def test_clips_hold_the_sound(data_folder):
    save_folder, _ = prepare(data_folder)
    data = DynamicItemDataset.from_json(
        str(save_folder / "train.json"), replacements={"data_root": save_folder}
    )
    data.add_dynamic_item(
        lambda wav, start, stop: read_audio(
            {"file": wav, "start": start, "stop": stop}
        ),
        takes=["wav", "start", "stop"],
        provides="sig",
    )
    data.set_output_keys(["source", "start", "sig"])
    clips = {(item["source"], item["start"]): item["sig"] for item in data}

    # The louder channel, not half of it: its level is the source's.
    one_side = clips[f"{LETTERS}/de/alpha/d_one_side.wav", 0].numpy()
    assert one_side.std() == pytest.approx(speech(3).std(), rel=0.05)
    # A peak of 1.4 is scaled to 0.99, and the level by as much.
    source, _ = soundfile.read(data_folder / f"{HEDGEWARS}/Music/Song.wav")
    pieces = [
        clips[f"{HEDGEWARS}/Music/Song.wav", start].numpy()
        for start in (0, 448000)
    ]
    assert max(np.abs(piece).max() for piece in pieces) == pytest.approx(
        0.99, abs=1e-4
    )
    expected = source[:224000] * 0.99 / np.abs(source).max()
    assert np.abs(pieces[0] - expected).max() < 1e-4


def test_second_run_does_nothing(data_folder, capsys):
    save_folder, manifests = prepare(data_folder)
    times = {path: path.stat().st_mtime_ns for path in save_folder.rglob("*")}
    capsys.readouterr()
    shutil.rmtree(data_folder)
    assert prepare(data_folder)[1] == manifests
    assert "preparation skipped" in capsys.readouterr().out
    assert times == {
        path: path.stat().st_mtime_ns for path in save_folder.rglob("*")
    }


def test_interrupted_run_is_taken_up(data_folder):
    save_folder, manifests = prepare(data_folder)
    wavs = sorted(save_folder.rglob("*.wav"))
    times = [path.stat().st_mtime_ns for path in wavs]
    (save_folder / "dev.json").unlink()
    wavs[0].unlink()
    assert prepare(data_folder)[1] == manifests
    again = [path.stat().st_mtime_ns for path in wavs]
    assert again[0] != times[0]
    assert again[1:] == times[1:]


def test_other_options_are_not_skipped(data_folder):
    prepare(data_folder)
    _, manifests = prepare(data_folder, segment_seconds=0.25)
    pieces = [
        (item["start"], item["stop"]) for item in manifests["test"].values()
    ]
    # Half of the pieces hold the faint half of each period.
    assert pieces == [(0, 12000), (24000, 36000)]


def test_skip_prep_and_wrong_arguments(tmp_path):
    assert prepare_nothing(tmp_path, skip_prep=True) is None
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="unknown package 'ufoai-sounds'"):
        prepare_nothing(tmp_path, packages=["ufoai-sounds"])
    with pytest.raises(ValueError, match="segment_seconds is 0"):
        prepare_nothing(tmp_path, segment_seconds=0)


def prepare_nothing(tmp_path, **arguments):
    """Runs the preparation where nothing is."""
    return debian_audio_prepare.prepare_debian_audio(
        tmp_path / "data", tmp_path / "save", "a", "b", "c", **arguments
    )


def test_no_usable_clip(data_folder):
    shutil.rmtree(data_folder / LETTERS / "de/alpha")
    shutil.rmtree(data_folder / LETTERS / "it")
    with pytest.raises(RuntimeError, match="none of the 2 .*2 unreadable"):
        prepare(data_folder, packages=["klettres-data"])
    assert not list(data_folder.parent.rglob("*.json"))


def test_package_cannot_be_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="apt-get is missing.*packages.deb"):
        debian_packages.provide_package(tmp_path, "klettres-data")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(
    shutil.which("dpkg-deb") is None, reason="dpkg is not installed"
)
def test_deb_files_are_unpacked(tmp_path):
    tree = tmp_path / "tree"
    write(tree, "usr/share/klettres/de/alpha/a.wav", speech(0))
    control = tree / "DEBIAN/control"
    control.parent.mkdir()
    control.write_text(
        "Package: klettres-data\nVersion: 1\nArchitecture: all\n"
        "Maintainer: A <a@b.c>\nDescription: test\n"
    )
    data_folder = tmp_path / "data"
    data_folder.mkdir()
    deb = data_folder / "klettres-data_1_all.deb"
    subprocess.run(["dpkg-deb", "-b", tree, deb], check=True)
    debian_packages.provide_package(data_folder, "klettres-data")
    (clip,) = debian_audio_prepare.find_clips(data_folder, "klettres-data")
    assert clip.source == f"{LETTERS}/de/alpha/a.wav"
    assert sorted(path.name for path in data_folder.iterdir()) == [
        "klettres-data",
        deb.name,
    ]

    shutil.rmtree(data_folder / "klettres-data")
    deb.write_bytes(deb.read_bytes()[:200])
    with pytest.raises(RuntimeError, match="dpkg -x .* failed"):
        debian_packages.provide_package(data_folder, "klettres-data")
    assert [path.name for path in data_folder.iterdir()] == [deb.name]


def test_command_line(tmp_path):
    command = [sys.executable, PREPARE / "debian_audio_prepare.py"]
    result = subprocess.run(
        [*command, tmp_path / "a", tmp_path / "b", "--packages", "nothing"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("error: unknown package 'nothing'; known")
