"""Recipe for the network that finds where a recording's band ends.

To run it:
> python train.py hparams/train.yaml --data_folder=...

Authors
 * The speechbrain_flashsr developers 2026
"""

import sys

import torch
from speechbrain.utils.distributed import run_on_main

from speechbrain_flashsr.brains.cutoff import CutoffBrain
from speechbrain_flashsr.brains.recipe import (
    end_training,
    load_recipe,
    load_starting_weights,
)
from speechbrain_flashsr.data.cutoff_examples import (
    CutoffExamples,
    cache_examples,
)

if __name__ == "__main__":
    hparams, run_opts = load_recipe(sys.argv[1:])
    load_starting_weights(hparams)
    if not hparams["skip_prep"]:
        torch.set_num_threads(1)  # Many small operations
        run_on_main(cache_examples, kwargs=hparams["examples"])

    brain = CutoffBrain(
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
    folder, valid_files = hparams["examples_folder"], hparams["valid_files"]
    brain.fit_draws(
        CutoffExamples(folder, first=valid_files, **hparams["stretch"]),
        CutoffExamples(folder, stop=valid_files),
    )
    brain.export()
    end_training()
