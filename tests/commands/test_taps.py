"""An ear for one device: what it hears, for how long, and for how many."""

import json
import threading
import time
from typing import Any

import pytest

from commands import taps
from commands.taps import MOST, Seen, Taps
from devices.frames import Batch
from devices.models.plain import PlainOptions
from devices.registry import Device, Registry, Route, Source
from feed.frames import FramesPage
from rules.records import Config, Outcome, Status

NOW_MS, OFFSET_MS = 1_000_000_020_000, 795_507_000_000
FIELDS: dict[str, Any] = {"t": "tilt_deg"}


def street() -> Registry:
    route = Route(filter="w/+", envelope="plain", address="topic 2")
    devices = tuple(
        Device(
            id=f"mh-{n}", model="plain", family="manhole", address=f"topic:lora/{n}", interval_ms=60_000,
            options=PlainOptions(family="manhole", fields=FIELDS), via=("lora",),
        )
        for n in range(20)
    )  # fmt: skip
    source = Source(name="lora", kind="mqtt", subject="broker:lora", routes=(route,))
    return Registry(gateway="gw", time_zone="UTC", sources=(source,), devices=devices)


class _Gateway:
    """Taps, and what stands before and behind them."""

    def __init__(self) -> None:
        self.registry, self.sequence, self.looked = street(), 0, 0
        self.taps = Taps(self._look)

    def _look(self, device: str) -> Seen | None:
        self.looked += 1
        found = [each for each in self.registry.devices if each.id == device]
        return (found[0], self.registry, OFFSET_MS, ("tilt_deg",), True) if found else None

    def come(self, *frames: tuple[int, bytes]) -> None:
        """Let frames of so-and-so many come in one batch."""
        batch = Batch("lora", NOW_MS, [(f"w/{n}".encode(), payload, b"") for n, payload in frames])
        self._take(batch, len(frames))

    def reload(self) -> None:
        self._take(Config(at_ms=NOW_MS, hash="h2"), 1)

    def stop(self) -> None:
        self._take(Status(at_ms=NOW_MS, subject="gateway", kind="stopped"), 1)

    def _take(self, record: Batch | Config | Status, count: int) -> None:
        first, self.sequence = self.sequence + 1, self.sequence + count
        self.taps.take([], Outcome(first=first, last=self.sequence, known=[(first, record)]))

    def page(self, device: str = "mh-1", after: int | None = None) -> FramesPage:
        found = self.taps.frames(device, after)
        assert found is not None
        return found


def said(tilt: float) -> bytes:
    return json.dumps({"t": tilt}).encode()


def test_one_device_is_heard_among_others() -> None:
    gateway = _Gateway()
    gateway.come((1, said(1.0)))
    begin = gateway.page()
    assert (begin.frames, begin.position, begin.quantities) == ([], 1, ["tilt_deg"])
    gateway.come((2, said(2.0)), (1, said(3.5)), (3, b"{"), (1, b"{"))
    page = gateway.page(after=begin.position)
    assert [frame.sequence for frame in page.frames] == [3, 5]
    assert page.frames[0].readings[0].values == {"tilt_deg": 3.5}
    assert page.frames[0].payload_hex == said(3.5).hex()
    assert page.frames[1].refused
    assert page.position == 5
    assert gateway.taps.frames("nobody", None) is None


def test_two_hear_the_same_and_each_waits_for_himself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taps, "WAIT_S", 30.0)
    gateway = _Gateway()
    begin = gateway.page().position
    heard: list[FramesPage] = []
    ears = [threading.Thread(target=lambda: heard.append(gateway.page(after=begin))) for _ in range(2)]
    for ear in ears:
        ear.start()
    gateway.come((2, said(1.0)))
    gateway.come((1, said(9.0)))
    for ear in ears:
        ear.join(20)
    assert [[frame.sequence for frame in page.frames] for page in heard] == [[2], [2]]


def test_who_hears_nothing_is_told_so_in_time_however_much_comes_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taps, "WAIT_S", 0.2)
    gateway = _Gateway()
    begin = gateway.page().position
    over = threading.Event()

    def crowd() -> None:
        while not over.is_set():
            gateway.come((2, said(1.0)))

    crowding = threading.Thread(target=crowd)
    crowding.start()
    try:
        at = time.monotonic()
        assert gateway.page(after=begin).frames == []
        assert time.monotonic() - at < 10
    finally:
        over.set()
        crowding.join()


def test_nobody_waits_for_a_gateway_that_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taps, "WAIT_S", 60.0)
    gateway = _Gateway()
    begin = gateway.page().position
    heard: list[FramesPage] = []
    ear = threading.Thread(target=lambda: heard.append(gateway.page(after=begin)), daemon=True)
    ear.start()
    gateway.come((1, said(1.0)))
    gateway.stop()
    ear.join(20)
    assert gateway.page(after=gateway.sequence).frames == []
    assert [frame.sequence for frame in heard[0].frames] == [1]


def test_after_a_reload_it_is_read_as_it_is_configured_then() -> None:
    gateway = _Gateway()
    begin = gateway.page().position
    gateway.come((1, said(1.0)))
    gateway.reload()
    gateway.come((1, said(2.0)))
    assert [frame.sequence for frame in gateway.page(after=begin).frames] == [1, 3]
    assert gateway.looked == 2


def test_so_many_are_heard_at_a_time_and_who_has_gone_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = _Gateway()
    for n in range(MOST):
        gateway.page(f"mh-{n}")
    gateway.page("mh-0")
    with pytest.raises(ValueError, match="mh-0, mh-1"):
        gateway.page(f"mh-{MOST}")
    monkeypatch.setattr(taps, "FORGET_S", 0.0)
    assert gateway.page(f"mh-{MOST}").frames == []
