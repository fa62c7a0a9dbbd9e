"""What people see: in both languages, light and dark, on every desk, on the wall and in a hand; and what axe sees."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from rules.records import Text
from tests.console.conftest import Opens, Picture
from tests.console.screens import faults
from tests.feed.room import NOW_MS, Room, eventually, tilted

SIZES = {"desk": (1366, 768), "large": (1920, 1080), "phone": (390, 844)}
LOOKS = [
    ("desk", "zh", "light"), ("desk", "zh", "dark"), ("desk", "en", "light"), ("desk", "en", "dark"),
    ("large", "zh", "dark"), ("large", "en", "light"), ("phone", "zh", "light"), ("phone", "en", "dark"),
]  # fmt: skip


@pytest.fixture
def axe(workshop: Path) -> Path:
    return workshop / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def busy(room: Room) -> Room:
    texts = (
        Text("井盖倾斜 34°", "Cover tilted 34°"),
        Text("PM10 小时均值 186 µg/m³", "PM10 hourly mean 186 µg/m³"),
        Text("设备离线 3 h", "Device silent for 3 h"),
    )
    for n in range(40):
        room.tell(
            tilted(
                f"mh-{n:04}", priority=n % 4 + 1, text=texts[n % 3], acknowledged=n % 5 == 0, latched=n % 4 == 0,
                since_ms=NOW_MS - n * 977_000, count=n % 3, site="云龙湖二期" if n % 2 else None,
                basis="reference" if n % 3 == 1 else None, active=n % 7 != 0,
            )
        )  # fmt: skip
    return room


@pytest.fixture
def seen(browser: Browser, busy: Room) -> Iterator[Any]:
    """Open a screen as somebody sees it; the browser has nothing to say."""
    said: list[str] = []
    contexts = []

    def look(screen: str, size: tuple[int, int], language: str = "zh", theme: str = "light", **more: Any) -> Page:  # noqa: ANN401 - as Playwright has it
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale="zh-CN", **{"color_scheme": theme} | more
        )
        contexts.append(context)
        context.add_init_script(f"localStorage.setItem('language', '{language}')")
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"http://127.0.0.1:{busy.server.port}/#/{screen}")
        expect(page.locator("#link")).to_have_class("live")
        return page

    yield look
    for context in contexts:
        context.close()
    assert [words for words in said if not words.startswith("Failed to load resource")] == []


@pytest.mark.parametrize("look", LOOKS, ids="-".join)
def test_the_duty_desk(seen: Any, axe: Path, picture: Picture, look: tuple[str, str, str]) -> None:  # noqa: ANN401 - a function
    size, language, theme = look
    page: Page = seen("desk", SIZES[size], language, theme)
    expect(page.locator("#rows .all .line").first).to_be_visible()
    picture(page, f"duty-{size}-{language}-{theme}")
    assert faults(page, axe) == []
    page.locator("#rows .all .line").nth(1).click()
    expect(page.locator(".detail .events li").first).to_be_visible()
    picture(page, f"duty-detail-{size}-{language}-{theme}")
    assert faults(page, axe) == []


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (3840, 2160)])
def test_the_wall(seen: Any, axe: Path, picture: Picture, width: int, height: int) -> None:  # noqa: ANN401 - a function
    """Read-only, and as large as the screen: nothing scrolls, what does not fit is counted."""
    page: Page = seen("wall", (width, height), theme="dark")
    expect(page.locator(".one").first).to_be_visible()
    expect(page.locator(".more")).to_contain_text("还有")
    picture(page, f"wall-{width}")
    assert faults(page, axe) == []
    expect(page.get_by_role("button")).to_have_count(0)
    letters = page.locator(".one strong").first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
    assert letters / height > 0.02
    assert page.evaluate("document.documentElement.scrollHeight") <= height


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_wall_counts_thousands(seen: Any, busy: Room, picture: Picture, language: str) -> None:  # noqa: ANN401 - a function
    busy.tell(*[tilted(f"x-{n}", priority=n % 4 + 1, since_ms=NOW_MS - n) for n in range(5_000)])
    page: Page = seen("wall", (1920, 1080), language)
    expect(page.locator(".figures li").last).to_contain_text("125")
    expect(page.locator("header")).to_contain_text("班" if language == "zh" else "shift, until")
    picture(page, f"wall-thousands-{language}")
    whole = "e => [e, ...e.children].every(x => x.scrollWidth <= x.clientWidth + 1)"
    for panel in page.locator(".figures li").all():
        assert panel.evaluate(whole)
        box = panel.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 1920
        assert box["height"] < 130  # two lines beside one figure


def test_the_wall_says_where_the_browser_lets_nothing_sound(opens: Opens, context: BrowserContext) -> None:
    context.add_init_script("Object.defineProperty(AudioContext.prototype, 'state', { get: () => 'suspended' })")
    expect(opens("wall").locator("#silent")).to_have_text("声音未启用")


def test_the_wall_tells_what_has_returned_and_stands_still_when_the_line_is_dead(opens: Opens, room: Room) -> None:
    now_ms = time.time_ns() // 1_000_000
    room.tell(
        tilted("a", since_ms=now_ms - 60_000),
        tilted("b", priority=3, active=False, since_ms=NOW_MS, returned_ms=NOW_MS),
    )
    page = opens("wall", live=False)
    standing, over = page.locator(".one").first, page.locator(".one").nth(1)
    expect(standing).to_contain_text("未确认")
    expect(over).to_contain_text("已恢复")
    expect(over.locator(".number").last).to_have_text("—")
    room.server.stop(5)
    page.clock.run_for(35_000)
    expect(page.locator("#dead")).to_be_visible()
    last = standing.locator(".number").last.inner_text()
    page.clock.run_for(10_000)
    assert standing.locator(".number").last.inner_text() == last


def test_a_refusal_is_seen_on_a_phone(seen: Any, busy: Room) -> None:  # noqa: ANN401 - a function
    """Above the alarm that fills the screen."""
    page: Page = seen("desk", SIZES["phone"], has_touch=True, is_mobile=True)
    page.locator("#user").fill("李四")
    page.locator("#rows .all .line").first.tap()
    for alarm in busy.alarms.by_id.values():
        alarm.occurrence += 1
    page.get_by_role("button", name="确认").tap()
    words = page.locator("#notice strong")
    expect(words).to_contain_text("没有执行")
    assert words.evaluate(
        "e => { const b = e.getBoundingClientRect();"
        " return e.contains(document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2)); }"
    )


def test_without_a_name_the_field_for_it_is_seen_on_a_phone(seen: Any) -> None:  # noqa: ANN401 - a function
    page: Page = seen("desk", SIZES["phone"], has_touch=True, is_mobile=True)
    page.locator("#rows .all .line").first.tap()
    page.get_by_role("button", name="确认").tap()
    field = page.locator("#user")
    expect(field).to_be_focused()
    expect(page.locator("#notice")).to_contain_text("请先填写值班员姓名")
    for words in (field, page.locator("#notice p")):
        assert words.evaluate(
            "e => { const b = e.getBoundingClientRect();"
            " return e.contains(document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2)); }"
        )


def test_the_place_is_read_on_a_small_desk(seen: Any) -> None:  # noqa: ANN401 - a function
    page: Page = seen("desk", SIZES["desk"])
    place = page.locator("#rows .all .line .place").first
    assert place.evaluate("e => e.clientWidth") >= 130


def test_dialogs(seen: Any, axe: Path, picture: Picture) -> None:  # noqa: ANN401 - a function
    page: Page = seen("desk", SIZES["desk"])
    page.locator("#rows .all .line").nth(8).click()
    for key, name in (("h", "shelve"), ("c", "comment"), ("?", "help")):
        eventually(partial(opened, page, key))  # dialogs come with the first alarm chosen; until then keys rest
        expect(page.get_by_role("dialog")).to_be_visible()
        picture(page, f"dialog-{name}")
        assert faults(page, axe) == []
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)


def opened(page: Page, key: str) -> bool:
    """Press a key that opens a dialog, unless one is open."""
    if not page.get_by_role("dialog").count():
        page.keyboard.press(key)
        page.wait_for_timeout(300)
    return page.get_by_role("dialog").count() == 1


def test_only_a_symbol_moves_and_not_for_those_who_want_none(seen: Any) -> None:  # noqa: ANN401 - a function
    """At 1 Hz: text never does (CRIOP 3.5.8.2), and nothing where the system says so."""
    moving = "document.getAnimations().map(a => [a.effect.target.tagName, a.effect.getTiming().duration])"
    page: Page = seen("desk", SIZES["desk"])
    expect(page.locator("#rows .pulse").first).to_be_visible()
    found = page.evaluate(moving)
    assert {(tag.lower(), duration) for tag, duration in found} == {("svg", 1000)}
    assert seen("desk", SIZES["desk"], reduced_motion="reduce").evaluate(moving) == []


def test_a_hand_can_acknowledge(seen: Any, busy: Room) -> None:  # noqa: ANN401 - a function
    """On a phone: touch the alarm, touch the one large button, go on to the device."""
    page: Page = seen("desk", SIZES["phone"], has_touch=True, is_mobile=True)
    page.locator("#user").fill("李四")
    first = page.locator("#rows .all .line").first
    row, level = first.bounding_box(), page.locator("#counts button").last.bounding_box()
    assert row is not None
    assert level is not None
    assert row["width"] > 370  # nothing stands beside the list
    assert level["x"] + level["width"] <= 390  # nor does a level lie out of sight
    first.tap()
    button = page.get_by_role("button", name="确认")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    button.tap()
    expect(page.locator(".detail .events")).to_contain_text("李四")
    page.get_by_role("link", name="设备实时").tap()
    expect(page.locator("main h1")).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert [alarm for alarm in busy.alarms.by_id.values() if alarm.acked_by == "李四"]
