"""People, tokens, handover and reports as those use them who answer for the control room."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from feed.kpi import Asked, figures
from feed.reports.facts import Report, Span
from feed.reports.shelf import Shelf
from tests.console.screens import Seat, faults, rows, seat
from tests.console.street import furnish, high, withheld
from tests.feed.console import PASSWORD, ConsoleRoom
from tests.feed.console import Browser as Client
from tests.feed.room import GATEWAY, NOW_MS, tilted

pytestmark = pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="no /usr/bin/chromium")

DAY_MS = 86_400_000


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ConsoleRoom]:
    with ConsoleRoom(tmp_path) as opened:
        furnish(opened)
        yield opened


def test_somebody_new_comes_in_with_a_password_that_is_told_once(browser: Browser, room: ConsoleRoom) -> None:
    with seat(browser, room, "admin") as sitting:
        page = sitting.open("people")
        page.get_by_role("button", name="添加人员").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("用户名").fill("wangwu")
        dialog.get_by_label("姓名").fill("王五")
        dialog.get_by_label("角色").select_option("operator")
        page.keyboard.press("Enter")
        secret = page.locator("code.secret")
        password = secret.inner_text()
        expect(page.get_by_text("只显示这一次")).to_be_visible()
        page.keyboard.press("Escape")
        expect(secret).to_have_count(0)
        expect(rows(page, "人员").filter(has_text="王五")).to_contain_text("待修改初始密码")
    newcomer = Seat(browser, room)
    page = newcomer.login("wangwu", password, live=False)
    expect(page.get_by_text("修改密码").first).to_be_visible()
    newcomer.context.close()


def test_a_role_is_changed_and_somebody_is_kept_out(browser: Browser, room: ConsoleRoom) -> None:
    operator = Client(room).as_role("operator")
    with seat(browser, room, "admin") as sitting:
        page = sitting.open("people")
        role = page.get_by_label("角色 Viewer")
        role.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")  # past operator, to engineer: nobody is either yet
        expect(page.get_by_text("把 Viewer 的角色改为工程师？")).to_be_visible()
        assert Client(room).as_role("viewer").get("/api/v1/me").json["role"] == "viewer"
        page.get_by_role("button", name="取消").click()
        expect(role).to_have_value("viewer")
        role.select_option("operator")
        page.get_by_role("button", name="是，执行").click()
        expect(page.get_by_role("button", name="是，执行")).to_have_count(0)
        expect(role).to_have_value("operator")
        assert Client(room).as_role("viewer").get("/api/v1/me").json["role"] == "operator"
        expect(page.get_by_label("角色 Admin")).to_be_disabled()  # one does not lock oneself out

        page.get_by_role("button", name="停用 Operator").click()
        expect(page.get_by_text("停用 Operator？")).to_be_visible()
        page.get_by_role("button", name="取消").click()
        assert operator.get("/api/v1/me").status == 200
        page.get_by_role("button", name="停用 Operator").click()
        page.get_by_role("button", name="是，执行").click()
        expect(rows(page, "人员").filter(has_text="Operator")).to_contain_text("已停用")
        assert operator.get("/api/v1/me").status == 401
        page.get_by_role("button", name="启用 Operator").click()
        expect(rows(page, "人员").filter(has_text="Operator")).to_contain_text("可登录")


def test_what_is_refused_is_said_where_it_was_asked(browser: Browser, room: ConsoleRoom) -> None:
    with seat(browser, room, "admin", language="en") as sitting:
        page = sitting.open("people")
        page.get_by_role("button", name="Add somebody").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("User").fill("viewer")
        dialog.get_by_label("Name").fill("Another")
        dialog.get_by_role("button", name="Add somebody").click()
        expect(dialog.get_by_role("alert")).to_contain_text("viewer already")
        dialog.get_by_label("User").fill("!")
        dialog.get_by_role("button", name="Add somebody").click()
        expect(dialog.get_by_role("alert")).to_contain_text("user")


def test_a_token_is_made_told_once_and_withdrawn(browser: Browser, room: ConsoleRoom, workshop: Path) -> None:
    with seat(browser, room, "admin") as sitting:
        page = sitting.open("people")
        page.get_by_role("button", name="新建令牌").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("字母、数字、. _ -")
        dialog.get_by_label("名称").fill("大屏1")
        page.keyboard.press("Enter")
        refusal = dialog.get_by_label("名称").evaluate("field => field.validationMessage")
        assert refusal.startswith("字母、数字")  # in the page's language, and with what is allowed
        dialog.get_by_label("名称").fill("wall-1")
        dialog.get_by_label("限定来源地址").fill("127.0.0.1")
        dialog.get_by_label("确认与备注").check()
        assert faults(page, workshop / "node_modules" / "axe-core" / "axe.min.js") == []
        page.keyboard.press("Enter")
        token = page.locator("code.secret").inner_text()
        page.get_by_role("dialog").get_by_role("button", name="关闭").last.click()
        row = rows(page, "令牌")
        for words in ("wall-1", "程序接口", "查看", "确认与备注", "127.0.0.1", "admin"):
            expect(row).to_contain_text(words)
        bearer: dict[str, str | None] = {"authorization": f"Bearer {token}"}
        assert Client(room).get("/api/v1/alarms", bearer).status == 200
        page.get_by_role("button", name="撤回 wall-1").click()
        page.get_by_role("button", name="是，执行").click()
        expect(page.get_by_text("没有令牌")).to_be_visible()
        assert Client(room).get("/api/v1/alarms", bearer).status == 401


def test_the_shift_is_handed_over_signed_by_both(browser: Browser, room: ConsoleRoom) -> None:
    cover = tilted("mh-0001", name="文化路1号 污水井盖")
    room.tell(*withheld(), cover, high("dust-11", name="老东门 3 号楼", priority=2))
    with seat(browser, room, "operator") as sitting:
        page = sitting.open("handover")
        expect(rows(page, "当前报警")).to_have_count(3)
        expect(rows(page, "当前报警").last).to_contain_text("已抑制")
        expect(rows(page, "已搁置")).to_have_count(2)
        expect(rows(page, "停用")).to_contain_text("工单 2026-1124：更换井盖")
        page.get_by_label("交班说明").fill("文化路1号已派人围护，等待复位\n云龙湖二期今晚浇筑")
        page.get_by_label("接班人用户名").fill("engineer")
        page.get_by_label("接班人密码").fill("wrong-horse-7")
        page.get_by_role("button", name="双方签名交接").click()
        expect(page.get_by_role("alert").filter(has_text="密码")).to_be_visible()
        expect(page.get_by_label("交班说明")).to_have_value("文化路1号已派人围护，等待复位\n云龙湖二期今晚浇筑")
        page.get_by_label("接班人密码").fill(PASSWORD)
        page.get_by_role("button", name="双方签名交接").click()
        expect(page.get_by_text("已交接", exact=True)).to_be_visible()
        past = page.locator("details")
        expect(past).to_have_count(1)
        expect(past.locator("summary")).to_contain_text("operator → engineer")
        expect(past.locator("summary")).to_contain_text("报警 3，搁置 2，停用 1")

        cover.active, cover.acknowledged = False, True
        room.tell(cover, kind="returned")
        expect(rows(page, "当前报警").first).to_contain_text("老东门")
        past.locator("summary").click()
        expect(past).to_contain_text("云龙湖二期今晚浇筑")
        expect(past.get_by_role("table", name="当前报警")).to_contain_text("文化路1号")  # as it was
    page_kept = Client(room).as_role("viewer").get("/api/v1/handovers").json["handovers"]
    assert [(each["gave"], each["took"]) for each in page_kept] == [("operator", "engineer")]


def test_a_handover_goes_on_paper(browser: Browser, room: ConsoleRoom) -> None:
    room.tell(*withheld(), tilted("mh-0001"))
    with seat(browser, room, "operator") as sitting:
        page = sitting.open("handover")
        page.emulate_media(media="print")
        expect(rows(page, "当前报警").first).to_be_visible()
        for hidden in ("header.top", ".no-print >> nth=0", ".sign .actions"):
            expect(page.locator(hidden)).to_be_hidden()


def report(version: int, why: str = "") -> Report:
    begin = NOW_MS - NOW_MS % DAY_MS - DAY_MS
    asked = Asked(from_ms=begin, to_ms=begin + DAY_MS, now_ms=NOW_MS)
    return Report(
        gateway=GATEWAY, zone="Asia/Shanghai", site="云龙湖二期", title="云龙湖二期", version=version, why=why,
        span=Span(kind="day", name="2026-11-23", from_ms=begin, to_ms=begin + DAY_MS, hours=24),
        now_ms=NOW_MS + version,
        labels={}, series=[], exceedances=[], families=[], units=[], kpi=figures([], asked),
    )  # fmt: skip


def test_reports_are_opened_and_their_older_versions_kept(browser: Browser, room: ConsoleRoom) -> None:
    with Shelf(room.state) as shelf:
        shelf.keep(report(1), "<!doctype html><title>第一版</title>", "a;b\n")
        shelf.keep(report(2, "amended"), "<!doctype html><title>第二版</title>", "a;b\n")
    with seat(browser, room, "viewer") as sitting:
        page = sitting.open("reports")
        row = rows(page, "报表")
        expect(row).to_have_count(1)
        for words in ("日报", "云龙湖二期", "2026-11-23", "数据有修订"):
            expect(row).to_contain_text(words)
        with page.expect_popup() as popup:
            row.get_by_role("link", name="HTML").first.click()
        expect(popup.value).to_have_title("第二版")
        with page.expect_download() as download:
            row.get_by_role("link", name="CSV").first.click()
        assert download.value.suggested_filename.endswith(".csv")
        row.locator("summary").click()
        with page.expect_popup() as popup:
            row.locator("details").get_by_role("link", name="HTML").click()
        expect(popup.value).to_have_title("第一版")
        page.get_by_role("combobox", name="报表").select_option("month")
        expect(page.get_by_text("还没有报表")).to_be_visible()
