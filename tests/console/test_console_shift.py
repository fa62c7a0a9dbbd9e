"""A long shift at the duty desk: what was done stays in sight, what is over is said to be over, and back is back."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Locator, Page, expect

from rules.records import Text
from tests.console.conftest import Opens, Picture
from tests.console.street import furnish, high
from tests.console.test_console_desk import devices, lines, on_duty
from tests.feed.room import NOW_MS, Room, eventually, tilted

COVER = "cover-tilted@{}/tilt_deg"


def chosen(page: Page) -> Locator:
    return page.locator('.line[aria-selected="true"]')


@contextmanager
def phone(browser: Browser, room: Room) -> Iterator[Page]:
    """Take a telephone, with an earlier page in its history."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="zh-CN", color_scheme="light", has_touch=True, is_mobile=True
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto("about:blank")
    page.goto(f"http://127.0.0.1:{room.server.port}/")
    expect(page.locator("#link")).to_have_class("live")
    yield page
    context.close()


def test_what_was_just_acknowledged_stays_where_the_eye_is(page: Page, room: Room) -> None:
    """The row shows that it is done, in its place; some seconds later the list is in order again."""
    room.tell(*[tilted(f"mh-{n}", since_ms=NOW_MS - n) for n in range(60)])
    expect(page.locator("#counts")).to_contain_text("一级 60/60")
    on_duty(page)
    page.keyboard.press("ArrowDown")
    page.clock.run_for(16_000)  # the guidance has been read
    page.keyboard.press("a")
    expect(page.locator("#counts")).to_contain_text("一级 59/60")
    expect(chosen(page)).to_contain_text("已确认")
    assert devices(page)[0] == "mh-0"
    page.clock.run_for(16_000)
    expect(lines(page).first).to_contain_text("mh-1 ")


def test_a_button_of_the_detail_holds_the_rows_too(page: Page, room: Room) -> None:
    room.tell(*[tilted(f"mh-{n}", since_ms=NOW_MS - n) for n in range(60)])
    expect(page.locator("#counts")).to_contain_text("一级 60/60")
    on_duty(page)
    page.keyboard.press("ArrowDown")
    page.clock.run_for(16_000)
    page.get_by_role("button", name="确认 A").click()
    expect(chosen(page)).to_contain_text("已确认")
    assert devices(page)[0] == "mh-0"
    expect(page.locator(".detail")).to_be_focused()  # its button is gone: Tab goes on from there
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="派单 D")).to_be_focused()


def test_a_mouse_that_lies_on_the_list_does_not_hold_it_for_ever(page: Page, room: Room) -> None:
    room.tell(tilted("a", priority=3))
    expect(lines(page)).to_have_count(1)
    lines(page).hover()
    page.clock.run_for(30_000)
    room.tell(tilted("b"))
    expect(page.locator("#new")).to_contain_text("其中一级 1 条")
    page.clock.run_for(31_000)
    expect(lines(page)).to_have_count(2)
    assert devices(page) == ["b", "a"]


def test_what_was_refused_and_then_done_is_no_longer_said_to_be_refused(page: Page, room: Room) -> None:
    cover = tilted()
    room.tell(cover)
    expect(lines(page)).to_have_count(1)
    on_duty(page)
    page.keyboard.press("ArrowDown")
    cover.occurrence += 1  # something newer, of which the page has not heard yet
    page.keyboard.press("a")
    expect(page.locator("#notice")).to_contain_text("没有执行：确认")
    room.tell(cover)
    expect(page.locator("#link")).to_have_text("完整至 #2")
    page.keyboard.press("a")
    expect(lines(page)).to_contain_text("已确认")
    expect(page.locator("#notice")).to_be_empty()


def test_the_detail_of_what_is_over_says_so(page: Page, room: Room) -> None:
    cover = tilted(latched=True, acknowledged=True, active=False)
    room.tell(cover)
    expect(lines(page)).to_have_count(1)
    on_duty(page)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".detail header")).to_contain_text("已锁存待复位")
    page.keyboard.press("r")
    page.get_by_role("dialog").get_by_role("button", name="复位").click()
    expect(lines(page)).to_contain_text("已结束")
    expect(page.locator(".detail header strong")).to_have_text("已结束")
    expect(page.locator(".detail header .chip")).to_have_class("chip quiet")
    expect(page.locator(".acts button")).to_have_count(0)


def test_which_of_the_two_forbids_it_is_said(page: Page, room: Room) -> None:
    room.tell(tilted("a"))
    expect(lines(page)).to_have_count(1)
    on_duty(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("r")
    expect(page.locator("#notice")).to_have_text("现在不能“复位”：这条报警未确认。")


def test_at_1366_pixels_a_chosen_alarm_leaves_the_list_what_it_says(page: Page, room: Room, picture: Picture) -> None:
    """How long, how often and who has it stay beside the detail; the year goes, and of today the day."""
    now = int(page.evaluate("Date.now()"))
    room.tell(
        tilted("a", since_ms=now - 90_000, count=3),
        tilted("b", since_ms=now - 40 * 3_600_000, acknowledged=True, acked_by="李四"),
    )
    expect(lines(page)).to_have_count(2)
    year, day = lines(page).nth(0).locator(".year"), lines(page).nth(0).locator(".day")
    expect(year).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".detail h2")).to_be_visible()
    for line in lines(page).all():
        expect(line.locator(".lasting")).to_be_visible()
        expect(line.locator(".year")).to_be_hidden()
    expect(day).to_be_hidden()
    expect(lines(page).nth(1).locator(".day")).to_be_visible()
    assert lines(page).nth(0).locator(".state-of").inner_text() == "未确认 ×3"
    assert lines(page).nth(1).locator(".state-of").inner_text() == "已确认 李四"
    picture(page, "chosen-1366")


def test_the_trend_says_what_its_values_are(opens: Opens, room: Room) -> None:
    furnish(room)
    room.now_ms = lambda: room.fold.memory.log_ms
    room.tell(high("dust-07"))
    page = opens()
    lines(page).click()
    expect(page.locator(".detail")).to_contain_text("各分钟均值；无有效数据处为空 · µg/m³")


def test_the_focus_follows_to_the_screen_and_back(page: Page, room: Room) -> None:
    """Who cannot see is not left at the top of the page when the screen changes, or a dialog goes."""
    room.tell(tilted("a"))
    expect(lines(page)).to_have_count(1)
    on_duty(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("m")
    expect(page.get_by_role("main", name="地图")).to_be_focused()
    page.go_back()
    expect(page.locator("#rows")).to_be_focused()
    page.keyboard.press("c")
    page.get_by_role("dialog").locator("textarea").fill("已派人")
    page.keyboard.press("Enter")
    expect(page.locator(".events")).to_contain_text("已派人")
    expect(page.locator("#rows")).to_be_focused()


def test_an_address_that_is_none_is_the_desk(opens: Opens) -> None:
    page = opens("nonsense")
    expect(page.get_by_role("link", name="值班台")).to_have_attribute("aria-current", "page")


def test_on_a_phone_back_leads_from_the_alarm_to_the_list(browser: Browser, room: Room) -> None:
    room.tell(tilted("a"), tilted("b", priority=3))
    with phone(browser, room) as page:
        page.locator("#user").fill("张三")
        lines(page).first.tap()
        expect(page.locator(".detail h2")).to_be_visible()
        page.get_by_role("button", name="确认").first.tap()
        eventually(lambda: room.alarms.by_id[COVER.format("a")].acknowledged)
        page.go_back()
        expect(page.locator(".detail h2")).to_have_count(0)
        expect(lines(page)).to_have_count(2)
        expect(lines(page).first).to_contain_text("已确认 张三")
        lines(page).first.tap()
        expect(page.locator(".detail h2")).to_be_visible()
        page.locator(".back").tap()
        expect(page.locator(".detail h2")).to_have_count(0)
        page.go_back()
        assert page.url == "about:blank"


def test_an_alarm_has_an_address(opens: Opens, room: Room) -> None:
    """In a message it leads to the alarm; who then chooses another one is no longer there."""
    room.tell(tilted("a", text=Text("甲", "A")), tilted("b", priority=3, text=Text("乙", "B")))
    page = opens("desk/" + COVER.format("b").replace("/", "%2F").replace("@", "%40"))
    expect(page.locator(".detail h2")).to_have_text("乙")
    page.keyboard.press("ArrowUp")
    expect(page.locator(".detail h2")).to_have_text("甲")
    page.reload()
    expect(lines(page)).to_have_count(2)
    expect(page.locator(".detail h2")).to_have_count(0)


def test_on_a_dead_line_no_list_is_called_empty(opens: Opens, room: Room) -> None:
    room.tell(tilted("a"))
    page = opens("shelf")
    expect(page.locator("main")).to_contain_text("没有搁置的报警")
    room.server.stop(5)
    page.clock.run_for(35_000)
    expect(page.locator("#dead")).to_be_visible()
    expect(page.locator("main")).not_to_contain_text("没有搁置的报警")
    expect(page.get_by_text("中断前没有；现在不得而知")).to_have_count(3)
