"""A mark for tests that compile.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest

from speechbrain_flashsr.inference.checks import check_compiler


def _missing():
    try:
        check_compiler()
    except ValueError as error:
        return str(error)
    return ""


needs_compiler = pytest.mark.skipif(bool(_missing()), reason=_missing())
