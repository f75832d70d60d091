"""Sound files, sample rates and codecs; nothing here knows of a model.

Authors
 * The speechbrain_flashsr developers 2026
"""

SAMPLE_RATE = 48000
"""Sample rate in Hz of the models, of outputs unless another is asked for, of
the training material and of the metrics."""

# Samples of all channels that are read at a time: 64 Ki of up to 16 channels.
_BLOCK_SAMPLES = 2**20
_MOST_FRAMES = 2**16


def block_frames(channels):
    """Frames that are read or written at a time."""
    return min(_MOST_FRAMES, max(1, _BLOCK_SAMPLES // channels))
