"""Weights: strict loading, export, and the published files of others.

Authors
 * The speechbrain_flashsr developers 2026
"""

from speechbrain_flashsr.checkpoints.folders import SafetensorsPretrainer
from speechbrain_flashsr.checkpoints.loading import load_strictly
from speechbrain_flashsr.checkpoints.reading import (
    CheckpointError,
    read_checkpoint,
)
from speechbrain_flashsr.checkpoints.trust import ModelError

__all__ = [
    "CheckpointError",
    "ModelError",
    "SafetensorsPretrainer",
    "load_strictly",
    "read_checkpoint",
]
