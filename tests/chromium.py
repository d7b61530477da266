"""A headless browser for tests: the system's Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright

from tests import needs


def path() -> str | None:
    """The browser on PATH; None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def launched() -> Iterator[Browser]:
    """Headless Chromium until the test is done; installed where that is Debian. Skips where there is none."""
    found = path()
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "chromium", "fonts-dejavu-core"]
        for command in (["apt-get", "update", "--quiet"], install):
            subprocess.run(command, check=False, capture_output=True)
        found = path()
    if found is None:
        needs.skip("browser", "no Chromium on PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()
