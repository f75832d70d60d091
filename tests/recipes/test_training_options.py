"""Options of the training that change its speed or memory, not its weights.

Authors
 * The speechbrain_flashsr developers 2026
"""

import functools

import torch

from speechbrain_flashsr.lobes import convolutions
from tests.recipes import training
from tests.recipes.training import NEEDED, exported_state, train


def test_compiled_training_does_the_same(
    project, workshop, trained, tmp_path, monkeypatch
):
    """With the compiler's front end alone, which needs no C++ compiler."""
    calls = []

    def backend(graph, inputs):
        calls.append(graph)
        return graph.forward

    monkeypatch.setattr(
        torch, "compile", functools.partial(torch.compile, backend=backend)
    )
    outputs, files = trained
    data, hparams = workshop
    arguments = training.stage_arguments(
        "teacher",
        hparams,
        data,
        tmp_path,
        {"autoencoder_file": files["autoencoder_file"]},
    )
    training.run_stage(
        project, "teacher", [*arguments, "--compile"], monkeypatch
    )
    assert calls
    expected = exported_state("teacher", outputs["teacher"])
    state = exported_state("teacher", tmp_path)
    assert state.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(state[name], value)


def test_accumulated_and_checkpointed_batches_are_one_large_batch(
    project, workshop, trained, tmp_path, monkeypatch, float64
):
    """In each phase of the distillation, one step long."""
    _, files = trained
    calls = []

    def checkpoint(*arguments, **options):
        calls.append(1)
        return torch.utils.checkpoint.checkpoint(*arguments, **options)

    monkeypatch.setattr(convolutions, "checkpoint", checkpoint)
    states = [
        train(
            project,
            "student",
            workshop,
            tmp_path / str(accumulation),
            monkeypatch,
            {name: files[name] for name in NEEDED["student"]},
            batch_size=6 // accumulation,
            grad_accumulation_factor=accumulation,
            gradient_checkpointing=accumulation > 1,
            draws_per_epoch=18,
            number_of_epochs=1,
            phase_iterations=1,
        )[0]
        for accumulation in (1, 3)
    ]
    assert calls
    for name, value in states[0].items():
        assert (value - states[1][name]).abs().max() <= 1e-8, name


def test_worker_processes_make_the_same_draws(
    project, workshop, trained, tmp_path, monkeypatch
):
    outputs, _ = trained
    state, _ = train(
        project, "sr_vocoder", workshop, tmp_path, monkeypatch, num_workers=2
    )
    expected = exported_state("sr_vocoder", outputs["sr_vocoder"])
    assert all(torch.equal(state[k], v) for k, v in expected.items())
