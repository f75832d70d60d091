"""Settings of the model.

Authors
 * The speechbrain_flashsr developers 2026
"""

from dataclasses import dataclass

from speechbrain_flashsr.audio.checks import AudioError
from speechbrain_flashsr.inference.checks import check_whole

MAX_STRENGTH = 40.0
"""Largest change of the restored band's level, in dB."""


MAX_GUIDANCE = 100
"""Largest scale of guidance; the paper's teacher uses 3.5. Far larger ones
leave the range of the model's numbers."""


@dataclass(frozen=True)
class Settings:
    """Settings of the model, the same for all windows of a recording; see
    :meth:`~speechbrain_flashsr.inference.FlashSR.super_resolve_batch`."""

    seed: int
    num_steps: int
    guidance_scale: float
    low_band: str
    strength: float = 0.0

    def __post_init__(self):
        for name, least in (("seed", 0), ("num_steps", 1)):
            check_whole(getattr(self, name), name, least)
        scale = self.guidance_scale
        if not _is_number(scale) or not abs(scale) <= MAX_GUIDANCE:
            raise AudioError(
                f"guidance_scale is {scale!r}. It must be a number between "
                f"{-MAX_GUIDANCE} and {MAX_GUIDANCE}; 1 means no guidance."
            )
        if self.low_band not in ("input", "model"):
            raise AudioError(
                f"low_band is {self.low_band!r}. Choose 'input' to keep the "
                "input below the cut-off, or 'model' for the raw output."
            )
        if (
            not _is_number(self.strength)
            or not abs(self.strength) <= MAX_STRENGTH
        ):
            raise AudioError(
                f"strength is {self.strength!r}. It must be a number of dB "
                f"between {-MAX_STRENGTH:g} and {MAX_STRENGTH:g}; 0 leaves the "
                "level to the model."
            )
        if self.strength and self.low_band == "model":
            raise AudioError(
                "strength raises the band that is added to the input, and "
                "low_band='model' keeps nothing of the input. Leave one out."
            )


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)
