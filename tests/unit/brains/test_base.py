import time
from types import SimpleNamespace

import pytest
import torch
from speechbrain import Stage
from speechbrain.utils.epoch_loop import EpochCounter

from speechbrain_flashsr.brains.base import FlashSRBrain
from speechbrain_flashsr.brains.budget import TRAINING_SHARE, Budget


class LineBrain(FlashSRBrain):
    """Fits a line and notes the learning rate of every step."""

    trained = ("line",)
    optimized = {"line": ("line",)}

    def __init__(self, **hparams):
        self.rates = []
        modules = {"line": torch.nn.Linear(1, 1)}
        super().__init__(
            modules,
            lambda parameters: torch.optim.SGD(parameters, lr=1.0),
            {
                "modules": modules,
                "loss_weights": {"square": 1.0},
                "lr": 0.1,
                "cooldown": 0.5,
                "ema_decay": 0.9,
                "budget": Budget(),
                "gradient_checkpointing": False,
                "use_tensorboard": False,
                "epoch_counter": EpochCounter(2),
                "train_logger": SimpleNamespace(log_stats=lambda *a, **k: 0),
                "dataloader_opts": {"batch_size": 2},
                **hparams,
            },
            run_opts={"noprogressbar": True},
        )

    def compute_losses(self, batch, stage):
        if stage == Stage.TRAIN:
            rate = self.optimizers_dict["line"].param_groups[0]["lr"]
            self.rates.append(round(rate, 6))
        x = batch.x.data[:, None]
        return {"square": self.modules["line"](x).square().mean()}


class Draws:
    """The same draw again and again."""

    def __len__(self):
        return 8

    def __getitem__(self, draw):
        return {"id": str(draw), "x": torch.ones(1), "domain": "speech"}


def fitted(**hparams):
    """A brain after two epochs of four steps."""
    brain = LineBrain(**hparams)
    brain.fit_draws(Draws(), Draws())
    return brain


def test_the_learning_rate_falls_to_zero_over_the_last_steps():
    rates = [0.1] * 5 + [0.075, 0.05, 0.025]
    assert fitted().rates == pytest.approx(rates)


def test_the_learning_rate_stays_without_a_cooldown():
    assert fitted(cooldown=0.0).rates == [0.1] * 8


def test_the_learning_rate_falls_over_the_last_minutes():
    minutes = 1e3
    start = time.monotonic() - 0.75 * TRAINING_SHARE * minutes * 60
    rates = fitted(budget=Budget(minutes, start)).rates
    assert rates[1:7] == pytest.approx([0.05] * 6, rel=1e-3)
