"""The console in a real browser: Debian's Chromium, a real server, pictures of what was seen."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.feed.room import Room

CONSOLE = Path(__file__).parents[2] / "feed" / "console"
PICTURES = Path(__file__).parent / "pictures"
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of feed/console with exactly the packages of its lock file."""
    folder = tmp_path_factory.mktemp("workshop") / "console"
    shutil.copytree(CONSOLE, folder, ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-fund", "--no-audit"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        yield opened
        opened.close()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with Room(tmp_path) as opened:
        yield opened


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN", color_scheme="light")
    context.set_default_timeout(15_000)
    yield context
    context.close()


Opens = Callable[..., Page]
Picture = Callable[[Page, str], None]


@pytest.fixture
def opens(room: Room, context: BrowserContext) -> Iterator[Opens]:
    """Open the console, on a clock that a test can wind on; nothing may be said on its console, CSP above all."""
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if not message.text.startswith("Failed to load resource"):  # the browser itself on 409, 410, a dead line
            said.append(message.text)

    def to(screen: str = "desk", *, live: bool = True) -> Page:
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.clock.install()
        page.goto(f"http://127.0.0.1:{room.server.port}/#/{screen}")
        if live:
            expect(page.locator("#link")).to_have_class("live")
        return page

    yield to
    assert said == []


@pytest.fixture
def page(opens: Opens) -> Page:
    return opens()


@pytest.fixture
def picture() -> Picture:
    """Keep a picture, for people to look at; git ignores the folder."""

    def take(page: Page, name: str) -> None:
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.png")

    return take
