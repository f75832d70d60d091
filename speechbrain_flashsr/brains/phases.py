"""Phases of the distillation: steps of the teacher, start steps and weights.

As in Flash Diffusion (https://arxiv.org/abs/2406.02347).

Authors
 * The speechbrain_flashsr developers 2026
"""

import dataclasses
from collections.abc import Sequence

import torch

from speechbrain_flashsr.diffusion import trailing_timesteps


@dataclasses.dataclass(frozen=True)
class Phase:
    """Settings of one phase of the distillation.

    Arguments
    ---------
    iterations : int
        Length of the phase; the last of its iterations belongs to the next
        phase already, as in Flash Diffusion.
    num_steps : int
        Steps K of the teacher's sampler.
    mixture : sequence of float
        Weights of the modes of the start step's distribution.
    distillation_weight, adversarial_weight, dmd_weight : float
        Weights of the losses.
    regression_weight : float
        Weight of the distance to the true latents.
    min_guidance, max_guidance : float
        Limits of the guidance scale of the teacher.

    Example
    -------
    >>> Phase(10, 4, (0, 0, 0.5, 0.5)).timesteps(1000)
    tensor([999, 749, 499, 249])
    >>> Phase(10, 8, (0, 0, 1, 0)).start_probabilities().argmax().item()
    4
    """

    iterations: int
    num_steps: int
    mixture: Sequence[float]
    distillation_weight: float = 1.0
    adversarial_weight: float = 0.0
    dmd_weight: float = 0.0
    regression_weight: float = 0.0
    min_guidance: float = 3.0
    max_guidance: float = 13.0

    def timesteps(self, num_timesteps):
        """The teacher's time steps, [num_steps], of a schedule of
        `num_timesteps`."""
        return trailing_timesteps(self.num_steps, num_timesteps)

    def start_probabilities(self):
        """Probability of each index of the teacher's time steps to start from,
        [num_steps]: a mixture of narrow bells at the indices m K / M, m =
        0..M-1, with the weights w_m, K being `num_steps`: p(i) ~ sum_m w_m
        exp(-(i - m K / M)^2 / 0.5)."""
        index = torch.arange(self.num_steps, dtype=torch.float64)
        weights = torch.as_tensor(self.mixture, dtype=torch.float64)
        modes = torch.arange(len(weights)) * self.num_steps / len(weights)
        bells = torch.exp(-((index[:, None] - modes) ** 2) / 0.5)
        probabilities = bells @ weights
        return (probabilities / probabilities.sum()).float()

    def guidance_scale(self, u):
        """Guidance scale for a draw u of 0..1."""
        return self.min_guidance + (self.max_guidance - self.min_guidance) * u


def phase_at(phases, iteration):
    """Finds the phase of an iteration, which counts from 1; after the last
    phase, the last.

    Example
    -------
    >>> phases = [Phase(10, 4, (1,)), Phase(10, 8, (1,))]
    >>> [phase_at(phases, i).num_steps for i in (9, 10, 99)]
    [4, 8, 8]
    """
    end = 0
    for phase in phases:
        end += phase.iterations
        if iteration < end:
            return phase
    return phases[-1]
