"""Options of the training that change its speed or memory, not its weights.

Authors
 * The speechbrain_flashsr developers 2026
"""

import functools

import torch

from speechbrain_flashsr.lobes import convolutions
from tests.recipes.training import assert_same, exported_state


def test_compiled_training_does_the_same(train, outputs, tmp_path, monkeypatch):
    """With the compiler's front end alone, which needs no C++ compiler."""
    calls = []

    def backend(graph, inputs):
        calls.append(graph)
        return graph.forward

    monkeypatch.setattr(
        torch, "compile", functools.partial(torch.compile, backend=backend)
    )
    state = train("teacher", tmp_path, "--compile")
    assert calls
    expected = exported_state("teacher", outputs["teacher"])
    torch.testing.assert_close(state, expected)


def test_accumulated_and_checkpointed_batches_are_one_large_batch(
    train, outputs, tmp_path, monkeypatch, float64
):
    """In each phase of the distillation, one step long."""
    calls = []

    def checkpoint(*arguments, **options):
        calls.append(1)
        return torch.utils.checkpoint.checkpoint(*arguments, **options)

    monkeypatch.setattr(convolutions, "checkpoint", checkpoint)
    states = [
        train(
            "student",
            tmp_path / str(accumulation),
            batch_size=6 // accumulation,
            grad_accumulation_factor=accumulation,
            gradient_checkpointing=accumulation > 1,
            draws_per_epoch=18,
            number_of_epochs=1,
            phase_iterations=1,
        )
        for accumulation in (1, 3)
    ]
    assert calls
    torch.testing.assert_close(*states, rtol=0, atol=1e-8)


def test_worker_processes_make_the_same_draws(train, outputs, tmp_path):
    state = train("sr_vocoder", tmp_path, num_workers=2)
    assert_same(state, exported_state("sr_vocoder", outputs["sr_vocoder"]))
