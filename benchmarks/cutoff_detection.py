"""How often the cut-off is found within 5 %, on a manifest's recordings.

To run it:
> python benchmarks/cutoff_detection.py DATA_FOLDER/test.json

Each recording is band-limited in many ways, stored with 16 bits and passed to
CutoffDetector. Filters and ideal resamplers have the edge that they are asked
for. A codec's edge is taken from a comparison with the original: the highest
frequency where more than a tenth of the power is left; the sample rate bounds
it. Recordings that are not cut count as found if they are called full-band, or
if the edge is at the roll-off that the manifest gives.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import io
import random
from pathlib import Path

import numpy as np
import soundfile
import torch
from scipy.signal import welch
from speechbrain.dataio.dataio import read_audio
from tqdm import tqdm

from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.bandwidth.cutoff_detector import (
    FULL_BAND_HZ,
    CutoffDetector,
)
from speechbrain_flashsr.data.degradations import low_pass
from speechbrain_flashsr.data.manifest import read_manifest

RATE = 48000
TOLERANCE = 0.05
CUTOFFS = (2000, 4000, 6000, 8000, 12000, 16000)
FILTERS = (
    ("cheby1", 8),
    ("butter", 10),
    ("butter", 4),
    ("bessel", 2),
    ("ellip", 2),
)
# Name: sample rate, format, subtype, compression level
CODECS = {
    "MP3, highest rate": (44100, "MP3", "MPEG_LAYER_III", 0.0),
    "MP3, middle rate": (44100, "MP3", "MPEG_LAYER_III", 0.6),
    "MP3, low rate": (44100, "MP3", "MPEG_LAYER_III", 0.9),
    "MP3 at 22 kHz": (22050, "MP3", "MPEG_LAYER_III", 0.5),
    "Ogg Vorbis, middle rate": (44100, "OGG", "VORBIS", 0.6),
    "Ogg Vorbis, low rate": (44100, "OGG", "VORBIS", 0.9),
    "Ogg Vorbis at 16 kHz": (16000, "OGG", "VORBIS", 0.5),
    "Opus, low rate": (48000, "OGG", "OPUS", 0.9),
    "Opus at 16 kHz": (16000, "OGG", "OPUS", 0.9),
    "G.711 mu-law": (8000, "WAV", "ULAW", None),
}


def quantise(wav):
    """Stores samples with 16 bits, without dither."""
    return np.round(np.clip(wav, -1, 1) * 32767) / 32768


def resample(wav, orig_rate, new_rate):
    """Resamples a waveform, [time]."""
    wav = torch.from_numpy(np.ascontiguousarray(wav)).float()[None]
    return Resampler(orig_rate, new_rate)(wav)[0].double().numpy()


def cut_by_resampler(wav, cutoff_hz):
    """Stores a waveform at a low rate and brings it back."""
    low = quantise(resample(wav, RATE, 2 * cutoff_hz))
    return resample(low, 2 * cutoff_hz, RATE)


def encode(wav, rate, file_format, subtype, compression_level):
    """Encodes a waveform, decodes it and brings it back to 48 kHz."""
    file = io.BytesIO()
    soundfile.write(
        file,
        np.clip(resample(wav, RATE, rate), -1, 1),
        rate,
        format=file_format,
        subtype=subtype,
        compression_level=compression_level,
    )
    file.seek(0)
    decoded, decoded_rate = soundfile.read(file)
    return resample(decoded, decoded_rate, RATE)


def edge_of_codec(wav, decoded, rate):
    """Highest frequency where a codec leaves a tenth of the power, in Hz."""
    length = min(len(wav), len(decoded))
    spectra = []
    for signal in (wav, decoded):
        frequencies, power = welch(
            signal[:length], RATE, nperseg=min(1024, length)
        )
        spectra.append(np.convolve(power, np.ones(5) / 5, "same"))
    original, left = spectra
    kept = (left > 0.1 * original) & (original > 1e-13)
    return min(frequencies[kept].max(initial=0.0), rate / 2)


def conditions(wav):
    """Yields (name, edge in Hz or None, waveform)."""
    yield "not cut", None, quantise(wav)
    for cutoff_hz in CUTOFFS:
        for family, order in FILTERS:
            name = f"{family} of order {order}, {cutoff_hz} Hz"
            low = low_pass(wav, RATE, cutoff_hz, family, order)
            yield name, cutoff_hz, quantise(low)
        name = f"resampler, {cutoff_hz} Hz"
        yield name, cutoff_hz, cut_by_resampler(wav, cutoff_hz)
        low = quantise(low_pass(wav, RATE, cutoff_hz))
        low[len(low) // 2] += 0.3
        yield f"click in cheby1, {cutoff_hz} Hz", cutoff_hz, low
    for name, codec in CODECS.items():
        decoded = encode(wav, *codec)
        yield name, edge_of_codec(wav, decoded, codec[0]), decoded


def is_right(found, edge_hz, rolloff_hz):
    """Whether a detected edge agrees with the true one."""
    if edge_hz is None or edge_hz > FULL_BAND_HZ:
        return found is None or found >= (1 - TOLERANCE) * min(
            rolloff_hz, edge_hz or rolloff_hz
        )
    if found is None:  # Within 5 % of what counts as full band
        return edge_hz >= FULL_BAND_HZ / (1 + TOLERANCE)
    return abs(found / edge_hz - 1) <= TOLERANCE


def read_clips(manifest, data_root, clips_per_domain, max_seconds):
    """Yields (domain, roll-off in Hz, waveform) of a seeded choice."""
    entries = read_manifest(manifest, data_root)
    chosen = []
    for domain in sorted({entry["domain"] for entry in entries.values()}):
        names = sorted(n for n, e in entries.items() if e["domain"] == domain)
        random.Random(0).shuffle(names)
        chosen += names[:clips_per_domain]
    for name in tqdm(chosen, dynamic_ncols=True):
        entry = entries[name]
        stop = min(entry["stop"], entry["start"] + int(max_seconds * RATE))
        span = {"file": entry["wav"], "start": entry["start"], "stop": stop}
        wav = read_audio(span).double().numpy()
        yield entry["domain"], entry["rolloff_hz"], wav


def main():
    """Prints a table: conditions by domains, percent found within 5 %."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", help="JSON of recordings at 48 kHz")
    parser.add_argument("--data-root", help="default: the manifest's folder")
    parser.add_argument("--clips", type=int, default=25, help="of each domain")
    parser.add_argument("--max-seconds", type=float, default=6.0)
    args = parser.parse_args()
    data_root = args.data_root or Path(args.manifest).resolve().parent

    table = {}
    clips = read_clips(
        args.manifest, str(data_root), args.clips, args.max_seconds
    )
    for domain, rolloff_hz, wav in clips:
        for name, edge_hz, low in conditions(wav):
            detector = CutoffDetector(RATE)
            detector.update(torch.from_numpy(low)[None])
            (found,) = detector.result()
            cell = table.setdefault(name, {}).setdefault(domain, [])
            cell.append(is_right(found, edge_hz, rolloff_hz))

    domains = sorted({domain for row in table.values() for domain in row})
    print("| band-limited by | " + " | ".join(domains) + " |")
    print("| --- " * (1 + len(domains)) + "|")
    for name, row in table.items():
        percents = (f"{100 * np.mean(row[domain]):.0f} %" for domain in domains)
        print(f"| {name} | " + " | ".join(percents) + " |")
    every = [
        right for row in table.values() for c in row.values() for right in c
    ]
    print(f"\nAll: {100 * np.mean(every):.1f} % of {len(every)}")


if __name__ == "__main__":
    main()
