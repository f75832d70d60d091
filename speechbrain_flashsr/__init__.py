"""FlashSR for SpeechBrain: audio super-resolution in one diffusion step.

A recording of speech, music or sound effects whose high band is missing goes
in, at any rate from 4 kHz, and a 48 kHz recording with its high band restored
comes out. The interface is
`speechbrain_flashsr.inference.FlashSR`, the command is `flashsr`.

Importing this package alone is cheap: PyTorch and SpeechBrain are imported by
its modules.

Paper: https://arxiv.org/abs/2501.10807

Authors
 * The speechbrain_flashsr developers 2026
"""

from pathlib import Path

__version__ = "0.1.0"

SHIPPED_MODEL = Path(__file__).parent / "pretrained" / "small"
"""Folder of the model that ships with the package."""
