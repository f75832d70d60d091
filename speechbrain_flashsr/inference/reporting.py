"""Messages of the interface: findings, clipping, progress, a report per file.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math
from dataclasses import dataclass

from speechbrain.utils.logger import get_logger
from tqdm import tqdm

from speechbrain_flashsr.bandwidth import CutoffTrack

logger = get_logger(__name__)


@dataclass
class FileReport:
    """Report on a restored file.

    Arguments
    ---------
    output_filename : str or None
        The file that was written.
    orig_rate, sample_rate, num_samples : int
        Sample rates of the input and of the output in Hz, and the length of
        the output.
    tracks : list of CutoffTrack
        Per channel the cut-off above which the band was restored, over time;
        full band where nothing was to be restored, and for silence.
    clipped_samples : int
        Samples beyond the range of the output's format.
    gain_db : float
        Gain for the headroom; 0 or negative.
    """

    output_filename: str | None
    orig_rate: int
    sample_rate: int
    num_samples: int
    tracks: list[CutoffTrack]
    clipped_samples: int
    gain_db: float = 0.0

    @property
    def cutoff_hz(self):
        """Lowest cut-off of each channel in Hz, None for full band."""
        return [track.lowest_hz for track in self.tracks]


def warn_of_unrestored(tracks, silent, name):
    """Warns of channels where nothing is restored, and says why, by the track
    of each channel of that name, and by whether it is silent."""
    channels = len(tracks)
    silent = sum(silent)
    full_band = sum(track.is_full_band for track in tracks) - silent
    if full_band:
        logger.warning(
            f"{_some(full_band, channels, name)} full band already: nothing "
            "is added. Pass a cut-off to restore the band above it "
            "anyway."
        )
    if silent:
        logger.warning(
            f"{_some(silent, channels, name)} silent: nothing is added."
        )


def warn_of_clipping(writer):
    """Warns of the clipped samples of a closed AudioWriter, and names the
    remedy."""
    if writer.clipped_samples:
        logger.warning(
            f"'{writer.path}': {writer.clipped_samples} samples go beyond full "
            f"scale, by up to {20 * math.log10(writer.peak):.2f} dB, and were "
            "clipped. Write floating point (a .wav of subtype FLOAT) to keep "
            "them, or have the recording lowered: headroom=0, --headroom 0."
        )


def with_progress(blocks, num_samples, sample_rate, title):
    """Yields the blocks of a stream [channels, time], and shows its progress in
    seconds unless there is no title."""
    with tqdm(
        total=max(1, num_samples),
        unit_scale=1 / sample_rate,
        desc=title,
        disable=title is None,
        bar_format="{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total:.1f} s "
        "[{elapsed}<{remaining}]",
    ) as bar:
        for block in blocks:
            yield block
            # Headers may declare less than there is, or nothing.
            bar.total = max(bar.total, bar.n + block.shape[1])
            bar.update(block.shape[1])


def _some(count, channels, name):
    """`name is`, or `2 of 8 channels of name are`."""
    if count == channels:
        return f"{name[0].upper()}{name[1:]} is"
    verb = "is" if count == 1 else "are"
    return f"{count} of {channels} channels of {name} {verb}"
