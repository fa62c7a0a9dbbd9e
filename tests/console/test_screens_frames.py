"""An engineer beside a device: on the device's page its frames as they come; in a hand, too."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from commands.taps import Seen, Taps
from devices.frames import Batch
from feed.frames import FramesPage, FrameView, ReadingView
from feed.past import NoPast
from rules.records import Outcome
from tests.console.conftest import Picture
from tests.console.screens import faults, seat
from tests.console.street import furnish, now_ms
from tests.feed.console import Browser as Client
from tests.feed.console import ConsoleRoom
from tests.feed.room import NOW_MS, eventually, tilted

pytestmark = pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="no /usr/bin/chromium")


class _Journal(NoPast):
    """The journal has three frames of a cover, and what has come since."""

    def __init__(self) -> None:
        self.since: list[FrameView] = []

    def frames(self, device: str) -> list[FrameView]:
        return [*self._before(device), *self.since]

    def _before(self, device: str) -> list[FrameView]:
        place = f"p/{device}/up"
        said = ReadingView(
            time="2026-11-24T07:40:00.000Z", live=False, values={"tilt_deg": 2.5, "battery_v": 3.58}, flags="clock_off"
        )
        return [
            FrameView(
                sequence=11, at="2026-11-24T07:58:00.000Z", source="lora", place=place,
                payload_hex=b'{"tilt": 2.5, "battery": 3.58}'.hex(), readings=[said],
            ),
            FrameView(
                sequence=12, at="2026-11-24T07:59:00.000Z", source="lora", place=place, payload_hex="01ff" * 80,
                facts={"firmware": "1.2"},
            ),
            FrameView(
                sequence=13, at="2026-11-24T08:00:00.000Z", source="lora", place=place, payload_hex="01ff",
                refused="not_whole: 2 bytes of 11",
            ),
        ]  # fmt: skip


class Street(ConsoleRoom):
    """A room with real ears."""

    def _open(self) -> None:
        self.journal = _Journal()
        self.taps, self.past, self.listen = Taps(self._look), self.journal, self._frames
        super()._open()

    def _look(self, device: str) -> Seen | None:
        world = self.fold.memory.world
        track = world.reception.tracks.get(device)
        return None if track is None else (track.device, world.registry, 0, track.quantities, True)

    def _frames(self, device: str, after: int | None) -> FramesPage | None:
        self.asked = (device, after)
        return self.taps.frames(device, after)

    def come(self, device: str, payload: bytes, sequence: int) -> None:
        """Let a frame of a device come."""
        batch = Batch("lora", NOW_MS + sequence * 1_000, [(f"p/{device}/up".encode(), payload, b"")])
        self.taps.take([], Outcome(first=sequence, last=sequence, known=[(sequence, batch)]))
        page = self.taps.frames(device, sequence - 1)
        self.journal.since += page.frames if page else []


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Street]:
    with Street(tmp_path) as opened:
        furnish(opened)
        yield opened


@pytest.fixture(scope="session")
def axe(workshop: Path) -> Path:
    return workshop / "node_modules" / "axe-core" / "axe.min.js"


def said(tilt: float) -> bytes:
    return json.dumps({"tilt": tilt, "battery": 3.55}).encode()


def frames(page: Page) -> list[str]:
    return [each.inner_text() for each in page.locator("ol.frames > li").all()]


LOOKS = [("zh", "light", 1366), ("en", "dark", 1366), ("zh", "light", 390), ("zh", "dark", 390), ("en", "light", 390)]


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: "-".join(map(str, look)))
def test_frames_are_seen_as_they_come(
    browser: Browser, room: Street, axe: Path, picture: Picture, look: tuple[str, str, int]
) -> None:
    language, theme, width = look
    zh, view = language == "zh", {"width": width, "height": 844}
    with seat(browser, room, "engineer", language=language, color_scheme=theme, viewport=view) as sitting:
        page = sitting.open("devices/mh-0001")
        expect(page.locator("ol.frames > li")).to_have_count(3)
        newest, facts, late = frames(page)
        assert "16:00:00" in newest
        assert ("无法解码" if zh else "Cannot be read") in newest
        assert "not_whole: 2 bytes of 11" in newest
        assert "01 ff" in newest
        assert "firmware 1.2" in facts.replace("\n", " ")
        assert "2.5 °" in late
        assert ("补传" if zh else "sent late") in late
        eventually(lambda: room.asked == ("mh-0001", 13), "it listens behind what the journal had")
        page.mouse.move(0, 0)
        room.come("mh-0002", said(1.0), 14)  # of another
        room.come("mh-0001", said(41.5), 15)
        expect(page.locator("ol.frames > li")).to_have_count(4)
        expect(page.locator("ol.frames > li").first).to_contain_text("41.5 °")
        expect(page.locator("ol.frames > li").first).to_contain_text(said(41.5).hex(" "))
        picture(page, f"frames-{language}-{theme}-{width}")
        assert faults(page, axe) == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: "-".join(map(str, look)))
def test_a_walk_in_a_hand(
    browser: Browser, room: Street, axe: Path, picture: Picture, look: tuple[str, str, int]
) -> None:
    """What to do next, PASS or FAIL for each thing; nobody is woken; the result stays in the audit trail."""
    language, theme, width = look
    zh, view = language == "zh", {"width": width, "height": 844}
    with seat(browser, room, "engineer", language=language, color_scheme=theme, viewport=view) as sitting:
        page = sitting.open("devices/mh-0001")
        walk = page.locator(".walk")
        walk.get_by_role("button", name="开始走查" if zh else "Begin a walk").click()
        expect(walk.locator(".do")).to_have_text("→ 请打开井盖" if zh else "→ lift the cover now")
        assert room.fold.memory.world.judging.tried("mh-0001")
        room.come("mh-0001", said(41.5), 15)
        expect(walk.locator(".do")).to_have_text("→ 请盖好井盖" if zh else "→ close it again")
        expect(walk.locator("li").filter(has_text="41.5 °")).to_contain_text("通过" if zh else "PASS")
        expect(walk.locator("li").filter(has_text="报警" if zh else "alarm")).to_contain_text(
            "未见" if zh else "not seen"
        )
        room.tell(tilted("mh-0001", suppressed=["commissioning"], since_ms=now_ms() + 60_000))
        expect(walk.locator("li").filter(has_text="报警" if zh else "alarm")).to_contain_text("通过" if zh else "PASS")
        picture(page, f"walk-{language}-{theme}-{width}")
        assert faults(page, axe) == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        page.reload()  # the browser had put it away
        expect(walk.locator(".do")).to_have_text("→ 请盖好井盖" if zh else "→ close it again")
        eventually(lambda: room.asked == ("mh-0001", 15), "it listens again")
        room.come("mh-0001", said(2.0), 16)
        expect(walk.locator(".do")).to_have_count(0)
        walk.get_by_role("button", name="结束走查" if zh else "End the walk").click()
        expect(walk.get_by_role("button", name="开始走查" if zh else "Begin a walk")).to_be_visible()
        assert not room.fold.memory.world.judging.tried("mh-0001")
    trail = Client(room).as_role("auditor").get("/api/v1/audit?what=commission").json["entries"]
    assert [(each["target"], each["comment"]) for each in trail] == [
        ("mh-0001 for 0 s", "opened PASS, closed PASS, battery PASS, alarm PASS"), ("mh-0001 for 900 s", ""),
    ]  # fmt: skip


def test_nothing_moves_under_the_pointer(browser: Browser, room: Street) -> None:
    with seat(browser, room, "engineer") as sitting:
        page = sitting.open("devices/mh-0001")
        expect(page.locator("ol.frames > li")).to_have_count(3)
        eventually(lambda: room.asked == ("mh-0001", 13), "it listens")
        page.locator("ol.frames").hover()
        room.come("mh-0001", said(41.5), 15)
        room.come("mh-0001", said(42.5), 16)
        expect(page.get_by_text("2 帧新到 ↑")).to_be_visible()
        expect(page.locator("ol.frames > li")).to_have_count(3)
        page.mouse.move(0, 0)
        expect(page.locator("ol.frames > li")).to_have_count(5)
        expect(page.get_by_text("2 帧新到 ↑")).to_have_count(0)


def test_a_device_that_never_spoke_says_what_to_look_at(
    browser: Browser, room: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Journal, "_before", NoPast.frames)
    with seat(browser, room, "engineer") as sitting:
        page = sitting.open("devices/mh-0012")
        expect(page.get_by_text("还没有收到它的帧：请检查供电、网络、topic 和地址")).to_be_visible()
        eventually(lambda: room.asked[1] is not None, "it listens")
        room.come("mh-0012", b"{", 20)
        expect(page.locator("ol.frames > li")).to_have_count(1)
        expect(page.locator("ol.frames > li")).to_contain_text("无法解码")
        expect(page.get_by_text("还没有收到它的帧")).to_have_count(0)


def test_nobody_but_engineers_is_shown_bytes(browser: Browser, room: Street) -> None:
    with seat(browser, room, "operator") as sitting:
        page = sitting.open("devices/mh-0001")
        expect(page.get_by_role("heading", name="最近一帧")).to_be_visible()
        expect(page.get_by_role("heading", name="收到的帧")).to_have_count(0)
        assert not hasattr(room, "asked")


def test_ears_that_are_all_taken_are_said_and_tried_again(browser: Browser, room: Street) -> None:
    for n in range(1, 9):
        room.taps.frames(f"mh-{n:04}", None)
    with seat(browser, room, "engineer") as sitting:
        page = sitting.open("devices/mh-0011")
        expect(page.get_by_role("alert").filter(has_text="正在试验的设备太多")).to_be_visible()
        room.taps._taps.clear()
        expect(page.get_by_role("alert")).to_have_count(0)
        expect(page.locator("ol.frames > li")).to_have_count(3)
