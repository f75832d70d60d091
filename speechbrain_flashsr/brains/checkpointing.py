"""Checkpoints that neither a killed training run nor a damaged disk spoils.

Authors
 * The speechbrain_flashsr developers 2026
"""

import contextlib
import os
import shutil

from speechbrain.utils.checkpoints import CKPT_PREFIX, METAFNAME, Checkpointer
from speechbrain.utils.distributed import ddp_barrier, run_on_main
from speechbrain.utils.logger import get_logger

from speechbrain_flashsr.checkpoints.reading import digest_of_file

logger = get_logger(__name__)

UNFINISHED = "UNFINISHED.yaml"
"""Name of a checkpoint's metadata until all of the checkpoint is written."""

SUMS = "SHA256SUMS"
"""Holds the digest of each file of a checkpoint, as `sha256sum` writes them."""

DAMAGED = "DAMAGED+"
"""Beginning of the name of a checkpoint that was set aside."""


class AtomicCheckpointer(Checkpointer):
    """SpeechBrain's checkpointer, with whole checkpoints only.

    A folder is a checkpoint once its metadata is there. SpeechBrain writes it
    first: a run that is killed while it saves leaves a checkpoint of which a
    part is missing, and which the next start would load. Here it is in place
    last, after all else is on the disk. Checkpoints whose files have changed
    since are set aside, and an older one is recovered. Takes the arguments
    of :class:`speechbrain.utils.checkpoints.Checkpointer`.

    Example
    -------
    >>> import torch
    >>> folder = getfixture("tmp_path")
    >>> model = torch.nn.Linear(1, 1)
    >>> checkpointer = AtomicCheckpointer(folder, {"model": model})
    >>> checkpoint = checkpointer.save_checkpoint()
    >>> sorted(path.name for path in checkpoint.path.iterdir())
    ['CKPT.yaml', 'SHA256SUMS', 'model.ckpt']
    >>> _ = os.rename(checkpoint.path / METAFNAME, checkpoint.path / UNFINISHED)
    >>> AtomicCheckpointer(folder, {"model": model}).list_checkpoints()
    []
    """

    def _remove_unfinished(self):
        """Removes what was not written, or not deleted, to the end."""
        for path in self.checkpoints_dir.glob(f"{CKPT_PREFIX}*"):
            if not (path / METAFNAME).exists():
                shutil.rmtree(path)

    def save_checkpoint(self, *args, **kwargs):
        """Saves a checkpoint; arguments and result as in SpeechBrain."""
        checkpoint = super().save_checkpoint(*args, **kwargs)
        if checkpoint is not None:
            _complete(checkpoint.path)
        # All processes must delete the same checkpoints next.
        ddp_barrier()
        return checkpoint

    def recover_if_possible(self, *args, **kwargs):
        """Recovers the last checkpoint that is whole; arguments and result are
        SpeechBrain's."""
        run_on_main(self._remove_unfinished)
        run_on_main(self._set_damaged_aside)
        return super().recover_if_possible(*args, **kwargs)

    def load_checkpoint(self, checkpoint):
        """Loads a checkpoint.

        Raises
        ------
        ValueError
            If it is that of another training.
        """
        try:
            super().load_checkpoint(checkpoint)
        except Exception as error:
            reason = " ".join(str(error).split())
            raise ValueError(
                f"The checkpoint '{checkpoint.path}' does not fit this "
                f"training: {reason} Start with the hyperparameters that it "
                "was made with, or with another output_folder."
            ) from error

    def _set_damaged_aside(self):
        damage = {}
        for path in self.checkpoints_dir.glob(f"{CKPT_PREFIX}*/{METAFNAME}"):
            reason = _find_damage(path.parent)
            if reason is not None:
                aside = path.parent.with_name(DAMAGED + path.parent.name)
                path.parent.rename(aside)
                damage[aside] = reason
        if not damage:
            return
        newest = self.find_checkpoint()
        if newest is None:
            resumes = "from the beginning: there is no other checkpoint"
        else:
            step = newest.meta.get("step", "unknown")
            resumes = f"from step {step} ('{newest.path.name}')"
        for path, reason in sorted(damage.items()):
            logger.warning(
                f"A checkpoint is damaged ({reason}) and was renamed to "
                f"'{path}'. The training goes on {resumes}, and does again "
                "what it had done since."
            )

    def _save_checkpoint_metafile(self, fpath, *args, **kwargs):
        return super()._save_checkpoint_metafile(
            fpath.with_name(UNFINISHED), *args, **kwargs
        )


def _complete(folder):
    """Makes a folder a checkpoint, when all that it holds is on the disk."""
    sums = {path.name: digest_of_file(path) for path in folder.iterdir()}
    sums[METAFNAME] = sums.pop(UNFINISHED)
    lines = [f"{digest}  {name}\n" for name, digest in sorted(sums.items())]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")
    for path in folder.iterdir():
        with open(path, "rb+") as file:
            os.fsync(file.fileno())
    os.replace(folder / UNFINISHED, folder / METAFNAME)
    # So that the names are there too; not all systems can.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _find_damage(folder):
    """Describes the damage of a checkpoint; None if it is whole."""
    if not (folder / SUMS).is_file():
        return f"{SUMS} is missing"
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        sums = dict(reversed(line.split("  ")) for line in lines)
    except ValueError:
        sums = {}
    if METAFNAME not in sums:
        return f"{SUMS} has changed"
    for name, digest in sums.items():
        if not (folder / name).is_file():
            return f"{name} is missing"
        if digest_of_file(folder / name) != digest:
            return f"{name} has changed"
    return None
