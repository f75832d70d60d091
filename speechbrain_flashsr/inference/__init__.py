"""Interfaces: super-resolution of batches, files and long recordings.

Authors
 * The speechbrain_flashsr developers 2026
"""

from speechbrain_flashsr.audio.checks import AudioError
from speechbrain_flashsr.inference.enhancement import enhance_and_restore
from speechbrain_flashsr.inference.front_end import (
    SuperResolutionFrontEnd,
    SuperResolutionLayer,
    audio_pipeline,
)
from speechbrain_flashsr.inference.super_resolution import FlashSR

__all__ = [
    "AudioError",
    "FlashSR",
    "SuperResolutionFrontEnd",
    "SuperResolutionLayer",
    "audio_pipeline",
    "enhance_and_restore",
]
