"""Finds where the band of each channel ends, over time.

Authors
 * The speechbrain_flashsr developers 2026
"""

from speechbrain_flashsr.bandwidth.cutoff_detector import CutoffDetector
from speechbrain_flashsr.bandwidth.track import CutoffSegment, CutoffTrack


class BandwidthDetector:
    """Finds where the band of each channel ends, in memory flat in length.

    Arguments
    ---------
    sample_rate : int
        In Hz: the recording's own rate, before any resampling.
    channels_per_recording : int, optional
        How many neighbouring channels belong to one recording and share what
        is known about its edge. Default: all.

    Example
    -------
    >>> import torch
    >>> from speechbrain_flashsr.bandwidth.cutoff_detector import low_pass
    >>> wide = 0.1 * torch.randn(48000)
    >>> narrow = torch.from_numpy(low_pass(wide, 48000, 4000)).float()
    >>> detector = BandwidthDetector(48000)
    >>> detector.update(torch.stack([narrow, wide]))
    >>> narrow_track, wide_track = detector.result()
    >>> 3800 < narrow_track.lowest_hz < 4200, wide_track.is_full_band
    (True, True)
    """

    def __init__(self, sample_rate, channels_per_recording=None):
        self.sample_rate = sample_rate
        self.channels_per_recording = channels_per_recording
        self._detector = CutoffDetector(sample_rate)
        self._num_samples = 0

    def update(self, block):
        """Takes in consecutive samples.

        Arguments
        ---------
        block : torch.Tensor
            [channels, time].
        """
        self._num_samples += block.shape[1]
        self._detector.update(block)

    def result(self):
        """The cut-off so far; may be asked for at any time.

        Returns
        -------
        list of CutoffTrack
            One a channel; empty before the first sample.
        """
        seconds = self._num_samples / self.sample_rate
        return [
            CutoffTrack((CutoffSegment(0.0, seconds, edge),))
            for edge in self._detector.result()
        ]
