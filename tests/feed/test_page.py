"""The plain page in a real browser."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from feed.vitals import Vitals
from rules.packs import REFERENCE_EN, REFERENCE_ZH
from rules.records import Text
from tests.feed.room import Room, eventually, tilted

CHROMIUM = Path("/usr/bin/chromium")
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="no /usr/bin/chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield opened
        opened.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
    yield context
    context.close()


@pytest.fixture
def page(room: Room, context: BrowserContext) -> Iterator[Page]:
    """Open the page on a clock that a test can wind on; nothing may be said on the console, CSP refusals above all."""
    page = context.new_page()
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if not message.text.startswith("Failed to load resource"):  # the browser itself on 409, 410, a dead line
            said.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.clock.install()
    page.goto(f"http://127.0.0.1:{room.server.port}/")
    expect(page.locator("#link")).to_have_class("live")
    yield page
    assert said == []


@pytest.fixture
def picture(page: Page) -> Callable[[str], None]:
    """Keep a picture when CITYWARD_PICTURES names a folder."""
    folder = os.environ.get("CITYWARD_PICTURES")

    def take(name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png")

    return take


def test_no_alarm_is_said_only_when_it_is_known(page: Page, room: Room) -> None:
    expect(page.locator("#none")).to_have_text("当前没有报警")
    expect(page.locator("#dead")).to_be_hidden()


def test_an_alarm_appears_live_and_is_acknowledged(page: Page, room: Room, picture: Callable[[str], None]) -> None:
    cover = tilted(latched=True)
    room.tell(cover)
    line = page.locator("#rows tr")
    expect(line).to_have_count(1)
    expect(line).to_contain_text("一级")
    expect(line).to_contain_text("未确认")
    expect(line).to_contain_text("井盖倾斜 34°")
    expect(line).to_contain_text("2026-11-24 16:00:00")  # Beijing time
    expect(line).to_contain_text("34.2 / 15 °")
    expect(page.locator("#none")).to_be_hidden()
    expect(page).to_have_title("(1) 城管物联感知网关 · 报警")
    picture("raised")

    line.get_by_role("button", name="确认").click()
    expect(page.locator("#notice")).to_have_text("请先填写值班员姓名，再确认报警。")
    assert room.alarms.by_id[cover.id].acknowledged is False
    page.locator("#user").fill("张三")
    line.get_by_role("button", name="确认").click()
    expect(line).to_contain_text("已确认")
    assert room.get("/api/v1/events").json["events"][-1]["user"] == "张三"

    cover.active = False
    room.tell(cover, kind="returned")
    expect(line).to_contain_text("已锁存待复位")
    page.once("dialog", lambda dialog: dialog.accept())
    line.get_by_role("button", name="复位").click()
    expect(page.locator("#none")).to_have_text("当前没有报警")
    page.reload()
    expect(page.locator("#user")).to_have_value("张三")


def test_a_conflict_is_shown(page: Page, room: Room) -> None:
    cover = tilted()
    room.tell(cover)
    page.locator("#user").fill("张三")
    button = page.locator("#rows tr").get_by_role("button", name="确认")
    expect(button).to_be_visible()
    cover.occurrence += 1  # something newer, of which the page has not heard yet
    button.click()
    expect(page.locator("#notice")).to_contain_text("该报警在您查看之后又有变化")
    expect(button).to_be_enabled()


def test_rows_stand_by_urgency(page: Page, room: Room, picture: Callable[[str], None]) -> None:
    """What nobody has seen stands first, of that the most urgent, of that the newest: seen is less than unseen."""
    room.tell(
        tilted("seen", acknowledged=True),
        tilted("low", priority=4, text=Text("电池电压低", "Battery low")),
        tilted("old", priority=2, since_ms=1_795_500_000_000),
        tilted("new", priority=2, basis="reference"),
        tilted("told", priority=3, basis="reference", text=Text(f"超标{REFERENCE_ZH}", f"Over{REFERENCE_EN}")),
        tilted("top", members=["dust-07", "dust-08", "dust-09"]),
        tilted("hidden", suppressed=["cut_off"]),
    )
    expect(page.locator("#rows tr")).to_have_count(6)
    devices = [line.get_attribute("data-alarm") or "" for line in page.locator("#rows tr").all()]
    assert [name.partition("@")[2].partition("/")[0] for name in devices] == [
        "top", "new", "old", "told", "low", "seen",
    ]  # fmt: skip
    expect(page.locator("#rows tr").nth(0)).to_contain_text("含 3 台静默设备")
    expect(page.locator("#rows tr").nth(1)).to_contain_text("参考限值，非执法依据")
    expect(page.locator("#rows tr").nth(3).locator("td.what")).to_have_text("超标（参考限值，非执法依据）")
    expect(page.locator("#suppressed")).to_have_text("另有 1 条报警被抑制（上级线路中断）")
    picture("many")
    page.locator("#language").click()
    expect(page.locator("#rows tr").nth(0)).to_contain_text("Cover tilted 34°")
    expect(page.locator("#rows tr").nth(1)).to_contain_text("reference limit, not a basis for enforcement")
    expect(page.locator("#rows tr").nth(3).locator("td.what")).to_have_text(f"Over{REFERENCE_EN}")
    picture("english")
    page.locator("#language").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


def test_what_comes_from_the_street_is_only_text(page: Page, room: Room) -> None:
    room.tell(tilted(name="<img src=x onerror=alert(1)>", members=["<script>alert(1)</script>"]))
    expect(page.locator("#rows tr")).to_contain_text("<img src=x onerror=alert(1)>")
    expect(page.locator("#rows img, #rows script")).to_have_count(0)


def test_a_dead_line_is_unmistakable_and_comes_back(page: Page, room: Room, picture: Callable[[str], None]) -> None:
    room.tell(tilted())
    expect(page.locator("#rows tr")).to_have_count(1)
    port = room.server.port
    room.server.stop(5)
    expect(page.locator("#link")).to_have_class("waiting")
    page.clock.run_for(25_000)
    expect(page.locator("#dead")).to_be_hidden()
    page.clock.run_for(10_000)
    expect(page.locator("#dead")).to_be_visible()
    expect(page.locator("#dead")).to_contain_text("数据中断")
    expect(page.locator("body")).to_have_class("dead")
    expect(page.locator("#rows tr")).to_have_count(1)  # greyed, not gone
    expect(page.get_by_role("button", name="确认")).to_be_disabled()
    expect(page).to_have_title("⚠ 数据中断")
    bar = page.locator("#dead").bounding_box()
    assert bar is not None
    assert (bar["x"], bar["width"]) == (0, 1366)
    picture("dead")

    room.tell(tilted("mh-0115"))  # told while nobody could hear it
    room.restart()
    assert room.server.port == port
    eventually(lambda: shows(page, 2))
    expect(page.locator("#dead")).to_be_hidden()
    expect(page.get_by_role("button", name="确认").first).to_be_enabled()
    expect(page.locator("#link")).to_have_class("live")


def test_an_empty_list_is_not_called_empty_when_the_line_is_dead(page: Page, room: Room) -> None:
    expect(page.locator("#none")).to_have_text("当前没有报警")
    room.server.stop(5)
    expect(page.locator("#none")).to_have_text("尚未连上网关，无法得知当前报警")
    page.clock.run_for(35_000)
    expect(page.locator("#none")).to_be_hidden()
    expect(page.locator("#dead")).to_be_visible()


def test_a_gateway_that_hangs_is_dead_too(page: Page, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP answers, alarms can be read, but nothing is judged any more: no heartbeat, so the page says so."""
    monkeypatch.setattr("feed.http.stream.LOOK_S", 0)  # the page's clock runs faster than the server's
    room.vitals = Vitals(idle_s=31, reconciled=True)
    page.clock.run_for(45_000)
    expect(page.locator("#dead")).to_be_visible()
    room.vitals = Vitals(idle_s=0, reconciled=True)
    page.clock.run_for(15_000)
    expect(page.locator("#dead")).to_be_hidden()


def test_a_browser_without_network_says_so_at_once(page: Page, context: BrowserContext, room: Room) -> None:
    room.tell(tilted())
    expect(page.locator("#rows tr")).to_have_count(1)
    context.set_offline(True)
    expect(page.locator("#dead")).to_contain_text("浏览器已断网")
    expect(page.get_by_role("button", name="确认")).to_be_disabled()
    context.set_offline(False)
    expect(page.locator("#dead")).to_be_hidden()


def shows(page: Page, rows: int) -> bool:
    """Let the page try again, for it may just have failed; tell whether it shows so many rows by now."""
    page.clock.run_for(1_000)
    return page.locator("#rows tr").count() == rows


def test_another_gateway_in_the_same_place_is_seen_whole(page: Page, room: Room, tmp_path: Path) -> None:
    """A replaced gateway has another feed: its 410 makes the page read everything anew."""
    room.tell(tilted("old"))
    expect(page.locator("#rows tr")).to_have_count(1)
    room.server.stop(5)
    with Room(tmp_path / "new", listen=f"127.0.0.1:{room.server.port}") as other:
        other.tell(tilted("new-1"), tilted("new-2"))
        eventually(lambda: shows(page, 2))
        eventually(lambda: page.locator("#link").get_attribute("class") == "live")
    page.clock.run_for(1_000)
