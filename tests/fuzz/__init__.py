"""Damaged inputs at random: nothing crashes, hangs or goes wrong silently.

Authors
 * The speechbrain_flashsr developers 2026
"""
