"""Sound files, sample rates and codecs; nothing here knows of a model."""
