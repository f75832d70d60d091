"""How often the cut-off is found within 5 %, on a manifest's recordings.

To run it:
> python benchmarks/cutoff_detection.py DATA_FOLDER [CLIPS_PER_DOMAIN]

Clips of the test split whose content goes beyond 17 kHz are cut by filters of
every family (order 8) at 2 to 16 kHz, stored with 16 bits, and measured; `full`
counts those that are recognised as full-band when they are not cut.

Authors
 * The speechbrain_flashsr developers 2026
"""

import sys

import numpy as np
import torch
from speechbrain.dataio.dataio import load_data_json, read_audio

from speechbrain_flashsr.degradation import FAMILIES, CutoffDetector, low_pass

CUTOFFS_HZ = (2000, 4000, 8000, 12000, 16000)
MIN_SECONDS = 0.5


def detect(wav):
    """The edge that is found in one recording, [time], stored with 16 bits."""
    stored = np.round(np.clip(wav, -1, 1) * 32767) / 32768
    detector = CutoffDetector(48000)
    detector.update(torch.from_numpy(stored)[None])
    return detector.result()[0]


def choose(entries, domain, count):
    """Some of a domain's clips, chosen by a fixed seed."""
    names = sorted(
        name
        for name, entry in entries.items()
        if entry["domain"] == domain
        and entry["rolloff_hz"] > 17000
        and entry["duration"] >= MIN_SECONDS
    )
    np.random.default_rng(0).shuffle(names)
    return [entries[name] for name in names[:count]]


if __name__ == "__main__":
    folder = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    entries = load_data_json(f"{folder}/test.json", {"data_root": folder})
    print("| domain | clips | " + " | ".join(FAMILIES) + " | full |")
    print("| --- " * (3 + len(FAMILIES)) + "|")
    for domain in ("speech", "music", "effects"):
        clips = choose(entries, domain, count)
        hits = {family: [] for family in FAMILIES}
        full = []
        for entry in clips:
            place = {
                "file": entry["wav"],
                "start": entry["start"],
                "stop": entry["stop"],
            }
            wav = read_audio(place).double().numpy()
            full.append(detect(wav) is None)
            for family in FAMILIES:
                for cutoff_hz in CUTOFFS_HZ:
                    edge = detect(low_pass(wav, 48000, cutoff_hz, family))
                    hits[family].append(
                        edge is not None and abs(edge / cutoff_hz - 1) <= 0.05
                    )
        cells = [f"{np.mean(hits[family]):.0%}" for family in FAMILIES]
        print(
            f"| {domain} | {len(clips)} | {' | '.join(cells)} | "
            f"{np.mean(full):.0%} |",
            flush=True,
        )
