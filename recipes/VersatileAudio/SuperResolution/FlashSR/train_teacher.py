"""Recipe for the second stage: the teacher, latent diffusion.

To run it:
> python train_teacher.py hparams/train_teacher.yaml --data_folder=... \
>     --autoencoder_file=...

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
from speechbrain_flashsr.brains.teacher import TeacherBrain

if __name__ == "__main__":
    hparams, run_opts = load_recipe(sys.argv[1:])
    load_starting_weights(hparams)
    train_data, valid_data = prepare_latents(hparams, run_opts)

    brain = TeacherBrain(
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
    brain.fit_draws(train_data, valid_data)
    brain.export()
    end_training()
