"""Tests of complete files in speechbrain_flashsr.audio.writing.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os
import platform

from speechbrain_flashsr.audio.writing import complete_file, remove_leftovers


def test_leftovers_of_killed_processes_of_this_machine_go(
    tmp_path, monkeypatch
):
    """`web` must not take the files of `web-2` for its own."""
    gone = 2**22 + 1  # above the largest number of a process
    for machine in ("web", "web-2"):
        monkeypatch.setattr(platform, "node", lambda m=machine: m)
        with complete_file(tmp_path / "a.txt") as temporary:
            name = os.path.basename(temporary)
            dead = name.replace(str(os.getpid()), str(gone))
        (tmp_path / dead).touch()
        (tmp_path / name).touch()
    monkeypatch.setattr(platform, "node", lambda: "web")
    remove_leftovers.cache_clear()
    remove_leftovers(tmp_path)
    left = [path.name for path in tmp_path.glob(".flashsr-*")]
    assert len(left) == 3
    assert [name for name in left if str(gone) in name] == [dead]


def test_output_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "new").touch()
    with complete_file(tmp_path / "ours"):
        pass
    modes = [(tmp_path / name).stat().st_mode for name in ("new", "ours")]
    assert modes[0] == modes[1]
