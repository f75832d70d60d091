"""One window after the other: normalise, super-resolve, undo, cross over.

Authors
 * The speechbrain_flashsr developers 2026
"""

import operator
from dataclasses import dataclass

import torch

from speechbrain_flashsr.audio.checks import AudioError
from speechbrain_flashsr.inference.checks import check_whole
from speechbrain_flashsr.inference.crossover import (
    band_limit_lowpass,
    crossover_highpass,
    filter_rows,
)
from speechbrain_flashsr.inference.long_audio import position_noise
from speechbrain_flashsr.lobes.features import denormalize
from speechbrain_flashsr.random_streams import InferenceStream

MAX_GUIDANCE = 100
"""Largest scale of guidance; the paper's teacher uses 3.5. Far larger ones
leave the range of the model's numbers."""


@dataclass(frozen=True)
class Settings:
    """How the model is run, the same for all windows of a recording.

    Arguments
    ---------
    seed : int
        Of the noise, not negative.
    num_steps : int
        Diffusion steps, 1 or more.
    guidance_scale : float
        Classifier-free guidance, 1 for none.
    low_band : {"input", "model"}
        What the output is below the cut-off.

    Raises
    ------
    AudioError
        If a value is not one of these.

    Example
    -------
    >>> Settings(seed=0, num_steps=1, guidance_scale=1.0, low_band="input").seed
    0
    """

    seed: int
    num_steps: int
    guidance_scale: float
    low_band: str

    def __post_init__(self):
        for name, least in (("seed", 0), ("num_steps", 1)):
            check_whole(getattr(self, name), name, least)
        scale = self.guidance_scale
        if not isinstance(scale, int | float) or not abs(scale) <= MAX_GUIDANCE:
            raise AudioError(
                f"guidance_scale is {scale!r}. It must be a number between "
                f"{-MAX_GUIDANCE} and {MAX_GUIDANCE}; 1 means no guidance."
            )
        if self.low_band not in ("input", "model"):
            raise AudioError(
                f"low_band is {self.low_band!r}. Give 'input' to keep the "
                "input below the cut-off, or 'model' for the raw output."
            )


class WindowRestorer:
    """Computes what a model adds to the windows of one recording.

    Arguments
    ---------
    super_resolver : torch.nn.Module
        A :class:`~speechbrain_flashsr.lobes.super_resolver.LatentSuperResolver`
        on `device`.
    analysis : SignalAnalysis
        Of the recording.
    settings : Settings
        See there.
    batch_windows : int
        Windows of one channel that the model gets together.
    device : str
        Where the model is.
    context : context manager
        Entered around the model, for its precision.

    Attributes
    ----------
    keep : torch.Tensor
        What the input is multiplied by before the windows are added: 1 or,
        where the output is the raw model's, 0, [channels, 1].
    """

    def __init__(
        self,
        super_resolver,
        analysis,
        settings,
        batch_windows,
        device,
        context,
    ):
        self.super_resolver = super_resolver
        self.settings = settings
        self.batch_windows = batch_windows
        self.device = device
        self.context = context
        self.mean = analysis.mean.to(device)
        self.scale = analysis.scale.to(device)
        # Channels with nothing to restore stay out of the model's batches.
        self.channels = [
            channel
            for channel, edge in enumerate(analysis.cutoff_hz)
            if edge is not None
        ]
        edges = [analysis.cutoff_hz[channel] for channel in self.channels]
        self.cutoff_hz = torch.tensor(edges, device=device)
        rate = super_resolver.sample_rate
        self.lowpass = band_limit_lowpass(edges, rate).to(device)
        self.highpass = crossover_highpass(edges, rate).to(device)
        self.keep = torch.ones_like(analysis.mean)
        if settings.low_band == "model":
            self.keep[self.channels] = 0.0

    @property
    def windows_at_a_time(self):
        """Windows of all channels that fill a batch of the model."""
        return max(1, self.batch_windows // len(self.channels))

    def __call__(self, windows, starts):
        """Computes what is to be added to the input, in two parts.

        Arguments
        ---------
        windows : torch.Tensor
            Of the input at the model's rate, [windows, channels, time].
        starts : list of int
            Absolute position of each window, in samples.

        Returns
        -------
        torch.Tensor
            What is taken from the input and what the model puts there,
            [windows, 2 * channels, time]. They are apart because neighbouring
            windows agree on the one and may disagree on the other.
        """
        noise = self._noise(starts, windows.shape[2])
        removed = torch.zeros_like(windows)
        restored = torch.zeros_like(windows)
        rows = [
            (window, index, channel)
            for window in range(len(starts))
            for index, channel in enumerate(self.channels)
        ]
        for first in range(0, len(rows), self.batch_windows):
            batch = rows[first : first + self.batch_windows]
            window, index, channel = (list(part) for part in zip(*batch))
            low = windows[window, channel].to(self.device)
            high = self._super_resolve(
                low, {k: v[window] for k, v in noise.items()}, index, channel
            )
            if self.settings.low_band == "input":
                highpass = self.highpass[index]
                removed[window, channel] = -filter_rows(low, highpass).to(
                    removed
                )
                high = filter_rows(high, highpass)
            restored[window, channel] = high.to(restored)
        return torch.cat([removed, restored], dim=1)

    def _super_resolve(self, low, noise, index, channel):
        """Runs the model on [batch, time] at the level of the recording."""
        low = filter_rows(low, self.lowpass[index])
        mean, scale = self.mean[channel], self.scale[channel]
        with self.context:
            high = self.super_resolver(
                (low - mean) / scale,
                **noise,
                cutoff_hz=self.cutoff_hz[index],
                num_steps=self.settings.num_steps,
                guidance_scale=self.settings.guidance_scale,
            )
        return denormalize(high.float(), mean, scale)

    def _noise(self, starts, length):
        """Noise of the windows, shared by the channels: by the names of the
        model's arguments, [windows, ...]."""
        multiple = self.super_resolver.window_multiple
        latent_shape = self.super_resolver.latent_shape(multiple)
        kinds = {
            "noise": (latent_shape, InferenceStream.LATENT),
            "excitation": ((1, multiple), InferenceStream.EXCITATION),
        }
        seed = operator.index(self.settings.seed)
        noise = {
            name: torch.stack(
                [
                    position_noise(seed, start, length, multiple, shape, stream)
                    for start in starts
                ]
            ).to(self.device)
            for name, (shape, stream) in kinds.items()
        }
        noise["excitation"] = noise["excitation"].squeeze(1)
        return noise
