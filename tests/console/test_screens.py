"""The screens beside the duty desk, each as its user uses it: a real server, a real fold, Debian's Chromium."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from feed.frames import FrameView
from feed.past import LastFrame, Minutes, Spoken
from rules.alarms import Moment
from rules.records import Text
from tests.console.screens import Seat, faults, rows, seat
from tests.console.street import HOUR_MS, furnish, high, now_ms, withheld
from tests.feed.console import Browser as Client
from tests.feed.console import ConsoleRoom
from tests.feed.room import eventually, tilted

pytestmark = pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="no /usr/bin/chromium")

SCREENS = ("map", "shelf", "journal", "kpi", "devices", "devices/mh-0001", "parking", "reports", "handover", "audit")


class _Told:
    """What the journal says of a cover."""

    def spoken(self, device: str) -> Spoken:
        frame = LastFrame(
            sequence=7311, at="2026-11-24T08:00:01.500Z", source="lora", place=f"p/{device}/up", bytes=31,
            what="reading", values={"tilt_deg": 2.5}, flags=None,
        )  # fmt: skip
        return Spoken(
            last_frame=frame, values={"tilt_deg": 2.5}, battery={"battery_v": 3.58}, radio={"rssi_dbm": -101.0},
            facts={"firmware": "1.2"},
        )  # fmt: skip

    def frames(self, device: str) -> list[FrameView]:  # noqa: ARG002 - of any
        return []

    def minutes(self, device: str, quantity: str, start_ms: int, count: int) -> Minutes:  # noqa: ARG002 - of any
        return Minutes(start_ms=start_ms, values=[None] * count)


class _Street(ConsoleRoom):
    """A room whose journal speaks."""

    def _open(self) -> None:
        self.past = _Told()
        super()._open()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ConsoleRoom]:
    with _Street(tmp_path) as opened:
        furnish(opened)
        yield opened


@pytest.fixture(scope="session")
def axe(workshop: Path) -> Path:
    return workshop / "node_modules" / "axe-core" / "axe.min.js"


def wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_screen_is_for_everybody(browser: Browser, room: ConsoleRoom, axe: Path, language: str) -> None:
    """For those who hear it, for those who see no colours, in both languages, on a phone, and by night."""
    room.tell(*withheld(), tilted("mh-0001", name="文化路1号 污水井盖"), high("dust-11", priority=2, site="老东门"))
    theme = "dark" if language == "en" else "light"
    titles = set()
    with seat(browser, room, "engineer", language=language, color_scheme=theme) as sitting:
        for screen in SCREENS:
            page = sitting.open(screen)
            assert faults(page, axe) == [], screen
            titles.add(page.locator("main h1").inner_text())
        page.set_viewport_size({"width": 390, "height": 844})
        for screen in SCREENS:
            assert not wide(sitting.open(screen)), screen
            assert faults(page, axe) == [], screen
    with seat(browser, room, "admin", language=language, color_scheme=theme) as sitting:
        assert faults(sitting.open("people"), axe) == []
    assert len(titles) == len(SCREENS) - 1
    assert all(title.isascii() == (language == "en") for title in titles)


def test_what_is_withheld_is_reviewed_and_given_back(browser: Browser, room: ConsoleRoom) -> None:
    room.tell(*withheld())
    with seat(browser, room, "operator") as sitting:
        page = sitting.open("shelf")
        first, second = rows(page, "已搁置").all()
        expect(first).to_contain_text("门口施工扬尘，已通知工地洒水")
        expect(first).to_contain_text("张三")
        expect(first.locator(".left strong")).to_contain_text("00:07:")
        expect(second).to_contain_text("条件恢复即结束")
        expect(page.get_by_text("1 条报警的搁置将在 10 分钟内结束")).to_be_visible()
        expect(rows(page, "停用")).to_contain_text("工单 2026-1124：更换井盖")
        expect(rows(page, "停用").locator("button")).to_have_count(0)  # that is for an engineer
        expect(rows(page, "设计抑制")).to_contain_text("上级线路中断")
        button = first.get_by_role("button", name="结束搁置 云龙湖二期 东门")
        button.focus()
        page.keyboard.press("Enter")
        expect(rows(page, "已搁置")).to_have_count(1)
        expect(page.get_by_text("1 条报警的搁置将在 10 分钟内结束")).to_have_count(0)
        assert room.get("/api/v1/events").json["events"][-1]["user"] == "operator"
    with seat(browser, room, "engineer", language="en") as sitting:
        page = sitting.open("shelf")
        rows(page, "Out of service").get_by_role("button").click()
        expect(page.get_by_text("No alarm is out of service")).to_be_visible()
    with seat(browser, room, "viewer") as sitting:
        page = sitting.open("shelf")
        expect(rows(page, "已搁置")).to_have_count(1)
        expect(rows(page, "已搁置").locator("button")).to_have_count(0)


def test_a_shelving_counts_down_and_warns_in_time(browser: Browser, room: ConsoleRoom) -> None:
    room.tell(high(suppressed=["shelved"], shelved_until_ms=now_ms() + 603_000, reason="洒水", withheld_by="张三"))
    with seat(browser, room, "operator") as sitting:
        page = sitting.open("shelf")
        expect(rows(page, "已搁置")).to_have_count(1)
        expect(page.get_by_text("将在 10 分钟内结束")).to_be_visible()


def test_the_journal_finds_what_was_done_and_by_whom(browser: Browser, room: ConsoleRoom) -> None:
    cover = tilted("mh-0001", name="文化路1号 污水井盖")
    room.tell(cover)
    client = Client(room).as_role("operator")
    told = {"occurrence": cover.occurrence, "command_id": "c-1", "comment": "已派人围护"}
    assert client.post(f"/api/v1/alarms/{cover.id}/ack", told).status == 200
    room.many(130)
    with seat(browser, room, "operator") as sitting:
        page = sitting.open("journal")
        table = rows(page, "日志")
        expect(table).to_have_count(100)
        page.get_by_role("button", name="更早的记录").click()
        expect(table).to_have_count(132)
        expect(page.get_by_text("没有更早的记录")).to_be_visible()

        page.get_by_label("事件").select_option("acknowledged")
        page.get_by_role("button", name="查询").click()
        expect(table).to_have_count(1)
        for words in ("确认", "operator", "已派人围护", "文化路1号 污水井盖", "2026-11-24 16:00:00"):
            expect(table).to_contain_text(words)
        page.reload()  # what is looked for stands in the address
        expect(table).to_have_count(1)
        page.get_by_role("button", name="清除条件").click()
        expect(table).to_have_count(100)
        page.get_by_role("button", name="更多条件").click()
        page.get_by_label("设备编号").fill("mh-0001")
        page.get_by_label("从").fill("2026-11-24T15:00:00")
        page.get_by_label("到").fill("2026-11-24T17:00:00")
        page.keyboard.press("Enter")
        expect(table.first).to_contain_text("井盖")
        eventually(
            lambda: set(page.locator(".place a").all_inner_texts()) == {"文化路1号 污水井盖", "文化路 mh-0001 井盖"}
        )
        page.get_by_label("文字").fill("没有这样的字")
        page.keyboard.press("Enter")
        expect(page.get_by_text("没有符合条件的记录")).to_be_visible()


def test_the_journal_is_live_but_not_under_the_pointer(browser: Browser, room: ConsoleRoom) -> None:
    cover = tilted("mh-0001")
    room.tell(cover)
    with seat(browser, room, "operator") as sitting:
        page = sitting.open("journal")
        table = rows(page, "日志")
        expect(table).to_have_count(1)
        client = Client(room).as_role("operator")
        said = {"occurrence": cover.occurrence, "command_id": "c-1", "comment": "已派人围护"}
        assert client.post(f"/api/v1/alarms/{cover.id}/comment", said).status == 200
        expect(table).to_have_count(2)
        expect(table.first).to_contain_text("已派人围护")
        table.first.hover()
        room.tell(tilted("mh-0002"))
        newer = page.get_by_role("button", name="有新的记录")
        expect(newer).to_be_visible()
        expect(table).to_have_count(2)
        newer.click()
        expect(table).to_have_count(3)
        expect(newer).to_have_count(0)
        room.many(150, groups_of=150)  # more than a page at once
        expect(table.first).to_contain_text("#153")
        page.get_by_role("button", name="更早的记录").click()
        expect(table).to_have_count(153)
        numbers = [int(words.split("#")[1]) for words in table.locator("td.time").all_inner_texts()]
        assert numbers == list(range(153, 0, -1))


def test_what_is_looked_for_stays_while_one_writes_it(browser: Browser, room: ConsoleRoom) -> None:
    """More fields, another language, rows that come: none of these takes what was typed."""
    room.tell(tilted("mh-0001"))
    with seat(browser, room, "auditor") as sitting:
        page = sitting.open("journal")
        page.get_by_label("文字").fill("围护")
        page.get_by_label("从").fill("2026-11-24T15:00:00")
        page.get_by_role("button", name="更多条件").click()
        page.locator("#language").click()
        expect(page.get_by_label("Text")).to_have_value("围护")
        expect(page.get_by_label("From")).to_have_value("2026-11-24T15:00")
        page = sitting.open("audit")
        page.get_by_label("Who").fill("operator")
        page.locator("#language").click()
        expect(page.get_by_label("何人")).to_have_value("operator")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_time_is_seen_whole(browser: Browser, room: ConsoleRoom, language: str) -> None:
    with seat(browser, room, "viewer", language=language, locale={"zh": "zh-CN", "en": "en-US"}[language]) as sitting:
        field = sitting.open("journal").locator("[type=datetime-local]").first
        field.fill("2026-11-24T15:00:00")
        assert field.evaluate("e => e.getBoundingClientRect().width") >= 225


def test_one_long_name_takes_no_column_from_the_others(browser: Browser, room: ConsoleRoom) -> None:
    with seat(browser, room, "viewer") as sitting:
        sitting.page.route("**/api/v1/devices?*", _renamed)
        sitting.page.route("**/api/v1/devices", _renamed)
        page = sitting.open("devices")
        expect(page.get_by_text("x" * 130)).to_be_visible()
        box = page.get_by_role("region", name="设备").first
        assert box.evaluate("e => e.scrollWidth <= e.clientWidth")


def _renamed(route: Route) -> None:
    answer = route.fetch()
    page = answer.json()
    page["devices"][0]["name"] = "x" * 130
    route.fulfill(response=answer, json=page)


def test_the_way_that_one_has_gone_is_in_sight_on_a_phone(browser: Browser, room: ConsoleRoom) -> None:
    with seat(browser, room, "operator", viewport={"width": 390, "height": 844}) as sitting:
        page = sitting.open("handover")
        expect(page.get_by_role("navigation").get_by_role("link", name="交接班")).to_be_in_viewport(ratio=1)


def test_one_row_after_the_other_is_unshelved_by_keys(browser: Browser, room: ConsoleRoom) -> None:
    """The focus stays where the row was, and Enter once more does nothing by mistake."""
    until_ms = now_ms() + 9_000_000
    for n in range(3):
        room.tell(tilted(f"mh-{n}", name=f"井盖 {n}", suppressed=["shelved"], shelved_until_ms=until_ms + n))
    with seat(browser, room, "engineer") as sitting:
        page = sitting.open("shelf")
        table = rows(page, "已搁置")
        table.first.get_by_role("button").focus()
        for left in (2, 1):
            page.keyboard.press("Enter")
            expect(table).to_have_count(left)
            expect(table.first).to_be_focused()
            page.keyboard.press("Enter")
            for _ in range(2):  # to the link of its place, to its button
                page.keyboard.press("Tab")
            expect(table.first.get_by_role("button")).to_be_focused()
        page.keyboard.press("Enter")
        expect(table).to_have_count(0)
        expect(page.get_by_role("heading", level=1)).to_be_focused()


def test_the_proof_of_an_event_is_one_click_away(browser: Browser, room: ConsoleRoom) -> None:
    room.tell(tilted("mh-0001"))
    with seat(browser, room, "operator") as sitting:
        link = rows(sitting.open("journal"), "日志").get_by_role("link", name="查看依据")
        expect(link).to_have_attribute(
            "href", "api/v1/alarms/cover-tilted%40mh-0001/tilt_deg/explain?event=1&format=html&lang=zh"
        )


def test_figures_stand_beside_their_targets(
    browser: Browser, room: ConsoleRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    then_ms = (now_ms() - HOUR_MS) // 600_000 * 600_000  # all in one period of ten minutes
    monkeypatch.setattr(room, "_moment", lambda: Moment(room._sequence, then_ms, then_ms, "reading"))
    room.tell(high("dust-11", priority=2))
    for n in range(30):  # one cover that rings again and again
        room.tell(tilted("mh-0002", name="文化路2号 污水井盖", priority=4, active=n % 2 == 0))
    with seat(browser, room, "operator") as sitting:
        page = sitting.open("kpi")
        page.get_by_role("button", name="最近 30 天").click()
        figures = rows(page, "报警系统指标")
        expect(figures).to_have_count(11)
        flood = figures.filter(has_text="任一 10 分钟内最多报警数")
        expect(flood).to_contain_text("≤ 10")
        expect(flood).to_contain_text("! 超过目标")
        expect(figures.filter(has_text="每小时报警数")).to_contain_text("✓ 达标")
        expect(rows(page, "抖动报警")).to_contain_text("文化路2号 污水井盖")
        expect(rows(page, "报警泛滥")).to_have_count(1)
        expect(page.get_by_role("img", name="10 分钟内最多")).to_be_visible()
        rows(page, "前十报警（坏点）").first.get_by_role("link").click()
        expect(page.locator("main h1")).to_have_text("日志")
        expect(page.get_by_label("报警编号")).to_have_value("cover-tilted@mh-0002/tilt_deg")


def test_a_device_is_found_and_seen_whole_live(browser: Browser, room: ConsoleRoom) -> None:
    with seat(browser, room, "operator") as sitting:
        page = sitting.open("devices")
        table = rows(page, "设备")
        expect(table).to_have_count(40)
        page.get_by_label("状态").select_option("unheard")
        expect(table).to_have_count(3)
        page.get_by_label("状态").select_option("")
        page.get_by_label("查找").fill("文化路1号")
        expect(table).to_have_count(1)
        table.get_by_role("link").click()
        detail = page.get_by_role("complementary")
        for words in (
            "3.58 V",
            "-101 dBm",
            "倾角",
            "2.5 °",
            "cover-tilted",
            "firmware",
            "117.18630, 34.26210",
            "#7311",
        ):
            expect(detail).to_contain_text(words)
        expect(rows(page, "规则判定").filter(has_text="cover-tilted")).to_contain_text("正常")
        room.tell(tilted("mh-0001", id="cover-tilted@mh-0001", text=Text("井盖倾斜 40°", "Cover tilted 40°")))
        expect(detail).to_contain_text("井盖倾斜 40°")
        expect(rows(page, "规则判定").filter(has_text="cover-tilted")).to_contain_text("超限")
        expect(table).to_contain_text("一级")
        page.set_viewport_size({"width": 390, "height": 844})
        page.get_by_role("link", name="返回列表").click()
        expect(table.first).to_be_visible()
        expect(detail).to_be_hidden()


def test_bays_are_counted_by_site_and_told_without_colour(browser: Browser, room: ConsoleRoom) -> None:
    with seat(browser, room, "viewer") as sitting:
        page = sitting.open("parking")
        square = page.get_by_role("region", name="彭城广场")
        expect(square.locator(".bays li")).to_have_count(12)
        shown = room.get("/api/v1/bays").json["bays"]
        for state, words in (("free", "空闲"), ("occupied", "占用"), ("unknown", "未知")):
            count = sum(bay["site"] == "彭城广场" and bay["state"] == state for bay in shown)
            expect(square.locator(".bays li", has_text=words)).to_have_count(count)
            expect(square.locator(".counts li", has_text=words)).to_contain_text(str(count))
        expect(square.locator(".bay.unknown", has_text="05 号泊位")).to_contain_text("—")
        page.get_by_label("工地或场所").select_option("云龙公园")
        expect(square).to_have_count(0)
        page.locator(".bays a").first.click()
        expect(page.get_by_role("heading", name="云龙公园 01 号泊位")).to_be_visible()


def test_the_audit_trail_shows_what_was_changed_to_those_who_may(browser: Browser, room: ConsoleRoom) -> None:
    admin = Client(room).as_role("admin")
    assert admin.ask("PATCH", "/api/v1/people/viewer", {"role": "operator"}).status == 200
    cover = tilted("mh-0001")
    room.tell(cover)
    operator = Client(room).as_role("operator")
    assert operator.post(f"/api/v1/alarms/{cover.id}/ack", {"occurrence": 999, "command_id": "c"}).status == 404
    with seat(browser, room, "auditor") as sitting:
        page = sitting.open("audit")
        change = rows(page, "审计").filter(has_text="人员")
        expect(change.locator("del")).to_have_text("viewer")
        expect(change.locator("ins")).to_have_text("operator")
        refused = rows(page, "审计").filter(has_text="被拒绝（404）")
        expect(refused).to_contain_text(cover.id)
        expect(refused).to_contain_text("没有这个对象")  # the trail's English sentence stands behind it
        page.get_by_label("何人").fill("operator")
        page.keyboard.press("Enter")
        expect(rows(page, "审计").filter(has_text="人员")).to_have_count(0)
        expect(rows(page, "审计").filter(has_text="确认")).to_have_count(1)
    with seat(browser, room, "operator") as sitting:
        page = sitting.open("audit")
        expect(page.get_by_text("这里只有您自己的操作。")).to_be_visible()
        expect(page.get_by_label("何人")).to_have_count(0)
        expect(rows(page, "审计").filter(has_text="admin")).to_have_count(0)


def test_who_may_not_is_told_so_in_words(browser: Browser, room: ConsoleRoom) -> None:
    with seat(browser, room, "viewer") as sitting:
        expect(sitting.page.get_by_role("navigation").get_by_text("人员")).to_have_count(0)
        for screen in ("people", "audit"):  # he writes the address himself
            page = sitting.open(screen)
            expect(page.get_by_role("alert").first).to_contain_text("您无权操作本页")
        page = sitting.open("handover")
        expect(page.get_by_text("交接须由值班员或工程师登录后签名。")).to_be_visible()
    told = Client(room).as_role("auditor").get("/api/v1/audit").json["entries"]
    assert not [entry for entry in told if entry["status"] == 403]  # a look at an address is no attempt


def test_what_cannot_be_read_is_no_empty_list(browser: Browser, room: ConsoleRoom) -> None:
    with seat(browser, room, "operator") as sitting:
        sitting.page.route("**/api/v1/devices*", lambda route: route.abort())
        page = sitting.open("devices")
        expect(page.get_by_role("alert").filter(has_text="没有送达网关")).to_be_visible()
        expect(page.get_by_role("alert").filter(has_text="fetch")).to_have_count(0)  # the browser's own English
        expect(page.get_by_text("尚未登记设备")).to_have_count(0)
        sitting.page.unroute("**/api/v1/devices*")
        page.get_by_role("button", name="重试").first.click()
        expect(rows(page, "设备")).to_have_count(40)


def test_words_from_the_street_stay_words(browser: Browser, room: ConsoleRoom) -> None:
    nasty = "<img src=x onerror=alert(1)>"
    room.tell(
        tilted("mh-0001", name=nasty), high(suppressed=["shelved"], reason=nasty, shelved_until_ms=now_ms() + 9_000_000)
    )
    with seat(browser, room, "engineer") as sitting:
        for screen in ("shelf", "journal", "kpi", "handover", "map"):
            page = sitting.open(screen)
            expect(page.locator("main img")).to_have_count(0)
        expect(sitting.open("handover").get_by_text(nasty).first).to_be_visible()


def test_the_sitting_helper_would_see_a_refusal(browser: Browser, room: ConsoleRoom) -> None:
    """Of the policy: else the silence of the others would prove nothing."""
    sitting = Seat(browser, room)
    sitting.login("viewer")
    sitting.page.evaluate("() => { document.body.setAttribute('style', 'color: red') }")
    expect(sitting.page.locator("#link")).to_be_visible()
    assert any("Content Security Policy" in each for each in sitting.said)
    sitting.context.close()
