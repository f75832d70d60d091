"""The three losses against published numbers, and the schedule of phases."""

import pytest
import torch
from torch import nn

from speechbrain_flashsr.brains import distillation
from speechbrain_flashsr.brains.phases import Phase, phase_at
from speechbrain_flashsr.diffusion import VDenoiser

PHASES = [
    Phase(10, 8, mixture, 1.0, adversarial, dmd)
    for mixture, adversarial, dmd in (
        ((0.0, 0.0, 0.5, 0.5), 0.0, 0.0),
        ((0.1, 0.3, 0.3, 0.3), 0.1, 0.3),
        ((0.25, 0.25, 0.25, 0.25), 0.2, 0.5),
        ((0.4, 0.2, 0.2, 0.2), 0.3, 0.7),
    )
]


class ToyNetwork(nn.Module):
    """v = (A x) cos(t / 300) + B condition, on channels."""

    def __init__(self, weights):
        super().__init__()
        self.a = nn.Parameter(weights["A"].clone())
        self.b = nn.Parameter(weights["B"].clone())

    def forward(self, x, t, condition):
        scale = torch.cos(t.float() / 300)[:, None, None, None]
        v = torch.einsum("ij,bjhw->bihw", self.a, x) * scale
        return v + torch.einsum("ij,bjhw->bihw", self.b, condition)


@pytest.fixture(name="numbers")
def numbers_fixture(reference):
    return reference("distillation")


@pytest.fixture
def toys(numbers):
    teacher = VDenoiser(ToyNetwork(numbers["teacher"]), unconditional=-1.0)
    teacher.requires_grad_(False)
    student = VDenoiser(ToyNetwork(numbers["student"]), unconditional=-1.0)
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(128, 1))
    discriminator[1].load_state_dict(numbers["disc"])
    return teacher, student, discriminator


def run(numbers, toys, name):
    """One iteration with the draws of the reference, in their order."""
    teacher, student, discriminator = toys
    expected = numbers["runs"][name]
    draws = [value for _, value in expected["draws_in_order"]]
    z, condition = numbers["z"], numbers["cond"]
    phase = phase_at(PHASES, expected["iteration"])
    timesteps = phase.timesteps(1000)

    noise, start, u = draws[0], int(draws[1]), float(draws[2])
    x = distillation.start_state(teacher.schedule, z, noise, timesteps, start)
    t = timesteps[start].expand(len(z))
    student_x0 = distillation.student_output(student, x, t, condition)
    teacher_x0 = distillation.teacher_rollout(
        teacher, x, condition, timesteps[start:], phase.guidance_scale(u)
    )
    losses = {
        "distill": phase.distillation_weight
        * distillation.distillation_loss(student_x0, teacher_x0)
    }
    if phase.dmd_weight:
        losses["dmd"] = (
            phase.dmd_weight
            * distillation.distribution_matching_loss(
                student_x0,
                condition,
                teacher,
                student,
                noise=draws[3],
                t=draws[4],
                guidance_scale=phase.guidance_scale(float(draws[5])),
            )
        )
    if phase.adversarial_weight:
        choices = torch.tensor([10, 250, 500, 750])

        def logits(latent):
            return discriminator(
                distillation.adversarial_features(
                    teacher, latent, condition, draws[6], choices[draws[7]]
                )
            )

        losses["adv"] = phase.adversarial_weight * (
            distillation.generator_adversarial_loss(logits(student_x0))
        )
        losses["disc"] = distillation.discriminator_loss(
            logits(z), logits(student_x0.detach())
        )
    return expected, phase, x, t, student_x0, teacher_x0, losses


@pytest.mark.parametrize(
    "name", ["iter5-generator", "iter25-generator", "iter35-discriminator"]
)
def test_states_and_probabilities_match_reference(numbers, toys, name):
    expected, phase, x, t, student_x0, teacher_x0, _ = run(numbers, toys, name)
    torch.testing.assert_close(
        phase.start_probabilities(), expected["start_index_probabilities"]
    )
    assert t[0] == expected["start_timestep"]
    torch.testing.assert_close(x, expected["noisy_sample"])
    torch.testing.assert_close(
        student_x0, expected["student_output"], rtol=1e-5, atol=1e-5
    )
    torch.testing.assert_close(
        teacher_x0, expected["teacher_output"], rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("name", ["iter5-generator", "iter25-generator"])
def test_generator_losses_and_gradients_match_reference(numbers, toys, name):
    expected, *_, losses = run(numbers, toys, name)
    generator = {k: v for k, v in losses.items() if k != "disc"}
    for loss, value in generator.items():
        assert value.item() == pytest.approx(
            expected["losses"][f"gen_{loss}"].item(), rel=1e-5
        )
    total = sum(generator.values())
    assert total.item() == pytest.approx(
        expected["losses"]["gen_total"].item(), rel=1e-5
    )
    total.backward()
    network = toys[1].unet
    for gradient, key in ((network.a.grad, "a"), (network.b.grad, "b")):
        reference_gradient = expected[f"grad_student_{key}"]
        error = (gradient - reference_gradient).norm()
        assert error <= 1e-4 * reference_gradient.norm()


def test_discriminator_loss_and_gradients_match_reference(numbers, toys):
    expected, *_, losses = run(numbers, toys, "iter35-discriminator")
    assert losses["disc"].item() == pytest.approx(
        expected["losses"]["disc_total"].item(), rel=1e-5
    )
    assert (losses["distill"] + losses["dmd"]).item() == pytest.approx(
        expected["losses"]["gen_total"].item(), rel=1e-5
    )
    losses["disc"].backward()
    linear = toys[2][1]
    for gradient, reference_gradient in zip(
        (linear.weight.grad, linear.bias.grad), expected["grad_disc"]
    ):
        error = (gradient - reference_gradient).norm()
        assert error <= 1e-4 * reference_gradient.norm()


def test_stage_end_belongs_to_the_next_stage():
    assert [
        PHASES.index(phase_at(PHASES, i))
        for i in (1, 9, 10, 19, 20, 39, 40, 1000)
    ] == [0, 0, 1, 1, 2, 3, 3, 3]


def test_boundary_scaling_is_the_identity_at_zero():
    c_skip, c_out = distillation.boundary_scaling(torch.tensor([0, 999]))
    torch.testing.assert_close(c_skip[0], torch.tensor(1.0))
    torch.testing.assert_close(c_out[0], torch.tensor(0.0))
    assert c_skip[1] < 1e-8 and abs(c_out[1] - 1) < 1e-6


def test_unscaled_student_output_is_the_predicted_x0(numbers, toys):
    student = toys[1]
    z = numbers["z"]
    t = torch.tensor([0, 5, 999])
    raw = distillation.student_output(
        student, z, t, numbers["cond"], scale_boundary=False
    )
    torch.testing.assert_close(raw, student.predict_x0(z, t, numbers["cond"]))
    scaled = distillation.student_output(student, z, t, numbers["cond"])
    torch.testing.assert_close(scaled[0], z[0])


def test_regression_weighs_what_areas_have_in_common():
    x0 = torch.zeros(1, 2, 4, 4)
    alternating = torch.ones(4, 4)
    alternating[::2] = -1
    scales = [(1.0, (1, 1)), (3.0, (2, 2))]
    common = distillation.regression_loss(x0 + 1, x0, scales)
    opposed = distillation.regression_loss(x0 + alternating, x0, scales)
    assert (common.item(), opposed.item()) == (4.0, 1.0)
