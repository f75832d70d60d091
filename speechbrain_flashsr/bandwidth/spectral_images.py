"""The images that upsampling leaves, found by their phase.

A signal that was brought to a higher sample rate is cyclostationary at its
former rate: of what a gentle resampling filter lets pass, the spectrum above
half that rate is the mirrored complex conjugate of the spectrum below. The
products of bins as far above as below the axis then turn from frame to frame by
the former rate alone, whatever the signal and however faint the image. Of
unrelated bins they turn at random. See W. Gardner, "Exploitation of spectral
redundancy in cyclostationary signals", IEEE Signal Processing Magazine 8 (2),
1991, where this is the spectral correlation at a cycle frequency.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import numpy as np

CHUNK_FRAMES = 64
"""Frames over which products are added up with their phase."""

LEAST_FRAMES = 8
DENSE_CHUNKS = 4
SPACING = 1.25
"""The first chunks are all looked at, then those of numbers that grow by it."""

REACH = 0.15
MAX_PAIRS = 60
LEAST_PAIRS = 5
LEAST_APART = 3
"""Products are of 5 to 60 pairs of bins up to 15 % off the axis, but not of
neighbours, which the window ties to each other."""

OFFSETS = np.fft.fftfreq(2 * CHUNK_FRAMES)
KEPT = np.abs(OFFSETS) <= 0.3
"""By how many bins axes may lie off the middle of their pairs."""

LEAST_COHERENCE = 60.0
"""Relative to what unrelated bins have in the mean."""

COMB_DISTANCES = (0.03, 0.25)
COMB_SHARE = 0.2
"""Axes that have others of such a share as near, relatively, are no resampler's
but those of a steady tone or between the subbands of a codec, such as MP3."""


class ImageDetector:
    """Finds the axes about which the phases of spectra mirror each other.

    Takes memory flat in length, and time that grows with its logarithm once the
    first chunks of 64 frames are over.

    Arguments
    ---------
    lowest, highest : float
        Where axes are looked for, in bins.

    Example
    -------
    >>> low = np.random.default_rng(0).standard_normal(12000)
    >>> wav = np.zeros(48000)
    >>> wav[::4] = low  # 12 kHz to 48 kHz, and no filter at all
    >>> frames = np.lib.stride_tricks.sliding_window_view(wav, 2048)[::1024]
    >>> spectra = np.fft.rfft(frames * np.hanning(2049)[:-1])
    >>> detector = ImageDetector(lowest=64, highest=800)
    >>> detector.update(spectra[None])
    >>> [[float(axis) for axis in axes] for axes in detector.result()]
    [[256.0, 512.0, 768.0]]
    """

    def __init__(self, lowest, highest):
        first = 2 * int(lowest)
        self.sums = np.arange(first, max(first + 1, 2 * int(highest)))
        self.pending = None
        self.num_chunks = 0  # So far, looked at or not
        self.next_chunk = 0
        self.total = 0.0
        self.count = 0

    def update(self, spectra):
        """Takes in consecutive frames.

        Arguments
        ---------
        spectra : numpy.ndarray
            Complex, of Hann-windowed frames half a frame apart,
            [channels, frames, bins].
        """
        if self.pending is not None:
            spectra = np.concatenate([self.pending, spectra], axis=1)
        while spectra.shape[1] >= CHUNK_FRAMES:
            if self.num_chunks == self.next_chunk:
                chunk = spectra[:, :CHUNK_FRAMES]
                self.total = self.total + self._coherence(chunk)
                self.count += 1
                self.next_chunk = max(
                    self.num_chunks + 1,
                    int(SPACING * (self.num_chunks + 1 - DENSE_CHUNKS))
                    + DENSE_CHUNKS,
                )
            self.num_chunks += 1
            spectra = spectra[:, CHUNK_FRAMES:]
        self.pending = spectra.copy()

    def result(self):
        """What was found so far.

        Returns
        -------
        list of list of float
            Of each channel the axes in bins, fractional, the lowest first.
        """
        if self.pending is None:
            return []
        total, count = self.total, self.count
        if count == 0 and self.pending.shape[1] >= LEAST_FRAMES:
            total, count = self._coherence(self.pending), 1
        if count == 0:
            return [[] for _ in self.pending]
        return [self._axes(channel / count) for channel in total]

    def _coherence(self, spectra):
        """Squared sums of products over pairs and frames, relative to the number
        of products, [channels, axes, offsets]."""
        num_channels, num_frames, num_bins = spectra.shape
        phases = spectra / np.maximum(np.abs(spectra), 1e-30)
        phases = np.ascontiguousarray(phases.transpose(0, 2, 1), np.complex64)
        products = np.zeros(
            (num_channels, len(self.sums), num_frames), np.complex64
        )
        count = np.zeros(len(self.sums), np.float32)
        for apart in range(LEAST_APART, LEAST_APART + 2 * MAX_PAIRS):
            # Pairs of bins `apart` from each other, of all axes they are near
            first = max(self.sums[0], math.ceil(apart / REACH))
            first += (first + apart) % 2
            last = min(self.sums[-1], 2 * (num_bins - 1) - apart)
            if first > last:
                break
            lower, upper = (first - apart) // 2, (last - apart) // 2 + 1
            axes = slice(first - self.sums[0], last - self.sums[0] + 1, 2)
            products[:, axes] += (
                phases[:, lower:upper]
                * phases[:, lower + apart : upper + apart]
            )
            count[axes] += 1
        scale = (count >= LEAST_PAIRS) / np.maximum(count * num_frames, 1)
        # Half a frame turns a product by half a turn for each bin of the sum
        products[:, self.sums % 2 == 1, 1::2] *= -1
        sums = [np.fft.fft(p, len(OFFSETS))[:, KEPT] for p in products]
        sums = np.stack(sums)
        return (sums.real**2 + sums.imag**2) * scale[:, None].astype("f4")

    def _axes(self, coherence):
        """The axes that stand out, from coherence, [axes, offsets]."""
        best = coherence.argmax(axis=1)
        peak = coherence.max(axis=1)
        offset = OFFSETS[KEPT][best]
        middle = self.sums / 2
        axes = []
        for k in np.flatnonzero(peak >= LEAST_COHERENCE):
            if peak[k] < peak[max(0, k - 4) : k + 5].max():
                continue
            distance = np.abs(middle / middle[k] - 1)
            comb = (distance >= COMB_DISTANCES[0]) & (
                distance <= COMB_DISTANCES[1]
            )
            if peak[comb].max(initial=0.0) <= COMB_SHARE * peak[k]:
                axes.append(middle[k] + offset[k])
        return axes
