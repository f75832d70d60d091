"""Distillation of a many-step teacher into a one-step student.

The three losses of FlashSR (https://arxiv.org/abs/2501.10807, figure 1c),
which follow Flash Diffusion (https://arxiv.org/abs/2406.02347): distillation
of the teacher's rollout, distribution matching
(https://arxiv.org/abs/2311.18828) and an adversarial loss on the frozen
teacher's output. All are pure functions: noise, time steps and guidance scales
are arguments.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from torch.nn import functional as F

from speechbrain_flashsr.diffusion import dpm_solver_pp


def start_state(schedule, z_high, noise, timesteps, start_index):
    """The state x_t from which teacher and student start.

    Latents `z_high` and standard normal `noise`, [batch, channels, frames,
    bands], are mixed as at one of the teacher's time steps, [num_steps]; index
    0 starts from pure noise."""
    if start_index == 0:
        return noise
    t = timesteps[start_index].expand(z_high.shape[0])
    return schedule.add_noise(z_high, noise, t)


def boundary_scaling(t, sigma_data=0.5, timestep_scaling=10.0):
    """Scalings that make a consistency model the identity at t = 0.

    c_skip = sigma_data^2 / ((s t)^2 + sigma_data^2) and c_out = s t / sqrt((s
    t)^2 + sigma_data^2), with t integer time steps, s `timestep_scaling` and
    sigma_data the standard deviation of the data
    (https://arxiv.org/abs/2310.04378).

    Example
    -------
    >>> boundary_scaling(torch.tensor(0))
    (tensor(1.), tensor(0.))
    """
    scaled = (timestep_scaling * t).to(torch.get_default_dtype())
    variance = sigma_data**2
    c_skip = variance / (scaled**2 + variance)
    c_out = scaled / (scaled**2 + variance).sqrt()
    return c_skip, c_out


def student_output(student, x, t, condition, scale_boundary=True, **boundary):
    """Runs the student for one step: predicts the clean latent.

    Arguments
    ---------
    student : speechbrain_flashsr.diffusion.VDenoiser
        The student.
    x, condition : torch.Tensor
        Noisy and condition latent, [batch, channels, frames, bands].
    t : torch.Tensor
        Time steps, [batch].
    scale_boundary : bool
        Whether :func:`boundary_scaling` is applied.
    **boundary
        Its other arguments.
    """
    x0 = student.predict_x0(x, t, condition)
    if not scale_boundary:
        return x0
    shape = (-1,) + (1,) * (x.dim() - 1)
    c_skip, c_out = (
        c.reshape(shape).to(x.dtype) for c in boundary_scaling(t, **boundary)
    )
    return c_skip * x + c_out * x0


@torch.no_grad()
def teacher_rollout(teacher, x, condition, timesteps, guidance_scale):
    """Runs the frozen teacher (a
    :class:`~speechbrain_flashsr.diffusion.VDenoiser`) for its remaining time
    steps, [remaining steps] and decreasing, from the state at the first of
    them, given a condition latent, both [batch, channels, frames, bands];
    returns the clean latent."""
    return dpm_solver_pp(
        lambda x, t: teacher.predict_x0(x, t, condition, guidance_scale),
        x,
        timesteps,
        teacher.schedule,
    )


def distillation_loss(student_x0, teacher_x0):
    """Mean squared difference of the student's and the teacher's latent."""
    return F.mse_loss(student_x0, teacher_x0)


def regression_loss(student_x0, x0, scales=((1.0, (1, 1)),)):
    """Weighted mean squared differences of averages of the student's and the
    true latent, [batch, channels, frames, bands].

    `scales` holds weights and sizes (frames, bands) of the areas averaged over,
    or the latent's own size where that is smaller.
    Listeners notice wrong levels of broad bands first; in the difference of
    single values, what cannot be predicted outweighs them.

    Example
    -------
    >>> x0 = torch.randn(2, 4, 8, 6)
    >>> regression_loss(x0 + 1, x0, [(1.0, (1, 1)), (4.0, (8, 2))])
    tensor(5.)
    """
    difference = student_x0 - x0
    total = 0
    for weight, size in scales:
        area = [min(n, m) for n, m in zip(size, x0.shape[-2:])]
        total += weight * F.avg_pool2d(difference, area).square().mean()
    return total


def distribution_matching_loss(
    student_x0, condition, teacher, student, noise, t, guidance_scale
):
    """Moves the student's distribution towards the teacher's.

    The gradient is the difference of the two scores at a noised sample
    (https://arxiv.org/abs/2311.18828, equation 7); the student itself, through
    which no gradient flows here, stands in for the network that follows the
    student's distribution.

    The student's latent, the condition latent and standard normal noise are
    [batch, channels, frames, bands], time steps [batch], the teacher has a
    guidance scale, and the loss is a scalar."""
    schedule = teacher.schedule
    with torch.no_grad():
        x = schedule.add_noise(student_x0, noise, t)
        v_real = teacher.predict_v(x, t, condition, guidance_scale)
        v_fake = student.predict_v(x, t, condition)
        noise_real = schedule.noise_from_v(x, v_real, t)
        noise_fake = schedule.noise_from_v(x, v_fake, t)
        x0_real = schedule.x0_from_v(x, v_real, t)
        alpha, sigma = schedule.at(t, x)
        axes = tuple(range(1, x.dim()))
        distance = (student_x0 - x0_real).abs().mean(dim=axes, keepdim=True)
        gradient = (noise_real - noise_fake) * (sigma / alpha)
        gradient = gradient / (distance + 1e-5)
        target = student_x0 - gradient
    return F.mse_loss(student_x0, target)


def adversarial_features(teacher, x0, condition, noise, t):
    """Computes the features that the discriminator reads: the v of the frozen
    teacher for real or generated latents `x0`, with the same noise for both,
    all [batch, channels, frames, bands], at time steps [batch]."""
    return teacher.predict_v(
        teacher.schedule.add_noise(x0, noise, t), t, condition
    )


def generator_adversarial_loss(fake_logits):
    """Least squares on the sigmoid: mean((sigmoid D(fake) - 1)^2).

    Example
    -------
    >>> generator_adversarial_loss(torch.zeros(2, 1))
    tensor(0.2500)
    """
    return ((fake_logits.sigmoid() - 1) ** 2).mean()


def discriminator_loss(real_logits, fake_logits):
    """Least squares on the sigmoid, half for real and half for generated.

    Example
    -------
    >>> discriminator_loss(torch.zeros(2, 1), torch.zeros(2, 1))
    tensor(0.2500)
    """
    real = ((real_logits.sigmoid() - 1) ** 2).mean()
    fake = (fake_logits.sigmoid() ** 2).mean()
    return (real + fake) / 2
