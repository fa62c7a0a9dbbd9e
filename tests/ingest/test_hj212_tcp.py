"""HJ 212 stations on real TCP links: whatever they do, what they send is kept once, and answered when it is kept."""

import random
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from time import monotonic

import pytest

from commands.district.hj212_station import Station
from devices.frames import Batch
from devices.hj212 import build_packet
from devices.hj212_stream import Splitter
from ingest.sources import Acknowledge
from ingest.sources.hj212_desk import Desk
from ingest.sources.hj212_tcp import Hj212Listener
from tests.ingest.lines import Heard, device, running, until

QN = count(20260801085857223)


def packet(mn: str = "010000A8900016F000169DC0", cn: str = "2011", flag: int = 5, qn: str | None = None) -> bytes:
    """Make what a dust station sends each minute."""
    return build_packet(
        qn=qn or str(next(QN)),
        st="39",
        cn=cn,
        mn=mn,
        flag=flag,
        cp="DataTime=20260801085800;a34004-Rtd=92.1,a34004-Flag=N;a34002-Rtd=136.0,a34002-Flag=N",
    )


def answer_to(sent: bytes) -> bytes:
    """Make the 9014 that belongs to a packet of 2017 (table C.14)."""
    head = dict(part.split(b"=", 1) for part in sent[6:].split(b";")[:5])
    return build_packet(qn=head[b"QN"].decode(), st="91", cn="9014", mn=head[b"MN"].decode(), flag=4)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@contextmanager
def listening(heard: Heard, **bounds: float) -> Iterator[Hj212Listener]:
    listener = Hj212Listener("sites", "127.0.0.1", 0, heard.report, **bounds)  # type: ignore[arg-type]
    with running(listener, heard):
        until(lambda: listener.bound, "it listens")
        yield listener


def connect(listener: Hj212Listener) -> socket.socket:
    assert listener.bound
    link = socket.create_connection(("127.0.0.1", listener.bound), timeout=10)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


def read(link: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = link.recv(size - len(data))
        assert more, f"closed after {data!r}"
        data += more
    return data


def send_for_ever(link: socket.socket, data: bytes) -> None:
    while True:
        link.sendall(data)


def closed(link: socket.socket) -> bool:
    """Say whether the other end has closed."""
    if not select.select([link], [], [], 0)[0]:
        return False
    try:
        return link.recv(1) == b""
    except ConnectionResetError:
        return True


def served(listener: Hj212Listener) -> None:
    """Come back when all that was sent to the listener before has been read: a station is answered in its turn."""
    with closing(connect(listener)) as probe:
        sent = packet("FF")
        probe.sendall(sent)
        assert read(probe, len(answer_to(sent))) == answer_to(sent)


def of(heard: Heard, mn: str = "010000A8900016F000169DC0") -> list[bytes]:
    return [payload for place, payload, _ in heard.frames if place == mn.encode()]


def test_a_packet_is_kept_whole_and_answered(heard: Heard) -> None:
    with listening(heard) as listener, closing(connect(listener)) as link:
        sent = packet()
        link.sendall(sent)
        assert read(link, len(answer_to(sent))) == answer_to(sent)
    assert heard.batches == [Batch("sites", 0, [(b"010000A8900016F000169DC0", sent, b"")])]
    assert heard.links == [True]
    assert listener.waits


def test_packets_split_and_glued_at_every_byte(heard: Heard) -> None:
    """Two packets and the head of a third, cut at every byte: one link for each cut."""
    stream = packet("AA") + packet("BB", flag=4) + packet("CC")
    kept = {mn: [part for part in (stream.split(b"\r\n")) if b"MN=" + mn in part] for mn in (b"AA", b"BB", b"CC")}
    with listening(heard, links=2000, links_per_peer=2000) as listener, ExitStack() as stack:
        links = [stack.enter_context(closing(connect(listener))) for _ in range(1, len(stream))]
        for cut, link in enumerate(links, 1):
            link.sendall(stream[:cut])
        served(listener)
        for cut, link in enumerate(links, 1):
            link.sendall(stream[cut:])
        for link in links:
            read(link, 2 * len(answer_to(packet("AA"))))
        served(listener)
        assert not any(select.select(links, [], [], 0)), "and nothing beyond"
        for mn, (whole,) in kept.items():
            assert [payload for place, payload, _ in heard.frames if place == mn] == [whole + b"\r\n"] * len(links)
    assert listener.counts()["noise_bytes"] == 0


def test_packets_of_one_segment_are_one_batch_in_order(heard: Heard) -> None:
    sent = [packet() for _ in range(20)]
    with listening(heard) as listener, closing(connect(listener)) as link:
        link.sendall(b"".join(sent))
        assert read(link, 20 * len(answer_to(sent[0]))) == b"".join(map(answer_to, sent))
    assert of(heard) == sent
    assert len(heard.batches) == 1


def test_nobody_is_answered_before_the_disk_has_it(heard: Heard) -> None:
    heard.at_once = False
    with listening(heard) as listener, closing(connect(listener)) as one, closing(connect(listener)) as two:
        first, second = packet("AA"), packet("BB")
        one.sendall(first)
        until(lambda: len(heard.acknowledge) == 1, "delivered")
        two.sendall(second)
        until(lambda: len(heard.acknowledge) == 2, "delivered")
        heard.acknowledge[1]()
        assert read(two, len(answer_to(second))) == answer_to(second)
        assert not select.select([one], [], [], 0)[0], "the loop has answered the other since, but not this one"
        heard.acknowledge[0]()
        assert read(one, len(answer_to(first))) == answer_to(first)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param(packet(flag=4), True, id="Flag bit 0 is not set"),
        pytest.param(packet(cn="9011"), True, id="9011"),
        pytest.param(packet(cn="9012"), True, id="9012"),
        pytest.param(packet(cn="9013"), True, id="9013"),
        pytest.param(packet(cn="9014"), True, id="9014"),
        pytest.param(packet().replace(b"92.1", b"92.2"), True, id="bad checksum, but an MN: it is kept and sent again"),
        pytest.param(packet().replace(b"##0", b"##1"), True, id="bad length"),
        pytest.param(packet().replace(b"MN=", b"XX="), False, id="nobody's"),
    ],
)
def test_what_is_never_answered(heard: Heard, sent: bytes, *, kept: bool) -> None:
    with listening(heard) as listener, closing(connect(listener)) as link:
        after = packet()
        link.sendall(sent + after)
        assert read(link, len(answer_to(after))) == answer_to(after)
    assert of(heard) == ([sent, after] if kept else [after])
    assert listener.counts()["answered"] == 1
    assert heard.missed("noise_bytes") == (0 if kept else len(sent))


def test_a_station_that_asks_for_the_time_is_answered(heard: Heard) -> None:
    with listening(heard) as listener, closing(connect(listener)) as link:
        link.sendall(build_packet(qn="20260801085857223", st="39", cn="1013", mn="AA", flag=5))
        wanted = build_packet(qn="20260801085857223", st="91", cn="9013", mn="AA", flag=4)
        assert read(link, len(wanted)) == wanted


def test_two_hundred_stations_at_once(heard: Heard) -> None:
    with listening(heard) as listener, ExitStack() as stack:
        links = {f"{n:024X}": stack.enter_context(closing(connect(listener))) for n in range(200)}
        sent = {mn: [packet(mn) for _ in range(5)] for mn in links}
        for turn in range(5):
            for mn, link in links.items():
                link.sendall(sent[mn][turn])
        for mn, link in links.items():
            wanted = b"".join(map(answer_to, sent[mn]))
            assert read(link, len(wanted)) == wanted
        assert listener.counts()["links"] == 200
    assert {mn: of(heard, mn) for mn in sent} == sent
    assert listener.counts()["answered"] == 1000
    assert listener.counts()["links"] == 0


def test_a_link_that_only_drips_is_cut_and_a_station_is_not(heard: Heard) -> None:
    with (
        listening(heard, idle_s=1) as listener,
        closing(connect(listener)) as drip,
        closing(connect(listener)) as station,
    ):
        letters = iter(packet() * 100)
        began = monotonic()

        def cut() -> bool:
            station.sendall(packet(flag=4))
            try:
                drip.sendall(bytes((next(letters),)) if monotonic() - began < 1 else b"#")
            except OSError:
                return True
            return closed(drip)

        until(cut, "the dripping link is cut")
        served(listener)
        assert not closed(station)
    assert listener.counts()["cut_idle"] == 1


def test_a_flood_of_garbage_is_cut_and_holds_nobody_up(heard: Heard) -> None:
    with listening(heard) as listener, closing(connect(listener)) as flood, closing(connect(listener)) as station:
        with pytest.raises(OSError, match=r"reset|pipe"):
            send_for_ever(flood, b"##9999QN=" + b"\x00#" * 8000)
        sent = packet()
        station.sendall(sent)
        assert read(station, len(answer_to(sent))) == answer_to(sent)
        until(lambda: listener.counts()["cut_junk"] == 1, "it was cut")
    assert listener.counts()["noise_bytes"] < 200_000
    assert of(heard) == [sent]


def test_what_waits_for_the_disk_is_bounded(heard: Heard) -> None:
    """The disk hangs: a station that goes on sending is held back by TCP, and nothing is lost."""
    heard.at_once = False
    sent = [packet(flag=4) for _ in range(20_000)]
    with listening(heard) as listener, closing(connect(listener)) as link, closing(connect(listener)) as other:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        link.settimeout(60)
        writer = threading.Thread(target=link.sendall, args=(b"".join(sent),))
        writer.start()
        until(lambda: sum(map(len, of(heard))) >= 64 * 1024, "the bound is reached")
        there = packet("BB")
        other.sendall(there)
        until(lambda: heard.frames[-1][0] == b"BB", "another link is read all the same")
        heard.acknowledge.pop()()
        assert read(other, len(answer_to(there))) == answer_to(there)
        assert sum(map(len, of(heard))) < 64 * 1024 + 16 * 1024
        assert writer.is_alive(), "the station is held back"
        heard.at_once = True
        for acknowledge in heard.acknowledge:
            acknowledge()
        until(lambda: len(of(heard)) == len(sent), "all of it", 60)
        writer.join()
    assert of(heard) == sent


def test_a_station_that_does_not_fetch_its_answers_is_cut(heard: Heard) -> None:
    with listening(heard) as listener, closing(socket.socket()) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.connect(("127.0.0.1", listener.bound))
        with pytest.raises(OSError, match=r"reset|pipe"):
            send_for_ever(link, packet())
        until(lambda: listener.counts()["cut_slow"] == 1, "it was cut")
        served(listener)


def test_when_all_links_are_taken_one_that_never_spoke_gives_way(heard: Heard) -> None:
    with listening(heard, links=3) as listener, ExitStack() as stack:
        station, mute, other = (stack.enter_context(closing(connect(listener))) for _ in range(3))
        sent = packet()
        station.sendall(sent)
        read(station, len(answer_to(sent)))
        served(listener)
        until(lambda: closed(mute), "the oldest mute link gave way")
        assert not closed(station)
        assert not closed(other)
    assert heard.missed("links") == 1


def test_when_all_links_are_stations_a_new_one_is_turned_away(heard: Heard) -> None:
    with listening(heard, links_per_peer=2) as listener, ExitStack() as stack:
        stations = [stack.enter_context(closing(connect(listener))) for _ in range(2)]
        for station in stations:
            sent = packet()
            station.sendall(sent)
            read(station, len(answer_to(sent)))
        late = stack.enter_context(closing(connect(listener)))
        until(lambda: closed(late), "turned away")
        for station in stations:
            sent = packet()
            station.sendall(sent)
            assert read(station, len(answer_to(sent))) == answer_to(sent)
    assert listener.counts()["turned_away"] == 1
    assert heard.missed("links") == 1


def test_a_station_that_closes_its_half_still_gets_its_answer(heard: Heard) -> None:
    heard.at_once = False
    with listening(heard) as listener, closing(connect(listener)) as link:
        sent = packet()
        link.sendall(sent)
        link.shutdown(socket.SHUT_WR)
        until(lambda: heard.acknowledge, "delivered")
        heard.acknowledge[0]()
        assert read(link, len(answer_to(sent))) == answer_to(sent)
        assert link.recv(1) == b""


def test_a_station_that_is_gone_before_the_disk_has_it_hurts_nobody(heard: Heard) -> None:
    heard.at_once = False
    with listening(heard) as listener:
        with closing(connect(listener)) as link:
            link.sendall(packet())
            until(lambda: heard.acknowledge, "delivered")
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, no good-bye
        until(lambda: listener.counts()["links"] == 0, "gone")
        heard.acknowledge[0]()
        heard.at_once = True
        served(listener)
    heard.acknowledge[0]()  # and later than the source's end


def test_a_stop_answers_what_is_on_its_way_to_the_disk(heard: Heard) -> None:
    heard.at_once = False
    stop = threading.Event()
    listener = Hj212Listener("sites", "127.0.0.1", 0, heard.report)
    thread = threading.Thread(target=listener.run, args=(heard.deliver, stop))
    thread.start()
    until(lambda: listener.bound, "it listens")
    with closing(connect(listener)) as link, closing(connect(listener)) as mute:
        sent = packet()
        link.sendall(sent)
        until(lambda: heard.acknowledge, "delivered")
        began = monotonic()
        stop.set()
        until(lambda: _refused(listener.bound), "nobody new is let in")
        link.sendall(packet())
        heard.acknowledge[0]()
        assert read(link, len(answer_to(sent))) == answer_to(sent)
        thread.join(10)
        assert monotonic() - began < 1
        assert closed(mute)
    assert of(heard) == [sent], "what came after the stop was not taken"


def _refused(port: int | None) -> bool:
    with closing(socket.socket()) as link:
        return link.connect_ex(("127.0.0.1", port)) != 0


def test_a_port_that_is_taken_is_told_and_waited_for(heard: Heard) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        listener = Hj212Listener("sites", "127.0.0.1", other.getsockname()[1], heard.report)
        with running(listener, heard):
            until(lambda: heard.links == [False], "down")
            assert "address already in use" in heard.why()
            other.close()
            until(lambda: heard.links == [False, True], "up")


def test_a_defect_ends_the_source_with_its_name(heard: Heard) -> None:
    def defect(_batch: Batch, _acknowledge: Acknowledge) -> None:
        raise KeyError("a defect behind the door")

    listener = Hj212Listener("sites", "127.0.0.1", 0, heard.report)
    raised: list[BaseException] = []

    def run() -> None:
        try:
            listener.run(defect, threading.Event())
        except KeyError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: listener.bound, "it listens")
    with closing(connect(listener)) as link:
        link.sendall(packet())
        thread.join(10)
    assert [str(error) for error in raised] == ["'a defect behind the door'"]


def test_no_bytes_make_it_fall() -> None:
    """100,000 damaged packets: each is kept under some MN or is junk, and only whole ones are answered."""
    dice = random.Random(212)
    good = packet()
    splitter, answered, desk = Splitter(), 0, Desk(lambda _kind, _data: None)
    for _ in range(100_000):
        damaged = bytearray(good)
        for _ in range(dice.randrange(4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        for found in splitter.feed(bytes(damaged[dice.choice((0, 0, 0, 1, 9)) :])):
            place, payload, replies = desk.look_at(found)
            assert len(place) <= len(found)
            assert payload == found
            answered += bool(replies)
            assert place or not replies
    assert 10_000 < answered < 50_000


def test_a_simulated_station_and_the_listener_understand_each_other(heard: Heard) -> None:
    with listening(heard) as listener:
        assert listener.bound
        station = Station("127.0.0.1", listener.bound, packet, every_s=0.01)
        with device(station.run):
            until(lambda: station.answered >= 10, "ten answers")
    assert station.unanswered == 0
    assert len(of(heard)) == station.sent
