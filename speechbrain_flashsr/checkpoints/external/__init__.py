"""The published checkpoints of FlashSR and AudioSR, converted.

Authors
 * The speechbrain_flashsr developers 2026
"""

from speechbrain_flashsr.checkpoints.external.convert import (
    convert_audiosr,
    convert_flashsr,
)
