"""Interfaces: super-resolution of batches, files and long recordings.

What `FlashSR.super_resolve_file` does to a file (`files`):

1. open it (`audio.reading`);
2. in a first pass find where the band of each channel ends and how loud it is
   (`signal_analysis`, with `bandwidth` and `levels`);
3. in a second pass continue it beyond its ends (`ends`), resample it, even out
   its level, and cut it into overlapping windows (`long_audio`);
4. for each window and cut-off remove what is above, run the model with noise of
   that position (`noise`), and keep what it adds above the cut-off
   (`restoration`, `crossover`);
5. cross-fade the windows, undo the level, add the result to the recording;
6. write it (`audio.headroom`, `audio.writing`).

The clips of a batch take the steps 2 to 5 (`clips`).

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
