"""The command `flashsr` as a process: its streams, and signals.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from tests.integration.recordings import outputs, write


def start(folder, tmp_path, arguments, redirection=""):
    """Starts the command in a shell, which redirects its streams; SIGHUP has an
    effect, even if these tests were started by nohup."""
    command = [sys.executable, "-m", "speechbrain_flashsr.cli", *arguments]
    command = [*command, "--source", folder, "--device", "cpu"]
    return subprocess.Popen(
        f"exec {shlex.join(command)} {redirection}",
        shell=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )


def test_the_start_spares_what_is_never_called():
    code = """if True:
    import sys
    from speechbrain_flashsr.cli import arguments, batches
    batches.load_model(arguments.make_parser().parse_args(["a.wav"]))
    assert "scipy.stats" not in sys.modules
    from speechbrain.dataio.sampler import lognorm
    assert abs(lognorm.ppf(0.5, 1) - 1) < 1e-9
    """
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize("redirection", [">&- 2>&-", ">/dev/full 2>/dev/full"])
def test_streams_that_are_closed_or_full_fail_no_file(
    folder, tmp_path, redirection
):
    write(tmp_path / "a.wav", channels=2)
    assert start(folder, tmp_path, ["a.wav"], redirection).wait(300) == 0
    info = soundfile.info(tmp_path / "a_48k.wav")
    assert (info.channels, info.frames) == (2, 12000)


@pytest.mark.slow
def test_lines_that_nobody_reads_fail_no_file(folder, tmp_path):
    write(tmp_path / "in" / "a.wav")
    write(tmp_path / "in" / "z.wav")
    process = start(folder, tmp_path, ["in", "-o", "out"])
    process.stdout.close()  # as `flashsr ... | head -0` would
    errors = process.stderr.read().decode()
    assert process.wait() == 0, errors
    assert "rror" not in errors
    assert outputs(tmp_path / "out") == ["a_48k.wav", "z_48k.wav"]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_what_is_left_of_a_file_when_the_command_is_ended(folder, tmp_path):
    """Nothing; after SIGKILL the next run removes it."""
    rate = 8000
    noise = 0.1 * np.random.default_rng(0).standard_normal(300 * rate)
    soundfile.write(tmp_path / "long.wav", noise, rate)
    left = set()
    for sent, returned in ((signal.SIGKILL, -9), (signal.SIGHUP, 130)):
        process = start(folder, tmp_path, ["long.wav"])
        while not set(tmp_path.glob(".flashsr-*")) - left:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(sent)
        process.communicate(timeout=300)
        assert process.returncode == returned
        left = left or set(tmp_path.glob(".flashsr-*"))
        assert len(left) == 1
    assert outputs(tmp_path) == ["long.wav"]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX")
def test_names_that_the_terminal_cannot_show(folder, tmp_path):
    """One in Chinese, and one that is not UTF-8."""
    write(tmp_path / "in" / "caf\u4e2d.wav")
    write(tmp_path / "in" / "a.flac")
    name = os.fsdecode(b"caf\xe9.flac")
    (tmp_path / "in" / "a.flac").rename(tmp_path / "in" / name)
    process = start(folder, tmp_path, ["in", "-o", "out", "--plot"])
    text, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert rb"caf\u4e2d_48k.wav: 0.25 s" in text
    assert rb"caf\udce9_48k.flac: 0.25 s" in text
    restored = ["caf\u4e2d_48k.wav", os.fsdecode(b"caf\xe9_48k.flac")]
    assert outputs(tmp_path / "out") == [
        name for file in restored for name in (file, f"{file}.png")
    ]


def test_help_answers_quickly():
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-m", "speechbrain_flashsr.cli", "--help"],
        capture_output=True,
        text=True,
    )
    after = os.times()
    # Processor time: the clock on the wall also counts what else is running.
    user = after.children_user - before.children_user
    system = after.children_system - before.children_system
    assert user + system < 0.3
    assert done.returncode == 0 and "48 kHz" in done.stdout
    imported = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, speechbrain_flashsr.cli; print('torch' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert imported.stdout.strip() == "False"
