"""Sound files, sample rates and codecs; nothing here knows of a model.

Authors
 * The speechbrain_flashsr developers 2026
"""

SAMPLE_RATE = 48000
"""Sample rate in Hz of the models, of outputs unless another is asked for, of
the training material and of the metrics."""
