"""Recipe for the adversarial fine-tuning of a one-step student.

To run it:
> python train_sharpening.py hparams/train_sharpening.yaml --data_folder=... \
>     --autoencoder_file=... --student_file=...

Authors
 * The speechbrain_flashsr developers 2026
"""

import sys

from speechbrain_flashsr.brains.recipe import (
    end_training,
    load_recipe,
    load_starting_weights,
    prepare_latents,
)
from speechbrain_flashsr.brains.sharpening import SharpeningBrain

if __name__ == "__main__":
    hparams, run_opts = load_recipe(sys.argv[1:])
    load_starting_weights(hparams)
    train_data, valid_data = prepare_latents(hparams, run_opts)

    brain = SharpeningBrain(
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
    brain.fit_draws(train_data, valid_data)
    brain.export()
    end_training()
