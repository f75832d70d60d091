"""The parts of FlashSR as modules: tensors in, tensors out, no files."""
