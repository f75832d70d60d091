"""The report page in a real browser.

Authors
 * The speechbrain_flashsr developers 2026
"""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from tests.browser import headless_browser
from tests.recipes import training
from tests.recipes.evaluation import evaluate

WIDTHS = {"phone": 390, "desktop": 1280}


@pytest.fixture(scope="module")
def page(project, tmp_path_factory):
    """A report of the anchors on seconds of noise."""
    data = tmp_path_factory.mktemp("data")
    training.write_corpus(data, seconds=2.0)
    output = tmp_path_factory.mktemp("output")
    evaluate(
        project,
        output,
        data_folder=data,
        cutoffs=[4000, 8000],
        max_clips=2,
        systems="[lost: {folder: 'no/{cutoff}'}]",
        report_seconds=2.0,
    )
    return output / "report.html"


HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'{{7*7}}"


def hostile_results():
    """Results whose every name is an attack."""
    cost = dict.fromkeys(("no_high_band", "missing"))
    cost.update(real_time_factor=0.1, settings={HOSTILE: HOSTILE})
    cell = {"mean": 1.0, "lower": 0.9, "upper": 1.1, "clips": 3}
    systems = ("input", HOSTILE)
    scores = {system: {"clips": 3, "lsd": cell} for system in systems}
    sound = {"reference": "a", "key": "b", "cutoff_hz": 4000}
    names = dict.fromkeys(("id", "domain", "system", "reason"), HOSTILE)
    return {
        "systems": dict.fromkeys(systems, cost),
        "clips": 1,
        "settings": {
            "paired_folders": False,
            "degradation": "cheby1",
            "filter_order": HOSTILE,
        },
        "metrics": ["lsd"],
        "summary": {HOSTILE: {"4000": scores}},
        "sounds": [{**sound, **names}],
        "report_seconds": 1,
        "left_out": {
            reason: [HOSTILE]
            for reason in ("too_short", "no_content", "unreadable")
        }
        | {"too_narrow": [], "no_high_band": [], "missing": []},
        "refused": [{**names, "cutoff_hz": 4000}],
        "missing": {"lsd": [HOSTILE]},
    }


class Page(HTMLParser):
    """Lists the elements of a page."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))


def test_names_bring_no_script_or_style_into_the_page(project, tmp_path):
    (tmp_path / "results.json").write_text(json.dumps(hostile_results()))
    (tmp_path / "sounds").mkdir()
    for name in "ab":
        noise = np.random.default_rng(0).uniform(-0.1, 0.1, 48000)
        soundfile.write(tmp_path / "sounds" / f"{name}.wav", noise, 48000)
    with pytest.MonkeyPatch.context() as monkeypatch:
        script = project / training.RECIPE / "report.py"
        training.run_script(script, [str(tmp_path)], monkeypatch)
    text = (tmp_path / "report.html").read_text()
    elements = Page(text).elements
    tags = [tag for tag, _ in elements]
    assert tags.count("script") == tags.count("style") == 1
    for tag, attributes in elements:
        assert not any(name.startswith("on") for name in attributes)
        assert "style" not in attributes
        if tag in ("img", "audio"):
            assert attributes["src"].startswith("data:")
    assert "{{7*7}}" in text  # a name is not a template either
    (policy,) = (
        attributes["content"]
        for _, attributes in elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        content = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest())
        assert f"{tag}-src 'sha256-{digest.decode()}'" in policy


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium that writes its console down."""
    with headless_browser(browser="ALL") as driver:
        yield driver


@pytest.fixture(params=WIDTHS)
def width(request, browser, page):
    """Opens the page at a width in pixels."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {
            "width": WIDTHS[request.param],
            "height": 800,
            "deviceScaleFactor": 1,
            "mobile": request.param == "phone",
        },
    )
    browser.get(page.as_uri())
    yield WIDTHS[request.param]
    log = browser.get_log("browser")
    assert not log, log


def test_page_needs_nothing_beside_itself(page):
    text = page.read_text()
    sources = re.findall(r'(?:src|href)="([^"]{1,30})', text)
    assert sources
    assert all(s.startswith(("data:", "#")) for s in sources)
    assert "url(http" not in text and "@import" not in text
    assert page.stat().st_size < 15e6


def test_page_fits_and_has_its_parts(width, browser):
    script = "return document.documentElement.scrollWidth"
    assert browser.execute_script(script) <= width
    count = "return document.querySelectorAll(arguments[0]).length"
    # One clip a domain: the original, and the input at two cut-offs.
    assert browser.execute_script(count, "audio") == 3 * 3
    assert browser.execute_script(count, ".picture img") == 3 * 3
    assert browser.execute_script(count, "section[data-place]") == 6
    assert browser.execute_script(count, ".refusals tbody tr") == 12
    visible = """return [...document.querySelectorAll(arguments[0])]
        .filter((x) => x.checkVisibility()).length"""
    assert browser.execute_script(visible, "section[data-place]") == 1
    assert browser.execute_script(visible, ".tile") == 3 * 2
    # The cut-off is drawn where it is.
    height = """const tile = document.querySelector("[data-cutoff='4000']");
        const picture = tile.querySelector("img").getBoundingClientRect();
        const line = tile.querySelector(".cutoff").getBoundingClientRect();
        return (picture.bottom - line.top) / picture.height"""
    assert browser.execute_script(height) == pytest.approx(4 / 24, abs=0.02)


PLAY = """
const done = arguments[arguments.length - 1];
const audio = document.querySelectorAll("article:first-of-type audio");
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
(async () => {
  const durations = [];
  for (const one of document.querySelectorAll("audio")) {
    if (!(one.readyState > 0)) {
      await new Promise((resolve, reject) => {
        one.onloadedmetadata = resolve;
        one.onerror = () => reject(one.error.message);
        one.load();
      });
    }
    durations.push(one.duration);
  }
  await audio[0].play();
  while (audio[0].currentTime < 0.3) await wait(10);
  const head = audio[0].closest(".tile").querySelector(".head");
  const moved = parseFloat(head.style.left);
  await audio[1].play();
  const start = audio[1].currentTime;
  while (audio[1].currentTime < start + 0.1) await wait(10);
  done({ durations, moved, start, paused: audio[0].paused });
})().catch((error) => done(String(error)));
"""


def test_players_load_play_and_take_over(width, browser):
    found = browser.execute_async_script(PLAY)
    assert isinstance(found, dict), found
    assert found["durations"] == pytest.approx([2.0] * 9, abs=0.01)
    assert found["moved"] > 10
    assert found["paused"]
    assert found["start"] >= 0.25


def test_keyboard(width, browser):
    from selenium.webdriver import ActionChains, Keys

    def press(key):
        ActionChains(browser).send_keys(key).perform()

    shown = """return [...document.querySelectorAll("[data-cutoff]")]
        .filter((x) => x.checkVisibility()).map((x) => x.dataset.cutoff)"""
    assert set(browser.execute_script(shown)) == {"4000"}
    browser.execute_script("document.querySelector('article input').focus()")
    press(Keys.ARROW_RIGHT)
    assert browser.execute_script(shown)[0] == "8000"
    # All kinds of things that can be used are reached by the tabulator.
    focused = """const { tagName, name } = document.activeElement;
        return tagName + (name || "")"""
    wanted = {"AUDIO", "INPUTplace", "INPUTcutoff-3", "A"}
    for _ in range(120):
        press(Keys.TAB)
        wanted.discard(browser.execute_script(focused))
        if not wanted:
            return
    raise AssertionError(f"The tabulator does not reach {wanted}")
