"""Base of all training stages.

Averaged weights, a limit in minutes, the abort on a loss that is not finite,
logs, checkpoints, and the export of the trained modules.

Authors
 * The speechbrain_flashsr developers 2026
"""

import logging
import pathlib
import time

import numpy as np
import speechbrain as sb
import torch
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.utils.distributed import (
    is_distributed_initialized,
    run_on_main,
)
from torch.optim.swa_utils import AveragedModel

from speechbrain_flashsr.brains.validation import SampleLogger, batch_by_domain
from speechbrain_flashsr.brains.weights import (
    average_with_warm_up,
    save_completely,
)
from speechbrain_flashsr.data.segments import EpochDraws
from speechbrain_flashsr.lobes.fast.preparation import use_fast_forms
from speechbrain_flashsr.random_streams import TrainingStream, generator_of

ADVICE = (
    "The last checkpoint is good: lower `lr` or check the data, then start "
    "again to resume."
)
"""For a training that diverges."""

KEPT_CHECKPOINTS = 2
"""The last one, and one to fall back to if that gets damaged."""


class FlashSRBrain(sb.Brain):
    """Base of the stages: trains networks with named losses.

    A subclass names its optimisers and the modules that each trains
    (`optimized`), computes the losses of a turn (`compute_losses`), and names
    the modules that are averaged and exported (`trained`).

    Hyperparameters read: `loss_weights` {name: weight}, `lr`, `ema_decay`,
    `max_minutes` (null for no limit), `gradient_checkpointing`,
    `use_tensorboard` (logs in `output_folder`/tensorboard), `output_folder`,
    `train_logger`, `epoch_counter`, `seed`, `sample_rate`.
    """

    trained = ()
    """Names of the modules whose weights are averaged and exported."""

    optimized = {}
    """{name of an optimiser: names of the modules it trains}, in the order in
    which they take turns."""

    def init_optimizers(self):
        """Makes the optimisers and the averaged copies of the exported modules."""
        self.turn = None
        if self.device_type == "cpu":
            use_fast_forms(self.modules)
        self.optimizers_dict = {
            turn: self.opt_class(self.parameters_of(names))
            for turn, names in self.optimized.items()
        }
        self.averages = {
            name: AveragedModel(
                self.unwrapped(name),
                multi_avg_fn=average_with_warm_up(self.hparams.ema_decay),
            )
            .requires_grad_(False)
            .eval()
            for name in self.trained
        }
        if self.checkpointer is not None:
            for turn, optimizer in self.optimizers_dict.items():
                self.checkpointer.add_recoverable(
                    f"optimizer_{turn}", optimizer
                )
            for name, average in self.averages.items():
                self.checkpointer.add_recoverable(f"{name}_average", average)

    def freeze_optimizers(self, optimizers):
        """Returns the optimiser whose turn it is, or all between steps."""
        if self.turn is None:
            return optimizers
        return {self.turn: optimizers[self.turn]}

    def parameters_of(self, names):
        """The parameters of modules, as one list."""
        return [p for name in names for p in self.modules[name].parameters()]

    def unwrapped(self, name):
        """A module without the wrapper of distributed training."""
        module = self.modules[name]
        return getattr(module, "module", module)

    def evaluated(self, name, stage):
        """The module itself in training, its averaged copy otherwise."""
        if stage == sb.Stage.TRAIN:
            return self.modules[name]
        return self.averages[name].module

    def generator(self, step):
        """A random generator for a whole batch, the same in all processes. It
        depends only on the seed and the step."""
        generator = torch.Generator()
        return generator.manual_seed(self.hparams.seed * 1_000_003 + step)

    def draw_noise(self, batch, shape, stream=TrainingStream.NOISE):
        """Standard normal noise that depends only on the seed, the sample and
        the stream.

        Arguments
        ---------
        batch : speechbrain.dataio.batch.PaddedBatch
            Its `id` holds the numbers of the samples' draws.
        shape : sequence of int
            Shape of one sample's noise.
        stream : TrainingStream
            Use of the noise.

        Returns
        -------
        torch.Tensor
            [batch, *shape].
        """
        noise = [
            generator_of(self.hparams.seed, draw, stream).standard_normal(shape)
            for draw in batch.id
        ]
        dtype = torch.get_default_dtype()
        return torch.from_numpy(np.stack(noise)).to(self.device, dtype)

    def on_fit_start(self):
        """Recovers a checkpoint, sets the present learning rate, and starts the
        clock of `max_minutes`."""
        for module in self.modules.modules():
            if hasattr(module, "gradient_checkpointing"):
                module.gradient_checkpointing = (
                    self.hparams.gradient_checkpointing
                )
        super().on_fit_start()
        for optimizer in self.optimizers_dict.values():
            for group in optimizer.param_groups:
                # The checkpoint may hold another learning rate.
                group["lr"] = self.hparams.lr
        self.fit_start = time.monotonic()
        self.time_is_up = False
        self.loss_sums = {}
        self.tensorboard = None
        if self.hparams.use_tensorboard:
            folder = pathlib.Path(self.hparams.output_folder) / "tensorboard"
            self.tensorboard = SampleLogger(folder, self.hparams.sample_rate)

    @property
    def _optimizer_step_limit_exceeded(self):
        return self.time_is_up or super()._optimizer_step_limit_exceeded

    def check_time(self):
        """Ends the training after `max_minutes`, and saves the position in the
        epoch before the next batch is fetched."""
        max_minutes = getattr(self.hparams, "max_minutes", None)
        if max_minutes is None:
            return
        elapsed = (time.monotonic() - self.fit_start) / 60
        decision = [elapsed >= max_minutes]
        if is_distributed_initialized():
            torch.distributed.broadcast_object_list(decision, src=0)
        self.time_is_up = decision[0]
        if self.time_is_up and self.checkpointer is not None:
            self._save_intra_epoch_ckpt()

    def turns(self):
        """Names of the optimisers that take a step on a batch, in order."""
        return list(self.optimized)

    def compute_losses(self, batch, stage, turn):
        """Returns the unweighted losses of a batch for one optimiser's turn:
        {name: scalar}."""
        raise NotImplementedError

    def fit_batch(self, batch):
        """Gives every optimiser its turn on a batch; returns the first turn's
        loss."""
        should_step = self.step % self.grad_accumulation_factor == 0
        batch = batch.to(self.device)
        self.on_fit_batch_start(batch, should_step)
        totals = []
        for turn in self.turns():
            self.turn = turn
            with self.no_sync(not should_step):
                with self.training_ctx:
                    losses = self.compute_losses(batch, sb.Stage.TRAIN, turn)
                    total = self.weighted_sum(losses)
                self.check_loss_isfinite(total)
                scaled = self.scaler.scale(total)
                (scaled / self.grad_accumulation_factor).backward()
            if should_step:
                self.optimizers_step()
            self.add_to_log(losses)
            totals.append(total.detach().cpu())
        self.turn = None
        if should_step:
            self.optimizer_step += 1
        self.on_fit_batch_end(batch, losses, totals[0], should_step)
        return totals[0]

    def optimizers_step(self):
        """Takes a step without counting it: an iteration counts once, whatever
        the number of optimisers."""
        count = self.optimizer_step
        super().optimizers_step()
        self.optimizer_step = count

    def samples(self, batch):
        """Returns samples of a batch's first recording for TensorBoard:
        {name: spectrogram [frames, n_mels] or waveform [time]}."""
        raise NotImplementedError

    def evaluate_batch(self, batch, stage):
        """Computes the losses of the first turn, of all and of each domain, for
        the log; returns their weighted sum."""
        turn = next(iter(self.optimized))
        total, count = 0.0, 0
        for domain, part in batch.items():
            part = part.to(self.device)
            losses = self.compute_losses(part, stage, turn)
            size = len(part.id)
            total += size * float(self.weighted_sum(losses))
            count += size
            self.add_to_log(losses, size)
            if domain is not None:
                named = {f"{k}_{domain}": loss for k, loss in losses.items()}
                self.add_to_log(named, size)
            if self.tensorboard is not None and domain not in self.shown:
                self.shown.add(domain)
                epoch = self.hparams.epoch_counter.current
                samples = self.samples(part)
                self.tensorboard.log_samples(epoch, domain, samples)
        loss = torch.as_tensor(total / count)
        self.check_loss_isfinite(loss)
        return loss

    def weighted_sum(self, losses):
        """Adds up losses with `loss_weights`; losses without a weight are only
        logged."""
        weights = self.hparams.loss_weights
        return sum(
            weights[name] * loss
            for name, loss in losses.items()
            if name in weights
        )

    def check_loss_isfinite(self, loss):
        """Stops the training on a loss that is not finite, before the last
        checkpoint is replaced."""
        if not torch.isfinite(loss):
            raise ValueError(
                f"The loss is {loss.item()} at step "
                f"{self.optimizer_step + 1}. {ADVICE}"
            )

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """Updates the averaged weights and looks at the clock."""
        if should_step:
            for name, average in self.averages.items():
                average.update_parameters(self.unwrapped(name))
            self.check_time()

    def save_checkpoint(self, meta=None, **options):
        """Saves a checkpoint and keeps the one before it, in case the new one
        gets damaged.

        Arguments
        ---------
        meta : dict
            What to note beside the step.
        **options
            See ``Checkpointer.save_and_keep_only``.

        Raises
        ------
        ValueError
            If weights are not finite.
        """
        for name, module in self.modules.items():
            if not all(p.isfinite().all() for p in module.parameters()):
                raise ValueError(
                    f"The weights of `{name}` are not finite at step "
                    f"{self.optimizer_step}. {ADVICE}"
                )
        self.checkpointer.save_and_keep_only(
            meta={"step": self.optimizer_step, **(meta or {})},
            num_to_keep=KEPT_CHECKPOINTS,
            **options,
        )

    def _save_intra_epoch_ckpt(self):
        self.save_checkpoint(end_of_epoch=False, verbosity=logging.DEBUG)

    def _should_save_intra_epoch_ckpt(self, last_ckpt_time, steps_since_ckpt):
        """Not within an accumulation: checkpoints do not hold gradients."""
        if self.step % self.grad_accumulation_factor:
            return False
        return super()._should_save_intra_epoch_ckpt(
            last_ckpt_time, steps_since_ckpt
        )

    def add_to_log(self, losses, size=1):
        """Adds losses of `size` samples to the epoch's means."""
        for name, loss in losses.items():
            total, count = self.loss_sums.get(name, (0.0, 0))
            total += size * float(loss.detach())
            self.loss_sums[name] = (total, count + size)

    def on_stage_start(self, stage, epoch=None):
        """Resets the means."""
        self.loss_sums = {}
        self.shown = set()

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Logs the epoch's mean losses and saves a checkpoint."""
        stats = {k: total / n for k, (total, n) in self.loss_sums.items()}
        stats["loss"] = float(stage_loss)
        if stage == sb.Stage.TRAIN:
            self.train_stats = stats
        elif stage == sb.Stage.VALID:
            self.hparams.train_logger.log_stats(
                {"epoch": epoch, "step": self.optimizer_step},
                train_stats=self.train_stats,
                valid_stats=stats,
            )
            if self.tensorboard is not None:
                self.tensorboard.log_epoch(epoch, self.train_stats, stats)
            if self.checkpointer is not None and not self.time_is_up:
                self.save_checkpoint({"loss": stats["loss"]})

    def fit_draws(self, train_data, valid_data):
        """Trains on numbered draws of a dataset (see
        :mod:`speechbrain_flashsr.data.segments`) from the last checkpoint until the
        epochs or the minutes are over.

        Arguments
        ---------
        train_data : torch.utils.data.Dataset
            Its items may be drawn beyond its length.
        valid_data : torch.utils.data.Dataset
            The same items are drawn after every epoch.
        """
        options = self.hparams.dataloader_opts
        sampler = EpochDraws(len(train_data))
        self.train_sampler = sampler
        self.fit(
            self.hparams.epoch_counter,
            train_data,
            valid_data,
            train_loader_kwargs={
                **options,
                "collate_fn": PaddedBatch,
                "sampler": sampler,
                "drop_last": True,
            },
            valid_loader_kwargs={**options, "collate_fn": batch_by_domain},
        )

    def export(self, names=None):
        """Writes the averaged weights of the trained modules to
        `output_folder`/<name>.ckpt.

        Arguments
        ---------
        names : sequence of str
            Modules to write; `trained` by default.

        Returns
        -------
        dict
            {name: path}.
        """
        return {
            name: self.save_state(name, self.averages[name].module)
            for name in names or self.trained
        }

    def save_state(self, name, module):
        """Writes a module's weights to `output_folder`/<name>.ckpt, complete
        or not at all; returns the path."""
        path = pathlib.Path(self.hparams.output_folder) / f"{name}.ckpt"
        run_on_main(save_completely, args=[module.state_dict(), path])
        return path
