"""Forms of the lobes for fast inference on a CPU."""
