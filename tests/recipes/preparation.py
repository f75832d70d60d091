"""Runs preparations and reads their manifests.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json

import corpus
import soundfile


def prepare(function, data_folder, save_folder, **arguments):
    """Runs a preparation: {split: {id: entry}}."""
    paths = [save_folder / f"{split}.json" for split in corpus.SPLITS]
    function(str(data_folder), str(save_folder), *paths, **arguments)
    manifests = {}
    for path in paths:
        entries = json.loads(path.read_text(encoding="utf-8"))
        manifests[path.stem] = entries
        for entry in entries.values():
            wav = entry["wav"].replace("{data_root}", str(save_folder))
            info = soundfile.info(wav)
            assert info.samplerate == entry["sample_rate"] == 48000
            assert 0 <= entry["start"] < entry["stop"] <= info.frames
    return manifests


def sources(entries):
    """Where entries come from: {(source, group, licence)}."""
    return {(e["source"], e["group"], e["licence"]) for e in entries.values()}


def write_copyright(folder, package, text):
    """Writes the copyright file of a package."""
    path = folder / package / "usr/share/doc" / package / "copyright"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
