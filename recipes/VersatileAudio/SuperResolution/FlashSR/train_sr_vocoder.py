"""Recipe for the super-resolution vocoder.

To run it:
> python train_sr_vocoder.py hparams/train_sr_vocoder.yaml --data_folder=...

To continue with spectrograms that a student predicts instead of true ones:
> python train_sr_vocoder.py hparams/train_sr_vocoder.yaml --data_folder=... \
>     --student_mel_fraction=0.8 --autoencoder_file=... --student_file=... \
>     --vocoder_file=... --output_folder=...

Authors
 * The speechbrain_flashsr developers 2026
"""

import sys

from speechbrain_flashsr.brains.recipe import (
    end_training,
    load_recipe,
    load_starting_weights,
)
from speechbrain_flashsr.brains.sr_vocoder import SRVocoderBrain

if __name__ == "__main__":
    hparams, run_opts = load_recipe(sys.argv[1:])
    needed = ()
    if hparams["student_mel_fraction"] > 0:
        needed = ("autoencoder", "student")
    load_starting_weights(hparams, needed)

    brain = SRVocoderBrain(
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
    brain.fit_draws(hparams["train_segments"], hparams["valid_segments"])
    brain.export()
    end_training()
