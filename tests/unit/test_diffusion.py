"""Schedule, sampler and guidance against the published numbers.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch

from speechbrain_flashsr.diffusion import (
    NoiseSchedule,
    VDenoiser,
    cosine_betas,
    dpm_solver_pp,
    trailing_timesteps,
)


@pytest.fixture(name="numbers", scope="module")
def numbers_fixture(reference):
    return reference("diffusion")


class ToyNetwork(torch.nn.Module):
    """v = cos(t / 300) A x - 0.3 condition, A on channels."""

    def __init__(self, matrix):
        super().__init__()
        self.matrix = matrix

    def forward(self, x, t, condition):
        scale = torch.cos(t.float() / 300)[:, None, None, None]
        v = scale * torch.einsum("ij,bjhw->bihw", self.matrix, x)
        return v - 0.3 * condition


def relative_error(found, expected):
    return ((found - expected).norm() / expected.norm()).item()


def test_schedule_is_the_published_one(numbers):
    betas = numbers["betas"].double()
    torch.testing.assert_close(cosine_betas(), betas, rtol=0, atol=1e-6)
    schedule = NoiseSchedule()
    torch.testing.assert_close(
        schedule.alphas**2,
        numbers["alphas_cumprod"].double(),
        rtol=0,
        atol=1e-6,
    )
    torch.testing.assert_close(
        schedule.alphas**2 + schedule.sigmas**2,
        torch.ones(1000, dtype=torch.float64),
    )


@pytest.mark.parametrize("num_steps", [1, 4, 32])
def test_sampler_gives_the_published_samples(numbers, num_steps):
    expected = numbers["dpm_solver_pp_2m"][num_steps]
    schedule = NoiseSchedule()
    network = ToyNetwork(numbers["toy_matrix"])
    timesteps = trailing_timesteps(num_steps)
    assert timesteps.tolist() == expected["timesteps"].tolist()
    sample = dpm_solver_pp(
        # v depends on x alone here
        lambda x, t: schedule.x0_from_v(x, network(x, t, x), t),
        numbers["x_init"],
        timesteps,
        schedule,
    )
    assert relative_error(sample, expected["output"]) < 1e-4


def test_noised_sample_is_the_published_one(numbers):
    x0 = numbers["x_init"]
    noised = NoiseSchedule().add_noise(
        x0, torch.ones_like(x0), torch.tensor([500])
    )
    assert relative_error(noised, numbers["add_noise_t500_ones"]) < 1e-4


def test_sampler_refuses_impossible_numbers_of_steps():
    for num_steps in (0, 1001):
        with pytest.raises(ValueError, match=f"steps is {num_steps}"):
            trailing_timesteps(num_steps)
    with pytest.raises(ValueError, match="at least one"):
        dpm_solver_pp(None, None, torch.tensor([]).long(), NoiseSchedule())


def test_conversions_undo_each_other():
    schedule = NoiseSchedule()
    x0, noise = torch.randn(2, 3, 4, 4, 4).double()
    t = torch.tensor([0, 400, 999])
    x = schedule.add_noise(x0, noise, t)
    v = schedule.v_target(x0, noise, t)
    torch.testing.assert_close(schedule.x0_from_v(x, v, t), x0)
    torch.testing.assert_close(schedule.noise_from_v(x, v, t), noise)


def test_schedule_stays_in_double_precision():
    schedule = NoiseSchedule().half()
    assert schedule.alphas.dtype == torch.float64
    assert torch.equal(schedule.alphas, NoiseSchedule().alphas)


def test_guidance_leads_away_from_no_condition(numbers):
    denoiser = VDenoiser(ToyNetwork(numbers["toy_matrix"]), unconditional=-2.0)
    x, condition = torch.randn(2, 3, 16, 2, 2)
    t = torch.tensor([1, 500, 999])
    plain = denoiser.predict_v(x, t, condition)
    guided = denoiser.predict_v(x, t, condition, guidance_scale=3.5)
    # The toy network is linear in its condition.
    expected = plain - 0.3 * 2.5 * (condition + 2.0)
    torch.testing.assert_close(guided, expected)


def test_loss_is_that_of_v_and_drops_conditions(numbers):
    denoiser = VDenoiser(ToyNetwork(numbers["toy_matrix"]), unconditional=-2.0)
    x0, condition, noise = torch.randn(3, 2, 16, 2, 2)
    t = torch.tensor([100, 700])
    loss = denoiser.loss(
        x0, condition, noise, t, drop_condition=torch.tensor([True, False])
    )
    condition[0] = -2.0
    x = denoiser.schedule.add_noise(x0, noise, t)
    error = denoiser.predict_v(x, t, condition) - denoiser.schedule.v_target(
        x0, noise, t
    )
    torch.testing.assert_close(loss, (error**2).mean((1, 2, 3)))


def test_sample_of_several_steps_differs_from_one_step(numbers):
    denoiser = VDenoiser(ToyNetwork(numbers["toy_matrix"]))
    noise, condition = torch.randn(2, 1, 16, 2, 2)
    one = denoiser.sample(noise, condition)
    t = torch.tensor([999])
    torch.testing.assert_close(one, denoiser.predict_x0(noise, t, condition))
    four = denoiser.sample(noise, condition, num_steps=4, guidance_scale=2.0)
    assert relative_error(four, one) > 0.01
