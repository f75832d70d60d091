"""Settings of the model.

Authors
 * The speechbrain_flashsr developers 2026
"""

from dataclasses import dataclass
from numbers import Real

from speechbrain_flashsr.audio.checks import AudioError
from speechbrain_flashsr.inference.checks import check_integer

MAX_STRENGTH = 40.0
"""Largest change of the restored band's level, in dB."""

MAX_GUIDANCE = 100.0
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
    strength: float

    def __post_init__(self):
        check_integer(self.seed, "seed", 0)
        check_integer(self.num_steps, "num_steps", 1)
        if not _is_within(self.guidance_scale, MAX_GUIDANCE):
            raise AudioError(
                f"guidance_scale is {self.guidance_scale!r}. It must be a "
                f"number between {-MAX_GUIDANCE:g} and {MAX_GUIDANCE:g}; 1 "
                "means no guidance."
            )
        if self.low_band not in ("input", "model"):
            raise AudioError(
                f"low_band is {self.low_band!r}. Choose 'input' to keep the "
                "input below the cut-off, or 'model' for the raw output."
            )
        if not _is_within(self.strength, MAX_STRENGTH):
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


def _is_within(value, limit):
    """Whether a value is a number of at most this magnitude."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return is_number and abs(value) <= limit
