"""From a stream to its restored form, one window after the other.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import torch

from speechbrain_flashsr.audio.checks import AudioError
from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.inference.crossover import (
    band_limit_lowpass,
    crossover_highpass,
    fill_up,
    filter_rows,
)
from speechbrain_flashsr.inference.ends import CONTEXT_SECONDS, close_loop, crop
from speechbrain_flashsr.inference.levels import RumbleFilter
from speechbrain_flashsr.inference.long_audio import (
    plan_windows,
    process_windows,
)
from speechbrain_flashsr.inference.noise import (
    correlation,
    mixing_matrix,
    position_noise,
)
from speechbrain_flashsr.random_streams import InferenceStream

EDGE_FADE_SECONDS = 0.1
"""Duration of the fade between two edges where the cut-off changes."""


def restore_stream(flashsr, blocks, analysis, settings, new_rate=None):
    """Restores the high band of a recording, blocks [channels, time] at its own
    rate, and brings it to another rate, by default the model's.

    It is cut from its continuation beyond its ends, so that loops have no seam.
    """
    orig_rate, model_rate = analysis.sample_rate, flashsr.sample_rate
    new_rate = new_rate or model_rate
    resampler = Resampler(orig_rate, model_rate)
    extended = resampler.stream(analysis.ends.extend(blocks))
    # Positions count from the recording's first sample, at the new rate.
    start = -CONTEXT_SECONDS * new_rate
    if not analysis.is_full_band:
        restorer = WindowRestorer(
            flashsr.mods.super_resolver,
            analysis,
            settings,
            flashsr.batch_windows,
            flashsr.device,
            flashsr.inference_ctx,
        )
        plan = plan_windows(
            resampler.output_length(analysis.num_samples),
            flashsr.window_length,
            restorer.super_resolver.window_multiple,
        )
        extended = restore_extended(extended, restorer, plan)
        start = plan.starts[0] * new_rate // model_rate
    # The recording and, unless nothing is restored, what is added to it.
    pairs = (
        rows.split(len(analysis.tracks))
        for rows in Resampler(model_rate, new_rate).stream(extended)
    )
    num_samples = Resampler(orig_rate, new_rate).output_length(
        analysis.num_samples
    )
    if analysis.loop and not analysis.is_full_band:
        pairs = close_loop(pairs, start, num_samples, new_rate)
    else:
        pairs = crop(pairs, start, num_samples)
    for pair in pairs:
        yield sum(pair[1:], pair[0])


def restore_extended(extended, restorer, plan):
    """Evens out the level of a recording, runs the model on windows, and brings
    the result to the level of the recording.

    `extended` are blocks [channels, time] at the model's rate, with
    `CONTEXT_SECONDS` more on both sides. Yields, from the first window on, the
    recording and what is to be added to it, [2 * channels, time]."""
    analysis = restorer.analysis
    channels = len(analysis.tracks)
    pairs = process_windows(
        _evened(extended, analysis, plan.starts[0], restorer.sample_rate),
        plan,
        lambda rows, starts: restorer(rows[:, -channels:], starts),
        restorer.windows_at_a_time,
    )
    for rows, added in pairs:
        recording, divisor, _ = rows.chunk(3)
        yield torch.cat([recording, divisor * added])


def _evened(blocks, analysis, first, sample_rate):
    """Yields, from a position on, the recording, its divisors and the quotient,
    which is the model's input, [3 * channels, time]."""
    rumble_filter = RumbleFilter(sample_rate)
    position = -CONTEXT_SECONDS * sample_rate
    for block in blocks:
        time = block.shape[1]
        heard = rumble_filter(block)
        divisor = analysis.levels.at(position, time, sample_rate)
        divisor = divisor.to(block) * analysis.polarity.to(block)
        rows = torch.cat([block, divisor, heard / divisor])
        skipped = max(0, first - position)
        position += time
        if skipped < time:
            yield rows[:, skipped:]


class WindowRestorer:
    """Computes the band that a model adds to the windows of one recording.

    The model, a
    :class:`~speechbrain_flashsr.lobes.super_resolver.LatentSuperResolver` on
    `device`, gets batches of `batch_windows` windows of one channel. `context`
    is entered around it, for its precision."""

    def __init__(
        self, super_resolver, analysis, settings, batch_windows, device, context
    ):
        self.super_resolver = super_resolver
        self.sample_rate = super_resolver.sample_rate
        self.settings = settings
        self.batch_windows = batch_windows
        self.device = device
        self.context = context
        self.analysis = analysis
        self.tracks = analysis.tracks
        # Channels with nothing to restore stay out of the model's batches.
        self.channels = [
            channel
            for channel, track in enumerate(self.tracks)
            if not track.is_full_band
        ]

    @property
    def windows_at_a_time(self):
        """Windows of all channels that fill a batch of the model."""
        return max(1, self.batch_windows // len(self.channels))

    def __call__(self, windows, starts):
        """Computes the band to add to evened out windows at the model's rate,
        [windows, channels, time], by the absolute position of each in samples.
        """
        time = windows.shape[2]
        shares = [
            (window, channel, edge, share)
            for window, start in enumerate(starts)
            for channel in self.channels
            for edge, share in self._shares(channel, start, time)
        ]
        added = torch.zeros_like(windows)
        if not shares:
            return added
        noises = self._noises(windows, starts)
        for first in range(0, len(shares), self.batch_windows):
            batch = shares[first : first + self.batch_windows]
            window, channel, edges, _ = (list(part) for part in zip(*batch))
            wavs = windows[window, channel].to(self.device)
            noise = {
                name: values[window, channel].to(self.device)
                for name, values in noises.items()
            }
            rows = self._added(wavs, edges, noise).to(added)
            for row, (window, channel, _, share) in zip(rows, batch):
                added[window, channel] += share.to(row) * row
        return added

    def _shares(self, channel, start, time):
        """The edges that a channel has in a window, and how much of each it
        has over time: (edge, share in 0..1 [time] or [1])."""
        position = (start + torch.arange(time)).double() / self.sample_rate
        if self.analysis.loop:
            position = position % self.tracks[channel].segments[-1].stop_s
        segments = self.tracks[channel].segments
        shares = {}
        for segment in segments:
            # The part before its end and not before its start.
            share = torch.ones(1)  # for all of the window
            if segment is not segments[-1]:
                share = _before(segment.stop_s, position)
            if segment is not segments[0]:
                share = share - _before(segment.start_s, position)
            if segment.edge_hz is not None and share.any():
                edge = segment.edge_hz
                shares[edge] = shares.get(edge, 0.0) + share
        return list(shares.items())

    def _added(self, wavs, edges, noise):
        """Runs the model on [batch, time]; returns its band above the edges."""
        low = filter_rows(wavs, self._filters(band_limit_lowpass, edges))
        with self.context:
            high = self.super_resolver(
                low,
                **noise,
                cutoff_hz=wavs.new_tensor(edges),
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
        highpass = self._filters(crossover_highpass, edges)
        added = fill_up(
            filter_rows(wavs - low, highpass), filter_rows(high - low, highpass)
        )
        return added * 10 ** (self.settings.strength / 20)

    def _filters(self, design, edges):
        return design(edges, self.sample_rate).to(self.device)

    def _noises(self, windows, starts):
        """Noise of the windows by the names of the model's arguments,
        [windows, channels, ...]."""
        multiple = self.super_resolver.window_multiple
        weights = np.stack(
            [
                self._mixing(block, start + index * multiple)
                for window, start in zip(windows, starts)
                for index, block in enumerate(window.split(multiple, dim=1))
            ]
        )
        weights = torch.from_numpy(weights).float()
        # [windows, blocks, 2, channels, channels of a clip]
        weights = weights.unflatten(0, (len(starts), -1)).unbind(2)
        # The powers of two bands are as similar as the square of their
        # waveforms' correlation: a latent is about powers.
        latent_shape = self.super_resolver.latent_shape(multiple)
        return {
            "noise": self._mix(
                weights[1], latent_shape, starts, InferenceStream.LATENT
            ),
            "excitation": self._mix(
                weights[0],
                (1, multiple, 1),
                starts,
                InferenceStream.EXCITATION,
            ).flatten(2),
        }

    def _mixing(self, block, start):
        """Weights that mix the channels' noises in one block, for
        waveforms and for latents, [2, channels, channels of a clip]."""
        size = self.analysis.channels_per_clip
        seconds = (start + block.shape[1] / 2) / self.sample_rate
        weights = []
        for first in range(0, len(block), size):
            similar = np.eye(size)
            edges = [
                track.edge_at(seconds)
                for track in self.tracks[first : first + size]
            ]
            edges = [edge for edge in edges if edge is not None]
            if size > 1 and edges:
                similar = correlation(
                    block[first : first + size], min(edges), self.sample_rate
                )
            weights.append(
                np.stack([mixing_matrix(similar), mixing_matrix(similar**2)])
            )
        return np.concatenate(weights, axis=1)

    def _mix(self, weights, block_shape, starts, stream):
        """Noises of one kind for all windows and channels,
        [windows, channels, ...]."""
        num_blocks, channels, size = weights.shape[1:]
        mixed = 0.0
        for source in range(size):
            if not weights[..., source].any():
                continue
            multiple = self.super_resolver.window_multiple
            independent = torch.stack(
                [
                    position_noise(
                        *(self.settings.seed, start, num_blocks * multiple),
                        multiple,
                        block_shape,
                        stream,
                        self.analysis.first_channel + source,
                    )
                    for start in starts
                ]
            )
            weight = weights[..., source].transpose(1, 2)
            weight = weight.repeat_interleave(block_shape[1], dim=2)
            mixed = mixed + (weight[:, :, None, :, None] * independent[:, None])
        return mixed


def _before(change_s, position_s):
    """1 at positions before a change, 0 after it, with a fade in between."""
    return (0.5 - (position_s - change_s) / EDGE_FADE_SECONDS).clamp(0, 1)
