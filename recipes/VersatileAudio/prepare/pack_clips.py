"""A prepared corpus in a few megabytes, to take to another machine: as many
entries as fit, drawn at random, as Ogg Vorbis.

    python pack_clips.py DATA PACKED --megabytes 55

PACKED is a prepared corpus itself: its path is the `data_folder` of the
training. Training from it decodes a file for each draw; where that is too slow,
`unpack_clips` decodes all of them once.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import io
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import soundfile
from mix_manifests import read_prepared, summary
from speechbrain.dataio.dataio import read_audio

from speechbrain_flashsr.audio.writing import complete_file
from speechbrain_flashsr.data.manifest import write_json

SHARES = {
    ("dev", "effects"): 0.02,
    ("dev", "music"): 0.03,
    ("dev", "speech"): 0.03,
    ("train", "effects"): 0.22,
    ("train", "music"): 0.32,
    ("train", "speech"): 0.38,
}
"""Share of the bytes of each split and domain; unused bytes go to the next."""

COMPRESSION = 0.5
"""libsndfile's compression level: about 100 kbit/s, with content to 20 kHz."""

HIGHEST_HZ = 20000
"""Nothing above it is coded at this level: no roll-off is higher."""


def pack_clips(data_folder, save_folder, megabytes=55.0, seed=0):
    """Packs the recordings of a prepared corpus, and its train.json and
    dev.json, to a folder: a draw by a seed of so many million bytes in all.
    Raises a FileNotFoundError if a manifest is missing, a ValueError if not
    even one entry fits."""
    save_folder = Path(save_folder)
    entries = {s: read_prepared(data_folder, s) for s in ("train", "dev")}
    packed = {"train": {}, "dev": {}, "test": {}}
    left = 0.0
    for (split, domain), share in SHARES.items():
        left += 1e6 * megabytes * share
        inside = sorted(
            name for name, e in entries[split].items() if e["domain"] == domain
        )
        random.Random(seed).shuffle(inside)
        for name in inside:
            entry = entries[split][name]
            coded = encode(entry, data_folder)
            if len(coded) > left:
                break
            left -= len(coded)
            wav = f"wavs/{split}/{name}.ogg"
            write(save_folder / wav, coded)
            stop = entry["stop"] - entry["start"]
            packed[split][name] = {
                **entry,
                "wav": f"{{data_root}}/{wav}",
                "start": 0,
                "stop": stop,
                "rolloff_hz": min(entry["rolloff_hz"], HIGHEST_HZ),
            }
    if not packed["train"]:
        raise ValueError(
            f"not one entry fits into {megabytes} MB: raise --megabytes"
        )
    for split, inside in packed.items():
        write_json(save_folder / f"{split}.json", inside)
    print(summary(packed))


def encode(entry, data_folder):
    """The recording of a manifest's entry as Ogg Vorbis, bytes; `data_folder`
    replaces {data_root}."""
    path = entry["wav"].replace("{data_root}", str(data_folder))
    wav = read_audio(
        {"file": path, "start": entry["start"], "stop": entry["stop"]}
    )
    buffer = io.BytesIO()
    soundfile.write(
        buffer,
        wav.numpy(),
        entry["sample_rate"],
        "VORBIS",
        format="OGG",
        compression_level=COMPRESSION,
    )
    return buffer.getvalue()


def unpack_clips(packed_folder, save_folder):
    """Decodes a packed corpus (see :func:`pack_clips`) to WAV files of 32-bit
    floating-point samples, with their manifests, with all cores. Files that are
    there already are kept."""
    for split in ("train", "dev"):
        entries = read_prepared(packed_folder, split)
        sources, targets = [], []
        for name, entry in entries.items():
            wav = f"wavs/{split}/{name}.wav"
            sources.append(
                entry["wav"].replace("{data_root}", str(packed_folder))
            )
            targets.append(Path(save_folder, wav))
            entry["wav"] = f"{{data_root}}/{wav}"
        with ThreadPoolExecutor() as pool:
            list(pool.map(decode, sources, targets))
        write_json(Path(save_folder, f"{split}.json"), entries)


def decode(source, target):
    """Decodes a sound file to a WAV file, unless that is there."""
    if not target.exists():
        wav, sample_rate = soundfile.read(source, dtype="float32")
        buffer = io.BytesIO()
        soundfile.write(buffer, wav, sample_rate, "FLOAT", format="WAV")
        write(target, buffer.getvalue())


def write(path, content):
    """Writes bytes to a file, which appears complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with complete_file(path) as part:
        Path(part).write_bytes(content)


def main():
    """Runs the command line; known errors are one line each."""
    parser = argparse.ArgumentParser(description="Packs a prepared corpus.")
    parser.add_argument("data_folder", help="holds train.json and dev.json")
    parser.add_argument("save_folder", help="for the packed corpus")
    parser.add_argument(
        "--megabytes",
        type=float,
        default=55.0,
        help="of all recordings together (default: 55)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the draw (default: 0)"
    )
    arguments = parser.parse_args()
    try:
        pack_clips(**vars(arguments))
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
