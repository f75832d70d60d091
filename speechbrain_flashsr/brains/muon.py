"""The optimiser of networks that consist of matrices.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
"""Of the polynomial that brings singular values near one, from Jordan et al.
2024 (https://kellerjordan.github.io/posts/muon)."""


class Muon(torch.optim.Optimizer):
    """Muon for matrices, AdamW for all else.

    Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) takes
    steps whose singular values are all about one, so that rare directions learn
    as fast as frequent ones. Steps have the size of AdamW's (Liu et al. 2025,
    https://arxiv.org/abs/2502.16982), so both share `lr` and `weight_decay`.
    :class:`torch.optim.Muon` takes matrices alone; here, kernels
    [out, in, *size] are matrices [out, in * product of size], and vectors take
    the steps of :class:`torch.optim.AdamW`.

    Arguments
    ---------
    params : iterable
        Parameters or their groups.
    lr : float
        Learning rate.
    momentum : float
        Of the matrices, in Nesterov's form.
    betas : tuple of float
        Decays of AdamW's two averages.
    eps : float
        Keeps divisors from zero.
    weight_decay : float
        Decoupled; shrinks by `lr * weight_decay` a step.

    Example
    -------
    >>> network = torch.nn.Conv1d(8, 8, 3)
    >>> optimizer = Muon(network.parameters(), lr=0.01)
    >>> network(torch.randn(9, 8, 5)).square().mean().backward()
    >>> before = network.weight.detach().clone()
    >>> optimizer.step()
    >>> change = (network.weight - before).abs().mean() / 0.01
    >>> bool(0.05 < change < 0.5)  # as AdamW's, with 0.2 in the mean
    True
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        momentum=0.95,
        betas=(0.9, 0.99),
        eps=1e-8,
        weight_decay=0.0,
    ):
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure=None):
        """Takes a step; returns the loss of `closure`, if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is None:
                    continue
                param.mul_(1 - group["lr"] * group["weight_decay"])
                direction = (
                    self._direction_of_matrix
                    if param.ndim > 1
                    else self._direction_of_vector
                )
                param.sub_(group["lr"] * direction(param, group))
        return loss

    def _direction_of_matrix(self, param, group):
        state = self.state[param]
        if not state:
            state["momentum"] = torch.zeros_like(param)
        state["momentum"].lerp_(param.grad, 1 - group["momentum"])
        update = param.grad.lerp(state["momentum"], group["momentum"])
        matrix = update.flatten(1)
        size = 0.2 * max(matrix.shape) ** 0.5
        return size * orthogonal(matrix, group["eps"]).view_as(param)

    def _direction_of_vector(self, param, group):
        state = self.state[param]
        if not state:
            state["step"] = 0
            state["mean"] = torch.zeros_like(param)
            state["square"] = torch.zeros_like(param)
        state["step"] += 1
        slow, slower = group["betas"]
        state["mean"].lerp_(param.grad, 1 - slow)
        state["square"].lerp_(param.grad.square(), 1 - slower)
        mean = state["mean"] / (1 - slow ** state["step"])
        square = state["square"] / (1 - slower ** state["step"])
        return mean / (square.sqrt() + group["eps"])


def orthogonal(matrix, eps=1e-8):
    """The matrix with singular values of about one, by
    Newton-Schulz iterations in bfloat16 (Jordan et al. 2024).

    Example
    -------
    >>> values = torch.linalg.svdvals(orthogonal(torch.randn(4, 9)))
    >>> bool(values.min() > 0.3), bool(values.max() < 1.4)
    (True, True)
    """
    a, b, c = COEFFICIENTS
    x = matrix.bfloat16()
    tall = len(x) > x.shape[1]
    x = x.T if tall else x
    x = x / x.norm().clamp_min(eps)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, b * gram + c * gram @ gram, x, beta=a)
    return (x.T if tall else x).to(matrix.dtype)
