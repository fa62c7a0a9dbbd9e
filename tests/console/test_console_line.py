"""The line to the gateway: one for the whole browser, without a gap, and never healthier looking than it is."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from feed.vitals import Vitals
from tests.console.conftest import Opens, Picture
from tests.feed.room import Room, eventually, tilted


def streams(room: Room) -> int:
    found = re.search(rb"^cityward_streams (\d+)", room.get("/metrics").body, re.MULTILINE)
    assert found
    return int(found[1])


def test_all_tabs_of_a_browser_share_one_stream(opens: Opens, room: Room) -> None:
    room.tell(tilted("a"))
    first, second = opens(), opens()
    assert streams(room) == 1
    room.tell(tilted("b"))
    for page in (first, second):
        expect(page.locator("#rows .all .line")).to_have_count(2)
        expect(page.locator("#link")).to_have_text("完整至 #2")
    first.close()
    room.tell(tilted("c"))
    expect(second.locator("#rows .all .line")).to_have_count(3)
    third = opens()
    expect(third.locator("#rows .all .line")).to_have_count(3)
    assert streams(room) == 1


def test_the_stream_ends_with_the_last_tab(opens: Opens, room: Room) -> None:
    page = opens()
    assert streams(room) == 1
    page.close()

    def gone() -> bool:
        room.tell(tilted("a"))  # a server notices that nobody reads when it writes
        return streams(room) == 0

    eventually(gone)


def test_without_shared_workers_the_page_holds_the_line_itself(
    opens: Opens, context: BrowserContext, room: Room
) -> None:
    """Chrome on Android has none."""
    context.add_init_script("delete globalThis.SharedWorker")
    page = opens()
    room.tell(tilted("a"))
    expect(page.locator("#rows .all .line")).to_have_count(1)
    expect(page.locator("#link")).to_have_text("完整至 #1")
    room.restart()
    room.tell(tilted("b"))
    page.clock.run_for(5_000)
    expect(page.locator("#rows .all .line")).to_have_count(2)


def test_a_dead_line_is_unmistakable_and_comes_back_without_a_gap(opens: Opens, room: Room, picture: Picture) -> None:
    page = opens()
    page.locator("#user").fill("张三")
    room.tell(tilted())
    expect(page.locator("#rows .all .line")).to_have_count(1)
    port = room.server.port
    room.server.stop(5)
    expect(page.locator("#link")).to_have_class("waiting")
    page.clock.run_for(20_000)
    expect(page.locator("#dead")).to_have_count(0)
    page.clock.run_for(12_000)
    expect(page.locator("#dead")).to_contain_text("数据中断")
    expect(page.locator("#rows .all .line")).to_have_count(1)  # greyed, not gone
    expect(page.locator("main")).to_have_css("filter", "grayscale(1)")
    page.locator("#rows .all .line").click()
    expect(page.get_by_role("button", name="确认 A")).to_be_disabled()
    expect(page).to_have_title("⚠ 数据中断")
    bar = page.locator("#dead").bounding_box()
    assert bar is not None
    assert (bar["x"], bar["width"]) == (0, 1366)
    picture(page, "dead")
    page.mouse.move(5, 5)  # off the rows, which would be held still

    room.tell(tilted("mh-0115"), tilted("mh-0116"))  # told while nobody could hear it
    room.restart()
    assert room.server.port == port
    expect(page.locator("#dead")).to_have_count(0)
    expect(page.locator("#rows .all .line")).to_have_count(3)
    expect(page.locator("#link")).to_have_text("完整至 #3")
    expect(page.get_by_role("button", name="确认 A")).to_be_enabled()


def test_an_empty_list_is_not_called_empty_when_the_line_is_dead(opens: Opens, room: Room) -> None:
    page = opens()
    expect(page.locator("#none")).to_have_text("当前没有报警")
    room.server.stop(5)
    expect(page.locator("#none")).to_have_text("尚未连上网关，无法得知当前报警")
    page.clock.run_for(35_000)
    expect(page.locator("#none")).to_have_count(0)
    expect(page.locator("#dead")).to_be_visible()


def test_a_gateway_that_hangs_is_dead_too(opens: Opens, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP answers, alarms can be read, but nothing is judged any more: no heartbeat, so the page says so."""
    monkeypatch.setattr("feed.http.stream.LOOK_S", 0)
    monkeypatch.setattr("feed.http.stream.HEARTBEAT_S", 0.2)
    page = opens()
    room.vitals = Vitals(idle_s=31, reconciled=True)
    room.tell(tilted("a"))  # wakes the stream, which then looks
    expect(page.locator("#rows .all .line")).to_have_count(1)
    page.clock.run_for(45_000)
    expect(page.locator("#dead")).to_be_visible()
    room.vitals = Vitals(idle_s=0, reconciled=True)
    expect(page.locator("#dead")).to_have_count(0)


def test_a_browser_without_network_says_so_at_once(opens: Opens, context: BrowserContext, room: Room) -> None:
    page = opens()
    room.tell(tilted())
    page.locator("#rows .all .line").click()
    room.server.stop(5)  # for a gateway on this very machine would still be heard
    context.set_offline(True)
    expect(page.locator("#dead")).to_contain_text("浏览器已断网")
    expect(page.get_by_role("button", name="确认 A")).to_be_disabled()
    room.restart()
    context.set_offline(False)
    expect(page.locator("#dead")).to_have_count(0)


def test_another_gateway_in_the_same_place_is_seen_whole(opens: Opens, room: Room, tmp_path: Path) -> None:
    """A replaced gateway has another feed: its 410 makes the page read everything anew."""
    page = opens()
    room.tell(tilted("old"))
    expect(page.locator("#rows .all .line")).to_have_count(1)
    room.server.stop(5)
    with Room(tmp_path / "new", listen=f"127.0.0.1:{room.server.port}") as other:
        other.tell(tilted("new-1"), tilted("new-2"))
        expect(page.locator("#rows .all .line")).to_have_count(2)
        expect(page.locator("#link")).to_have_text("完整至 #2")
        page.close()


def test_a_worker_that_never_runs_keeps_no_page_waiting(opens: Opens, context: BrowserContext, room: Room) -> None:
    """After some seconds the page takes the line itself."""
    context.add_init_script(
        "globalThis.SharedWorker = class { port = new MessageChannel().port1; addEventListener() {} }"
    )
    room.tell(tilted("a"))
    page = opens(live=False)
    page.clock.run_for(6_000)
    expect(page.locator("#link")).to_have_text("完整至 #1")
    expect(page.locator("#rows .all .line")).to_have_count(1)
