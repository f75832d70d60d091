"""Recipe for the super-resolution vocoder.

To run it:
> python train_sr_vocoder.py hparams/train_sr_vocoder.yaml --data_folder=...

Authors
 * The speechbrain_flashsr developers 2026
"""

import sys

from speechbrain_flashsr.brains.recipe import load_recipe
from speechbrain_flashsr.brains.sr_vocoder import SRVocoderBrain

if __name__ == "__main__":
    hparams, run_opts = load_recipe(sys.argv[1:])

    brain = SRVocoderBrain(
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
    brain.fit_draws(hparams["train_data"], hparams["valid_data"])
    brain.export()
