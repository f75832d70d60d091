"""Folders resume where an earlier run stopped, and processes share them.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from speechbrain_flashsr import cli
from speechbrain_flashsr.audio.formats import find_sound_files
from speechbrain_flashsr.inference import FlashSR
from tests.tiny_model import save_tiny_model


def write(path, seed, samples=800, rate=8000):
    """Writes a short recording of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wav = 0.1 * np.random.default_rng(seed).standard_normal(samples)
    soundfile.write(path, wav, rate)


@pytest.fixture
def tree(tmp_path):
    """Three recordings in two folders."""
    for seed, name in enumerate(("a.wav", "b.wav", "sub/c.flac")):
        write(tmp_path / "tree" / name, seed)
    return tmp_path / "tree"


@pytest.fixture
def flashsr(folder, tmp_path, monkeypatch, capsys):
    """Runs the command on the tree: (exit code, output, errors)."""

    def run(*arguments):
        fixed = ["--source", folder, "--device", "cpu"]
        code = cli.main(
            [
                str(tmp_path / "tree"),
                "-o",
                str(tmp_path / "out"),
                *fixed,
                *arguments,
            ]
        )
        return code, *capsys.readouterr()

    return run


def outputs(folder):
    """The outputs in a folder: {name: file}."""
    names = sorted(path.relative_to(folder) for path in folder.rglob("*.*"))
    return {
        name.as_posix(): folder / name
        for name in names
        if not any(part.startswith(".") for part in name.parts)
    }


def identities(folder):
    """A value that changes when outputs are replaced."""
    stats = {name: path.stat() for name, path in outputs(folder).items()}
    return {name: (s.st_ino, s.st_mtime_ns) for name, s in stats.items()}


def changed(before, folder):
    """Which outputs were replaced or are new."""
    after = identities(folder)
    return [name for name in after if before.get(name) != after[name]]


def test_what_is_done_is_not_done_again(tree, flashsr, tmp_path, monkeypatch):
    out = tmp_path / "out"
    code, text, _ = flashsr()
    assert code == 0 and text.endswith("flashsr: 3 of 3 inputs done.\n")
    before = identities(out)

    with monkeypatch.context() as patch:
        patch.setattr(FlashSR, "from_hparams", None)  # nor is it loaded
        code, text, err = flashsr()
    assert (code, err) == (0, "")
    summary = "flashsr: 3 of 3 inputs done (3 by an earlier run).\n"
    assert text == summary
    assert changed(before, out) == []

    (out / "a_48k.wav").unlink()
    write(tree / "b.wav", seed=5)
    write(tree / "new.wav", seed=6)
    assert flashsr()[0] == 0
    assert changed(before, out) == ["a_48k.wav", "b_48k.wav", "new_48k.wav"]


@pytest.mark.slow
def test_other_settings_and_models_do_all_again(tree, flashsr, tmp_path):
    out = tmp_path / "out"
    flashsr()
    everything = list(outputs(out))
    other = save_tiny_model(tmp_path / "other", seed=1)
    for arguments in (
        ["--seed", "1"],
        [],
        ["--precision", "bf16"],
        ["--source", other],
        ["--subtype", "PCM_24"],
    ):
        before = identities(out)
        assert flashsr(*arguments)[0] == 0
        assert changed(before, out) == everything, arguments


def test_failures_are_tried_again(tree, flashsr, tmp_path):
    (tree / "text.wav").write_text("not audio")
    for earlier in ("", " (3 by an earlier run)"):
        code, _, err = flashsr()
        assert code == 1
        assert err.count("text.wav") == 1
        summary = f"3 of 4 inputs done{earlier}, 1 failed (see above).\n"
        assert err.endswith(summary)
    write(tree / "text.wav", seed=7)
    code, text, _ = flashsr()
    assert code == 0
    assert "4 of 4 inputs done (3 by" in text


@pytest.mark.slow
def test_pictures_that_are_missing_are_drawn(tree, flashsr, tmp_path):
    flashsr()
    flashsr("--plot")
    names = [n for n in outputs(tmp_path / "out") if n.endswith(".png")]
    assert names == ["a_48k.wav.png", "b_48k.wav.png", "sub/c_48k.flac.png"]
    before = identities(tmp_path / "out")
    flashsr("--plot")
    assert changed(before, tmp_path / "out") == []
    flashsr()
    assert changed(before, tmp_path / "out") == []


def test_another_input_of_an_earlier_time_is_processed(tree, flashsr, tmp_path):
    flashsr()
    before = identities(tmp_path / "out")
    write(tree / "a.wav", seed=9)
    os.utime(tree / "a.wav", (1e9, 1e9))
    flashsr()
    assert changed(before, tmp_path / "out") == ["a_48k.wav"]


def test_overwriting_processes_all_files(tree, flashsr, tmp_path):
    flashsr()
    before = identities(tmp_path / "out")
    assert flashsr("--overwrite")[0] == 0
    assert changed(before, tmp_path / "out") == list(before)


def test_outputs_of_another_run_do_not_pass_as_finished(
    tree, flashsr, tmp_path, monkeypatch
):
    """Even if it processes the folder at the same time."""
    super_resolve_file = FlashSR.super_resolve_file

    def meanwhile(model, *arguments, seed, **options):
        monkeypatch.setattr(FlashSR, "super_resolve_file", super_resolve_file)
        assert flashsr("--seed", "1")[0] == 0
        return model.super_resolve_file(*arguments, seed=seed, **options)

    monkeypatch.setattr(FlashSR, "super_resolve_file", meanwhile)
    assert flashsr()[0] == 0
    before = identities(tmp_path / "out")
    assert flashsr()[0] == 0
    assert changed(before, tmp_path / "out") == []
    assert flashsr("--seed", "1")[0] == 0
    assert changed(before, tmp_path / "out") == list(before)


def test_names_that_trouble_leave_the_others_alone(tree, flashsr, tmp_path):
    """A name that is nothing but our suffix, one for which a note's would be
    too long, and a file in place of a folder."""
    write(tree / "_48k.wav", seed=3)
    write(tree / f"{'l' * 246}.wav", seed=4)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").touch()
    code, _, err = flashsr("--quiet")
    assert code == 1 and "4 of 5 inputs done, 1 failed" in err
    assert len(err.splitlines()) == 2 and "sub/c_48k.flac" in err
    code, _, err = flashsr("--quiet")
    assert "4 of 5 inputs done (4 by an earlier run)" in err


def test_a_folder_that_cannot_be_listed_is_a_failure(
    tree, flashsr, tmp_path, monkeypatch
):
    scandir = os.scandir

    def of_another_user(path):
        if os.fspath(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", of_another_user)
    code, _, err = flashsr("--quiet")
    assert code == 1 and "2 of 3 inputs done, 1 failed" in err
    assert f"'{tree / 'sub'}' cannot be searched (Permission denied)" in err
    with pytest.raises(PermissionError):
        find_sound_files(tree)


def test_a_journal_that_is_spoilt_or_cut_off(tree, flashsr, tmp_path):
    flashsr()
    out = tmp_path / "out"
    (journal,) = out.glob(".flashsr-finished.*")
    before = identities(out)
    journal.write_bytes(b"\xff\x00 spoilt\n" + journal.read_bytes()[:-10])
    flashsr()
    assert changed(before, out) == ["sub/c_48k.flac"]
    before = identities(out)
    flashsr()
    assert changed(before, out) == []


def test_ranks_by_hand_need_no_torchrun(tree, flashsr, tmp_path, monkeypatch):
    done = []
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "2")
        before = set(outputs(tmp_path / "out"))
        code, text, _ = flashsr()
        assert code == 0
        done.append(set(outputs(tmp_path / "out")) - before)
    assert sorted(map(len, done)) == [1, 2]
    assert sum(map(len, done)) == len(outputs(tmp_path / "out")) == 3


def test_wrong_ranks_are_an_error(tree, flashsr, monkeypatch):
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "2")
    code, _, err = flashsr()
    assert code == 1 and "RANK=2 and WORLD_SIZE=2" in err


def start(tree, out, folder, num_processes):
    """Starts processes with torchrun."""
    command = [
        *(sys.executable, "-m", "torch.distributed.run"),
        *("--standalone", f"--nproc-per-node={num_processes}"),
        *("-m", "speechbrain_flashsr.cli", str(tree), "-o", str(out)),
        *("--source", folder, "--device", "cpu"),
    ]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def limit_files(processes, num_bytes):
    """Lets processes write no files that are longer, as on a full disk."""
    resource = pytest.importorskip("resource")
    for process in processes:
        resource.prlimit(process, resource.RLIMIT_FSIZE, (num_bytes, -1))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of processes")
def test_processes_and_all_that_may_happen_to_them(folder, tmp_path):
    """The disk is full for a while, then one of four hangs and one is killed;
    a second run with two processes does the rest. A pipe in the folder would
    never end."""
    tree, out, alone = (tmp_path / name for name in ("tree", "out", "alone"))
    for index in range(30):
        extension = ("wav", "flac")[index % 2]
        write(
            tree / f"{index % 3}" / f"{index:03}.{extension}",
            seed=index,
            samples=200 + 50 * index,
        )
    (tree / "broken.wav").write_text("not audio")
    os.mkfifo(tree / "pipe.wav")

    first = start(tree, out, folder, 4)

    def wait_for_outputs(count):
        while len(outputs(out)) < count:
            assert first.poll() is None, first.communicate()
            time.sleep(0.02)

    wait_for_outputs(3)
    workers = subprocess.run(
        ["pgrep", "-P", str(first.pid)],
        capture_output=True,
        text=True,
        check=True,
    )
    workers = [int(pid) for pid in workers.stdout.split()]
    assert len(workers) == 4
    limit_files(workers, 0)
    assert any("cannot be written" in line for line in first.stderr)
    limit_files(workers, -1)
    wait_for_outputs(len(outputs(out)) + 3)
    os.kill(workers[0], signal.SIGSTOP)
    os.kill(workers[1], signal.SIGKILL)
    first.communicate(timeout=300)
    assert first.returncode != 0  # the others were ended, too: nobody hangs
    before = identities(out)
    assert 6 <= len(before) < 30
    noted = {
        json.loads(line)[0]
        for journal in out.glob(".flashsr-finished.*")
        for line in journal.read_text().splitlines()
        if line
    }
    assert noted <= set(before)

    second = start(tree, out, folder, 2)
    text, err = second.communicate(timeout=300)
    assert second.returncode == 1  # for the file that is broken
    earlier = f"({len(noted)} by an earlier run)"
    assert f"flashsr: 30 of 31 inputs done {earlier}, 1 failed" in err
    assert err.count("inputs done") == 1 and "inputs done" not in text
    assert err.count("broken.wav") == 1
    assert len(text.splitlines()) == 30 - len(noted)

    cli.main(
        [str(tree), "-o", str(alone), "--source", folder, "--device=cpu"]
        + ["--quiet"]
    )
    found, expected = outputs(out), outputs(alone)
    assert list(found) == list(expected) and len(found) == 30
    for name, path in found.items():
        assert path.read_bytes() == expected[name].read_bytes(), name
    assert not set(changed(before, out)) & noted
    left = out.rglob(".flashsr-*")  # nothing that the killed one had begun
    assert all(path.name.startswith(".flashsr-finished.") for path in left)
