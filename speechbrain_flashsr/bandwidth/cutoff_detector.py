"""Detection of the cut-off, the frequency where a recording's band ends.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch

from speechbrain_flashsr.bandwidth.spectral_edge import (
    LOWEST_HZ,
    TOP_HZ,
    find_edge,
)
from speechbrain_flashsr.bandwidth.spectral_images import ImageDetector

FRAME_SECONDS = 2048 / 48000
OVERLAP = 4
"""Frames that a sample is in."""

CLICK_DB = 10.0
CLICK_BAND = (0.58, 0.9)
"""Where clicks are looked for, relative to half the sample rate."""

FULL_BAND_HZ = 17000.0
"""An edge above it is the recording's own: there is nothing to restore."""

MAX_BLOCK = 2**17


class CutoffDetector:
    """Finds where the band of each channel ends, in memory flat in length.

    The edge is where the spectrum falls to the noise floor. The power spectra
    of Hann-windowed frames of 43 ms, a quarter of that apart, are averaged over
    time, clicks left out, and :func:`~speechbrain_flashsr.bandwidth.spectral_edge.
    find_edge` looks for the edge, also among the axes that an
    :class:`~speechbrain_flashsr.bandwidth.spectral_images.ImageDetector` finds.

    A click is shorter than a frame, so it is in at most four in a row. Of each
    bin in the upper band (0.58 to 0.9 of half the sample rate) the level that
    lasts for five frames in a row, around each frame, is determined
    (morphological opening over time). Frames that exceed it by 10 dB in the
    mean over bins are left out, unless all do.

    Arguments
    ---------
    sample_rate : int
        In Hz.

    Example
    -------
    >>> import numpy as np
    >>> from speechbrain_flashsr.data.degradations import low_pass
    >>> detector = CutoffDetector(48000)
    >>> wav = np.random.default_rng(0).standard_normal(48000)
    >>> low = low_pass(wav, 48000, 4000)
    >>> detector.update(torch.tensor(np.stack([low, wav])).float())
    >>> low_edge, full_edge = detector.result()
    >>> 3800 < low_edge < 4200, full_edge
    (True, None)
    """

    def __init__(self, sample_rate):
        self.sample_rate = sample_rate
        self.hop = max(1, round(sample_rate * FRAME_SECONDS / OVERLAP))
        self.frame = OVERLAP * self.hop
        self.window = torch.hann_window(self.frame, dtype=torch.float64)
        self.bin_hz = sample_rate / self.frame
        highest = min(TOP_HZ, sample_rate / 2) / self.bin_hz
        self.images = ImageDetector(LOWEST_HZ / self.bin_hz, highest)
        self.num_spectra = 0
        self.pending = None
        self.frames = None  # The last: four summed up already, four not yet
        self.num_summed = 0
        self.total = 0.0
        self.count = 0.0
        self.total_with_clicks = 0.0
        self.num_frames = 0

    def update(self, block):
        """Takes in consecutive samples.

        Arguments
        ---------
        block : torch.Tensor
            [channels, time].
        """
        for samples in block.detach().cpu().split(MAX_BLOCK, dim=1):
            samples = samples.double()
            if self.pending is not None:
                samples = torch.cat([self.pending, samples], dim=1)
            num_frames = (samples.shape[1] - self.frame) // self.hop + 1
            num_frames = max(0, num_frames)
            self.pending = samples[:, num_frames * self.hop :]
            if num_frames:
                length = (num_frames - 1) * self.hop + self.frame
                self._add(samples[:, :length])

    def result(self):
        """What was found so far.

        Returns
        -------
        list of float or None
            Edges in Hz, one a channel. None for silence and for full band: no
            edge, or one above 17 kHz. Half the sample rate if there is no edge
            but the rate leaves a band to restore.

        """
        if self.pending is None:
            return []
        frames, first = self.frames, self.num_summed
        if frames is None:
            frames, first = self._short_frame(self.pending), 0
        rest, rest_count = self._without_clicks(frames, first, frames.shape[1])
        total, count = self.total + rest, self.count + rest_count
        everything = self.total_with_clicks + frames[:, first:].sum(dim=1)
        num_frames = self.num_frames + frames.shape[1] - first
        power = torch.where(
            count[:, None] > 0,
            total / count.clamp_min(1)[:, None],
            everything / num_frames,
        )
        axes = self.images.result() or [[]] * len(power)
        return [self._edge(*channel) for channel in zip(power.numpy(), axes)]

    def _edge(self, power, axes):
        nyquist_hz = self.sample_rate / 2
        edge_hz = find_edge(power, nyquist_hz, axes)
        if edge_hz is None and power.any():
            edge_hz = nyquist_hz
        return edge_hz if edge_hz and edge_hz <= FULL_BAND_HZ else None

    def _spectra(self, samples):
        """Complex spectra, [channels, frames, bins]."""
        frames = samples.unfold(1, self.frame, self.hop) * self.window
        return torch.fft.rfft(frames)

    def _short_frame(self, samples):
        """Power per Hz, [channels, 1, bins], of less than a frame: under a
        window of its own length, as an end that is cut off has every band."""
        window = torch.hann_window(
            samples.shape[1] + 2, periodic=False, dtype=torch.float64
        )[1:-1]
        spectra = torch.fft.rfft(samples * window, n=self.frame)
        return self._power(spectra[:, None], window)

    def _power(self, spectra, window):
        """Power per Hz, [channels, frames, bins]."""
        power = spectra.real**2 + spectra.imag**2
        return power / (window.square().sum() * self.sample_rate / 2)

    def _add(self, samples):
        spectra = self._spectra(samples)
        # Every other frame, that is half a frame apart
        self.images.update(spectra[:, self.num_spectra % 2 :: 2].numpy())
        self.num_spectra += spectra.shape[1]
        frames = self._power(spectra, self.window)
        if self.frames is not None:
            frames = torch.cat([self.frames, frames], dim=1)
        # Whether a frame is a click depends on the four that follow it, too.
        last = max(self.num_summed, frames.shape[1] - OVERLAP)
        total, count = self._without_clicks(frames, self.num_summed, last)
        self.total = self.total + total
        self.count = self.count + count
        self.total_with_clicks = self.total_with_clicks + frames[
            :, self.num_summed : last
        ].sum(dim=1)
        self.num_frames += last - self.num_summed
        keep = max(0, last - OVERLAP)
        self.frames = frames[:, keep:]
        self.num_summed = last - keep

    def _without_clicks(self, frames, first, last):
        """Sum over frames first..last that are no clicks, [channels, bins], and
        how many there are, [channels]."""
        counts = torch.ones(frames.shape[:2], dtype=frames.dtype)
        if frames.shape[1] > OVERLAP:
            lower, upper = (int(x * frames.shape[2]) for x in CLICK_BAND)
            level = 10 * frames[:, :, lower:upper:2].clamp_min(1e-20).log10()
            lasting = level.unfold(1, OVERLAP + 1, 1).amin(dim=-1)
            lasting = torch.nn.functional.pad(
                lasting, (0, 0, OVERLAP, OVERLAP), value=-torch.inf
            )
            opened = lasting.unfold(1, OVERLAP + 1, 1).amax(dim=-1)
            counts *= (level - opened).mean(dim=2) < CLICK_DB
        counts = counts[:, first:last]
        frames = frames[:, first:last]
        return (frames * counts[:, :, None]).sum(dim=1), counts.sum(dim=1)
