"""The door of the console in a browser: nobody in without a name, everybody only with what he may."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.console.conftest import Picture
from tests.console.screens import Seat, faults
from tests.feed.console import BY, PASSWORD, ConsoleRoom
from tests.feed.console import Browser as Desk
from tests.feed.room import tilted


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ConsoleRoom]:
    with ConsoleRoom(tmp_path) as opened:
        yield opened


@pytest.fixture
def seat(browser: Browser, room: ConsoleRoom) -> Iterator[Seat]:
    sitting = Seat(browser, room)
    yield sitting
    assert sitting.said == []
    sitting.context.close()


def test_a_wrong_password_is_refused_and_a_right_one_opens(
    seat: Seat, room: ConsoleRoom, picture: Picture, workshop: Path
) -> None:
    room.tell(tilted())
    page = seat.page
    page.goto(seat.address)
    user, password = page.get_by_label("用户名"), page.get_by_label("密码")
    expect(user).to_be_focused()
    expect(page.locator("#rows")).to_have_count(0)
    picture(page, "login")
    assert faults(page, workshop / "node_modules" / "axe-core" / "axe.min.js") == []
    user.fill("operator")
    password.fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).not_to_be_empty()
    password.fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#link")).to_have_class("live")
    expect(page.locator("#rows .all .line")).to_have_count(1)
    expect(page.locator("#account")).to_have_text("Operator (operator)")
    expect(page.locator("#user")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("a")
    expect(page.locator(".acked").last).to_have_text("operator")

    page.locator("#account").click()
    page.get_by_role("button", name="退出登录").click()
    expect(page.get_by_label("用户名")).to_be_visible()
    expect(page.locator("#rows")).to_have_count(0)


@pytest.mark.parametrize(
    ("role", "acts", "audit"),
    [
        ("viewer", [], 0),
        ("operator", ["确认 A", "派单 D", "搁置 H", "备注 C"], 1),
        ("engineer", ["确认 A", "派单 D", "搁置 H", "停用 O", "备注 C"], 1),
        ("admin", [], 0),
        ("auditor", [], 1),
    ],
)
def test_each_role_is_offered_what_it_may(
    seat: Seat, room: ConsoleRoom, role: str, acts: list[str], audit: int
) -> None:
    room.tell(tilted(priority=3))
    page = seat.login(role)
    page.locator("#rows .all .line").click()
    expect(page.locator(".detail h2")).to_be_visible()
    assert page.locator(".acts button").all_inner_texts() == acts
    ways = page.get_by_role("navigation").get_by_role("link")
    expect(ways.filter(has_text="审计")).to_have_count(audit)
    expect(ways.filter(has_text="人员")).to_have_count(1 if role == "admin" else 0)


def test_a_new_person_sets_his_own_password_first(seat: Seat, room: ConsoleRoom) -> None:
    room.server.people.change("viewer", BY, must_change=True)
    page = seat.login("viewer", live=False)
    expect(page.get_by_role("heading")).to_have_text("修改密码")
    for label, words in (("现用密码", PASSWORD), ("新密码", "Another-horse-8"), ("再输一遍新密码", "Another-horse-9")):
        page.get_by_label(label, exact=True).fill(words)
    expect(page.get_by_role("alert")).to_have_text("两次输入不一致")
    page.get_by_label("再输一遍新密码").fill("Another-horse-8")
    page.keyboard.press("Enter")
    expect(page.locator("#link")).to_have_class("live")


def test_an_idle_session_is_locked_until_its_password(seat: Seat, room: ConsoleRoom, picture: Picture) -> None:
    seat.page.clock.install()
    room.tell(tilted(priority=3))
    page = seat.login("engineer")
    idle_s = page.evaluate("fetch('api/v1/me').then(answer => answer.json())")["idle_s"]
    page.clock.fast_forward((idle_s + 10) * 1000)
    lock = page.locator("#lock")
    expect(lock).to_contain_text("已锁屏")
    picture(page, "locked")
    expect(page.locator(".inside")).to_have_attribute("inert", "")
    lock.get_by_label("密码").fill("wrong")
    page.keyboard.press("Enter")
    expect(lock.get_by_role("alert")).not_to_be_empty()
    lock.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(lock).to_have_count(0)
    expect(page.locator("#rows .all .line")).to_have_count(1)


def test_the_lock_stands_above_a_dialog_and_gives_it_back(seat: Seat, room: ConsoleRoom) -> None:
    """Whoever comes by reads no dialog, fills in none, and sends none in the name of who has gone."""
    seat.page.clock.install()
    room.tell(tilted(priority=3))
    page = seat.login("engineer")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("c")
    words = page.locator("dialog textarea")
    expect(words).to_be_focused()
    page.keyboard.type("已派人")
    idle_s = page.evaluate("fetch('api/v1/me').then(answer => answer.json())")["idle_s"]
    page.clock.fast_forward((idle_s + 10) * 1000)
    lock = page.locator("#lock")
    password = lock.get_by_label("密码")
    expect(password).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Escape")
    middle = "document.elementFromPoint(innerWidth / 2, innerHeight / 2).closest('#lock') !== null"
    assert page.evaluate(middle)
    for _ in range(8):  # Tab leads nowhere else
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('#lock')")
    assert "commented" not in [event["kind"] for event in room.get("/api/v1/events").json["events"]]
    password.fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(lock).to_have_count(0)
    expect(words).to_have_value("已派人")
    expect(words).to_be_focused()
    expect(page.locator("#dead")).to_have_count(0)  # the clock was put on: the next heartbeat comes
    page.keyboard.press("Enter")
    expect(page.locator(".events")).to_contain_text("已派人")


def test_keys_rest_under_the_lock(seat: Seat, room: ConsoleRoom) -> None:
    seat.page.clock.install()
    room.tell(tilted())
    page = seat.login("engineer")
    page.keyboard.press("ArrowDown")
    idle_s = page.evaluate("fetch('api/v1/me').then(answer => answer.json())")["idle_s"]
    page.clock.fast_forward((idle_s + 10) * 1000)
    expect(page.locator("#lock").get_by_label("密码")).to_be_visible()
    page.locator("#lock h1").click()  # off the field
    page.keyboard.press("c")
    page.keyboard.press("a")
    expect(page.locator("#lock")).to_be_visible()
    expect(page.locator("dialog textarea")).to_have_count(0)
    expect(page.locator(".line.sent")).to_have_count(0)


def test_who_logs_in_in_one_tab_sits_in_all_of_them(seat: Seat, room: ConsoleRoom) -> None:
    room.tell(tilted())
    first = seat.login("operator")
    second = seat.context.new_page()
    second.goto(f"{seat.address}/")
    expect(second.locator("#account")).to_have_text("Operator (operator)")
    first.locator("#account").click()
    first.get_by_role("button", name="退出登录").click()
    expect(first.get_by_label("用户名")).to_be_visible()
    seat.login("engineer")  # before the other tab has noticed by itself
    expect(second.locator("#account")).to_have_text("Engineer (engineer)")
    expect(second.locator("#rows .all .line")).to_have_count(1)


def test_what_was_written_when_a_session_ended_is_there_again(seat: Seat, room: ConsoleRoom) -> None:
    """For who wrote it, and for nobody else."""
    room.tell(tilted())
    page = seat.login("operator")
    for back in ("operator", "engineer"):
        page.keyboard.press("Home")
        page.keyboard.press("c")
        words = page.locator("dialog textarea")
        expect(words).to_be_focused()
        page.keyboard.type("已派人")
        page.evaluate(
            "fetch('api/v1/logout', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'})"
        )
        fields = page.locator("form.panel input")
        expect(fields).to_have_count(2)
        fields.nth(0).fill(back)
        fields.nth(1).fill(PASSWORD)
        page.locator("form.panel button").first.click()
        expect(page.locator("#link")).to_have_class("live")
        if back == "operator":
            expect(words).to_have_value("已派人")
            page.keyboard.press("Escape")
        expect(words).to_have_count(0)


def test_a_card_is_not_for_who_may_only_see(seat: Seat, room: ConsoleRoom) -> None:
    room.tell(*[tilted(f"mh-{n}", id=f"silent@mh-{n}", rule="silent", priority=4) for n in range(3)])
    page = seat.login("viewer")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    page.keyboard.press("g")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".detail h2")).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert asked == []


def test_a_latch_is_reset_with_the_password_once_more(seat: Seat, room: ConsoleRoom) -> None:
    cover = tilted(latched=True, active=False, acknowledged=True)
    room.tell(cover)
    page = seat.login("operator")
    page.locator("#rows .all .line").click()
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("再次输入密码")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#none")).to_have_text("当前没有报警")


def test_a_wall_screen_enters_with_its_token(seat: Seat, room: ConsoleRoom) -> None:
    admin = Desk(room).as_role("admin")
    made = admin.post("/api/v1/tokens", {"name": "wall", "kind": "wall", "scopes": ["see"], "expires": None})
    assert made.status in {200, 201}, made.body
    room.tell(tilted())
    page = seat.page
    page.goto(f"{seat.address}/#/wall")
    page.get_by_label("大屏令牌").fill(made.json["token"])
    page.keyboard.press("Enter")
    expect(page.locator(".one")).to_have_count(1)
    expect(page.locator("#link")).to_have_class("live")
