"""Diffusion of latents: noise schedule, v-prediction denoiser, sampler.

The variance-preserving process x_t = alpha_t x0 + sigma_t noise with a cosine
schedule (https://arxiv.org/abs/2102.09672), a network that predicts
v = alpha noise - sigma x0 (https://arxiv.org/abs/2202.00512), classifier-free
guidance (https://arxiv.org/abs/2207.12598) and the DPM-Solver++ (2M) sampler
(https://arxiv.org/abs/2211.01095), as in FlashSR
(https://arxiv.org/abs/2501.10807).

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import torch
from torch import nn

NUM_TIMESTEPS = 1000

OFFSET, MAX_BETA = 0.008, 0.999
"""Of the cosine schedule: the one keeps the first variances from vanishing, the
other bounds them."""


def cosine_betas():
    """Variances of the forward process's steps under the cosine schedule,
    [NUM_TIMESTEPS], float64.

    Example
    -------
    >>> cosine_betas()[-1].item()
    0.999
    """
    points = NUM_TIMESTEPS + 1
    x = torch.linspace(0, points, points, dtype=torch.float64) / points
    angle = (x + OFFSET) / (1 + OFFSET) * math.pi / 2
    alphas_cumprod = angle.cos() ** 2
    betas = 1 - alphas_cumprod[1:] / alphas_cumprod[:-1]
    return betas.clamp(max=MAX_BETA)


class NoiseSchedule(nn.Module):
    """alpha and sigma of each time step of the cosine schedule, and what
    follows from them alone.

    Example
    -------
    >>> schedule = NoiseSchedule()
    >>> x0 = torch.ones(1, 2)
    >>> noise = torch.zeros(1, 2)
    >>> schedule.add_noise(x0, noise, torch.tensor([0]))
    tensor([[1.0000, 1.0000]])
    """

    num_timesteps = NUM_TIMESTEPS

    def __init__(self):
        super().__init__()
        alphas_cumprod = torch.cumprod(1 - cosine_betas(), dim=0)
        for name, values in {
            "alphas": alphas_cumprod.sqrt(),
            "sigmas": (1 - alphas_cumprod).sqrt(),
        }.items():
            self.register_buffer(name, values, persistent=False)

    def _apply(self, fn, recurse=True):
        """Follows the module to a device, but stays in float64."""
        alphas, sigmas = self.alphas, self.sigmas
        super()._apply(fn, recurse)
        self.alphas = alphas.to(self.alphas.device)
        self.sigmas = sigmas.to(self.sigmas.device)
        return self

    def at(self, t, like):
        """alpha and sigma of integer time steps, [batch] or a scalar, shaped
        for a product with a tensor [batch, ...] and of its type."""
        shape = (-1,) + (1,) * (like.dim() - 1)
        return (
            self.alphas[t].to(like.dtype).reshape(shape),
            self.sigmas[t].to(like.dtype).reshape(shape),
        )

    def add_noise(self, x0, noise, t):
        """x_t = alpha x0 + sigma noise, all [batch, ...], t [batch]."""
        alpha, sigma = self.at(t, x0)
        return alpha * x0 + sigma * noise

    def v_target(self, x0, noise, t):
        """v = alpha noise - sigma x0, all [batch, ...], t [batch]."""
        alpha, sigma = self.at(t, x0)
        return alpha * noise - sigma * x0

    def x0_from_v(self, x, v, t):
        """x0 = alpha x - sigma v, all [batch, ...], t [batch]."""
        alpha, sigma = self.at(t, x)
        return alpha * x - sigma * v

    def noise_from_v(self, x, v, t):
        """noise = sigma x + alpha v, all [batch, ...], t [batch]."""
        alpha, sigma = self.at(t, x)
        return sigma * x + alpha * v


def trailing_timesteps(num_steps, num_timesteps=NUM_TIMESTEPS):
    """Time steps of a sampler that starts at the last one ("trailing"),
    decreasing, [num_steps]. Raises a ValueError if there are fewer than one
    step or more than time steps.

    Example
    -------
    >>> trailing_timesteps(4)
    tensor([999, 749, 499, 249])
    """
    if not 1 <= num_steps <= num_timesteps:
        raise ValueError(
            f"The number of diffusion steps is {num_steps}; it must be "
            f"between 1 and {num_timesteps}."
        )
    steps = torch.arange(num_steps, dtype=torch.float64)
    # torch.round rounds halves to even.
    t = num_timesteps - steps * num_timesteps / num_steps
    return t.round().long() - 1


def dpm_solver_pp(predict_x0, x, timesteps, schedule):
    """DPM-Solver++ (2M, midpoint) from the first time step given to zero noise.

    The first and the last step are of first order, the others of second
    (https://arxiv.org/abs/2211.01095, algorithm 2).

    Arguments
    ---------
    predict_x0 : callable
        Maps (x [batch, ...], t [batch]) to the predicted x0.
    x : torch.Tensor
        State at the first time step, [batch, ...], the shape of the sample.
    timesteps : torch.Tensor
        Decreasing integer time steps, [num_steps].
    schedule : NoiseSchedule
        alpha and sigma of the time steps.

    Example
    -------
    >>> x = torch.randn(1, 2)
    >>> t = trailing_timesteps(4)
    >>> dpm_solver_pp(lambda x, t: torch.ones(1, 2), x, t, NoiseSchedule())
    tensor([[1., 1.]])
    """
    alphas = schedule.alphas[timesteps]
    sigmas = schedule.sigmas[timesteps]
    log_snr = alphas.log() - sigmas.log()
    previous = None
    for i, t in enumerate(timesteps):
        x0 = predict_x0(x, t.expand(x.shape[0]).to(x.device))
        if i == len(timesteps) - 1:
            return x0
        h = log_snr[i + 1] - log_snr[i]
        direction = x0
        if previous is not None:
            ratio = (log_snr[i] - log_snr[i - 1]) / h
            direction = x0 + (x0 - previous) / (2 * ratio.to(x.dtype))
        decay = (sigmas[i + 1] / sigmas[i]).to(x.dtype)
        gain = (-alphas[i + 1] * torch.expm1(-h)).to(x.dtype)
        x = decay * x + gain * direction
        previous = x0
    raise ValueError("A sampler needs at least one time step; got none.")


class VDenoiser(nn.Module):
    """A network that predicts v, with its schedule, loss and conversions.

    Arguments
    ---------
    unet : torch.nn.Module
        Maps (noisy latent [batch, channels, frames, bands], t [batch],
        condition latent) to v.
    schedule : NoiseSchedule
        The noise schedule; cosine by default.
    unconditional : float
        Value of every element of the latent that stands for "no condition" in
        classifier-free guidance; the default is log(1e-5), rounded as in the
        published package, times the autoencoder's scale.

    Example
    -------
    >>> from speechbrain_flashsr.lobes.unet import LatentUNet
    >>> denoiser = VDenoiser(LatentUNet(4, 8, (1,), 1, (), 0, groups=4))
    >>> latent = torch.randn(2, 4, 4, 4)
    >>> denoiser.sample(torch.randn(2, 4, 4, 4), latent).shape
    torch.Size([2, 4, 4, 4])
    >>> t = torch.tensor([10, 500])
    >>> denoiser.loss(latent, latent, torch.randn(2, 4, 4, 4), t).shape
    torch.Size([2])
    """

    def __init__(self, unet, schedule=None, unconditional=-11.4981 * 0.3342):
        super().__init__()
        self.unet = unet
        self.schedule = NoiseSchedule() if schedule is None else schedule
        self.unconditional = unconditional

    def predict_v(self, x, t, condition, guidance_scale=1.0):
        """Predicts v for noisy and condition latents [batch, channels, frames,
        bands] at time steps [batch]; where the scale s is not 1, unconditional
        + s (conditional - unconditional)."""
        if guidance_scale == 1.0:
            return self.unet(x, t, condition)
        nothing = torch.full_like(condition, self.unconditional)
        v = self.unet(
            torch.cat([x, x]),
            torch.cat([t, t]),
            torch.cat([condition, nothing]),
        )
        conditional, unconditional = v.chunk(2)
        return unconditional + guidance_scale * (conditional - unconditional)

    def predict_x0(self, x, t, condition, guidance_scale=1.0):
        """Predicts x0; arguments as for :meth:`predict_v`."""
        v = self.predict_v(x, t, condition, guidance_scale)
        return self.schedule.x0_from_v(x, v, t)

    def sample(self, noise, condition, num_steps=1, guidance_scale=1.0):
        """Draws a latent with DPM-Solver++ on trailing time steps, from
        standard normal noise and a condition latent [batch, channels, frames,
        bands]."""
        timesteps = trailing_timesteps(num_steps, self.schedule.num_timesteps)
        return dpm_solver_pp(
            lambda x, t: self.predict_x0(x, t, condition, guidance_scale),
            noise,
            timesteps.to(noise.device),
            self.schedule,
        )

    def loss(self, x0, condition, noise, t, drop_condition=None):
        """Mean squared error of v for each sample, [batch].

        Clean latent, condition latent and standard normal noise are [batch,
        channels, frames, bands], time steps [batch]. `drop_condition`, [batch],
        is True for samples whose condition is withheld."""
        if drop_condition is not None:
            drop = drop_condition[:, None, None, None]
            condition = condition.masked_fill(drop, self.unconditional)
        v = self.predict_v(self.schedule.add_noise(x0, noise, t), t, condition)
        error = (v - self.schedule.v_target(x0, noise, t)) ** 2
        return error.flatten(1).mean(dim=1)
