"""Music rendered from free MIDI files of Debian 12 by FluidSynth with the
soundfont FluidR3_GM, the instruments of each piece alone, and all that the
soundfont holds: notes whose harmonics reach 21 kHz, without an encoder's
traces.

The packages, and the soundfont's (124 MB), are fetched with ``apt-get
download`` and unpacked with ``dpkg -x``, unless ``data_folder`` holds them
already. The FluidSynth program must be installed.

    python midi_prepare.py data_folder save_folder

Authors
 * The speechbrain_flashsr developers 2026
"""

import logging
import shutil
import struct
import subprocess
from functools import partial
from pathlib import Path

from clip_manifest import Clip
from corpus import run_command_line
from debian_packages import (
    add_packages_option,
    licence_of,
    prepare_packages,
    provide_package,
    read_licences,
)
from midi_parts import PERCUSSION, drums, instruments, parts_of
from tqdm import tqdm

from speechbrain_flashsr.audio.writing import complete_file

logger = logging.getLogger(__name__)

SOUNDFONT_PACKAGE = "fluid-soundfont-gm"
PACKAGES = (
    *("freedoom", "openttd-openmsx", "planetblupi-music-midi"),
    SOUNDFONT_PACKAGE,
)
SOUNDFONT = f"{SOUNDFONT_PACKAGE}/usr/share/sounds/sf2/FluidR3_GM.sf2"
SOUNDFONT_LICENCE = "MIT"

# Pieces that do not train.
HELD_OUT = {
    "dev": ("busy_schedule", "the_hobo_redfarn"),
    "test": ("boogi_marabi_redfarn", "harp_harmony", "tttheme2"),
}
MIDI = b"MThd"  # how MIDI files begin


def prepare_midi(data_folder, save_folder, *manifests, **options):
    """Prepares the corpus; rendered pieces are kept in `data_folder`/rendered.
    For the arguments see :func:`debian_packages.prepare_packages`."""
    prepare_packages(
        find_clips, PACKAGES, data_folder, save_folder, *manifests, **options
    )


def find_clips(data_folder, package):
    """Renders the MIDI files of an unpacked package, each a group of its own.

    Returns a list of Clip in the order of their names."""
    licence = f"soundfont {SOUNDFONT_LICENCE}"
    if package != SOUNDFONT_PACKAGE:
        licences = read_licences(data_folder, package)
        licence = f"{licence_of('*', licences, 'unknown')}, {licence}"
    clips = []
    files = find_files(data_folder, package)
    for name, (content, domain) in tqdm(
        files.items(), desc=f"Rendering {package}"
    ):
        path = Path(data_folder, "rendered", package, f"{name}.wav")
        if not path.exists() and not render(content, path, data_folder):
            logger.warning("Left out %s of %s: no sound", name, package)
            continue
        clips.append(
            Clip(
                path=str(path),
                source=f"{package}/{name}.mid",
                corpus=package,
                domain=domain,
                split=split_of(name),
                group=name,
                licence=licence,
                padded=True,
            )
        )
    return clips


def find_files(data_folder, package):
    """The MIDI files of a package and their domains, {name: (content, domain)}:
    its pieces and, of those that train, the instruments alone; of the
    soundfont, its instruments and drums. Percussion alone is "effects"."""
    if package == SOUNDFONT_PACKAGE:
        files = {name: (file, "music") for name, file in instruments().items()}
        return files | {n: (file, "effects") for n, file in drums().items()}
    files = {}
    for name, content in find_pieces(Path(data_folder, package)).items():
        files[name] = content, "music"
        if split_of(name) == "train":
            for channel, part in parts_of(content).items():
                domain = "effects" if channel == PERCUSSION else "music"
                files[f"{name}_channel{channel}"] = part, domain
    return files


def find_pieces(folder):
    """Finds the MIDI files below a folder, and those in the WAD archives of
    games that follow Doom: lumps whose names say nothing of their format
    (https://doomwiki.org/wiki/WAD). Returns {name: content}, sorted."""
    pieces = {}
    for path in sorted(folder.rglob("*.mid")):
        pieces[path.stem] = path.read_bytes()
    for path in sorted(folder.rglob("*.wad")):
        wad = path.read_bytes()
        count, directory = struct.unpack("<II", wad[4:12])
        entries = wad[directory : directory + 16 * count]
        for start, size, name in struct.iter_unpack("<II8s", entries):
            if wad[start : start + len(MIDI)] == MIDI:
                name = name.rstrip(b"\0").decode("ascii")
                pieces[f"{path.stem}_{name}"] = wad[start : start + size]
    return dict(sorted(pieces.items()))


def render(content, path, data_folder):
    """Renders a MIDI file as a WAV of 48 kHz stereo of 16 bits, complete or not
    at all; tells whether FluidSynth could read it.

    The soundfont's package is, or goes, in `data_folder`. Raises a RuntimeError
    if FluidSynth is missing, or the soundfont cannot be fetched."""
    if shutil.which("fluidsynth") is None:
        raise RuntimeError(
            "the FluidSynth program, which renders MIDI files, is missing:"
            " install it with `sudo apt-get install fluidsynth`, on macOS"
            " `brew install fluid-synth`"
        )
    provide_package(data_folder, SOUNDFONT_PACKAGE)
    path.parent.mkdir(parents=True, exist_ok=True)
    midi = path.with_suffix(".mid")
    midi.write_bytes(content)
    command = ["fluidsynth", "-ni", "-q", "-r", "48000", "-T", "wav"]
    command += ["-O", "s16"]
    try:
        with complete_file(path) as part:
            subprocess.run(
                [*command, "-F", part, Path(data_folder, SOUNDFONT), midi],
                check=True,
                capture_output=True,
            )
            if Path(part).stat().st_size == 0:
                raise EOFError  # FluidSynth does not always fail
    except (subprocess.CalledProcessError, EOFError):
        return False
    finally:
        midi.unlink()
    return True


def split_of(name):
    """Split of a piece.

    Example
    -------
    >>> split_of("tttheme2"), split_of("busy_schedule"), split_of("coconut")
    ('test', 'dev', 'train')
    """
    for split, names in HELD_OUT.items():
        if name in names:
            return split
    return "train"


if __name__ == "__main__":
    run_command_line(
        prepare_midi,
        "Renders free MIDI files from Debian packages.",
        "packages, fetched where they are missing",
        partial(add_packages_option, known=PACKAGES),
    )
