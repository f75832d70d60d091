"""Training material: segments drawn from a manifest, every draw reproducible.

A draw is an integer. Everything random about it (domain, recording, position,
level, degradation, noise) depends only on the seed and the draw, so training
resumes exactly, whatever the number of workers or processes.

Authors
 * The speechbrain_flashsr developers 2026
"""

from collections import Counter

import numpy as np
import soundfile
import torch
from torch.utils.data import Dataset, Sampler

from speechbrain_flashsr.audio import SAMPLE_RATE
from speechbrain_flashsr.data.augmentation import change_speed
from speechbrain_flashsr.data.degradations import random_low_pass
from speechbrain_flashsr.data.manifest import read_manifest
from speechbrain_flashsr.data.voices import move_formants
from speechbrain_flashsr.lobes.features import normalize_pair
from speechbrain_flashsr.random_streams import TrainingStream, generator_of

VOICES = "speech"  # the domain whose formants move

MIN_GAIN_DB = -12.0
"""Of a recording within a segment; the largest gain is 0 dB."""

MAX_GAP_SECONDS = 0.25
FADE_SECONDS = 0.005
MIN_PEAK = 1e-3
MIN_PEAK_RATIO = 0.1
MAX_ATTEMPTS = 20


def read_finite(path, start, stop):
    """Reads samples `start` to `stop` of a recording of the training material,
    [time], float64. Raises a ValueError if the file cannot be read, is shorter,
    has several channels or another rate than 48 kHz, or has samples that are
    NaN or infinite."""
    problem = None
    try:
        wav, rate = soundfile.read(path, start=start, stop=stop)
        if rate != SAMPLE_RATE:
            problem = f"they have a rate of {rate} Hz instead of {SAMPLE_RATE}"
        elif wav.shape != (stop - start,):
            problem = f"they have the shape {list(wav.shape)}"
        elif not np.isfinite(wav).all():
            problem = "some are NaN or infinite"
    except (OSError, RuntimeError, ValueError) as error:
        problem = " ".join(str(error).split())
    if problem is not None:
        raise ValueError(
            f"Samples {start} to {stop} of '{path}' cannot be trained on: "
            f"{problem}. Take the recording out of the manifest, or prepare "
            "the data again."
        )
    return wav


class EpochDraws(Sampler):
    """Numbers the draws of a training run: each epoch has its own.

    Example
    -------
    >>> sampler = EpochDraws(2)
    >>> sampler.set_epoch(3)
    >>> list(sampler)
    [4, 5]
    """

    def __init__(self, draws_per_epoch):
        self.draws_per_epoch = draws_per_epoch
        self.epoch = 1

    def set_epoch(self, epoch):
        """Sets the epoch, counted from 1, that comes next."""
        self.epoch = epoch

    def __len__(self):
        return self.draws_per_epoch

    def __iter__(self):
        start = (self.epoch - 1) * self.draws_per_epoch
        return iter(range(start, start + self.draws_per_epoch))


class RandomSegments(Dataset):
    """Segments of fixed length drawn from the recordings of a manifest.

    The domain is drawn by weight, a group (speaker, language, album) within it
    by the square root of its duration, so that few long ones do not drown out
    many short ones, a recording within the group by duration. A recording
    shorter than the segment is followed by others of the same group after
    short pauses, each at a level of its own.

    Arguments
    ---------
    manifest : str
        JSON file {id: {wav, start, stop, duration, domain, group, rolloff_hz}}.
    data_root : str
        Replaces {data_root} in the manifest.
    segment_length : int
        In samples at 48 kHz.
    domain_weights : dict
        {domain: weight}; domains that the manifest lacks are left out.
    seed : int
        Seed of all draws.
    num_draws : int
        Length of the dataset; training may draw beyond it.
    low_pass : dict
        Keyword arguments of
        :func:`~speechbrain_flashsr.data.degradations.random_low_pass`.
    augmentation : speechbrain_flashsr.data.augmentation.Augmentation
        None for the recordings as they are.
    degradation : speechbrain_flashsr.data.degradations.RandomDegradation
        Of the band-limited copies; None for the low-pass filters alone.

    Raises
    ------
    ValueError
        If no recording of the manifest is in a domain of positive weight.
    """

    def __init__(
        self,
        manifest,
        data_root,
        segment_length,
        domain_weights,
        seed=0,
        num_draws=1000,
        low_pass=None,
        augmentation=None,
        degradation=None,
    ):
        self.segment_length = segment_length
        self.seed = seed
        self.num_draws = num_draws
        self.low_pass = low_pass or {}
        self.augmentation = augmentation
        self.degradation = degradation
        entries = read_manifest(manifest, data_root)
        self.domains = {}
        for domain, weight in domain_weights.items():
            inside = [e for e in entries.values() if e["domain"] == domain]
            if weight > 0 and inside:
                self.domains[domain] = (weight, inside)
        if not self.domains:
            raise ValueError(
                f"{manifest} has no recording of the domains "
                f"{sorted(domain_weights)} with positive weight: prepare the "
                f"data again or change `domain_weights`."
            )
        weights = np.array([weight for weight, _ in self.domains.values()])
        self.domain_probabilities = weights / weights.sum()
        self.clip_probabilities = {}
        self.groups = {}
        for domain, (_, inside) in self.domains.items():
            for entry in inside:
                self.groups.setdefault(self._group(entry), []).append(entry)
            self.clip_probabilities[domain] = self._probabilities(inside)

    def __len__(self):
        return self.num_draws

    def __getitem__(self, draw):
        """Draws a segment by its number.

        Returns
        -------
        dict
            `id` (the draw), `high` and `low` (waveforms at 48 kHz, [time], at
            the level that :func:`~speechbrain_flashsr.lobes.features.
            normalize_pair` gives them or lower),
            `cutoff_hz` of the low-pass, `rolloff_hz` below which the
            recordings have content, and their `domain`.

        Raises
        ------
        ValueError
            If a recording cannot be read, or only silence is found.
        """
        rng = generator_of(self.seed, draw, TrainingStream.SEGMENT)
        for _ in range(MAX_ATTEMPTS):
            high, rolloff_hz, domain = self._fill(rng)
            if self.augmentation is not None:
                high, rolloff_hz = self._augment(high, rolloff_hz, rng)
            low, cutoff_hz = random_low_pass(high, rng, **self.low_pass)
            if self.degradation is not None:
                low, cutoff_hz = self.degradation(high, low, cutoff_hz, rng)
            # The copy decides the level of both: it must not be near silence.
            peak = np.abs(high).max()
            if peak > MIN_PEAK and np.abs(low).max() > MIN_PEAK_RATIO * peak:
                break
        else:
            raise ValueError(
                f"Draw {draw} found only silence below the cut-off, in "
                f"{MAX_ATTEMPTS} segments; the last was of the domain "
                f"'{domain}'. Take silent recordings out of the manifest."
            )
        high, low = normalize_pair(
            torch.from_numpy(high)[None], torch.from_numpy(low)[None]
        )
        level = 1.0
        if self.augmentation is not None:
            level = self.augmentation.draw_level(rng)
        dtype = torch.get_default_dtype()
        return {
            "id": str(draw),
            "high": (level * high[0]).to(dtype),
            "low": (level * low[0]).to(dtype),
            "cutoff_hz": float(cutoff_hz),
            "rolloff_hz": float(rolloff_hz),
            "domain": domain,
        }

    def _choose(self, rng):
        domain = rng.choice(list(self.domains), p=self.domain_probabilities)
        _, inside = self.domains[domain]
        probabilities = self.clip_probabilities[domain]
        return inside[rng.choice(len(inside), p=probabilities)]

    @staticmethod
    def _group(entry):
        return entry["domain"], entry.get("group")

    def _probabilities(self, entries):
        """Of drawing each of the recordings of a domain."""
        seconds = Counter()
        for entry in entries:
            seconds[self._group(entry)] += entry["duration"]
        weights = np.array(
            [e["duration"] / seconds[self._group(e)] ** 0.5 for e in entries]
        )
        return weights / weights.sum()

    def _fill(self, rng):
        """A segment, the lowest roll-off of its recordings, their domain."""
        entry = self._choose(rng)
        speed = 1.0
        if self.augmentation is not None:
            speed = self.augmentation.draw_speed(rng)
        segment = np.zeros(self.segment_length)
        position = 0
        rolloff_hz = np.inf
        while position < self.segment_length:
            clip = self._read(entry, position, speed, rng)
            segment[position : position + len(clip)] = clip
            rolloff_hz = min(rolloff_hz, entry["rolloff_hz"] * speed)
            gap = rng.uniform(0, MAX_GAP_SECONDS) * SAMPLE_RATE
            position += len(clip) + int(gap)
            group = self.groups[self._group(entry)]
            entry = group[rng.integers(len(group))]
        if self.augmentation is not None and entry["domain"] == VOICES:
            factor = self.augmentation.draw_formants(rng)
            if factor is not None:
                segment = move_formants(segment, factor, rolloff_hz)
                rolloff_hz *= min(factor, 1.0)
        return segment, rolloff_hz, entry["domain"]

    def _augment(self, high, rolloff_hz, rng):
        """Adds another segment and noise, or not, and equalises."""
        gain = self.augmentation.draw_mix(rng)
        if gain is not None:
            second, second_rolloff_hz, _ = self._fill(rng)
            peaks = np.abs(high).max(), np.abs(second).max()
            high = high + gain * peaks[0] / max(peaks[1], MIN_PEAK) * second
            rolloff_hz = min(rolloff_hz, second_rolloff_hz)
        high = self.augmentation.add_noise(high, rng)
        return self.augmentation.equalize(high, rng), rolloff_hz

    def _read(self, entry, position, speed, rng):
        """As much of a recording as fits in behind a position."""
        max_length = self.segment_length - position
        length = entry["stop"] - entry["start"]
        taken = min(length, int(np.ceil(max_length * speed)))
        start = entry["start"]
        if position == 0:
            # Only the first recording may start in its middle.
            start += int(rng.integers(length - taken + 1))
        wav = read_finite(entry["wav"], start, start + taken)
        clip = change_speed(wav, speed)[:max_length]
        fade = min(int(FADE_SECONDS * SAMPLE_RATE), len(clip))
        ramp = np.linspace(0, 1, fade)
        clip[:fade] *= ramp
        clip[len(clip) - fade :] *= ramp[::-1]
        return clip * 10 ** (rng.uniform(MIN_GAIN_DB, 0) / 20)
