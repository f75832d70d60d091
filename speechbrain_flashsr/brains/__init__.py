"""The training of the parts of FlashSR, one `speechbrain.Brain` a stage."""
