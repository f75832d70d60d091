import contextlib
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from speechbrain import Stage
from speechbrain.utils.epoch_loop import EpochCounter

from speechbrain_flashsr.brains import totals
from speechbrain_flashsr.brains.base import FlashSRBrain
from speechbrain_flashsr.brains.budget import TRAINING_SHARE, Budget
from speechbrain_flashsr.brains.checkpointing import AtomicCheckpointer


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

    def __init__(self, num_draws=8):
        self.num_draws = num_draws

    def __len__(self):
        return self.num_draws

    def __getitem__(self, draw):
        return {"id": str(draw), "x": torch.ones(1), "domain": "speech"}


def fitted(num_draws=8, **hparams):
    """A brain after two epochs, of four steps by default."""
    brain = LineBrain(**hparams)
    brain.fit_draws(Draws(num_draws), Draws())
    return brain


def test_the_learning_rate_falls_to_zero_over_the_last_steps():
    rates = [0.1] * 5 + [0.075, 0.05, 0.025]
    assert fitted().rates == pytest.approx(rates)


@pytest.mark.parametrize(
    "num_draws, options",
    [(9, {}), (20, {"grad_accumulation_factor": 2, "optimizer_step_limit": 8})],
)
def test_the_last_steps_are_those_that_are_taken(num_draws, options):
    """Draws that fill no step do not count, nor do steps beyond a limit."""
    rates = fitted(num_draws, **options).rates
    factor = options.get("grad_accumulation_factor", 1)
    expected = [0.1] * 5 + [0.075, 0.05, 0.025]
    assert rates == pytest.approx(np.repeat(expected, factor))


def test_the_learning_rate_goes_on_falling_after_a_resume(tmp_path):
    class Interrupted(Exception):
        pass

    rates = []
    for last_step in (6, 8):
        brain = LineBrain()
        brain.checkpointer = AtomicCheckpointer(
            tmp_path,
            {
                "brain": brain,
                "line": brain.modules["line"],
                "epoch_counter": brain.hparams.epoch_counter,
            },
        )
        brain.ckpt_interval_minutes, brain.ckpt_interval_steps = 0, 1

        def stop(batch, should_step, brain=brain, last_step=last_step):
            if brain.optimizer_step == last_step:
                raise Interrupted

        brain.on_fit_batch_start = stop
        with contextlib.suppress(Interrupted):
            brain.fit_draws(Draws(), Draws())
        rates += brain.rates
    expected = [0.1] * 5 + [0.075, 0.05, 0.025]
    assert rates == pytest.approx(expected)


def test_the_learning_rate_stays_without_a_cooldown():
    assert fitted(cooldown=0.0).rates == [0.1] * 8


def test_minutes_end_without_a_cooldown():
    assert fitted(cooldown=0.0, budget=Budget(0)).rates == [0.1]


def test_an_epoch_without_a_step_is_refused():
    with pytest.raises(
        ValueError, match="has 7 draws, but .* needs 8: `batch_size` .2. times"
    ):
        fitted(7, grad_accumulation_factor=4)


def test_the_learning_rate_falls_over_the_last_minutes():
    minutes = 1e3
    start = time.monotonic() - 0.75 * TRAINING_SHARE * minutes * 60
    rates = fitted(budget=Budget(minutes, start)).rates
    assert rates[1:7] == pytest.approx([0.05] * 6, rel=1e-3)


def test_a_step_without_a_loss_is_refused():
    with pytest.raises(ValueError, match=r"Step 1 has no loss.*\['square'\]"):
        fitted(loss_weights={"cube": 1.0})


def test_the_log_holds_the_means_over_all_processes(monkeypatch):
    here = {"both": (3.0, 1), "here": (2.0, 2)}

    def gather(parts, own):
        parts[:] = [own, {"both": (9.0, 3), "there": (8.0, 2)}]

    monkeypatch.setattr(totals, "is_distributed_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "all_gather_object", gather)
    means = totals.means_over_processes(here)
    assert means == {"both": 3.0, "here": 1.0, "there": 4.0}
