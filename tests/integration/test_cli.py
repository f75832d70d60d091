"""The command `flashsr`.

Authors
 * The speechbrain_flashsr developers 2026
"""

import io
import sys
import types

import numpy as np
import pytest
import soundfile

from speechbrain_flashsr import cli
from speechbrain_flashsr.inference import FlashSR
from tests.encoded import encode, noise
from tests.integration.recordings import outputs, write
from tests.tiny_model import save_tiny_model


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


@pytest.mark.slow
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


def test_an_unforeseen_error_comes_with_its_traceback(
    flashsr, tmp_path, monkeypatch
):
    write(tmp_path / "a.wav")

    def fail(*_, **__):
        raise KeyError(1)

    monkeypatch.setattr(FlashSR, "super_resolve_file", fail)
    code, _, err = flashsr("a.wav")
    assert code == 1
    assert "in fail" in err
    assert err.splitlines()[-1].endswith("a.wav': KeyError: 1")


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


def test_outputs_in_a_folder_are_no_inputs_of_its_next_run(flashsr, tmp_path):
    write(tmp_path / "in" / "a.wav")
    for options in ((), ("--rate", 96000), ("--rate", 44100), ()):
        assert flashsr("in", "--quiet", *options)[0] == 0
    wavs = ["a.wav", "a_44k.wav", "a_48k.wav", "a_96k.wav"]
    assert [n for n in outputs(tmp_path / "in") if "wav" in n] == wavs


@pytest.mark.slow
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


@pytest.mark.slow
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
    info = soundfile.info("a_44k.wav")
    assert (info.samplerate, info.frames) == (44100, 11025)
    assert np.abs(soundfile.read("a_44k.wav")[0]).max() < 10 ** (-29.9 / 20)
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
