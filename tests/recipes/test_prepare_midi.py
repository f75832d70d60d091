"""Preparation of rendered MIDI files, with a stand-in for FluidSynth that
writes noise.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json
import shutil
import struct
import sys

import midi_prepare
import pytest
from corpus import SPLITS

# Like FluidSynth, it ends well and writes nothing where it reads no MIDI.
FLUIDSYNTH = f"""#!{sys.executable}
import sys
from pathlib import Path
import numpy as np
import soundfile
*_, soundfont, midi = sys.argv[1:]
content = Path(midi).read_bytes()
assert Path(soundfont).read_bytes() == b"soundfont"
if content.endswith(b"note"):
    noise = np.random.default_rng(list(content)).standard_normal((336000, 2))
    part = sys.argv[sys.argv.index("-F") + 1]
    rate = int(sys.argv[sys.argv.index("-r") + 1])
    soundfile.write(part, 0.1 * noise, rate, format="WAV")
"""


def wad(lumps):
    """A WAD archive, {name: content}."""
    body = b"".join(lumps.values())
    directory, start = b"", 12
    for name, content in lumps.items():
        directory += struct.pack("<II8s", start, len(content), name.encode())
        start += len(content)
    return struct.pack("<4sII", b"IWAD", len(lumps), start) + body + directory


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    """Two packages and the soundfont, and FluidSynth's stand-in."""
    folder = tmp_path / "packages"
    files = {
        "openttd-openmsx/usr/share/tttheme2.mid": b"MThd 1 note",
        "openttd-openmsx/usr/share/busy_schedule.mid": b"MThd 2 note",
        "openttd-openmsx/usr/share/wood_whistles.mid": b"MThd 3 note",
        "openttd-openmsx/usr/share/broken.mid": b"MThd",
        "freedoom/usr/share/games/doom/freedoom1.wad": wad(
            {"PLAYPAL": b"\x00\x01", "D_E1M1": b"MThd 4 note", "END": b""}
        ),
        midi_prepare.SOUNDFONT: b"soundfont",
        "freedoom/usr/share/doc/freedoom/copyright": (
            b"Files: *\nLicense: freedoom-license\n"
        ),
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    program = tmp_path / "bin" / "fluidsynth"
    program.parent.mkdir()
    program.write_text(FLUIDSYNTH)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return folder


def prepare(data_folder):
    save_folder = data_folder.parent / "prepared"
    paths = [save_folder / f"{split}.json" for split in SPLITS]
    midi_prepare.prepare_midi(
        str(data_folder),
        str(save_folder),
        *map(str, paths),
        packages=["freedoom", "openttd-openmsx"],
    )
    return {
        path.stem: list(json.loads(path.read_text()).values()) for path in paths
    }


def test_pieces_are_rendered_and_split(data_folder, caplog):
    manifests = prepare(data_folder)
    found = {
        split: {(e["group"], e["licence"]) for e in entries}
        for split, entries in manifests.items()
    }
    assert found == {
        "train": {
            ("wood_whistles", "unknown, soundfont MIT"),
            ("freedoom1_D_E1M1", "freedoom-license, soundfont MIT"),
        },
        "dev": {("busy_schedule", "unknown, soundfont MIT")},
        "test": {("tttheme2", "unknown, soundfont MIT")},
    }
    assert all(e["domain"] == "music" for e in manifests["train"])
    assert sum(e["duration"] for e in manifests["test"]) == 7.0
    messages = [record.getMessage() for record in caplog.records]
    assert "Left out broken of openttd-openmsx: no sound" in messages
    rendered = sorted(p.name for p in (data_folder / "rendered").rglob("*.*"))
    assert rendered == [
        *("busy_schedule.wav", "freedoom1_D_E1M1.wav", "tttheme2.wav"),
        "wood_whistles.wav",
    ]


def test_what_is_rendered_is_not_rendered_again(data_folder):
    manifests = prepare(data_folder)
    (data_folder.parent / "bin" / "fluidsynth").write_text("#!/bin/false\n")
    (data_folder.parent / "prepared" / "prepared.json").unlink()
    assert prepare(data_folder) == manifests


def test_a_missing_program_is_named(data_folder, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match="apt-get install fluidsynth"):
        midi_prepare.find_clips(data_folder, "freedoom")
