"""The command `flashsr`.

Authors
 * The speechbrain_flashsr developers 2026
"""

import io
import os
import shlex
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest
import soundfile

from speechbrain_flashsr import cli
from speechbrain_flashsr.inference import FlashSR
from tests.encoded import encode, noise
from tests.tiny_model import save_tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Folder of the tiny model."""
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def flashsr(folder, tmp_path, monkeypatch, capsys):
    """Runs the command in `tmp_path`: (exit code, output, errors)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = cli.main(
            [*map(str, arguments), "--source", folder, "--device", "cpu"]
        )
        return code, *capsys.readouterr()

    return run


def write(path, rate=8000, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    samples = 0.1 * generator.standard_normal((rate // 4, channels))
    soundfile.write(path, samples, rate)


def outputs(tmp_path):
    """Names of all files but the journals."""
    names = (
        path.relative_to(tmp_path).as_posix()
        for path in tmp_path.rglob("*")
        if path.is_file()
    )
    return sorted(name for name in names if "flashsr-finished" not in name)


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


def test_one_file_beside_the_input(flashsr, tmp_path):
    write(tmp_path / "call.wav")
    code, out, err = flashsr("call.wav")
    assert code == 0
    assert "call_48k.wav: 0.25 s at 48000 Hz, restored above" in out
    assert "Restoring call.wav: 100%" in err
    info = soundfile.info(tmp_path / "call_48k.wav")
    assert (info.samplerate, info.frames) == (48000, 12000)


def test_options_reach_the_interface(flashsr, tmp_path):
    write(tmp_path / "a.wav")
    code, out, err = flashsr(
        *("a.wav", "-o", "b.flac", "--subtype", "PCM_24", "--cutoff", 3000),
        *("--seed", 3, "--steps", 2, "--guidance", 1.5, "--low-band", "model"),
        *("--precision", "bf16", "--batch-windows", 2, "--quiet", "--plot"),
    )
    assert (code, out, err) == (0, "", "")
    assert soundfile.info("b.flac").subtype == "PCM_24"
    with open("b.flac.png", "rb") as picture:
        assert picture.read(4) == b"\x89PNG"
    samples, _ = soundfile.read("b.flac")
    flashsr("a.wav", "-o", "c.flac", "--seed", 4, "--subtype", "PCM_24")
    other, _ = soundfile.read("c.flac")
    assert not np.array_equal(samples, other)


def test_folder_is_mirrored(flashsr, tmp_path):
    write(tmp_path / "in" / "a.wav")
    write(tmp_path / "in" / "sub" / "b.flac", channels=2)
    write(tmp_path / "in" / "sub" / "c.aiff")
    (tmp_path / "in" / "notes.txt").write_text("no sound")
    code, _, _ = flashsr("in", "-o", "out", "--quiet")
    assert code == 0
    assert outputs(tmp_path / "out") == [
        "a_48k.wav",
        "sub/b_48k.flac",
        "sub/c_48k.wav",
    ]
    assert soundfile.info("out/sub/b_48k.flac").channels == 2
    code, _, _ = flashsr("in", "-o", "ogg", "--format", "ogg", "--quiet")
    assert code == 0
    assert all(name.endswith(".ogg") for name in outputs(tmp_path / "ogg"))


def test_own_outputs_are_not_inputs_of_the_next_run(flashsr, tmp_path):
    write(tmp_path / "in" / "a.wav")
    write(tmp_path / "in" / "talk_48k.wav")  # an input by that name
    for _ in range(2):
        assert flashsr("in", "--quiet")[0] == 0
        assert flashsr("in", "-o", "in", "--quiet")[0] == 0
    beside = ["a.wav", "a_48k.wav", "talk_48k.wav", "talk_48k_48k.wav"]
    assert outputs(tmp_path / "in") == beside


def test_output_folder_below_or_above_the_inputs(flashsr, tmp_path):
    write(tmp_path / "in" / "a.wav")
    write(tmp_path / "in" / "a_48k.wav")  # no output: those go elsewhere
    write(tmp_path / "in" / ".trash" / "b.wav")
    for _ in range(2):
        assert flashsr("in", "-o", "in/out", "--quiet")[0] == 0
    made = ["a_48k.wav", "a_48k_48k.wav"]
    assert outputs(tmp_path / "in" / "out") == made
    assert flashsr("in/out", "-o", "in", "--quiet")[0] == 0
    assert {"a_48k_48k.wav", "a_48k_48k_48k.wav"} <= set(
        outputs(tmp_path / "in")
    )


def test_batch_goes_on_after_errors(flashsr, tmp_path):
    write(tmp_path / "a.wav")
    write(tmp_path / "z.wav")
    (tmp_path / "text.wav").write_text("not audio")
    (tmp_path / "empty.wav").touch()
    soundfile.write(tmp_path / "low.wav", np.zeros(100), 2000)
    soundfile.write(
        tmp_path / "nan.wav", np.full(100, np.nan), 8000, subtype="FLOAT"
    )
    names = ["a.wav", "text.wav", "empty.wav", "gone.wav", "low.wav", "nan.wav"]
    code, out, err = flashsr(*names, "z.wav", "--quiet")
    assert code == 1
    errors = [line for line in err.splitlines() if "error:" in line]
    assert len(errors) == 5
    for name, line in zip(names[1:], errors):
        assert name in line
    assert "2 of 7 inputs done, 5 failed" in err
    assert "Traceback" not in err
    assert (tmp_path / "a_48k.wav").exists()
    assert (tmp_path / "z_48k.wav").exists()
    assert len(outputs(tmp_path)) == 6 + 2


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["a.wav", "-o", "a.wav"], "one of the inputs"),
        (["a.wav", "b.wav", "-o", "c.wav"], "Name a folder"),
        (["sub", "-o", "c.wav"], "Name a folder"),
        (["a.wav", "-o", "c.mp3"], "'c.mp3' would be of a format"),
        (["a.wav", "-o", "c.m4a"], "'c.m4a' would be of a format"),
        (["a.wav", "-o", "c.wav", "--format", "flac"], "not a flac file"),
        (["a.wav", "-o", "b.wav/c.wav"], "cannot be written"),
        (["a.wav", "--subtype", "PCM_99"], "PCM_99"),
        (["a.wav", "--cutoff", "5000"], "5000.0 Hz"),
        (["a.wav", "--seed", "-1"], "seed is -1"),
        (["a.wav", "--steps", "0"], "num_steps is 0"),
        (["a.wav", "--batch-windows", "-1"], "batch_windows is -1"),
        (["a.wav", "--precision", "fp16"], "fp16"),
        (["sub"], "holds no sound files"),
    ],
)
def test_wrong_use_is_one_clear_error(flashsr, tmp_path, arguments, words):
    write(tmp_path / "a.wav")
    write(tmp_path / "b.wav")
    (tmp_path / "sub").mkdir()
    before = (tmp_path / "a.wav").read_bytes()
    code, out, err = flashsr(*arguments, "--quiet")
    assert code == 1
    assert err.startswith("flashsr: error: ") and words in err
    assert len(err.splitlines()) == 1
    assert (tmp_path / "a.wav").read_bytes() == before
    assert outputs(tmp_path) == ["a.wav", "b.wav"]


def test_outputs_never_collide(flashsr, tmp_path):
    write(tmp_path / "a.wav")
    write(tmp_path / "a.flac")
    code, _, err = flashsr("a.flac", "a.wav", "--format", "wav", "--quiet")
    assert code == 1 and "also that of 'a.flac'" in err
    assert outputs(tmp_path) == ["a.flac", "a.wav", "a_48k.wav"]


def test_inputs_given_twice_are_done_once(flashsr, tmp_path):
    write(tmp_path / "a.wav")
    code, out, _ = flashsr("a.wav", "a.wav")
    assert (code, out.count("a_48k.wav")) == (0, 1)


def test_no_input_is_overwritten_behind_a_link(flashsr, tmp_path):
    write(tmp_path / "in" / "a.wav")
    write(tmp_path / "in" / "a_48k.wav", rate=16000)
    (tmp_path / "link").symlink_to("in")
    code, _, err = flashsr("in/a.wav", "in/a_48k.wav", "-o", "link", "--quiet")
    assert code == 1 and "is one of the inputs" in err
    assert soundfile.info(tmp_path / "in" / "a_48k.wav").samplerate == 16000


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX")
def test_names_that_are_no_utf8(folder, tmp_path):
    write(tmp_path / "in" / "a.flac")
    name = os.fsdecode(b"caf\xe9.flac")
    (tmp_path / "in" / "a.flac").rename(tmp_path / "in" / name)
    done = subprocess.run(
        [sys.executable, "-m", "speechbrain_flashsr.cli", "in", "-o", "out"]
        + ["--plot", "--source", folder, "--device", "cpu"],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stderr
    assert rb"caf\udce9_48k.flac: 0.25 s" in done.stdout
    restored = os.fsdecode(b"caf\xe9_48k.flac")
    assert outputs(tmp_path / "out") == [restored, f"{restored}.png"]


def test_each_output_has_its_own_picture(flashsr, tmp_path):
    write(tmp_path / "in" / "a.wav")
    write(tmp_path / "in" / "a.flac")
    flashsr("in", "-o", "out", "--plot")
    pictures = ["a_48k.flac.png", "a_48k.wav.png"]
    assert [n for n in outputs(tmp_path / "out") if "png" in n] == pictures


def test_channels_with_one_cutoff_are_told_once(flashsr, tmp_path):
    write(tmp_path / "a.wav", channels=3)
    _, out, _ = flashsr("a.wav", "--cutoff", "3000")
    assert out.endswith("restored above 3.00 kHz\n")


def test_model_that_is_not_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.wav")
    assert cli.main(["a.wav", "--source", "./nowhere"]) == 1
    assert "There is no folder './nowhere'" in capsys.readouterr().err


def test_checkpoint_that_does_not_fit(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.wav")
    folder = save_tiny_model(tmp_path / "tiny")
    (tmp_path / "tiny" / "unet.ckpt").write_bytes(b"cut")
    assert cli.main(["a.wav", "--source", folder]) == 1
    err = capsys.readouterr().err
    assert "unet.ckpt" in err and len(err.splitlines()) == 1


def test_interruption(flashsr, tmp_path, monkeypatch):
    write(tmp_path / "a.wav")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(FlashSR, "super_resolve_file", interrupted)
    code, _, err = flashsr("a.wav")
    assert code == 130 and err == "flashsr: interrupted.\n"


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
def test_names_that_the_terminal_cannot_show(folder, tmp_path):
    write(tmp_path / "caf\u4e2d.wav")
    text, _ = start(folder, tmp_path, ["caf\u4e2d.wav"]).communicate(
        timeout=300
    )
    assert rb"caf\u4e2d_48k.wav: 0.25 s" in text


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGHUP", "SIGKILL"])
def test_what_is_left_of_a_file_when_the_command_is_ended(
    folder, tmp_path, name
):
    """Nothing; after SIGKILL the next run removes it."""
    rate = 8000
    noise = 0.1 * np.random.default_rng(0).standard_normal(300 * rate)
    soundfile.write(tmp_path / "long.wav", noise, rate)
    process = start(folder, tmp_path, ["long.wav"])
    while not list(tmp_path.glob(".flashsr-*")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(getattr(signal, name))
    process.communicate(timeout=300)
    assert process.returncode == (-9 if name == "SIGKILL" else 130)
    if name == "SIGKILL":
        write(tmp_path / "short.wav")
        start(folder, tmp_path, ["short.wav"]).communicate(timeout=300)
        (tmp_path / "short.wav").unlink()
        (tmp_path / "short_48k.wav").unlink()
    assert outputs(tmp_path) == ["long.wav"]


def test_standard_streams(folder, tmp_path, monkeypatch, capsysbinary):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.wav", channels=2)
    data = (tmp_path / "a.wav").read_bytes()
    for arguments in (["-"], ["-", "-o", "-"], ["a.wav", "-o", "-"]):
        monkeypatch.setattr(
            sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(data))
        )
        assert (
            cli.main([*arguments, "--source", folder, "--device", "cpu"]) == 0
        )
        samples, rate = soundfile.read(
            io.BytesIO(capsysbinary.readouterr().out)
        )
        assert (samples.shape, rate) == ((12000, 2), 48000)
    monkeypatch.setattr(
        sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(data))
    )
    code = cli.main(["-", "-o", "out/b.flac", "--source", folder, "--quiet"])
    assert code == 0 and soundfile.info("out/b.flac").frames == 12000
    assert cli.main(["a.wav", "b.wav", "-o", "-"]) == 1
    assert b"standard output" in capsysbinary.readouterr().err
    assert outputs(tmp_path) == ["a.wav", "out/b.flac"]


def test_rate_headroom_truncated_and_raw_inputs(flashsr, tmp_path):
    write(tmp_path / "a.wav")
    data = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(data[: len(data) // 2])
    (tmp_path / "call.raw").write_bytes(bytes(range(256)) * 8)
    options = ("--rate", 44100, "--quiet")
    code, _, err = flashsr("a.wav", "cut.wav", *options, "--headroom", 30)
    assert code == 1 and "cut.wav" in err and "--accept-truncated" in err
    info = soundfile.info("a_48k.wav")
    assert (info.samplerate, info.frames) == (44100, 11025)
    assert np.abs(soundfile.read("a_48k.wav")[0]).max() < 10 ** (-29.9 / 20)
    code, _, err = flashsr("cut.wav", "--accept-truncated", "--quiet")
    assert (code, err) == (0, "")
    assert 5900 < soundfile.info("cut_48k.wav").frames < 6000
    assert flashsr("call.raw", "--raw", "ulaw:8000", "--quiet")[0] == 0
    assert soundfile.info("call_48k.wav").frames == 2048 * 6
    code, _, err = flashsr("a.wav", "--rate", 22050)
    assert code == 1 and "22050. Choose one of 44100, 48000, 96000" in err


def test_films_and_phone_memos_of_a_folder_are_done_or_named(flashsr, tmp_path):
    write(tmp_path / "in" / "call.wav")
    memo = encode(noise(16000), 16000, "ipod", "aac")
    (tmp_path / "in" / "memo.m4a").write_bytes(memo)
    (tmp_path / "in" / "hang.svx").write_bytes(b"FORM\0\0\1\0" + b"8SVX" * 99)
    (tmp_path / "in" / "hang.wav").write_bytes(b"FORM\0\0\1\0" + b"8SVX" * 99)
    (tmp_path / "in" / "cut.mp4").write_bytes(memo[:3000])
    code, _, err = flashsr("in", "-o", "out", "--quiet")
    assert code == 1 and "2 of 4 inputs done, 2 failed" in err
    assert "hang.wav" in err and "cut.mp4" in err
    assert outputs(tmp_path / "out") == ["call_48k.wav", "memo_48k.wav"]
