"""Browsers at the console, for stories about its screens: somebody logs in, and the browser has nothing to say."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from tests.feed.console import PASSWORD, ConsoleRoom

expect.set_options(timeout=20_000)  # of a machine that does ten things at once


class Seat:
    """Somebody in front of a browser.

    said  what the browser said on its console: refusals of the Content-Security-Policy above all
    """

    def __init__(self, browser: Browser, room: ConsoleRoom, *, language: str = "zh", **context: Any) -> None:  # noqa: ANN401 - as Playwright has it
        given: dict[str, Any] = {"viewport": {"width": 1366, "height": 768}, "color_scheme": "light"} | context
        self.context = browser.new_context(ignore_https_errors=True, **given)
        self.context.set_default_timeout(15_000)
        self.context.add_init_script(f"localStorage.setItem('language', '{language}')")
        self.address = f"https://127.0.0.1:{room.server.console_port}"
        self.said: list[str] = []
        self.page = self.context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        if not message.text.startswith("Failed to load resource"):  # the browser itself on 401, 403, 422
            self.said.append(message.text)

    def login(self, user: str, password: str = PASSWORD, *, live: bool = True) -> Page:
        """Log in on the page."""
        self.page.goto(f"{self.address}/")
        fields = self.page.locator("form input")
        fields.nth(0).fill(user)
        fields.nth(1).fill(password)
        self.page.locator("form button").first.click()
        if live:
            expect(self.page.locator("#link")).to_have_class("live")
        return self.page

    def open(self, screen: str) -> Page:
        """Go to a screen by its address, and wait until it has read what it shows."""
        self.page.goto(f"{self.address}/#/{screen}")
        expect(self.page.locator("main h1")).to_be_attached()
        expect(self.page.locator("main .state[role=status]")).to_have_count(0)
        return self.page


@contextmanager
def seat(browser: Browser, room: ConsoleRoom, user: str, **given: Any) -> Iterator[Seat]:  # noqa: ANN401 - as above
    """Sit down and log in."""
    sitting = Seat(browser, room, **given)
    sitting.login(user)
    yield sitting
    assert sitting.said == []
    sitting.context.close()


def rows(page: Page, name: str) -> Locator:
    """Return the rows of the table of this name."""
    return page.get_by_role("table", name=name).locator("tbody tr")


def faults(page: Page, axe: Path) -> list[str]:
    """Return what axe finds wrong with the page, by rule and place."""
    page.evaluate(axe.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(
        "async () => (await axe.run()).violations"
        ".flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target} ${n.failureSummary}`))"
    )
    return found
