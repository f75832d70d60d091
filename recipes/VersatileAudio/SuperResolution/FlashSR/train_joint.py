"""Recipe for the joint training of encoder, one-step U-Net and decoder.

To run it:
> python train_joint.py hparams/train_joint.yaml --data_folder=... \
>     --autoencoder_file=... --student_file=...

Authors
 * The speechbrain_flashsr developers 2026
"""

import sys

from speechbrain_flashsr.brains.joint import JointBrain
from speechbrain_flashsr.brains.recipe import (
    end_training,
    load_recipe,
    load_starting_weights,
)

if __name__ == "__main__":
    hparams, run_opts = load_recipe(sys.argv[1:])
    load_starting_weights(hparams)

    brain = JointBrain(
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
    brain.fit_draws(hparams["train_segments"], hparams["valid_segments"])
    brain.export()
    end_training()
