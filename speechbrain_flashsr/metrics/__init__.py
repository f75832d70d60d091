"""Metrics: spectral, perceptual, and intervals of their averages."""
