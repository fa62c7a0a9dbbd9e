"""InfluxDB stopped, slow, refusing, coming back; the process killed: what it holds in the end is what was made."""

import errno
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ingest import influx_writer
from ingest.influx import Influx
from ingest.influx_trouble import Trouble
from ingest.influx_writer import InfluxWriter
from rules.records import Outcome
from store.fs import Buffer, Fs, OsFs
from tests.influxd import Proxy, Server, influx_error, running, why_not
from tests.ingest.street import T_NS, groups, lines, made

pytestmark = pytest.mark.timeout(1800)  # the first time InfluxDB is built

needs_influxdb = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")
ROOT = Path(__file__).resolve().parent.parent.parent
SOON_S = 30.0
MEMORY_BYTES = 4 << 20  # less than a gateway takes, so that fewer lines fill it


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if why_not():
        print(why_not())
    with running(tmp_path_factory.mktemp("influxd")) as one:
        yield one


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server) as one:
        yield one


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(influx_writer, "FLUSH_S", 0.1)
    monkeypatch.setattr(influx_writer, "MEMORY_BYTES", MEMORY_BYTES)


class Gateway:
    """A writer and its thread; every test writes a measurement of its own."""

    def __init__(
        self,
        folder: Path,
        server: Server,
        url: str,
        *,
        budget_bytes: int = 64 << 20,
        at_work: bool = True,
        fs: Fs | None = None,
    ) -> None:
        self.folder = folder
        self.told: list[tuple[str, bool]] = []
        self.why: list[str] = []
        influx = Influx(server.settings(url), connect_s=1, read_s=0.5)
        self.trouble = trouble = Trouble(self._report, pause_s=(0.02, 0.1), down_s=0.3)
        self.writer = InfluxWriter(influx, folder, trouble, fs or OsFs(), budget_bytes=budget_bytes)
        self.position = self.writer.open()
        self.last = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.writer.run, args=(self._stop,))
        if at_work:
            self.work()

    def work(self) -> None:
        self._thread.start()

    def _report(self, kind: str, data: dict[str, Any]) -> None:
        assert kind == "condition"
        self.told.append((data["name"], data["bad"]))
        self.why.append(data["why_en"])

    def take(self, outcomes: Iterator[Outcome] | list[Outcome]) -> None:
        for outcome in outcomes:
            self.writer.take([], outcome)
            self.last = outcome.last

    def settle(self) -> None:
        assert self.writer.settle(self.last, SOON_S)
        assert self.writer.position() >= self.last

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SOON_S
        while not holds():
            assert time.monotonic() < deadline, self.writer.counts()
            assert self._thread.is_alive()
            time.sleep(0.01)

    def until_written(self) -> None:
        self.until(lambda: self.writer.counts().waiting == 0)

    def stop(self) -> None:
        self._stop.set()
        self.writer.settle(self.last, SOON_S)  # wakes it
        self._thread.join(SOON_S)
        assert not self._thread.is_alive()


@pytest.fixture
def gateway(tmp_path: Path, server: Server, proxy: Proxy) -> Iterator[Gateway]:
    one = Gateway(tmp_path / "sink", server, proxy.url)
    yield one
    one.stop()


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "backlog").glob("*.seg"))


# ---------------------------------------------------------------------------------------------------- the good case


def test_lines_go_straight_to_influxdb_and_no_disk_is_written(server: Server, proxy: Proxy, gateway: Gateway) -> None:
    gateway.take(groups(50, measurement="straight"))
    gateway.settle()
    assert server.numbers("straight") == list(range(made(50)))
    assert proxy.written() == lines(0, made(50), "straight")  # nothing twice, in order
    assert max(len(body) for _, body in proxy.writes) <= 5000
    assert segments(gateway.folder) == []
    counts = gateway.writer.counts()
    assert (counts.written, counts.waiting, counts.expired, counts.set_aside) == (made(50), 0, 0, {})
    assert counts.position == gateway.last


def test_a_few_lines_wait_no_longer_than_a_second(
    server: Server, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    began = time.monotonic()
    gateway.take(groups(1, 3, "few"))
    gateway.until(lambda: gateway.writer.counts().written == 3)
    assert time.monotonic() - began < 1.5
    assert server.numbers("few") == [0, 1, 2]


def test_a_group_larger_than_a_request(server: Server, proxy: Proxy, gateway: Gateway) -> None:
    gateway.take(groups(1, 12_000, "huge"))
    gateway.settle()
    assert server.numbers("huge") == list(range(12_000))
    assert [len(body) for _, body in proxy.writes] == [5000, 5000, 2000]


# ------------------------------------------------------------------------------------------------ stopped and slow


def test_killed_and_back(server: Server, proxy: Proxy, gateway: Gateway) -> None:
    gateway.take(groups(20, measurement="killed"))
    gateway.settle()
    server.kill()
    gateway.take(list(groups(60, measurement="killed"))[20:])
    gateway.until(lambda: ("influx-down", True) in gateway.told)
    gateway.settle()  # by the backlog
    assert gateway.writer.counts().waiting == made(60) - made(20)
    assert segments(gateway.folder)
    server.start()
    gateway.until_written()
    gateway.take(list(groups(80, measurement="killed"))[60:])
    gateway.settle()
    assert server.numbers("killed") == list(range(made(80)))
    assert proxy.written() == lines(0, made(80), "killed")
    assert gateway.writer.counts().written == made(80)
    assert gateway.told == [
        ("influx-down", False),
        ("influx-refused", False),
        ("influx-down", True),
        ("influx-down", False),
    ]


def test_slow(server: Server, proxy: Proxy, gateway: Gateway) -> None:
    """It stands still in the middle of writes: nobody knows whether they were done, and they are done again."""
    outcomes = list(groups(200, measurement="slow"))
    for start in range(0, 200, 50):
        gateway.take(outcomes[start : start + 25])
        server.pause()
        gateway.take(outcomes[start + 25 : start + 50])
        gateway.until(lambda: len(segments(gateway.folder)) > 0 and gateway.writer.counts().waiting > 0)
        server.resume()
        gateway.until_written()
    gateway.settle()
    assert server.numbers("slow") == list(range(made(200)))
    assert gateway.writer.counts().written == made(200)


def test_down_for_long_memory_stays_flat_and_nobody_waits(server: Server, proxy: Proxy, gateway: Gateway) -> None:
    server.kill()
    gateway.take(groups(5, 1000, "long"))
    gateway.until(lambda: bool(segments(gateway.folder)))
    before, slowest_s, count = resident_bytes(), 0.0, 0
    for outcome in groups(500, 1000, "long"):
        began = time.perf_counter()
        gateway.take([outcome])
        slowest_s = max(slowest_s, time.perf_counter() - began)
        count += sum(map(len, outcome.lines))
        while gateway.writer._memory.bytes > MEMORY_BYTES // 2:  # no faster than a disk takes it
            time.sleep(0.001)
    grown = resident_bytes() - before
    print(f"{count >> 20} MiB of lines: memory grew {grown >> 20} MiB; the slowest take {slowest_s * 1000:.1f} ms")
    assert grown < 16 << 20 < count
    assert slowest_s < 0.5
    server.start()
    gateway.until_written()
    assert server.numbers("long") == list(range(made(500, 1000)))
    assert proxy.written() == lines(0, made(500, 1000), "long")


def test_a_start_that_replays_for_long_keeps_memory_flat(tmp_path: Path, server: Server, proxy: Proxy) -> None:
    """The writer's thread does not run yet then; what it is given goes to the disk."""
    gateway = Gateway(tmp_path / "sink", server, proxy.url, at_work=False)
    most = 0
    for outcome in groups(200, 1000, "replayed"):
        gateway.take([outcome])
        most = max(most, gateway.writer._memory.bytes)
    assert most < 2 * MEMORY_BYTES < sum(map(len, lines(0, made(200, 1000), "replayed")))
    gateway.work()
    gateway.until_written()
    assert proxy.written() == lines(0, made(200, 1000), "replayed")
    gateway.stop()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


# ------------------------------------------------------------------------------------------------------- refusing


@pytest.mark.parametrize(
    ("name", "status", "code", "condition"),
    [
        ("busy", 429, "too many requests", "influx-down"),
        ("broken", 500, "internal error", "influx-down"),
        ("starting", 503, "unavailable", "influx-down"),
        ("stranger", 401, "unauthorized", "influx-refused"),
        ("forbidden", 403, "forbidden", "influx-refused"),
        ("nowhere", 404, "not found", "influx-refused"),
    ],
)
def test_nothing_is_given_up_whatever_it_answers(  # noqa: PLR0917 - fixtures and a table
    server: Server, proxy: Proxy, gateway: Gateway, name: str, status: int, code: str, condition: str
) -> None:
    proxy.fault = influx_error(status, code, "no", **({"Retry-After": "0"} if status == 429 else {}))
    gateway.take(groups(30, measurement=name))
    gateway.until(lambda: (condition, True) in gateway.told)
    assert str(status) in gateway.why[gateway.told.index((condition, True))]
    gateway.settle()
    assert gateway.writer.counts().waiting == made(30)
    proxy.fault = lambda _lines: None
    gateway.until_written()
    assert [bad for name_, bad in gateway.told if name_ == condition][-2:] == [True, False]
    assert server.numbers(name) == list(range(made(30)))
    assert proxy.written() == lines(0, made(30), name)


@needs_influxdb
def test_bad_lines_are_set_aside_and_the_others_are_there(server: Server, proxy: Proxy, gateway: Gateway) -> None:
    outcomes = list(groups(40, measurement="mixed"))
    gateway.take(outcomes[:10])
    gateway.settle()
    bad = {5000: b"n=,", 5001: b'n="five",', 9000: b"n=NaN,"}
    for outcome in outcomes:
        for at, one in enumerate(outcome.lines):
            n = int(one.partition(b"n=")[2].partition(b".")[0])
            if n in bad:
                outcome.lines[at] = one.replace(b"n=%d.0," % n, bad[n])
    gateway.take(outcomes[10:])
    gateway.settle()
    gateway.until_written()
    counts = gateway.writer.counts()
    assert counts.set_aside == {"unreadable": 2, "unfit": 1}
    assert (counts.written, counts.waiting) == (made(40) - 3, 0)
    assert {name: each.set_aside for name, each in counts.devices.items()} == {"d00": 2, "d01": 1}
    assert server.numbers("mixed") == [n for n in range(made(40)) if n not in bad]
    kept = (gateway.folder / "set-aside.lp").read_text()
    assert kept.count("\n# ") + 1 == kept.count("\nmixed,") == 3
    assert "unfit" in kept
    assert "field type conflict" in kept


def test_any_weather(server: Server, proxy: Proxy, gateway: Gateway) -> None:
    """Faults of all kinds come and go while lines are made."""
    dice = random.Random(3)
    faults: list[Callable[[list[bytes]], Any]] = [
        influx_error(500, "internal error", "no"),
        influx_error(429, "too many requests", "no", **{"Retry-After": "0"}),
        influx_error(401, "unauthorized", "no"),
        lambda asked: influx_error(413, "request too large", "no")(asked) if len(asked) > 700 else None,
    ]
    proxy.fault = lambda asked: dice.choice(faults)(asked) if dice.random() < 0.3 else None
    for outcome in groups(300, measurement="weather"):
        proxy.breaks = dice.random() < 0.05
        gateway.take([outcome])
        time.sleep(0.005)
    proxy.breaks = False
    gateway.until_written()
    assert server.numbers("weather") == list(range(made(300)))
    assert gateway.writer.counts().written == made(300)


# ------------------------------------------------------------------------------------------------- for too long


def test_what_is_more_than_the_backlog_may_hold_is_counted(tmp_path: Path, server: Server, proxy: Proxy) -> None:
    proxy.fault = influx_error(503, "unavailable", "no")
    gateway = Gateway(tmp_path / "sink", server, proxy.url, budget_bytes=16 << 20)
    dice = random.Random(5)
    count = 12_000
    for n in range(count):
        text = dice.randbytes(2048).hex().encode()  # hardly compressed
        one = b'wide,device=w%d,model=plain n=%d.0,flags="%s" %d\n' % (n % 3, n, text, T_NS + n * 1_000_000)
        gateway.take([Outcome(first=n + 1, last=n + 1, lines=[one])])
        if n % 500 == 499:
            gateway.until(lambda: gateway.writer._memory.bytes < MEMORY_BYTES)
    gateway.settle()
    counts = gateway.writer.counts()
    assert counts.expired > 1000
    assert counts.expired + counts.waiting == count
    assert sum(each.expired for each in counts.devices.values()) == counts.expired
    assert counts.devices.keys() == {"w0", "w1", "w2"}
    gateway.stop()
    proxy.fault = lambda _lines: None
    again = Gateway(tmp_path / "sink", server, proxy.url, budget_bytes=16 << 20)
    assert again.position == count
    again.until_written()
    final = again.writer.counts()
    assert (final.expired, final.written) == (counts.expired, count - counts.expired)
    assert server.numbers("wide") == list(range(counts.expired, count))
    again.stop()


class FullFs(OsFs):
    """A disk that has no room while it is told so."""

    full = False

    def pwritev(self, fd: int, buffers: Sequence[Buffer], offset: int) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "no room")
        return super().pwritev(fd, buffers, offset)


def test_a_full_disk_while_influxdb_is_down(
    tmp_path: Path, server: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines wait in memory, as many as it may hold; the oldest beyond that expire and are counted."""
    monkeypatch.setattr(influx_writer, "MEMORY_BYTES", 200_000)
    proxy.fault = influx_error(503, "unavailable", "no")
    disk = FullFs()
    gateway = Gateway(tmp_path / "sink", server, proxy.url, fs=disk)
    outcomes = list(groups(60, measurement="full"))
    gateway.take(outcomes[:2])
    gateway.settle()
    disk.full = True
    for outcome in outcomes[2:50]:
        gateway.take([outcome])
        gateway.until(lambda: gateway.writer._memory.bytes <= 200_000 + 30_000)
    counts = gateway.writer.counts()
    assert counts.expired > 0
    assert counts.expired + counts.waiting == made(50)
    assert not gateway.writer.settle(gateway.last, 0.3), "what is only in memory is not safe"
    disk.full = False
    proxy.fault = lambda _lines: None
    gateway.take(outcomes[50:])
    gateway.until_written()
    gateway.settle()
    counts = gateway.writer.counts()
    assert counts.written + counts.expired == made(60)
    assert len(server.numbers("full")) == counts.written
    gateway.stop()
    last = InfluxWriter(Influx(server.settings()), tmp_path / "sink", gateway.trouble, OsFs(), budget_bytes=64 << 20)
    assert last.open() == outcomes[-1].last
    assert (last.counts().written, last.counts().expired, last.counts().waiting) == (counts.written, counts.expired, 0)


# ----------------------------------------------------------------------------------------------------- restarts


def test_stop_and_go_on(tmp_path: Path, server: Server, proxy: Proxy) -> None:
    """A clean stop leaves nothing behind in memory; the next start takes over counts and position."""
    outcomes = list(groups(30, measurement="restart"))
    first = Gateway(tmp_path / "sink", server, proxy.url)
    first.take(outcomes[:10])
    first.stop()
    assert server.numbers("restart") == list(range(made(10)))
    proxy.fault = influx_error(500, "internal error", "no")
    second = Gateway(tmp_path / "sink", server, proxy.url)
    assert second.position == outcomes[9].last
    second.take(outcomes[5:20])  # a replay begins before the position
    second.stop()
    proxy.fault = lambda _lines: None
    third = Gateway(tmp_path / "sink", server, proxy.url)
    assert third.position == outcomes[19].last
    third.take(outcomes)
    third.settle()
    third.until_written()
    counts = third.writer.counts()
    assert (counts.written, counts.waiting) == (made(30), 0)
    assert proxy.written() == lines(0, made(30), "restart")
    third.stop()


@pytest.mark.parametrize("moment", ["direct", "stored", "catching up", "before it is done"])
def test_what_a_crash_leaves_is_counted_once(
    tmp_path: Path, server: Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """A copy of the disk is what a power cut would leave; a replay from the beginning goes on with it."""
    name = f"crash_{moment.replace(' ', '_')}"
    outcomes = list(groups(40, measurement=name))
    gateway = Gateway(tmp_path / "sink", server, proxy.url)
    if moment == "before it is done":
        monkeypatch.setattr(gateway.writer._backlog, "_save", lambda: time.sleep(0.05))
    gateway.take(outcomes[:10])
    gateway.until_written()  # and nobody saves it
    if moment != "direct":
        proxy.fault = influx_error(503, "unavailable", "no")
        for start, end in pairwise((10, 13, 18, 23, 28, 33, 38)):
            gateway.take(outcomes[start:end])
            gateway.settle()  # by the backlog alone
        proxy.fault = lambda _lines: None
        if moment != "stored":
            stored = gateway.writer.counts().waiting
            gateway.until(lambda: 0 < gateway.writer.counts().waiting < stored)
    shutil.copytree(tmp_path / "sink", tmp_path / "image")
    gateway.stop()
    again = Gateway(tmp_path / "image", server, proxy.url)
    again.take(outcomes)
    again.until_written()
    counts = again.writer.counts()
    assert (counts.written, counts.expired, counts.set_aside) == (made(40), 0, {})
    assert server.numbers(name) == list(range(made(40)))
    again.stop()
    last = InfluxWriter(Influx(server.settings()), tmp_path / "image", again.trouble, OsFs(), budget_bytes=64 << 20)
    last.open()
    assert (last.counts().written, last.counts().waiting) == (made(40), 0)


def test_killed_at_any_moment(tmp_path: Path, server: Server, proxy: Proxy) -> None:
    """Killed again and again while InfluxDB fails now and then: nothing is missing, every line is counted once."""
    dice = random.Random(7)
    unavailable = influx_error(503, "unavailable", "no")
    proxy.fault = lambda asked: unavailable(asked) if dice.random() < 0.4 else None
    count = 200
    token = server.folder / "token"
    server.settings()
    command = [sys.executable, "-m", "tests.ingest.street", str(tmp_path / "sink"), proxy.url, str(token), str(count)]
    safe = 0
    for _ in range(8):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout
            told = child.stdout.readline()  # it is under way
            time.sleep(dice.random() * 0.4)
            child.kill()
            told = (told + child.stdout.read()).splitlines()[-1]
        if told.startswith("safe"):
            assert int(told.split()[1]) >= safe, "a position went back"
            safe = int(told.split()[1])
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stderr == ""
    assert ended.stdout.splitlines()[-1] == f"all {made(count)}"
    assert server.numbers("street") == list(range(made(count)))
