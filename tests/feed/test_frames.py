"""Frames of a device at the console's door: for engineers, what the journal has first, then what comes."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from feed.frames import FramesPage, FrameView, ReadingView, with_newest
from feed.past import Minutes, NoPast
from tests.feed.console import Browser, ConsoleRoom

PATH = "/api/v1/devices/mh-1/frames"


def frame(sequence: int) -> FrameView:
    said = ReadingView(time="2026-11-24T08:00:00.000Z", live=True, values={"tilt_deg": float(sequence)}, flags=None)
    return FrameView(
        sequence=sequence, at="2026-11-24T08:00:00.000Z", source="lora", place="p/mh-1/up", payload_hex="7b7d",
        readings=[said],
    )  # fmt: skip


class _Journal(NoPast):
    broken = False

    def frames(self, device: str) -> list[FrameView]:
        if self.broken:
            raise ValueError("the process that reads history died (-9)")
        return [frame(3), frame(5)] if device == "mh-1" else []

    def minutes(self, device: str, quantity: str, start_ms: int, count: int) -> Minutes:
        raise AssertionError((device, quantity, start_ms, count))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ConsoleRoom]:
    class _Room(ConsoleRoom):
        def _open(self) -> None:
            self.past = _Journal()
            super()._open()

    with _Room(tmp_path) as opened:
        yield opened


def test_an_engineer_reads_them_at_the_console_and_nobody_else_does(room: ConsoleRoom) -> None:
    engineer = Browser(room).as_role("engineer")
    page = engineer.get(f"{PATH}?newest=true").json
    assert ([each["sequence"] for each in page["frames"]], page["position"]) == ([3, 5], 5)
    assert page["frames"][1]["readings"][0]["values"] == {"tilt_deg": 5.0}
    assert engineer.get(PATH).json["frames"] == []
    assert engineer.get("/api/v1/devices/nobody/frames").problem == "no-such-device"
    for role in ("viewer", "operator", "admin", "auditor"):
        assert Browser(room).as_role(role).get(PATH).problem == "not-allowed", role


def test_a_walk_says_what_was_shown_since_it_began(tmp_path: Path) -> None:
    """Readings that came before it, and late ones, show nothing; the order counts for what a person does."""

    def said(sequence: int, *, live: bool = True, **values: float | bool | str) -> FrameView:
        view = frame(sequence)
        view.readings[0].values, view.readings[0].live = values, live
        return view

    came: list[FrameView] = [said(3, tilt_deg=40.0, battery_v=3.6), frame(4), said(5, live=False, tilt_deg=41.0)]

    class _Walked(NoPast):
        def frames(self, device: str) -> list[FrameView]:  # noqa: ARG002 - of any
            return came[-2:]

    class _Room(ConsoleRoom):
        def _open(self) -> None:
            self.past = _Walked()
            self.listen = lambda device, after: FramesPage(
                device=device, quantities=["tilt_deg", "battery_v"], judged=True, position=5,
                frames=[] if after is None else [each for each in came if each.sequence > after],
            )  # fmt: skip
            super()._open()

    with _Room(tmp_path) as room:
        engineer = Browser(room).as_role("engineer")

        def shown() -> dict[str, tuple[bool | None, bool]]:
            page = engineer.get("/api/v1/devices/mh-1/walk?since=4").json
            assert page["judged"] is True
            return {each["id"]: (each["met"], each["do"] is not None) for each in page["shown"]}

        assert shown() == {"opened": (None, True), "closed": (None, False), "battery": (None, False)}
        came.append(said(6, tilt_deg=40.0))
        assert shown() == {"opened": (True, False), "closed": (None, True), "battery": (None, False)}
        came.append(said(7, tilt_deg=2.0, battery_v=3.6, rssi_dbm=-71.0))
        came.extend(said(n, tilt_deg=2.0) for n in (8, 9))  # the journal gives two at a time here
        assert shown() == {
            "opened": (True, False), "closed": (True, False), "battery": (True, False), "radio": (True, False),
        }  # fmt: skip
        assert Browser(room).as_role("operator").get("/api/v1/devices/mh-1/walk?since=4").problem == "not-allowed"
        assert engineer.get("/api/v1/devices/mh-1/walk").status == 400


def test_a_journal_that_cannot_be_read_is_said(room: ConsoleRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Journal, "broken", True)
    engineer = Browser(room).as_role("engineer")
    refused = engineer.get(f"{PATH}?newest=true")
    assert (refused.status, refused.problem) == (503, "journal-unread")
    assert engineer.get(PATH).status == 200


def test_many_who_wait_for_frames_keep_nobody_from_logging_in(tmp_path: Path) -> None:
    """They wait on threads of their own; a login needs one too."""
    over, waiting = threading.Event(), threading.Semaphore(0)

    def wait(device: str, after: int | None) -> FramesPage:
        waiting.release()
        over.wait(20)
        return FramesPage(device=device, quantities=[], judged=False, frames=[], position=after or 0)

    class _Room(ConsoleRoom):
        def _open(self) -> None:
            self.listen = wait
            super()._open()

    with _Room(tmp_path) as room:
        engineers = [Browser(room) for _ in range(12)]
        engineers[0].as_role("engineer")
        for each in engineers:
            each.cookie = engineers[0].cookie
        asking = [threading.Thread(target=each.get, args=(f"{PATH}?after=1",)) for each in engineers]
        for one in asking:
            one.start()
        try:
            for _ in range(8):
                assert waiting.acquire(timeout=20)
            assert Browser(room).as_role("operator").get("/api/v1/me").json["role"] == "operator"
        finally:
            over.set()
        for one in asking:
            one.join(20)


def test_what_stands_in_journal_and_ear_comes_once() -> None:
    page = FramesPage(device="mh-1", quantities=[], judged=False, frames=[frame(5), frame(6)], position=6)
    both = with_newest(page, [frame(3), frame(5)])
    assert ([each.sequence for each in both.frames], both.position) == ([3, 5, 6], 6)
    assert with_newest(page, []) == page
