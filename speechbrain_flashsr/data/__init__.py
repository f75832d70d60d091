"""Training material: segments, latents, degradations, augmentation."""
