"""The cut-off of one channel over time.

Authors
 * The speechbrain_flashsr developers 2026
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class CutoffSegment:
    """A stretch of time in which a channel has one cut-off.

    Arguments
    ---------
    start_s, stop_s : float
        In seconds from the start of the recording.
    cutoff_hz : float or None
        Where the band ends, in Hz: half the sample rate if the file's own rate
        is the limit. None for full band: there is nothing to restore.
    """

    start_s: float
    stop_s: float
    cutoff_hz: float | None


@dataclass(frozen=True)
class CutoffTrack:
    """The cut-off of one channel over time, as a short list of segments.

    Segments follow each other without a gap, from 0 to the end of the
    recording. A steady recording has one.

    Example
    -------
    >>> track = CutoffTrack(
    ...     (CutoffSegment(0.0, 40.0, 3900.0), CutoffSegment(40.0, 55.0, None))
    ... )
    >>> track.cutoff_at(10.0), track.cutoff_at(50.0), track.lowest_hz
    (3900.0, None, 3900.0)
    >>> track.summary()
    '0:00-0:40 restored above 3.9 kHz, 0:40-0:55 full band'
    """

    segments: tuple[CutoffSegment, ...]

    @property
    def is_full_band(self):
        """Whether there is nothing to restore at any time."""
        return self.lowest_hz is None

    @property
    def lowest_hz(self):
        """The lowest cut-off in Hz, or None if the channel is full band."""
        cutoffs = [
            s.cutoff_hz for s in self.segments if s.cutoff_hz is not None
        ]
        return min(cutoffs, default=None)

    def cutoff_at(self, seconds):
        """The cut-off at a time in Hz, or None for full band.

        Times before the start and after the end have the nearest segment's.
        """
        for segment in self.segments:
            if seconds < segment.stop_s:
                break
        return segment.cutoff_hz

    def summary(self):
        """The segments in words, as one line."""
        return ", ".join(
            f"{_clock(s.start_s)}-{_clock(s.stop_s)} "
            + (
                "full band"
                if s.cutoff_hz is None
                else f"restored above {s.cutoff_hz / 1000:.1f} kHz"
            )
            for s in self.segments
        )


def _clock(seconds):
    """Minutes and seconds, and hours if there are any."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}:{minutes:02}" if hours else f"{minutes}") + (
        f":{seconds:02}"
    )
