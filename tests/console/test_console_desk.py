"""The duty desk as a night shift uses it: by keys, live, nothing moving under the cursor."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from rules.packs import REFERENCE_EN, REFERENCE_ZH
from rules.records import Text
from tests.console.conftest import Opens, Picture
from tests.console.street import furnish, high
from tests.feed.room import NOW_MS, Room, eventually, tilted


def lines(page: Page) -> Locator:
    return page.locator("#rows .all .line")


def devices(page: Page) -> list[str]:
    ids = [line.get_attribute("data-row") or "" for line in lines(page).all()]
    return [name.partition("@")[2].partition("/")[0] for name in ids]


def on_duty(page: Page, name: str = "张三") -> None:
    page.locator("#user").fill(name)
    page.locator("#rows").focus()


def test_no_alarm_is_said_only_when_it_is_known(page: Page) -> None:
    expect(page.locator("#none")).to_have_text("当前没有报警")
    expect(page.locator("#dead")).to_have_count(0)


def test_an_alarm_is_answered_with_keys_alone(page: Page, room: Room, picture: Picture) -> None:
    """Raised, seen, acknowledged, returned, reset on site: no hand leaves the keyboard."""
    cover = tilted(latched=True)
    room.tell(cover)
    line = lines(page)
    expect(line).to_have_count(1)
    for words in ("一级", "未确认", "井盖倾斜 34°", "2026-11-24 16:00:00", "34.2 / 15 °"):
        expect(line).to_contain_text(words)
    expect(page.locator("#none")).to_have_count(0)
    expect(page).to_have_title("(1) xz-gulou-01 · 报警")

    page.keyboard.press("ArrowDown")
    expect(page.locator(".detail h2")).to_have_text("井盖倾斜 34°")
    picture(page, "raised")
    page.keyboard.press("a")
    expect(page.locator("#notice")).to_have_text("请先填写值班员姓名。")
    expect(page.locator("#user")).to_be_focused()
    assert room.alarms.by_id[cover.id].acknowledged is False
    page.keyboard.type("张三")
    page.keyboard.press("Escape")
    page.locator("#rows").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("a")
    expect(line).to_contain_text("已确认")
    expect(line.locator(".acked")).to_have_text("张三")
    expect(page.locator(".events")).to_contain_text("张三")
    assert room.get("/api/v1/events").json["events"][-1]["user"] == "张三"

    cover.active = False
    room.tell(cover, kind="returned")
    expect(line).to_contain_text("已锁存待复位")
    page.keyboard.press("r")
    expect(page.get_by_role("dialog")).to_contain_text("现场已确认恢复正常？")
    page.get_by_role("dialog").get_by_role("button", name="复位").focus()
    page.keyboard.press("Enter")
    expect(line).to_contain_text("已结束")
    page.keyboard.press("Escape")
    expect(page.locator("#none")).to_have_text("当前没有报警")
    page.reload()
    expect(page.locator("#user")).to_have_value("张三")


def test_a_command_is_pending_until_the_gateway_has_done_it(
    page: Page, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer is no answer: the same command is sent again, and the row says so until it is known."""
    monkeypatch.setattr("feed.http.asking.ANSWER_S", 0.3)
    cover = tilted()
    room.tell(cover)
    expect(lines(page)).to_have_count(1)
    on_duty(page)
    room.silent = True
    page.keyboard.press("ArrowDown")
    page.keyboard.press("a")
    expect(lines(page)).to_contain_text("已发送…")
    assert room.alarms.by_id[cover.id].acknowledged is False
    room.silent = False
    page.clock.run_for(1_500)
    expect(lines(page)).to_contain_text("已确认")


def test_a_conflict_is_shown_with_what_has_changed(page: Page, room: Room, picture: Picture) -> None:
    cover = tilted()
    room.tell(cover)
    expect(lines(page)).to_have_count(1)
    on_duty(page)
    page.keyboard.press("ArrowDown")
    cover.occurrence += 1  # something newer, of which the page has not heard yet
    page.keyboard.press("a")
    notice = page.locator("#notice")
    expect(notice).to_contain_text("没有执行：确认")
    expect(notice).to_contain_text("该报警在您查看之后又有变化")
    expect(notice).to_contain_text("您看到的一级 · 未确认 · 2026-11-24 16:00:00")
    expect(notice).to_contain_text("现在")
    expect(lines(page)).to_contain_text("未确认")
    picture(page, "conflict")
    page.keyboard.press("Escape")
    expect(notice).to_be_empty()


def test_rows_stand_by_urgency(page: Page, room: Room, picture: Picture) -> None:
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
    expect(lines(page)).to_have_count(6)
    assert devices(page) == ["top", "new", "old", "told", "low", "seen"]
    expect(lines(page).nth(0)).to_contain_text("含 3 台设备")
    expect(lines(page).nth(1)).to_contain_text("参考限值，非执法依据")
    expect(lines(page).nth(3).locator(".what")).to_have_text("超标（参考限值，非执法依据）")
    expect(page.locator(".facts")).to_contain_text("抑制 1")
    expect(page.locator("#counts")).to_contain_text("一级 1/2")
    picture(page, "many")
    page.get_by_role("button", name="English").click()
    expect(lines(page).nth(0)).to_contain_text("Cover tilted 34°")
    expect(lines(page).nth(1)).to_contain_text("reference limit, not a basis for enforcement")
    expect(lines(page).nth(3).locator(".what")).to_have_text(f"Over{REFERENCE_EN}")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    picture(page, "english")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


def test_what_comes_from_the_street_is_only_text(page: Page, room: Room) -> None:
    room.tell(tilted(name="<img src=x onerror=alert(1)>", members=["<script>alert(1)</script>"]))
    expect(lines(page)).to_contain_text("<img src=x onerror=alert(1)>")
    lines(page).click()
    expect(page.locator(".detail")).to_contain_text("<script>alert(1)</script>")
    expect(page.locator("#app img, #app script")).to_have_count(0)


def test_nothing_moves_under_the_cursor(page: Page, room: Room, picture: Picture) -> None:
    """While the pointer is over the rows, what is new is counted, what ends stays: until one says so, or leaves."""
    room.tell(tilted("a", priority=3), tilted("b", priority=3, since_ms=1_795_500_000_000))
    expect(lines(page)).to_have_count(2)
    lines(page).nth(1).hover()
    gone = room.alarms.by_id["cover-tilted@b/tilt_deg"]
    gone.active, gone.acknowledged = False, True
    room.tell(gone, kind="withdrawn")
    room.tell(tilted("c"), tilted("d", priority=2))
    new = page.locator("#new")
    expect(new).to_have_text("2 条新报警 ↑ · 其中一级 1 条")
    assert devices(page) == ["a", "b"]
    expect(lines(page).nth(1)).to_contain_text("已结束")
    expect(page.locator("#counts")).to_contain_text("一级 1/1")
    picture(page, "held")
    new.click()
    expect(lines(page)).to_have_count(3)
    assert devices(page) == ["c", "d", "a"]
    expect(new).to_have_count(0)
    room.tell(tilted("e"))
    expect(new).to_have_text("1 条新报警 ↑ · 其中一级 1 条")
    page.mouse.move(5, 5)
    expect(lines(page)).to_have_count(4)


def test_an_alarm_is_shelved_with_a_reason_and_comes_back(page: Page, room: Room) -> None:
    room.tell(tilted("a", priority=3))
    expect(lines(page)).to_have_count(1)
    on_duty(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("h")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("搁置多久")
    page.keyboard.press("Enter")
    expect(dialog.locator("textarea:invalid")).to_have_count(1)  # nothing goes out without a reason
    page.keyboard.type("井盖在换，已通知排水处")
    page.keyboard.press("Enter")
    eventually(lambda: room.alarms.by_id["cover-tilted@a/tilt_deg"].state == "SHELVED")
    expect(page.locator(".facts")).to_contain_text("搁置 1")
    expect(page.locator(".detail")).to_contain_text("井盖在换，已通知排水处")
    page.keyboard.press("u")
    eventually(lambda: room.alarms.by_id["cover-tilted@a/tilt_deg"].state != "SHELVED")
    expect(page.locator(".facts")).to_contain_text("搁置 0")


def test_a_dispatch_stands_in_the_history(page: Page, room: Room) -> None:
    room.tell(tilted("a"))
    expect(lines(page)).to_have_count(1)
    on_duty(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("d")
    expect(page.get_by_role("dialog").locator("textarea")).to_be_focused()
    page.keyboard.type("排水处李四，到场围护")
    page.keyboard.press("Enter")
    expect(page.locator(".events")).to_contain_text("派单：排水处李四，到场围护")
    assert room.alarms.by_id["cover-tilted@a/tilt_deg"].acknowledged is False


def test_only_what_is_in_sight_is_acknowledged_together(page: Page, room: Room) -> None:
    room.tell(*[tilted(f"mh-{n:04}", since_ms=1_795_500_000_000 - n) for n in range(200)])
    expect(page.locator("#counts")).to_contain_text("一级 200/200")
    on_duty(page)
    page.keyboard.press("Shift+A")
    words = page.get_by_role("dialog").locator("p").first.inner_text()
    count = int("".join(filter(str.isdigit, words)))
    assert 10 < count < 30
    page.keyboard.press("Enter")
    expect(page.locator("#counts")).to_contain_text(f"一级 {200 - count}/200")
    acked = [alarm.id for alarm in room.alarms.by_id.values() if alarm.acknowledged]
    assert sorted(acked) == [f"cover-tilted@mh-{n:04}/tilt_deg" for n in range(count)]


def test_filters_and_help(page: Page, room: Room, picture: Picture) -> None:
    room.tell(tilted("a", priority=3), tilted("b", priority=2, name="彭城广场"))
    expect(lines(page)).to_have_count(2)
    page.keyboard.press("3")
    expect(lines(page)).to_have_count(1)
    assert devices(page) == ["a"]
    page.keyboard.press("3")
    page.keyboard.press("/")
    page.keyboard.type("彭城")
    expect(lines(page)).to_have_count(1)
    assert devices(page) == ["b"]
    page.keyboard.type("没有")
    expect(page.locator("#none")).to_have_text("没有符合筛选条件的报警")
    page.keyboard.press("Escape")
    expect(lines(page)).to_have_count(2)
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="键盘操作")
    for key in ("A", "Shift+A", "H", "S", "D", "M", "/", "1", "4", "?"):
        expect(help_.locator("kbd", has_text=key).first).to_be_visible()
    picture(page, "help")
    page.keyboard.press("Escape")
    expect(help_).to_have_count(0)


def test_a_flood_is_shown_by_cause_and_the_most_urgent_stand_alone(page: Page, room: Room, picture: Picture) -> None:
    """More than ten within ten minutes: the gateway says that it is a flood, and the list becomes cards."""
    room.now_ms = lambda: NOW_MS + 60_000
    line = tilted("gate", id="line-down@gate", rule="line-down", priority=3)
    silent = [tilted(f"mh-{n}", id=f"silent@mh-{n}", rule="silent", priority=4 if n else 2) for n in range(12)]
    room.tell(line, *silent, tilted("p1-a"), tilted("p1-b"))
    for alarm in silent:
        alarm.group = line.id
    for alarm in silent[6:]:
        alarm.group = silent[0].id  # which names a cause of its own: a chain of causes is one card
    room.tell(*silent, kind="members")
    page.clock.run_for(11_000)
    expect(page.locator(".facts")).to_contain_text("报警泛滥")
    expect(lines(page)).to_have_count(3)
    card = page.locator(".line.group")
    expect(card).to_contain_text("13 条同因报警，13 条未确认")
    expect(card).to_contain_text("二级")  # of the most urgent of them: the card hides none behind its cause
    card.click()
    expect(lines(page)).to_have_count(16)
    picture(page, "flood")
    on_duty(page)
    page.keyboard.press("a")  # the card is selected: all of its members, each by its own name, and shown before
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("确认下列 13 条报警？")
    expect(dialog.locator("li")).to_have_count(13)
    assert not any(alarm.acknowledged for alarm in room.alarms.by_id.values())
    page.keyboard.press("Enter")
    eventually(lambda: sum(alarm.acknowledged for alarm in room.alarms.by_id.values()) == 13)
    expect(card).to_contain_text("13 条同因报警，0 条未确认")  # although the pointer rests on it
    expect(page.locator(".detail")).to_contain_text("13 条同因报警，0 条未确认")
    page.keyboard.press("g")
    page.keyboard.press("Home")
    expect(page.locator(".line.group")).to_have_count(0)


def test_the_button_beside_a_card_does_what_its_key_does(page: Page, room: Room) -> None:
    room.tell(*[tilted(f"mh-{n}", id=f"silent@mh-{n}", rule="silent", priority=4) for n in range(3)])
    expect(lines(page)).to_have_count(3)
    on_duty(page)
    page.keyboard.press("g")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".detail")).to_contain_text("3 条同因报警，3 条未确认")
    page.get_by_role("button", name="确认 A").click()
    expect(page.get_by_role("dialog").locator("li")).to_have_count(3)


def test_what_cannot_be_done_is_said(page: Page, room: Room) -> None:
    """A key that does nothing and says nothing looks broken."""
    room.tell(tilted("a", acknowledged=True))
    expect(lines(page)).to_have_count(1)
    on_duty(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("u")
    expect(page.locator("#notice")).to_contain_text("现在不能“取消搁置”")
    page.keyboard.press("Escape")
    expect(page.locator("#notice")).to_be_empty()


def test_one_goes_on_from_where_the_acknowledged_stood(page: Page, room: Room) -> None:
    """A, ↓, A, ↓ also at leisure: when the row has gone to the end, the next is the one that took its place."""
    room.tell(*[tilted(f"mh-{n}", since_ms=NOW_MS - n) for n in range(60)])
    expect(page.locator("#counts")).to_contain_text("一级 60/60")
    on_duty(page)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    chosen = page.locator('.line[aria-selected="true"]')
    expect(chosen).to_contain_text("mh-1 ")
    page.keyboard.press("a")
    expect(page.locator("#counts")).to_contain_text("一级 59/60")
    page.clock.run_for(20_000)
    expect(lines(page).nth(1)).to_contain_text("mh-2 ")
    page.keyboard.press("ArrowDown")
    expect(chosen).to_contain_text("mh-2 ")
    expect(chosen).to_be_in_viewport()


def test_end_is_the_end_and_arrows_are_read_aloud(page: Page, room: Room) -> None:
    room.tell(*[tilted(f"mh-{n}", since_ms=NOW_MS - n) for n in range(40)])
    expect(page.locator("#counts")).to_contain_text("一级 40/40")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("End")
    expect(page.locator('.line[aria-selected="true"]')).to_contain_text("mh-39 ")
    expect(page.locator("#rows")).to_be_focused()


def test_a_filter_hides_nothing_of_the_first_priority_in_silence(page: Page, room: Room) -> None:
    room.tell(tilted("a", priority=3))
    expect(lines(page)).to_have_count(1)
    page.keyboard.press("3")
    room.tell(tilted("b"))
    hidden = page.get_by_role("button", name="另有 1 条未确认的一级报警被筛选隐藏")
    expect(hidden).to_be_visible()
    hidden.click()
    expect(lines(page)).to_have_count(2)
    expect(hidden).to_have_count(0)


def test_a_name_is_written_and_one_goes_on(page: Page, room: Room) -> None:
    """Enter ends the name: the next key is a command again, and no letter of it."""
    room.tell(tilted("a"))
    expect(lines(page)).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("a")
    expect(page.locator("#user")).to_be_focused()
    page.keyboard.type("张三")
    page.keyboard.press("Enter")
    page.keyboard.press("a")
    expect(lines(page).locator(".acked")).to_have_text("张三")
    expect(page.locator("#user")).to_have_value("张三")
    expect(page.locator("#notice")).to_be_empty()


def test_the_detail_shows_guidance_and_the_trend_with_its_limit_and_gaps(
    opens: Opens, room: Room, picture: Picture
) -> None:
    furnish(room)
    room.now_ms = lambda: room.fold.memory.log_ms
    room.tell(high("dust-07"))
    page = opens()
    lines(page).click()
    plot = page.locator(".plot")
    expect(plot.locator("canvas")).to_be_visible()
    expect(plot).to_have_attribute(
        "aria-label", re.compile(r"pm10_ug_m3：\d+ 个值，最新 [\d.]+ µg/m³，限值 150.*，缺 \d+ 分钟")
    )
    page.get_by_role("button", name="24 小时").click()
    expect(plot).to_have_attribute("aria-label", re.compile(r"缺 1\d\d\d 分钟"))
    picture(page, "trend")
