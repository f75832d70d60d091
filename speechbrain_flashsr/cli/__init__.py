"""The command `flashsr`.

Authors
 * The speechbrain_flashsr developers 2026
"""

from speechbrain_flashsr.cli.command import main
