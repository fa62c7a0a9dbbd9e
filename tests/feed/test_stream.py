"""The stream: complete and without doubles, however it is cut and whatever is told meanwhile."""

import asyncio
import random
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feed import hub
from feed.hub import ForgottenError
from feed.vitals import Vitals
from store.event_search import EventReader
from tests.feed.room import Room, Sse, eventually, tilted


def _ends(goes_on: Callable[[], bool]) -> bool:
    """Read until the other side ends the connection; one that stays open raises TimeoutError."""
    try:
        while goes_on():
            pass
    except ConnectionResetError:
        pass
    return True


def test_live_events_come_at_once(room: Room) -> None:
    reader = Sse(room.server.port)
    told = threading.Event()

    def tell() -> None:
        told.wait()
        room.many(3)

    teller = threading.Thread(target=tell)
    teller.start()

    def enough() -> bool:
        if reader.heartbeats:
            told.set()
        return len(reader.events) == 3

    began = time.monotonic()
    assert reader.read(enough) == 200
    teller.join()
    assert time.monotonic() - began < 5, "a heartbeat's time at the most was waited"
    assert reader.numbers == [1, 2, 3]
    assert reader.position == f"{room.hub.feed}-3"
    assert reader.events[2]["alarm"]["device"] == "mh-0002"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.integers(min_value=0, max_value=60_000), max_size=6),
    groups=st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=25),
    start=st.integers(min_value=0, max_value=30),
)
def test_no_gap_and_no_double_for_any_cut(room: Room, cuts: list[int], groups: list[int], start: int) -> None:
    """A reader starts somewhere, is cut after any number of bytes again and again, while events are being told."""
    room.many(30, groups_of=7)
    before = room.book.last_event
    total = before + sum(groups)
    first = before - start
    reader = Sse(room.server.port, position=f"{room.book.feed_id}-{first}")
    eventually(lambda: room.hub.last == before)

    def tell() -> None:
        for size in groups:
            room.many(size, groups_of=size)

    teller = threading.Thread(target=tell)
    teller.start()
    for most_bytes in cuts:
        assert reader.read(lambda: len(reader.events) == total - first, most_bytes=most_bytes) == 200
        if len(reader.events) == total - first:
            break
    else:
        reader.read(lambda: len(reader.events) >= total - first)
    teller.join()
    assert reader.numbers == list(range(first + 1, total + 1))


def test_many_readers_from_everywhere_while_much_is_told(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feed.http.stream.HEARTBEAT_S", 0.05)
    room.many(1_500, groups_of=100)  # more than is in memory
    eventually(lambda: room.hub.last == 1_500)
    dice = random.Random(7)
    readers = [Sse(room.server.port, position=f"{room.hub.feed}-{dice.randrange(1_500)}") for _ in range(12)]
    starts = [int((reader.position or "").rpartition("-")[2]) for reader in readers]

    def read(reader: Sse) -> None:
        while not reader.numbers or reader.numbers[-1] < 2_000:
            assert reader.read(lambda: reader.numbers[-1:] == [2_000], most_bytes=dice.randrange(1, 400_000)) == 200

    threads = [threading.Thread(target=read, args=(reader,)) for reader in readers]
    for thread in threads:
        thread.start()
    room.many(500, groups_of=10)
    for thread in threads:
        thread.join()
    for reader, start in zip(readers, starts, strict=True):
        assert reader.numbers == list(range(start + 1, 2_001))


def test_a_stream_goes_on_over_a_restart(room: Room) -> None:
    room.many(5)
    reader = Sse(room.server.port)
    reader.position = f"{room.book.feed_id}-0"
    reader.read(lambda: len(reader.events) == 5)
    room.restart()
    room.many(5)
    reader.read(lambda: len(reader.events) == 10)
    assert reader.numbers == list(range(1, 11))


def test_heartbeats_carry_the_last_number(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feed.http.stream.HEARTBEAT_S", 0.05)
    room.many(2)
    eventually(lambda: room.hub.last == 2)
    reader = Sse(room.server.port)
    reader.read(lambda: len(reader.heartbeats) == 3)
    assert [beat["last"] for beat in reader.heartbeats] == [f"{room.hub.feed}-2"] * 3
    assert reader.events == []
    assert reader.position == f"{room.hub.feed}-2", "resumes here also when no event came"


def test_no_heartbeat_while_the_pipeline_hangs(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for heartbeats must see that nothing is watched any more, though HTTP still answers."""
    monkeypatch.setattr("feed.http.stream.HEARTBEAT_S", 0.05)
    room.vitals = Vitals(idle_s=31, reconciled=True)
    reader = Sse(room.server.port)
    teller = threading.Timer(0.4, room.many, (1,))
    teller.start()
    reader.read(lambda: len(reader.events) == 1)
    assert reader.heartbeats == []
    room.vitals = Vitals(idle_s=0, reconciled=True)
    reader.read(lambda: bool(reader.heartbeats))


def test_the_position_in_the_address_is_for_the_first_time_only(room: Room) -> None:
    room.many(4)
    feed = room.book.feed_id
    eventually(lambda: room.hub.last == 4)
    reader = Sse(room.server.port)
    reader.read(lambda: len(reader.events) == 2, after=f"?after={feed}-2")
    assert reader.numbers == [3, 4]
    room.many(1)
    reader.read(lambda: len(reader.events) == 3, after=f"?after={feed}-2")
    assert reader.numbers == [3, 4, 5]


def test_a_reader_that_stalls_is_cut_and_slows_nobody(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feed.http.stream.STALLED_S", 0.3)
    stalled = socket.socket()
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stalled.connect(("127.0.0.1", room.server.port))
    stalled.sendall(b"GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    eventually(lambda: "cityward_streams 1.0" in room.get("/metrics").body.decode())
    big = tilted(members=[f"device-{n:05}" for n in range(5_000)])
    for value in range(200):
        big.value = float(value)
        room.tell(big, kind="members")
    eventually(lambda: "cityward_streams 0.0" in room.get("/metrics").body.decode(), "cutting the stalled reader")
    reader = Sse(room.server.port, position=f"{room.hub.feed}-0")
    reader.read(lambda: len(reader.events) == 200)
    assert reader.numbers == list(range(1, 201))
    stalled.settimeout(5)
    assert _ends(lambda: stalled.recv(1 << 20) != b"")
    stalled.close()


def test_there_are_so_many_streams_and_no_more(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feed.http.stream.MOST_STREAMS", 2)
    wires = []
    for count in (1, 2):
        wire = socket.create_connection(("127.0.0.1", room.server.port))
        wire.sendall(b"GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wires.append(wire)
        eventually(lambda count=count: f"cityward_streams {count}.0" in room.get("/metrics").body.decode())  # type: ignore[misc]
    assert room.get("/api/v1/events/stream").problem == "too-many-streams"
    for wire in wires:
        wire.close()
    eventually(lambda: "cityward_streams 0.0" in room.get("/metrics").body.decode(), "noticing that they have gone")


def test_what_did_not_come_through_the_hub_is_read_from_the_book(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same when one day the feed is a process of its own and hears only that there is news."""
    with monkeypatch.context() as deaf:
        deaf.setattr(room.hub, "take", lambda *_: None)
        room.many(7)
    room.many(1)
    reader = Sse(room.server.port, position=f"{room.book.feed_id}-0")
    eventually(lambda: room.hub.last == 8)
    reader.read(lambda: len(reader.events) == 8)
    assert reader.numbers == list(range(1, 9))
    assert len(room.alarm_ids()) == 7


def test_a_hub_that_cannot_read_the_book_ends_the_feed_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would stand still for ever at its last number, while heartbeats say that this is all there is."""
    ended: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", ended.append)

    def unreadable(_: EventReader) -> object:
        raise sqlite3.OperationalError("disk I/O error")

    with Room(tmp_path) as room:
        with monkeypatch.context() as deaf:
            deaf.setattr(room.hub, "take", lambda *_: None)
            room.many(7)
        monkeypatch.setattr(hub, "_picture", unreadable)
        room.many(1)
        eventually(lambda: not room.server.running, "that the daemon sees it and ends")
    [group] = [each.exc_value for each in ended]
    assert isinstance(group, ExceptionGroup)
    assert repr(group.exceptions[0]) == "OperationalError('disk I/O error')"


def test_what_is_told_while_the_feed_starts_is_neither_lost_nor_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(tmp_path)
    room.many(3)
    plain = hub._picture

    def while_telling(book: EventReader) -> object:
        room.many(2)  # in the picture, and on its way through the hub
        picture = plain(book)
        room.many(2)  # not in the picture
        return picture

    monkeypatch.setattr(hub, "_picture", while_telling)
    with room:
        reader = Sse(room.server.port, position=f"{room.book.feed_id}-3")
        reader.read(lambda: len(reader.events) == 4)
        room.many(1)
        reader.read(lambda: len(reader.events) == 5)
        assert reader.numbers == [4, 5, 6, 7, 8]
        assert room.get("/api/v1/alarms").json["position"] == f"{room.book.feed_id}-8"


def test_a_reader_never_gets_a_gap_from_a_book_that_has_moved_on(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feed.hub.RECENT", 2)
    room.restart()
    room.many(20)
    eventually(lambda: room.hub.last == 20)
    room.book._db.execute("delete from events where number <= 10")
    loop = room.server._loop
    assert loop is not None

    def after(number: int) -> list[int]:
        events = asyncio.run_coroutine_threadsafe(room.hub.after(number), loop).result(10)
        return [given for given, _ in events]

    with pytest.raises(ForgottenError):
        after(9)
    assert after(10) == list(range(11, 21))
    assert after(18) == [19, 20], "from memory"
    assert after(20) == []
