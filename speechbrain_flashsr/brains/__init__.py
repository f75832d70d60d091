"""The training of FlashSR: one `speechbrain.Brain` a stage, losses, recipes."""
