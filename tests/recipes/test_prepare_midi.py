"""Preparation of rendered MIDI files, with a stand-in for FluidSynth that
writes noise.

Authors
 * The speechbrain_flashsr developers 2026
"""

import io
import shutil
import struct
import sys

import midi_parts
import midi_prepare
import mido
import pytest

from tests.recipes import preparation

# Like FluidSynth, it ends well and writes nothing where it reads no MIDI.
FLUIDSYNTH = f"""#!{sys.executable}
import sys
from pathlib import Path
import numpy as np
import soundfile
*_, soundfont, midi = sys.argv[1:]
content = Path(midi).read_bytes()
assert Path(soundfont).read_bytes() == b"soundfont"
if content.endswith((b"note", b"\\xff\\x2f\\x00")):
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
    """Runs the preparation: {split: list of entries}."""
    save_folder = data_folder.parent / "prepared"
    packages = ["freedoom", "openttd-openmsx"]
    manifests = preparation.prepare(
        midi_prepare.prepare_midi, data_folder, save_folder, packages=packages
    )
    return {split: list(m.values()) for split, m in manifests.items()}


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


def notes(channel, count, first=0.0):
    """So many notes of 0.5 s, one a second, as (seconds, message)."""
    for number in range(count):
        for wait, kind in ((0.0, "note_on"), (0.5, "note_off")):
            message = mido.Message(kind, channel=channel, note=60)
            yield first + number + wait, message


def events_of(content):
    """(seconds, message) of a MIDI file."""
    now = 0.0
    for message in mido.MidiFile(file=io.BytesIO(content)):
        now += message.time
        if not message.is_meta:
            yield now, message


def test_instruments_of_a_piece_are_rendered_alone(data_folder):
    piece = midi_parts.midi_file(
        [*notes(2, 20), *notes(midi_parts.PERCUSSION, 20), *notes(3, 5)]
    )
    folder = data_folder / "openttd-openmsx/usr/share"
    (folder / "wood_whistles.mid").write_bytes(piece)
    held_out = midi_parts.midi_file(notes(2, 30))
    (folder / "busy_schedule.mid").write_bytes(held_out)
    manifests = prepare(data_folder)
    # Parts of five notes, and of pieces that do not train, are left out.
    assert {(e["group"], e["domain"]) for e in manifests["train"]} == {
        ("wood_whistles", "music"),
        ("wood_whistles_channel2", "music"),
        ("wood_whistles_channel9", "effects"),
        ("freedoom1_D_E1M1", "music"),
    }
    assert {e["group"] for e in manifests["dev"]} == {"busy_schedule"}


def test_a_part_is_where_it_plays_most_and_ends():
    pan = mido.Message("control_change", channel=5, control=10, value=3)
    piece = midi_parts.midi_file(
        [(0.0, pan), *notes(5, 3), *notes(5, 30, first=50.0), *notes(6, 40)]
    )
    events = list(events_of(midi_parts.parts_of(piece)[5]))
    assert {message.channel for _, message in events} == {5}
    begins = [t for t, message in events if message.type == "note_on"]
    assert begins == pytest.approx(list(range(24)), abs=0.002)
    assert events[0] == (0.0, pan)
    time, last = events[-1]
    assert (last.control, time) == (120, pytest.approx(24.0, abs=0.002))


def test_the_soundfont_gives_all_its_instruments_and_drums(data_folder):
    files = midi_prepare.find_files(data_folder, "fluid-soundfont-gm")
    programs, struck = set(), set()
    for content, domain in files.values():
        for _, message in events_of(content):
            percussion = message.channel == midi_parts.PERCUSSION
            assert domain == ("effects" if percussion else "music")
            if message.type == "program_change":
                program = percussion, message.program
                programs.add(program)
            elif percussion and message.type == "note_on":
                struck.add((program[1], message.note, message.velocity))
    kits = midi_parts.KITS.values()
    assert programs == {(False, n) for n in range(128)} | {
        (True, kit) for kit in kits
    }
    assert struck == {
        (kit, key, velocity)
        for kit in kits
        for key in midi_parts.DRUM_KEYS
        for velocity in midi_parts.DRUM_VELOCITIES
    }


HEADER = b"MThd\0\0\0\6"


@pytest.mark.parametrize(
    "content",
    [
        *(b"MThd", HEADER, HEADER + b"\0\2\0\1\1\xe0"),
        HEADER + b"\0\1\0\1\0\0MTrk\0\0\0\x08\0\x90\x3c\x40\x10\xff\x2f\0",
        HEADER + b"\0\1\0\1\1\xe0MTrk\0\0\0\6\0\xff\x59\2\x40\1",
    ],
)
def test_pieces_that_cannot_be_read_have_no_parts(content):
    assert midi_parts.parts_of(content) == {}


def test_what_is_rendered_is_not_rendered_again(data_folder):
    manifests = prepare(data_folder)
    (data_folder.parent / "bin" / "fluidsynth").write_text("#!/bin/false\n")
    (data_folder.parent / "prepared" / "prepared.json").unlink()
    assert prepare(data_folder) == manifests


def test_a_missing_program_is_named(data_folder, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match="apt-get install fluidsynth"):
        midi_prepare.find_clips(data_folder, "freedoom")
