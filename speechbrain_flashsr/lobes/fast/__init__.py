"""Faster forms of the lobes, and the precision and memory settings for a
device."""
