"""What the joint stage can be told beyond the others.

Authors
 * The speechbrain_flashsr developers 2026
"""

import re

import pytest
import torch

from speechbrain_flashsr.checkpoints.export import (
    export_pretrained,
    model_of_recipe,
)
from tests.recipes.training import EXPORTED, NEEDED, exported_state, train


@pytest.fixture
def train_joint(project, workshop, trained, tmp_path, monkeypatch):
    """Runs the joint stage with flags; returns its output folder and its log."""
    _, files = trained
    needed = {name: files[name] for name in NEEDED["joint"]}

    def run(name, **flags):
        output = tmp_path / name
        _, log = train(
            project, "joint", workshop, output, monkeypatch, needed, **flags
        )
        return output, log

    return run


def same_weights(left, right):
    left, right = (torch.load(p, weights_only=True) for p in (left, right))
    assert left.keys() == right.keys()
    return all(torch.equal(left[name], right[name]) for name in left)


def test_excess_weights_are_those_of_the_domains(train_joint, trained):
    """Weights of a domain that the data lack change nothing."""
    plain = trained[0]["joint"] / "unet.ckpt"
    same = {}
    for domain in ("birds", "speech"):
        output, _ = train_joint(domain, excess_weights=f"{{{domain}: 50.0}}")
        same[domain] = same_weights(output / "unet.ckpt", plain)
    assert same == {"birds": True, "speech": False}


def test_joint_stage_can_leave_the_autoencoder(train_joint, trained):
    output, _ = train_joint("unet", train_autoencoder=False)
    _, files = trained
    same = {
        name: same_weights(output / f"{name}.ckpt", files[f"{stage}_file"])
        for name, stage in (("autoencoder", "autoencoder"), ("unet", "student"))
    }
    assert same == {"autoencoder": True, "unet": False}


@pytest.fixture(scope="module")
def reference_folder(trained, tmp_path_factory):
    """A pretrained folder with the weights that the joint stage starts from."""
    stages = ("autoencoder", "student", "sr_vocoder")
    outputs, _ = trained
    return export_pretrained(
        tmp_path_factory.mktemp("reference") / "pretrained",
        model_of_recipe(outputs["student"] / "hyperparams.yaml"),
        {EXPORTED[s]: exported_state(s, outputs[s]) for s in stages},
    )


def held_losses(log):
    """Of the training log: the distances to the reference, epoch by epoch."""
    return [float(x) for x in re.findall("train held: ([^ ,]+)", log)]


def test_predictions_are_held_to_those_of_a_reference(
    train_joint, reference_folder
):
    """The more it counts, the nearer they stay."""
    distances = {}
    for weight in (0.0, 50.0):
        _, log = train_joint(
            str(weight),
            lr=1e-3,
            reference_folder=reference_folder,
            loss_weights=f"{{restored: 1.0, held: {weight}}}",
        )
        distances[weight] = held_losses(log)[-1]
    assert 0 < distances[50.0] < 0.5 * distances[0.0]


@pytest.mark.parametrize(
    ("domains", "cutoffs", "held"),
    [
        (("speech", "music", "effects"), (2000, 4500), False),
        (("speech", "music", "effects"), (8000, 16000), True),
        (("birds",), (2000, 4500), True),
    ],
)
def test_what_excess_weights_change_is_not_held(
    domains, cutoffs, held, train_joint, reference_folder
):
    weights = ", ".join(f"{domain}: 9.0" for domain in domains)
    low, high = cutoffs
    _, log = train_joint(
        "joint",
        reference_folder=reference_folder,
        excess_weights=f"{{{weights}}}",
        low_pass=f"{{min_hz: {low}, max_hz: {high}, log_uniform: True}}",
    )
    assert [distance > 0 for distance in held_losses(log)] == [held, held]
