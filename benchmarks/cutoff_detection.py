"""Share of cut-offs that are found within 5 %, on a manifest's recordings.

To run it:
> python benchmarks/cutoff_detection.py DATA_FOLDER/test.json

Each trial is another recording that goes through one family of filters,
resamplers, codecs or disturbances, see speechbrain_flashsr/data/
band_limits.py, and is passed to BandwidthDetector at the file's own
rate. A filter's edge is its cut-off. A resampler's is where 60 dB are gone:
half of the low rate, or up to 8 % below it behind wide filters. A codec's,
which takes away whole bands, is where a tenth of the power is left. A trial is
right if every segment of its track is, so a steady recording must have a steady
edge. Left out are edges that 16 bits cover, for the recording has nothing
around them, and recordings that end with a step of their own.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import dataclasses
from functools import partial
from pathlib import Path

import numpy as np
import torch
from speechbrain.dataio.dataio import read_audio
from tqdm import tqdm

from speechbrain_flashsr.bandwidth import BandwidthDetector
from speechbrain_flashsr.data import band_limits as examples
from speechbrain_flashsr.data.manifest import read_manifest
from speechbrain_flashsr.data.resamplers import (
    INTERPOLATIONS,
    available_resamplers,
    resample,
)
from speechbrain_flashsr.data.visible_cutoffs import (
    has_step,
    is_visible,
    visible_floor,
)

RATE = 48000
TOLERANCE = 0.05
MARGIN_DB = 10.0
"""Loud moments of the recording exceed a noise floor by as much on both sides
of the edge, or the floor hides it: the floor is lowered until they do."""

PAUSE_DB = 30.0
"""Moments so far below the loudest count as pauses."""

BAND_RATES = (4000, 8000, 11025, 16000, 22050, 24000, 32000)
FILTERS = (
    *(("cheby1", 8), ("butter", 10), ("butter", 4)),
    *(("bessel", 2), ("ellip", 2), ("fir", 8)),
)
# Codec, sample rates, qualities
CODECS = (
    ("mp3", (44100,), (0.1, 0.4, 1.0)),
    ("mp3-abr", (16000, 22050, 44100), (0.3, 0.6, 1.0)),
    ("ogg", (16000, 22050, 44100), (0.1, 0.4)),
    ("opus-vbr", (8000, 16000, 24000, 48000), (0.3, 0.6, 0.9)),
    ("aac", (16000, 44100, 48000), (0.0, 0.4, 0.75, 1.0)),
    ("ac3", (32000, 44100, 48000), (0.0, 0.3, 0.6)),
    ("g711", (8000,), (None,)),
    ("gsm", (8000,), (None,)),
    ("g722", (16000,), (0.5,)),
)


def resampler_families():
    """Yields (group, name, function(wav, rng) -> Example)."""
    for family, order in FILTERS:

        def make(wav, rng, family=family, order=order):
            cutoff_hz = 100 * int(rng.integers(20, 161))
            return examples.filtered(wav, cutoff_hz, family, order)

        yield "filters", f"{family} of order {order}", make
    for name in available_resamplers():

        def make(wav, rng, name=name):
            band_rate = int(rng.choice(BAND_RATES))
            down = "soxr HQ (librosa)" if name in INTERPOLATIONS else name
            rates = [44100, 48000, 48000]
            return examples.resampled(
                wav, band_rate, int(rng.choice(rates)), down, name
            )

        yield "resamplers", name, make


def codec_families():
    """Yields (group, name, function)."""
    for codec, rates, qualities in CODECS:

        def make(wav, rng, codec=codec, rates=rates, qualities=qualities):
            rate, quality = int(rng.choice(rates)), rng.choice(qualities)
            file_rate = int(rng.choice((rate, 44100, 48000)))
            return examples.coded(
                wav, rate, codec, quality, file_rate, "soxr HQ (librosa)"
            )

        yield "codecs", codec, make


def some_edge(wav, rng, band_rates=BAND_RATES, file_rates=(44100, 48000)):
    """A recording cut by one of the common resamplers."""
    band_rate = int(rng.choice(band_rates))
    rates = [rate for rate in file_rates if rate > 1.2 * band_rate]
    names = ("torchaudio", "soxr HQ (librosa)", "ffmpeg swr", "SoX -h")
    name = str(rng.choice([n for n in names if n in available_resamplers()]))
    return examples.resampled(
        wav, band_rate, int(rng.choice(rates)), name, name
    )


def disturbed_families():
    """Yields (group, name, function)."""

    def floor(level_db, wav, rng, **rates):
        example = some_edge(wav, rng, **rates)
        visible_db = visible_floor(example, wav, MARGIN_DB)
        return examples.with_floor(example, min(level_db, visible_db), rng)

    def low_rates(wav, rng):
        rates = (11025, 16000, 22050, 24000, 32000)
        level_db = rng.uniform(-90, -40)
        return floor(level_db, wav, rng, band_rates=(8000,), file_rates=rates)

    def tone(level_db, wav, rng):
        return examples.with_tone(some_edge(wav, rng), level_db, rng)

    def clicks(wav, rng, per_second=10, **options):
        edge = some_edge(wav, rng)
        return examples.with_clicks(edge, per_second, rng, **options)

    def offset(wav, rng):
        example = some_edge(wav, rng)
        return example.with_wav(0.7 * example.wav + rng.uniform(-0.3, 0.3))

    for level_db in (-90, -75, -60, -50, -40):
        name = f"noise floor of {level_db} dBFS"
        yield "floors", name, partial(floor, level_db)
    name = "4 kHz in a file of 11 to 32 kHz, floor of -90 to -40 dBFS"
    yield "floors", name, low_rates
    for level_db in (-70, -55, -40):
        name = f"a steady tone of {level_db} dBFS above the edge"
        yield "disturbances", name, partial(tone, level_db)
    yield "disturbances", "ten clicks a second", clicks
    bursts = partial(clicks, per_second=3, decay_s=0.005)
    yield "disturbances", "bursts of 5 ms", bursts
    yield "disturbances", "an offset", offset


def full_band_families():
    """Yields (group, name, function)."""

    def full(wav, rate=RATE):
        wav = resample(wav, RATE, rate, "soxr HQ (librosa)")
        return examples.Example(wav, rate, None, "full band")

    def quiet(wav, rng):
        return full(wav * 10 ** (-rng.uniform(16, 40) / 20))

    def dull(wav, rng):
        return full(examples.gentle(wav, rng.uniform(1000, 8000)))

    def bass(wav, rng):
        return full(examples.gentle(wav, rng.uniform(80, 400), order=6))

    def floor(wav, rng):
        return examples.with_floor(full(wav), rng.uniform(-70, -40), rng)

    def as_wide(wav, rng):
        rates = (8000, 16000, 22050, 24000, 32000)
        return full(wav, int(rng.choice(rates)))

    for name, make in {
        "48 kHz": lambda wav, rng: full(wav),
        "44.1 kHz": lambda wav, rng: full(wav, 44100),
        "quiet: 16 to 40 dB below": quiet,
        "dull: 12 dB an octave from 1 to 8 kHz": dull,
        "bass alone": bass,
        "noise floor of -70 to -40 dBFS": floor,
        "as wide as a file of 8 to 32 kHz": as_wide,
    }.items():
        yield "full band", name, make


def is_right(found, example, rolloff_hz):
    """Whether the edge of a segment agrees with the true one."""
    wide = min(rolloff_hz, example.sample_rate / 2, examples.FULL_BAND_HZ)
    if example.cutoff_hz is None:
        return found is None or found >= (1 - TOLERANCE) * wide
    if found is None:  # Within 5 % of the lowest full-band edge
        return example.cutoff_hz >= 17000 / (1 + TOLERANCE)
    return abs(found / example.cutoff_hz - 1) <= TOLERANCE


def detect(example):
    """The track of an example, stored with 16 bits."""
    detector = BandwidthDetector(example.sample_rate)
    detector.update(torch.from_numpy(example.wav)[None])
    return detector.result()[0]


def recordings(manifest, data_root, rng, max_seconds, min_rolloff_hz=17500):
    """Yields (waveform, roll-off in Hz): domains in turn, in random order."""
    entries = read_manifest(manifest, data_root)
    domains = {}
    for entry in entries.values():
        if entry["rolloff_hz"] >= min_rolloff_hz and entry["duration"] >= 1:
            domains.setdefault(entry["domain"], []).append(entry)
    while True:
        for domain in sorted(domains):
            members = domains[domain]
            entry = members[rng.integers(len(members))]
            length = min(
                entry["stop"] - entry["start"], int(max_seconds * RATE)
            )
            start = entry["stop"] - length
            start = int(rng.integers(entry["start"], start + 1))
            span = {"start": start, "stop": start + length}
            wav = read_audio({"file": entry["wav"], **span}).double().numpy()
            peak = np.abs(wav).max()
            if peak > 1e-3 and not has_step(wav):
                gain = 10 ** (rng.uniform(-12, -1) / 20) / peak
                yield gain * wav, entry["rolloff_hz"]


def over_time(wavs, rng, changes):
    """Whether 30 s joined from recordings have the right edges at all times
    but for half a second around changes and for pauses, where nothing tells:
    all narrow, or every other 5 s."""
    joined = np.concatenate([next(wavs)[0] for _ in range(30)])
    wav = joined[: 30 * RATE]
    narrow = some_edge(wav, rng, (8000, 16000), (RATE,))
    times = np.arange(len(wav)) / RATE
    is_narrow = (times // 5 % 2 == 1) if changes else np.full(len(wav), True)
    mixed = narrow.with_wav(np.where(is_narrow, narrow.wav, wav))
    track = detect(examples.with_sixteen_bits(mixed))
    if not changes and len(track.segments) > 1:
        return False
    size = RATE // 10
    moments = mixed.wav[: len(wav) // size * size].reshape(-1, size)
    level_db = 10 * np.log10((moments**2).mean(axis=1) + 1e-12)
    rights = []
    for number in np.flatnonzero(level_db > level_db.max() - PAUSE_DB):
        seconds = number / 10
        cutoff_hz = narrow.cutoff_hz if is_narrow[number * size] else None
        truth = dataclasses.replace(narrow, cutoff_hz=cutoff_hz)
        if not changes or 0.6 < seconds % 5 < 4.4:
            found = track.cutoff_at(seconds)
            rights.append(is_right(found, truth, RATE / 2))
    return np.mean(rights) >= 0.99


def main():
    """Prints a table: families and how often they are right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", help="JSON of recordings at 48 kHz")
    parser.add_argument("--data-root", help="default: the manifest's folder")
    parser.add_argument("--trials", type=int, default=60, help="a family")
    parser.add_argument("--max-seconds", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    data_root = args.data_root or Path(args.manifest).resolve().parent
    rng = np.random.default_rng(args.seed)
    wavs = recordings(args.manifest, str(data_root), rng, args.max_seconds)
    families = [*resampler_families(), *codec_families()]
    families += [*disturbed_families(), *full_band_families()]
    groups = {}
    print("| group | family | right | trials |\n| --- | --- | --- | --- |")
    for group, name, make in tqdm(families, dynamic_ncols=True):
        rights = []
        while len(rights) < args.trials:
            wav, rolloff_hz = next(wavs)
            example = make(wav, rng)
            if (example.cutoff_hz or 2000) < 1900:
                continue
            if not is_visible(example, wav):
                continue
            dither = rng if rng.random() < 0.3 else None
            example = examples.with_sixteen_bits(example, dither)
            track = detect(example)
            rights.append(
                all(
                    is_right(segment.cutoff_hz, example, rolloff_hz)
                    for segment in track.segments
                )
            )
        groups.setdefault(group, []).extend(rights)
        percent = 100 * np.mean(rights)
        tqdm.write(f"| {group} | {name} | {percent:.0f} % | {len(rights)} |")
    for changes, name in ((False, "30 s steady"), (True, "changes every 5 s")):
        rights = [
            over_time(wavs, rng, changes) for _ in range(args.trials // 3)
        ]
        groups.setdefault("over time", []).extend(rights)
        percent = 100 * np.mean(rights)
        print(f"| over time | {name} | {percent:.0f} % | {len(rights)} |")
    for group, rights in groups.items():
        percent = 100 * np.mean(rights)
        print(f"| {group} | all | {percent:.1f} % | {len(rights)} |")


if __name__ == "__main__":
    main()
