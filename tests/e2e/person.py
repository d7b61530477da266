"""What a person does in a browser: log in, open JupyterLab, run a cell, stop the server, log out."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from types import TracebackType

from playwright.sync_api import Browser, Dialog, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

PASSWORD = "open sesame"
"""Of everybody, on the hubs of this suite."""
_SPAWN_MS = 600_000
_MS = 120_000
_LOOK_MS = 5_000
_TRIES = 20


class Person:
    """One person with a browser of their own; leaves a picture of where they were at the end."""

    def __init__(self, browser: Browser, url: str, name: str, pictures: Path) -> None:
        """Arguments:
        browser: a running browser.
        url: address of the hub, as seen from this machine.
        name: user name; also part of the pictures' names.
        pictures: folder for them.
        """
        self._context = browser.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 800})
        self._context.set_default_timeout(_MS)
        self.page: Page = self._context.new_page()
        self.page.on("dialog", _leave)
        self.url, self.name, self._pictures = url, name, pictures
        pictures.mkdir(parents=True, exist_ok=True)
        for old in pictures.glob(f"{name}-*.png"):
            old.unlink()

    def __enter__(self) -> Person:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.picture("failed" if kind else "end")
        self._context.close()

    def picture(self, what: str) -> None:
        """Keep what the browser shows now; a picture that cannot be had is no reason to fail."""
        with contextlib.suppress(PlaywrightTimeout):
            self.page.screenshot(path=self._pictures / f"{self.name}-{what}.png", timeout=10_000)

    def log_in(self, password: str = PASSWORD) -> None:
        """Fill in the login form; ends on whatever page comes next."""
        self.page.goto(f"{self.url}/hub/login")
        self.page.fill("#username_input", self.name)
        self.page.fill("#password_input", password)
        self.picture("login")
        self.page.click("#login_submit")

    def open_lab(self) -> None:
        """Wait until JupyterLab is there; starts the server where it does not run."""
        if "/user/" not in self.page.url and "/spawn" not in self.page.url:
            self.page.goto(f"{self.url}/hub/spawn")
        there = re.compile(r"/user/[^/]+/lab")
        failed = self.page.get_by_text("Spawn failed").first
        for _ in range(0, _SPAWN_MS, _LOOK_MS):
            with contextlib.suppress(PlaywrightTimeout):
                self.page.wait_for_url(there, timeout=_LOOK_MS)
                break
            assert not failed.is_visible(), failed.inner_text()
        self.page.wait_for_selector(".jp-Launcher-body, .jp-NotebookPanel", timeout=_SPAWN_MS)
        self.picture("lab")

    def new_notebook(self) -> None:
        """Open a notebook and wait for its kernel; what was open the last time is closed."""
        self.page.goto(f"{self.url}/user/{self.name}/lab?reset")
        self.page.locator(".jp-LauncherCard[data-category=Notebook]").first.click()
        self.page.wait_for_selector(".jp-NotebookPanel [data-status=idle]", timeout=_SPAWN_MS)

    def run(self, code: str) -> str:
        """Type code into the last cell, run it, and give what it printed."""
        cells = self.page.locator(".jp-NotebookPanel .jp-CodeCell")
        cell = cells.nth(cells.count() - 1)
        editor = cell.locator(".cm-content")
        for _ in range(_TRIES):  # a notebook that is still being drawn loses what is typed into it
            editor.click()
            self.page.keyboard.press("Control+a")
            self.page.keyboard.insert_text(code)
            self.page.wait_for_timeout(300)
            if code in editor.inner_text():
                break
        output = cell.locator(".jp-OutputArea-output").first
        for _ in range(_TRIES):  # a kernel that has just connected may lose what it is asked first
            self.page.keyboard.press("Control+Enter")
            with contextlib.suppress(PlaywrightTimeout):
                output.wait_for(timeout=5000)
                break
        expect(output).to_be_visible(timeout=_MS)
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("b")  # a new cell below, for what comes next
        self.picture("notebook")
        return output.inner_text().strip()

    def stop(self) -> None:
        """Press Stop My Server until the hub says that it is stopped."""
        self.page.goto(f"{self.url}/hub/home")
        self.page.wait_for_load_state("networkidle")
        self.page.click("#stop")
        expect(self.page.locator("#stop")).to_be_hidden(timeout=_MS)
        self.picture("stopped")

    def log_out(self) -> None:
        """Log out; the login page comes back for whatever is asked for next."""
        self.page.goto(f"{self.url}/hub/logout")
        self.page.goto(f"{self.url}/hub/home")
        self.page.wait_for_selector("#username_input")


def _leave(dialog: Dialog) -> None:
    """An unsaved notebook asks whether to leave the page."""
    dialog.accept()
