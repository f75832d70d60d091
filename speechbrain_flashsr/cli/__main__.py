"""Lets `python -m speechbrain_flashsr.cli` run the command.

Authors
 * The speechbrain_flashsr developers 2026
"""

import sys

from speechbrain_flashsr.cli import main

if __name__ == "__main__":
    sys.exit(main())
