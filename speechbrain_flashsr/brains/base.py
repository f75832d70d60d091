"""Base of all training stages.

Averaged weights, a limit in minutes, the abort on a loss that is not finite,
logs, checkpoints, and the export of the trained modules.

Authors
 * The speechbrain_flashsr developers 2026
"""

import logging
import os
import pathlib
import time

import speechbrain as sb
import torch
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.utils.distributed import run_on_main
from torch.optim.swa_utils import AveragedModel

from speechbrain_flashsr.brains.budget import (
    TRAINING_SHARE,
    DrawsInTime,
    steps_of_epoch,
)
from speechbrain_flashsr.brains.totals import means_over_processes, weighted_sum
from speechbrain_flashsr.brains.validation import SampleLogger, batch_by_domain
from speechbrain_flashsr.brains.weights import (
    ADVICE,
    average_with_warm_up,
    check_finite_weights,
    save_completely,
)
from speechbrain_flashsr.data.segments import EpochDraws
from speechbrain_flashsr.lobes.fast.preparation import use_fast_forms
from speechbrain_flashsr.random_streams import (
    TrainingStream,
    generator_of,
    normal_noise,
)

KEPT_CHECKPOINTS = 2
"""The last one, and one to fall back to if that gets damaged."""


class FlashSRBrain(sb.Brain):
    """Base of the stages: trains networks with named losses.

    A subclass names its optimisers and the modules that each trains
    (`optimized`), computes the losses (`compute_losses`, and those of a
    discriminator in `discriminator_losses`), and names the modules that are
    averaged and exported (`trained`).

    Hyperparameters read: `modules`, `loss_weights` {name: weight}, `lr`,
    `cooldown`, `ema_decay`, `budget` (see `brains.budget`),
    `gradient_checkpointing`, `use_tensorboard` (logs in
    `output_folder`/tensorboard), `output_folder`, `train_logger`,
    `epoch_counter`, `seed`, `sample_rate`, `segment_length` (if there is one).
    """

    trained = ()
    """Names of the modules whose weights are averaged and exported."""

    optimized = {}
    """{name of an optimiser: names of the modules it trains}, in the order in
    which they take turns."""

    def init_optimizers(self):
        """Makes the optimisers and the averages of the exported modules."""
        self.turn = None
        if self.device_type == "cpu":
            use_fast_forms(self.modules)
        self.optimizers_dict = {
            turn: self.opt_class(
                [p for name in names for p in self.modules[name].parameters()]
            )
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

    def unwrapped(self, name):
        """A module without the wrappers of distributed training and of
        compilation."""
        return self.hparams.modules[name]

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
        """Standard normal noise [batch, *shape] that depends only on the seed,
        the numbers of the samples' draws (`batch.id`) and the stream."""
        noise = normal_noise(self.hparams.seed, batch.id, stream, shape)
        dtype = torch.get_default_dtype()
        return torch.from_numpy(noise).to(self.device, dtype)

    def generators(self, batch, stream):
        """A generator for each sample of a batch, by the number of its draw."""
        seed = self.hparams.seed
        return [generator_of(seed, draw, stream) for draw in batch.id]

    def on_fit_start(self):
        """Recovers a checkpoint, then sets the present learning rate."""
        for module in self.modules.modules():
            if hasattr(module, "gradient_checkpointing"):
                module.gradient_checkpointing = (
                    self.hparams.gradient_checkpointing
                )
        super().on_fit_start()
        # The checkpoint may hold another learning rate.
        self.set_learning_rate()
        self.time_is_up = False
        self.loss_sums = {}
        self.tensorboard = None
        if self.hparams.use_tensorboard:
            folder = pathlib.Path(self.hparams.output_folder) / "tensorboard"
            self.tensorboard = SampleLogger(folder, self.hparams.sample_rate)

    def set_learning_rate(self, elapsed=0.0):
        """Sets the learning rate of all optimisers: `lr`, which falls to zero
        in the last share `cooldown` of the planned steps, or of the minutes, of
        which a share has `elapsed`."""
        elapsed = max(elapsed, self.optimizer_step / self.planned_steps)
        left = max(1 - elapsed, 0)
        lr, cooldown = self.hparams.lr, self.hparams.cooldown
        if left < cooldown:
            lr *= left / cooldown
        for optimizer in self.optimizers_dict.values():
            for group in optimizer.param_groups:
                group["lr"] = lr

    @property
    def _optimizer_step_limit_exceeded(self):
        return self.time_is_up or super()._optimizer_step_limit_exceeded

    def follow_clock(self):
        """Ends the training when its share of the minutes is over, and saves
        the position in the epoch before the next batch is fetched."""
        elapsed = self.hparams.budget.elapsed_share() / TRAINING_SHARE
        self.time_is_up = elapsed >= 1
        self.set_learning_rate(elapsed)
        if self.time_is_up and self.checkpointer is not None:
            self._save_intra_epoch_ckpt()

    def turns(self):
        """Names of the optimisers that take a step on a batch, in order; the
        discriminator joins in at step `adversarial_start`."""
        start = getattr(self.hparams, "adversarial_start", 0)
        return [
            turn
            for turn in self.optimized
            if turn != "discriminator" or self.optimizer_step >= start
        ]

    def compute_losses(self, batch, stage):
        """Returns the unweighted losses of a batch, {name: scalar}."""
        raise NotImplementedError

    def discriminator_losses(self, batch):
        """Returns those of the discriminator, whose turn follows on the same
        batch."""
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
                    if turn == "discriminator":
                        losses = self.discriminator_losses(batch)
                    else:
                        losses = self.compute_losses(batch, sb.Stage.TRAIN)
                    total = self.weighted_sum(losses)
                self.check_loss_isfinite(total)
                scaled = self.scaler.scale(total)
                (scaled / self.grad_accumulation_factor).backward()
            if should_step:
                self.optimizers_step()
            self.add_to_log(losses)
            totals.append(total.detach().cpu())
        self.add_to_log({"loss": totals[0]})
        self.turn = None
        self.num_draws += len(batch.id) * int(os.environ.get("WORLD_SIZE", 1))
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
        """Computes the losses, of all and of each domain, for the log; returns
        their weighted sum."""
        total, count = 0.0, 0
        for domain, part in batch.items():
            part = part.to(self.device)
            losses = self.compute_losses(part, stage)
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

    def loss_weights(self):
        """Weights of the losses in this iteration, {name: weight}."""
        return self.hparams.loss_weights

    def weighted_sum(self, losses):
        """Adds up losses with their weights; those without one are only logged.
        Raises a ValueError if none has one."""
        return weighted_sum(
            losses, self.loss_weights(), self.optimizer_step + 1
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
            self.follow_clock()

    def save_checkpoint(self, meta=None, **options):
        """Saves a checkpoint with `meta` beside the step, and keeps the one
        before it, in case the new one gets damaged. Raises a ValueError if
        weights are not finite."""
        check_finite_weights(self.modules, self.optimizer_step)
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
        self.num_draws = 0
        self.stage_start = time.monotonic()

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Logs the epoch's mean losses and saves a checkpoint."""
        stats = means_over_processes(self.loss_sums)
        stats.setdefault("loss", float(stage_loss))
        if stage == sb.Stage.TRAIN:
            if hasattr(self.hparams, "segment_length"):
                elapsed = time.monotonic() - self.stage_start
                length = self.hparams.segment_length / self.hparams.sample_rate
                stats["sound_per_second"] = self.num_draws * length / elapsed
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
        :mod:`speechbrain_flashsr.data.segments`) from the last checkpoint until
        the epochs or the minutes are over.

        Items of `train_data` may be drawn beyond its length; the same items of
        `valid_data` are drawn after every epoch. Raises a ValueError if an
        epoch has too few draws for a step."""
        options = self.hparams.dataloader_opts
        sampler = EpochDraws(len(train_data))
        self.train_sampler = sampler
        batch_size = options["batch_size"]
        steps = self.hparams.epoch_counter.limit * steps_of_epoch(
            len(train_data), batch_size, self.grad_accumulation_factor
        )
        limit = self.optimizer_step_limit or steps
        self.planned_steps = max(1, min(steps, limit))
        in_time = DrawsInTime(len(valid_data), batch_size, self.hparams.budget)
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
            valid_loader_kwargs={
                **options,
                "collate_fn": batch_by_domain,
                "sampler": in_time,
            },
        )

    def export(self):
        """Writes the averaged weights of the trained modules, and the weights
        of their discriminators, to `output_folder`/<name>.ckpt; returns {name:
        path}."""
        modules = {
            name: self.unwrapped(name)
            for names in self.optimized.values()
            for name in names
        }
        for name in self.trained:
            modules[name] = self.averages[name].module
        folder = pathlib.Path(self.hparams.output_folder)
        paths = {name: folder / f"{name}.ckpt" for name in modules}
        for name, path in paths.items():
            run_on_main(
                save_completely, args=[modules[name].state_dict(), path]
            )
        return paths
