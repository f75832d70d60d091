"""From a stream to its restored form, one window after the other.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch

from speechbrain_flashsr.audio.checks import AudioError
from speechbrain_flashsr.audio.resampling import Resampler, resampled_length
from speechbrain_flashsr.inference.crossover import (
    crossover_highpass,
    cutoff_lowpass,
    fill_up,
    filter_rows,
)
from speechbrain_flashsr.inference.ends import (
    EXTENSION_SECONDS,
    close_loop,
    crop,
)
from speechbrain_flashsr.inference.levels import RumbleFilter
from speechbrain_flashsr.inference.long_audio import (
    plan_windows,
    process_windows,
)
from speechbrain_flashsr.inference.noise import WindowNoise
from speechbrain_flashsr.inference.parallel import count_workers

CUTOFF_FADE_SECONDS = 0.1
"""Duration of the fade between two cut-offs."""


def restore_stream(flashsr, blocks, analysis, settings, new_rate=None):
    """Restores the high band of a recording, blocks [channels, time] at its own
    rate, and brings it to another rate, by default the model's.

    It is cut from its extension beyond its ends, so that loops have no seam."""
    orig_rate, model_rate = analysis.sample_rate, flashsr.sample_rate
    new_rate = new_rate or model_rate
    extended = Resampler(orig_rate, model_rate).stream(
        analysis.ends.extend(blocks)
    )
    to_new_rate = Resampler(model_rate, new_rate)
    num_samples = resampled_length(analysis.num_samples, orig_rate, new_rate)
    # Positions count from the recording's first sample, at the new rate.
    if analysis.is_full_band:
        parts = ((block,) for block in to_new_rate.stream(extended))
        start = -EXTENSION_SECONDS * new_rate
        for (recording,) in crop(parts, start, num_samples):
            yield recording
        return
    plan = plan_windows(
        resampled_length(analysis.num_samples, orig_rate, model_rate),
        flashsr.window_length,
        flashsr.mods.super_resolver.window_multiple,
    )
    restorer = WindowRestorer(flashsr, analysis, settings)
    restored = to_new_rate.stream(restore_windows(extended, restorer, plan))
    pairs = (rows.chunk(2) for rows in restored)
    start = plan.starts[0] * new_rate // model_rate
    if analysis.loop:
        pairs = close_loop(pairs, start, num_samples, new_rate)
    else:
        pairs = crop(pairs, start, num_samples)
    for recording, added in pairs:
        yield recording + added


def restore_windows(extended, restorer, plan):
    """Evens out the level of a recording, runs the model on windows, and brings
    the result to the level of the recording.

    `extended` are blocks [channels, time] at the model's rate, with
    `EXTENSION_SECONDS` more on both sides. Yields, from the first window on,
    the recording and what is to be added to it, [2 * channels, time]."""
    signals = _evened(
        extended, restorer.analysis, plan.starts[0], restorer.sample_rate
    )
    for (recording, divisor, _), added in process_windows(
        signals,
        plan,
        # The model hears the last of the three signals.
        lambda windows, starts: restorer.added(windows[:, -1], starts),
        restorer.windows_at_a_time,
        count_workers(
            restorer.super_resolver,
            restorer.flashsr.device_type,
            -(-len(plan.starts) // restorer.windows_at_a_time),
        ),
    ):
        yield torch.cat([recording, divisor * added])


def _evened(blocks, analysis, start, sample_rate):
    """Yields, from a position on, three signals [3, channels, time]: the
    recording, what it is divided by (negative where the polarity is turned),
    and the quotient, which the model hears."""
    rumble_filter = RumbleFilter(sample_rate)
    position = -EXTENSION_SECONDS * sample_rate
    for block in blocks:
        time = block.shape[1]
        divisor = analysis.levels.at(position, time, sample_rate)
        divisor = divisor.to(block) * analysis.polarity.to(block)
        quotient = rumble_filter.filtered(block) / divisor
        skipped = max(0, start - position)
        position += time
        if skipped < time:
            yield torch.stack([block, divisor, quotient])[..., skipped:]


class WindowRestorer:
    """Computes the band that a model adds to the windows of one recording."""

    def __init__(self, flashsr, analysis, settings):
        self.flashsr = flashsr
        self.super_resolver = flashsr.mods.super_resolver
        self.sample_rate = flashsr.sample_rate
        self.settings = settings
        self.analysis = analysis
        self.noise = WindowNoise(self.super_resolver, analysis, settings.seed)
        # Channels with nothing to restore stay out of the model's batches.
        self.channels = [
            channel
            for channel, track in enumerate(analysis.tracks)
            if not track.is_full_band
        ]

    @property
    def windows_at_a_time(self):
        """Windows of all channels that fill a batch of the model."""
        return max(1, self.flashsr.batch_windows // len(self.channels))

    def added(self, windows, starts):
        """Computes the band to add to evened out windows at the model's rate,
        [windows, channels, time], by the absolute position of each in samples.
        """
        shares = [
            (window, channel, cutoff_hz, share)
            for window, start in enumerate(starts)
            for channel in self.channels
            for cutoff_hz, share in self._shares(
                channel, start, windows.shape[2]
            )
        ]
        added = torch.zeros_like(windows)
        if not shares:
            return added
        noises = self.noise.of(windows, starts)
        size = self.flashsr.batch_windows
        for first in range(0, len(shares), size):
            batch = shares[first : first + size]
            window, channel, cutoffs, _ = (list(part) for part in zip(*batch))
            wavs = windows[window, channel].to(self.flashsr.device)
            noise = {
                name: values[window, channel].to(wavs.device)
                for name, values in noises.items()
            }
            rows = self._run(wavs, cutoffs, noise).to(added)
            for row, (window, channel, _, share) in zip(rows, batch):
                added[window, channel] += share.to(row) * row
        return added

    def _shares(self, channel, start, time):
        """The cut-offs that a channel has in a window, and how much of each it
        has over time: (cut-off in Hz, share in 0..1 [time] or [1])."""
        segments = self.analysis.tracks[channel].segments
        position = (start + torch.arange(time)).double() / self.sample_rate
        if self.analysis.loop:
            position = position % segments[-1].stop_s
        shares = {}
        for segment in segments:
            # The part before its end and not before its start.
            share = torch.ones(1)  # for all of the window
            if segment is not segments[-1]:
                share = _before(segment.stop_s, position)
            if segment is not segments[0]:
                share = share - _before(segment.start_s, position)
            if segment.cutoff_hz is not None and share.any():
                hz = segment.cutoff_hz
                shares[hz] = shares.get(hz, 0.0) + share
        return list(shares.items())

    def _run(self, wavs, cutoffs, noise):
        """Runs the model on [batch, time]; returns its band above these."""
        lowpass = cutoff_lowpass(cutoffs, self.sample_rate).to(wavs)
        low = filter_rows(wavs, lowpass)
        with self.flashsr.inference_ctx:
            high = self.super_resolver(
                low,
                **noise,
                cutoff_hz=wavs.new_tensor(cutoffs),
                num_steps=self.settings.num_steps,
                guidance_scale=self.settings.guidance_scale,
            ).float()
        if not high.isfinite().all():
            raise AudioError(
                "The model's output has samples that are NaN or infinite: "
                "nothing is written. Check the model's weights, or lower "
                f"guidance_scale, which is {self.settings.guidance_scale:g}."
            )
        if self.settings.low_band == "model":
            return high - wavs  # Added to the input, it is the output alone.
        highpass = crossover_highpass(cutoffs, self.sample_rate).to(wavs)
        added = fill_up(
            filter_rows(wavs - low, highpass), filter_rows(high - low, highpass)
        )
        return added * 10 ** (self.settings.strength / 20)


def _before(change_s, position_s):
    """1 at positions before a change, 0 after it, with a fade in between."""
    return (0.5 - (position_s - change_s) / CUTOFF_FADE_SECONDS).clamp(0, 1)
