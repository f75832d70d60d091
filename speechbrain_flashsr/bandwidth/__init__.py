"""Cut-off detection, over time and channels.

Authors
 * The speechbrain_flashsr developers 2026
"""

from speechbrain_flashsr.bandwidth.detector import BandwidthDetector
from speechbrain_flashsr.bandwidth.track import CutoffSegment, CutoffTrack

__all__ = ["BandwidthDetector", "CutoffSegment", "CutoffTrack"]
