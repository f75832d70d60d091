"""Weights: strict loading, export, and the published files of others.

Authors
 * The speechbrain_flashsr developers 2026
"""

from speechbrain_flashsr.checkpoints.loading import (
    CheckpointError,
    load_strictly,
    read_checkpoint,
)
