"""Checkpoints that stay valid if the training run is killed.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os
import shutil

from speechbrain.utils.checkpoints import METAFNAME, Checkpointer
from speechbrain.utils.distributed import ddp_barrier, run_on_main

UNFINISHED = "UNFINISHED.yaml"
"""Name of a checkpoint's metadata until all of the checkpoint is written."""


class AtomicCheckpointer(Checkpointer):
    """SpeechBrain's checkpointer, whose metadata is in place last.

    A folder is a checkpoint once its metadata is there. SpeechBrain writes it
    first: a run that is killed while it saves leaves a checkpoint of which a
    part is missing, and which the next start would load. Takes the arguments
    of :class:`speechbrain.utils.checkpoints.Checkpointer`.

    Example
    -------
    >>> import torch
    >>> folder = getfixture("tmp_path")
    >>> model = torch.nn.Linear(1, 1)
    >>> checkpointer = AtomicCheckpointer(folder, {"model": model})
    >>> checkpoint = checkpointer.save_checkpoint()
    >>> sorted(path.name for path in checkpoint.path.iterdir())
    ['CKPT.yaml', 'model.ckpt']
    >>> _ = os.rename(checkpoint.path / METAFNAME, checkpoint.path / UNFINISHED)
    >>> AtomicCheckpointer(folder, {"model": model}).list_checkpoints()
    []
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        run_on_main(self._remove_unfinished)

    def _remove_unfinished(self):
        for path in self.checkpoints_dir.glob(f"*/{UNFINISHED}"):
            shutil.rmtree(path.parent)

    def save_checkpoint(self, *args, **kwargs):
        """Saves a checkpoint; arguments and result as in SpeechBrain."""
        checkpoint = super().save_checkpoint(*args, **kwargs)
        if checkpoint is not None:
            os.replace(
                checkpoint.path / UNFINISHED, checkpoint.path / METAFNAME
            )
        # All processes must delete the same checkpoints next.
        ddp_barrier()
        return checkpoint

    def _save_checkpoint_metafile(self, fpath, *args, **kwargs):
        return super()._save_checkpoint_metafile(
            fpath.with_name(UNFINISHED), *args, **kwargs
        )
