"""Training material.

Authors
 * The speechbrain_flashsr developers 2026
"""
