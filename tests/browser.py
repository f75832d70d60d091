"""A headless browser for tests of pages.

Authors
 * The speechbrain_flashsr developers 2026
"""

import shutil
from contextlib import contextmanager

import pytest


@contextmanager
def headless_browser(**logs):
    """Starts Chromium. Tests that ask for it are skipped without Chromium and
    its driver, as in Debian's packages `chromium` and `chromium-driver`, or
    without the Python package `selenium`.

    Arguments
    ---------
    **logs
        Levels of the driver's logs, for example `browser="ALL"`.

    Yields
    ------
    selenium.webdriver.Chrome
    """
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in programs:
        pytest.skip(
            "no headless browser: the page was NOT tested (apt-get install "
            "chromium chromium-driver)"
        )
    selenium = pytest.importorskip(
        "selenium.webdriver", reason="the page was NOT tested: selenium"
    )
    options = selenium.ChromeOptions()
    options.binary_location = programs[0]
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--mute-audio",
        "--autoplay-policy=no-user-gesture-required",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", logs)
    driver = selenium.Chrome(
        options=options, service=selenium.ChromeService(programs[1])
    )
    driver.set_script_timeout(60)
    try:
        yield driver
    finally:
        driver.quit()
