import pytest
import torch

from speechbrain_flashsr.brains.muon import Muon


def trained(parameter, optimizer, steps=3):
    """The parameter after steps on fixed random gradients."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()
    return parameter.detach()


@pytest.mark.parametrize("shape", [(6, 9), (9, 6)])
def test_matrices_take_the_steps_of_torchs_muon(shape):
    start = torch.randn(shape)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    reference = torch.optim.Muon(
        [theirs], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    torch.testing.assert_close(
        trained(ours, Muon([ours], lr=0.01, weight_decay=0.1)),
        trained(theirs, reference),
        rtol=0,
        atol=1e-3,
    )


def test_vectors_take_the_steps_of_adamw():
    start = torch.randn(7)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    options = {"lr": 0.01, "betas": (0.8, 0.99), "weight_decay": 0.1}
    torch.testing.assert_close(
        trained(ours, Muon([ours], **options)),
        trained(theirs, torch.optim.AdamW([theirs], **options)),
    )


def test_kernels_are_matrices_of_their_outputs():
    start = torch.randn(4, 3, 2, 2)
    kernel = torch.nn.Parameter(
        start.contiguous(memory_format=torch.channels_last)
    )
    matrix = torch.nn.Parameter(start.flatten(1))
    generator = torch.Generator().manual_seed(0)
    gradient = torch.randn(start.shape, generator=generator)
    kernel.grad, matrix.grad = gradient, gradient.flatten(1)
    for parameter in (kernel, matrix):
        Muon([parameter], lr=0.1).step()
    torch.testing.assert_close(kernel.flatten(1), matrix)


def test_a_training_goes_on_from_the_optimisers_state():
    start = torch.randn(5, 5)
    whole = torch.nn.Parameter(start.clone())
    expected = trained(whole, Muon([whole]), steps=4)

    part = torch.nn.Parameter(start.clone())
    first = Muon([part])
    generator = torch.Generator().manual_seed(0)
    for step in range(4):
        part.grad = torch.randn(part.shape, generator=generator)
        if step == 2:
            second = Muon([part])
            second.load_state_dict(first.state_dict())
            first = second
        first.step()
    torch.testing.assert_close(part.detach(), expected)
