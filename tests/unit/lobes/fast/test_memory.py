"""Memory that is kept for the next tensors.

Authors
 * The speechbrain_flashsr developers 2026
"""

import subprocess
import sys

import pytest

from speechbrain_flashsr.lobes.fast.memory import VARIABLES, keep_freed_memory

SCRIPT = """
import resource
import numpy as np
from speechbrain_flashsr.lobes.fast.memory import keep_freed_memory

def count_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.ones(2**22)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

count_faults()
before = count_faults()
assert keep_freed_memory()
count_faults()
print(before, count_faults())
"""


@pytest.mark.skipif(
    not keep_freed_memory(), reason="the C library is not glibc"
)
def test_arrays_of_the_same_size_cause_no_page_faults_again():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    before, after = map(int, done.stdout.split())
    assert after < 0.01 * before


@pytest.mark.parametrize("name", VARIABLES)
def test_variables_of_the_environment_win(monkeypatch, name):
    monkeypatch.setenv(name, "131072")
    assert not keep_freed_memory()
