"""Recipe for the first stage: the KL autoencoder on log-mel spectrograms.

To run it:
> python train_autoencoder.py hparams/train_autoencoder.yaml --data_folder=...

Authors
 * The speechbrain_flashsr developers 2026
"""

import sys

from speechbrain_flashsr.brains.autoencoder import AutoencoderBrain
from speechbrain_flashsr.brains.recipe import (
    end_training,
    load_recipe,
    load_starting_weights,
)

if __name__ == "__main__":
    hparams, run_opts = load_recipe(sys.argv[1:])
    load_starting_weights(hparams)

    brain = AutoencoderBrain(
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
    brain.fit_draws(hparams["train_segments"], hparams["valid_segments"])
    brain.measure_scale(hparams["train_segments"], hparams["scale_batches"])
    brain.export()
    end_training()
