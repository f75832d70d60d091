"""The page of `flashsr app`: the function behind it, and it in a real browser.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlparse

import matplotlib.image
import numpy as np
import pytest
import soundfile

from speechbrain_flashsr import cli
from speechbrain_flashsr.cli.app import restore
from speechbrain_flashsr.inference import FlashSR
from tests.browser import headless_browser
from tests.encoded import encode, noise


@pytest.fixture(scope="module")
def flashsr(folder):
    return FlashSR.from_hparams(
        folder, run_opts={"device": "cpu", "noprogressbar": True}
    )


@pytest.fixture
def recording(tmp_path):
    """A call of half a second: noise below 3.2 kHz."""
    path = tmp_path / "upload" / "call.wav"
    path.parent.mkdir()
    soundfile.write(path, noise(16000).T, 16000)
    return path


def test_recording_is_restored_and_drawn(flashsr, recording, tmp_path):
    text, *files = restore(flashsr, tmp_path, str(recording))
    assert text.startswith("call_48k.wav: 0.50 s at 48000 Hz, restored above 3")
    before, before_picture, after, after_picture = files
    assert soundfile.info(before).samplerate == 16000
    assert soundfile.info(after).frames == 24000
    assert Path(after).name == "call_48k.wav"
    pictures = [matplotlib.image.imread(p) for p in files[1::2]]
    assert pictures[0].shape == pictures[1].shape
    # Another strength and cut-off go to another file.
    other = restore(flashsr, tmp_path, str(recording), 10.0, 7000)[3]
    assert other != after
    sounds = [soundfile.read(path)[0] for path in (after, other)]
    assert abs(sounds[0] - sounds[1]).max() > 0


def test_players_get_a_format_that_browsers_play(flashsr, tmp_path):
    path = tmp_path / "call.mp4"
    path.write_bytes(encode(noise(16000), 16000, "mp4", "aac", pictures=2))
    _, *files = restore(flashsr, tmp_path, str(path))
    assert [soundfile.info(f).format for f in files[::2]] == ["WAV", "WAV"]


def test_what_is_far_above_full_scale_is_played_lower(flashsr, tmp_path):
    path = tmp_path / "upload" / "loud.wav"
    path.parent.mkdir()
    loud = 30 * noise(16000) / np.abs(noise(16000)).max()
    soundfile.write(path, loud.T, 16000, subtype="FLOAT")
    text, *files = restore(flashsr, tmp_path, str(path))
    assert "Lowered by" in text
    peaks = [np.abs(soundfile.read(sound)[0]).max() for sound in files[::2]]
    assert 0.999 < max(peaks) <= 1
    # Both by one gain, so that they can be compared.
    lowered = float(text.partition("Lowered by ")[2].split()[0])
    assert abs(20 * np.log10(30 / peaks[0]) - lowered) < 0.1


def test_errors_are_sentences_without_the_folders(flashsr, tmp_path):
    path = tmp_path / "upload" / "notes.wav"
    path.parent.mkdir()
    path.write_text("no sound")
    text, *files = restore(flashsr, tmp_path, str(path))
    assert text.startswith("'notes.wav' cannot be read as audio")
    assert files == [None] * 4
    text, *files = restore(flashsr, tmp_path, None)
    assert text == "The recording is missing. Drop a file or record."
    assert files == [None] * 4


def test_full_band_recordings_are_said_to_be_such(flashsr, tmp_path):
    path = tmp_path / "wide.wav"
    white = np.random.default_rng(0).uniform(-0.5, 0.5, 24000)
    soundfile.write(path, white, 48000)
    text, *files = restore(flashsr, tmp_path, str(path))
    assert "'wide.wav' is full band already: nothing is added." in text
    assert all(map(os.path.exists, files))


def test_loud_results_are_lowered_and_said_to_be(flashsr, tmp_path):
    path = tmp_path / "loud.wav"
    soundfile.write(path, 5 * noise(16000).T, 16000, subtype="FLOAT")
    text, _, _, after, _ = restore(flashsr, tmp_path, str(path))
    lowered = text.splitlines()[-1]
    assert lowered.startswith("Lowered by ") and "--" not in text
    assert 0.99 < abs(soundfile.read(after)[0]).max() < 1


def test_error_without_gradio_names_the_command(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert cli.main(["app"]) == 1
    error = capsys.readouterr().err
    assert "pip install 'speechbrain_flashsr[app]'" in error


@pytest.fixture
def address(folder, tmp_path):
    """The page, served by the command until the test ends."""
    pytest.importorskip("gradio", reason="the page was NOT tested: gradio")
    command = [sys.executable, "-m", "speechbrain_flashsr.cli", "app"]
    server = subprocess.Popen(
        [*command, "--source", folder, "--device", "cpu"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    try:
        line = server.stdout.readline()
        assert "http://127.0.0.1" in line
        yield next(word for word in line.split() if word.startswith("http"))
    finally:
        server.terminate()
        assert server.wait(30) == 0
    assert not list(tmp_path.glob("flashsr-app-*"))


@pytest.fixture
def browser(tmp_path):
    """Headless Chromium that writes down what it asks the network for."""
    with headless_browser(performance="ALL") as driver:
        driver.execute_cdp_cmd(
            "Browser.setDownloadBehavior",
            {"behavior": "allow", "downloadPath": str(tmp_path)},
        )
        yield driver


@pytest.mark.slow
def test_page_in_a_browser(browser, address, recording, tmp_path):
    browser.get(address)

    def find(selector):
        return until(
            lambda: browser.find_elements("css selector", selector), selector
        )

    def text():
        return find("textarea")[0].get_property("value")

    def press(name):
        """Presses a button with a text or, if it is a picture, a label."""
        selector = (
            f"//button[normalize-space()='{name}' or @aria-label='{name}']"
        )
        until(
            lambda: [
                button.click() or True
                for button in browser.find_elements("xpath", selector)
                if button.is_enabled()
            ],
            name,
        )

    find("input[type=file]")[0].send_keys(str(recording))
    find("[data-testid^='audio-player-Drop']")
    press("Restore")
    until(lambda: "restored above" in text(), "the result")
    assert "call_48k.wav: 0.50 s" in text()
    width = "return arguments[0].naturalWidth"
    for title in ("Before", "After"):
        find(f"[data-testid='audio-player-{title}']")
        (picture,) = find(f"img[alt='Spectrogram {title.lower()}']")
        until(lambda p=picture: browser.execute_script(width, p) > 500, title)
    press("Download")
    result = tmp_path / "call_48k.wav"
    until(result.exists, "the download")
    assert soundfile.info(result).frames == 24000
    messages = [
        json.loads(entry["message"])["message"]
        for entry in browser.get_log("performance")
    ]
    hosts = {
        urlparse(m["params"]["request"]["url"]).hostname
        for m in messages
        if m["method"] == "Network.requestWillBeSent"
        and m["params"]["request"]["url"].startswith("http")
    }
    assert hosts == {"127.0.0.1"}


def until(found, what, seconds=60):
    """Waits for a true value and returns it."""
    stop = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < stop, f"{what} did not come"
        time.sleep(0.1)
    return value
