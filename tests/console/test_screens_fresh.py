"""What others did meanwhile is seen: on coming back to a page, while it is open; and nothing is done twice."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.console.conftest import Picture
from tests.console.screens import faults, rows, seat
from tests.console.street import furnish, high, withheld
from tests.feed.console import PASSWORD, ConsoleRoom
from tests.feed.console import Browser as Client
from tests.feed.room import eventually, tilted

pytestmark = pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="no /usr/bin/chromium")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ConsoleRoom]:
    with ConsoleRoom(tmp_path) as opened:
        furnish(opened)
        yield opened


@pytest.fixture(scope="session")
def axe(workshop: Path) -> Path:
    return workshop / "node_modules" / "axe-core" / "axe.min.js"


def come_back(page: Page) -> None:
    """Choose the window again, as somebody who was at another."""
    page.evaluate("dispatchEvent(new Event('focus'))")


def hand_over(operator: Client, note: str) -> None:
    signed = {"user": "engineer", "password": PASSWORD, "note": note}
    assert operator.post("/api/v1/handovers", signed).status == 200


def test_people_and_tokens_are_those_of_now_on_coming_back(browser: Browser, room: ConsoleRoom) -> None:
    other = Client(room).as_role("admin")
    with seat(browser, room, "admin") as sitting:
        page = sitting.open("people")
        expect(rows(page, "人员")).to_have_count(5)
        assert other.post("/api/v1/people", {"user": "wangwu", "name": "王五", "role": "viewer"}).status == 200
        assert other.post("/api/v1/tokens", {"name": "wall-7", "kind": "wall"}).status == 200
        come_back(page)
        expect(rows(page, "人员").filter(has_text="王五")).to_have_count(1)
        expect(page.get_by_text("wall-7")).to_be_visible()


def test_the_audit_trail_is_live(browser: Browser, room: ConsoleRoom) -> None:
    """By what alarms tell within some seconds, by what others do within half a minute, and on coming back at once."""
    with seat(browser, room, "auditor") as sitting:
        page = sitting.open("audit")
        expect(rows(page, "审计").first).to_contain_text("登录")
        page.mouse.move(0, 0)
        before = rows(page, "审计").count()
        cover = tilted("mh-0001")
        room.tell(cover)
        operator = Client(room).as_role("operator")
        answer = {"occurrence": cover.occurrence, "command_id": "c-1"}
        assert operator.post(f"/api/v1/alarms/{cover.id}/ack", answer).status == 200
        expect(rows(page, "审计").filter(has_text=cover.id)).to_have_count(1)
        Client(room).as_role("viewer")
        come_back(page)
        expect(rows(page, "审计").filter(has_text="viewer")).to_have_count(1)
        assert rows(page, "审计").count() == before + 3


def test_a_handover_at_another_desk_is_seen_on_coming_back(browser: Browser, room: ConsoleRoom) -> None:
    other = Client(room).as_role("operator")
    with seat(browser, room, "operator") as sitting:
        page = sitting.open("handover")
        expect(page.get_by_text("还没有交接记录")).to_be_visible()
        for n in range(12):
            hand_over(other, f"第 {n} 班")
        page.mouse.move(0, 0)
        come_back(page)
        expect(page.locator("details")).to_have_count(10)
        page.get_by_role("button", name="更早的记录").click()
        expect(page.locator("details")).to_have_count(12)
        hand_over(other, "夜班")
        come_back(page)
        expect(page.locator("details")).to_have_count(13)  # what was read before stays
        expect(page.locator("details").first).to_contain_text("夜班")


@pytest.mark.parametrize("look", [("zh", "light", 1366), ("en", "dark", 1366), ("zh", "light", 390)])
def test_what_is_signed_is_what_stood_there(
    browser: Browser, room: ConsoleRoom, axe: Path, picture: Picture, look: tuple[str, str, int]
) -> None:
    """Also where alarms come and go between the press of the button and the word of the gateway."""
    language, theme, width = look
    zh, view = language == "zh", {"width": width, "height": 900}
    room.tell(*withheld(), tilted("mh-0001", name="文化路1号 污水井盖"))
    with seat(browser, room, "operator", language=language, color_scheme=theme, viewport=view) as sitting:
        page = sitting.open("handover")
        standing = rows(page, "当前报警" if zh else "Standing alarms")
        expect(standing).to_have_count(2)
        room.tell(high("dust-11", name="老东门 3 号楼", priority=2))
        expect(standing).to_have_count(3)  # live
        picture(page, f"handover-{language}-{theme}-{width}")
        assert faults(page, axe) == []

        def meanwhile(route: Route) -> None:
            room.tell(tilted("mh-0002"), tilted("mh-0005"))
            eventually(lambda: len(Client(room).as_role("viewer").get("/api/v1/alarms").json["alarms"]) >= 8)
            route.continue_()

        page.route(
            "**/api/v1/handovers",
            lambda route: meanwhile(route) if route.request.method == "POST" else route.continue_(),
        )
        page.locator("input[name=user]").fill("engineer")
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator(".sign button").click()
        past = page.locator("details")
        expect(past).to_have_count(1)
        kept = Client(room).as_role("viewer").get("/api/v1/handovers/1").json
        assert [each["name"] for each in kept["standing"]] == [
            "文化路1号 污水井盖", "老东门 3 号楼", "文化路12号 污水井盖",
        ]  # fmt: skip
        expect(standing).to_have_count(5)  # and those are for the next shift


def test_lists_that_are_too_old_are_read_again_and_signed(
    browser: Browser, room: ConsoleRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway was restarted, or the machine slept: it no longer knows what it has shown."""
    with seat(browser, room, "operator") as sitting:
        page = sitting.open("handover")
        page.get_by_label("接班人用户名").fill("engineer")
        page.get_by_label("接班人密码").fill(PASSWORD)
        with monkeypatch.context() as slept:
            slept.setattr("feed.http.handover.SHOWN_S", -1.0)
            page.get_by_role("button", name="双方签名交接").click()
            expect(page.get_by_role("alert").filter(has_text="所示清单已过时")).to_be_visible()
        come_back(page)
        expect(page.get_by_label("接班人密码")).to_have_value(PASSWORD)
        page.get_by_role("button", name="双方签名交接").click()
        expect(page.get_by_text("已交接", exact=True)).to_be_visible()


def test_a_role_is_not_changed_twice(browser: Browser, room: ConsoleRoom) -> None:
    asked, go = [], threading.Event()

    def slow(route: Route) -> None:
        if route.request.method == "PATCH":
            asked.append(route)
        elif asked and not go.is_set():
            return route.abort()  # the list cannot be read just then
        return None if route.request.method == "PATCH" else route.continue_()

    with seat(browser, room, "admin") as sitting:
        page = sitting.open("people")
        page.route("**/api/v1/people**", slow)
        page.get_by_label("角色 Viewer").select_option("operator")
        page.get_by_role("button", name="是，执行").dblclick()
        expect(page.get_by_role("button", name="已发送…")).to_be_disabled()
        expect(page.get_by_label("角色 Viewer")).to_be_disabled()
        assert len(asked) == 1
        asked[0].continue_()
        expect(page.get_by_role("button", name="已发送…")).to_have_count(0)
        expect(page.get_by_role("button", name="是，执行")).to_have_count(0)
        go.set()
        come_back(page)
        expect(page.get_by_label("角色 Viewer")).to_be_enabled()
        expect(page.get_by_label("角色 Viewer")).to_have_value("operator")
        assert len(asked) == 1
    changes = Client(room).as_role("auditor").get("/api/v1/audit?what=person").json["entries"]
    assert len(changes) == 1
