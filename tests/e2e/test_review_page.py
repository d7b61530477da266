"""The HTML report in a real browser, on a phone and on a screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from hubstack.review import page
from hubstack.review.changes import ObjectChange, StackChange
from hubstack.review.engine import EngineView
from hubstack.review.rendering import Rendered
from hubstack.review.report import Report
from hubstack.review.rules import Finding
from hubstack.review.setting_changes import ChangedSetting
from tests.e2e.conftest import SCREENSHOTS

SIDE = Rendered("")
LONG = "a-name-without-any-break-" * 12
DIFF = "@@ -582,10 +582,6 @@\n same: line\n-  removed: <script>alert(1)</script>\n+  added: " + "x" * 400
COSMETIC = ("metadata.labels.chart", "metadata.labels.helm.sh/chart")
SETTINGS = (
    ChangedSetting("cull.timeout", "3600", "600", "common.yaml"),
    ChangedSetting(f"custom.{LONG}", "<b>old</b>", LONG[:80], f"{LONG}.yaml"),
)
SIZES = {"phone": (390, 844), "screen": (1280, 800)}


def report() -> Report:
    """One stack of each kind, with texts as long and as hostile as they come."""
    hub = ObjectChange("Deployment/hub", "restart", DIFF, ("spec.template",))
    secret = ObjectChange("Secret/hub", "update", DIFF, ("data",))
    labels = ObjectChange("Service/hub", "update", "-a\n+b", COSMETIC)
    gone = ObjectChange("PersistentVolumeClaim/hub-db-dir", "delete", "")
    restart = Finding("hub-restart", "the hub restarts: no logins and no new servers for about 20 s", False)
    blocked = Finding("profile-removed", "a profile disappears: a start with it ends with an error (large)", True)
    accepted = Finding("database", f"the hub starts with another database ({LONG})", True, "a test hub")
    return Report(
        "origin/main",
        (
            *(StackChange(f"course-{n:02d}", SIDE, SIDE, (hub, secret), (blocked, restart)) for n in range(12)),
            StackChange("physics", SIDE, SIDE, (hub, labels), (accepted, restart), settings=SETTINGS),
            StackChange(LONG, SIDE, None, (gone,), (Finding("stack-removed", "the stack's file goes", False),)),
            StackChange("broken", SIDE, SIDE, errors=("head: Pulumi.broken.yaml: line 2: not valid YAML: <b>no</b>",)),
            StackChange("far", SIDE, SIDE, (), (), engine=EngineView((("replace", "Service proxy-public"),))),
            StackChange("same", SIDE, SIDE),
        ),
    )


@pytest.fixture(params=SIZES)
def seen(request: pytest.FixtureRequest, browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The page, opened; fails on anything that it asks of the network or says on the console."""
    width, height = SIZES[request.param]
    file = tmp_path / "review.html"
    file.write_text(page.report(report()))
    context = browser.new_context(viewport={"width": width, "height": height}, has_touch=width < 500)
    opened = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(file.as_uri())
    yield opened
    opened.screenshot(path=SCREENSHOTS / f"review-{request.param}.png", full_page=True)
    context.close()
    assert [url for url in asked if not url.startswith(("data:", file.as_uri()))] == []
    assert said == []


def overflow(seen: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return seen.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_the_page_fits_its_window(seen: Page) -> None:
    """Neither closed nor with every diff open does the page scroll sideways; a long line scrolls in its own box."""
    assert overflow(seen) == 0
    seen.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert overflow(seen) == 0
    diff = seen.locator("pre").first
    assert diff.evaluate("box => box.scrollWidth > box.clientWidth")


def test_everything_is_there(seen: Page) -> None:
    """Each changed stack has a row with its verdict; what blocks comes before what only tells."""
    stacks, settings = seen.locator("table").first, seen.locator("table").last
    rows = stacks.locator("tbody tr")
    names = [*(f"course-{number:02d}" for number in range(12)), "physics", LONG, "broken", "far"]
    assert stacks.locator("tbody td:first-child").all_inner_texts() == names
    assert settings.locator("tbody td:first-child").all_inner_texts() == [each.path for each in SETTINGS]
    assert "<b>old</b>" in settings.inner_text(), "markup in a value is text"
    assert rows.count() == len(names)
    assert seen.locator(".check").all_inner_texts() == [*["blocked"] * 12, "accepted", "ok", "error", "ok"]
    told = seen.locator(".told").all_inner_texts()
    assert [text.partition(":")[0] for text in told][:3] == ["broken cannot be shown", "blocks", "hub-restart (now)"]
    assert any("engine would replace Service proxy-public" in text for text in told)


def test_folding(seen: Page) -> None:
    """A diff is closed at first; a click on its title opens it, and another closes it."""
    fold = seen.locator("details", has=seen.locator("pre")).first
    diff, title = fold.locator("pre"), fold.locator("summary")
    assert not diff.is_visible()
    title.click()
    assert diff.is_visible()
    assert "<script>alert(1)</script>" in diff.inner_text(), "markup in a value is text"
    title.click()
    assert not diff.is_visible()
