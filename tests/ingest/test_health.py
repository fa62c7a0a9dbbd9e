"""What the gateway notices about itself and throws away: a failing card, a full disk, an old journal."""

import errno
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.frames import Batch
from ingest import health as module
from ingest.clock import Clock
from ingest.health import Health
from ingest.pipeline import Pipeline
from ingest.settings import KeepSettings
from ingest.start import restore
from ingest.stores import Stores
from ingest.upkeep import Upkeep
from rules.records import Config, Status
from store.book import Book
from store.crashes import Crashes
from store.fs import DiskFullError, Fs, OsFs
from store.inbox import Inbox
from store.journal import Journal
from tests.ingest.test_pipeline import REGISTRY, RULES, Sender
from tests.servers import until

SEGMENT = 64 << 10


class FailingFs(OsFs):
    """A card that fails once."""

    fails = False

    def fdatasync(self, fd: int) -> None:
        if self.fails:
            self.fails = False
            raise OSError(errno.EIO, "input/output error")
        super().fdatasync(fd)


class Gateway:
    """One life of a gateway with small segments."""

    def __init__(self, folder: Path, fs: Fs) -> None:
        self.stores = Stores(
            fs,
            folder,
            Journal(fs, folder / "journal", 64 * SEGMENT, segment_bytes=SEGMENT),
            Inbox(fs, folder / "inbox", 2 * SEGMENT, segment_bytes=SEGMENT),
            Book(folder / "book.sqlite"),
            Crashes(fs, folder / "crashes"),
        )
        fold, poison = restore(self.stores, lambda _: (REGISTRY, RULES), [])
        self.clock = Clock(fold.memory.log_ms, 0)
        self.pipeline = Pipeline(fold, self.stores, self.clock, [], poison)
        self.health = Health(self.pipeline, self.clock, folder, snapshot=lambda: None)
        self.thread = threading.Thread(target=self.pipeline.run)
        self.thread.start()
        self.pipeline.note(Status(at_ms=0, subject="gateway", kind="started"))
        self.pipeline.note(Config(at_ms=0, hash="one"))

    def send(self, payload: bytes) -> None:
        done = threading.Event()
        self.pipeline.door(Sender(window=1), "lora")(Batch("lora", 0, [(b"plain/d", payload, b"")]), done.set)
        assert done.wait(5)

    def look(self) -> dict[str, bool]:
        """Look once; return which of the gateway's own alarms are active."""
        self.health.look()

        def alarms(_: object) -> dict[str, bool]:
            return {alarm.id: alarm.active for alarm in self.stores.book.alarms()}

        return self.pipeline.ask_durable(alarms).result(5)

    def end(self) -> None:
        assert self.pipeline.stop(5)
        self.thread.join(5)
        self.stores.crashes.end()
        self.stores.close()


@pytest.fixture
def fs() -> FailingFs:
    return FailingFs()


@pytest.fixture
def gateway(tmp_path: Path, fs: FailingFs) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path, fs)
    yield gateway
    gateway.end()


def test_a_card_that_fails_is_told(tmp_path: Path, fs: FailingFs) -> None:
    gateway = Gateway(tmp_path, fs)
    gateway.send(b'{"pm10": 1}')
    assert gateway.look() == {}
    fs.fails = True
    gateway.send(b'{"pm10": 2}')
    assert gateway.look() == {"journal-trouble@gateway": True}
    [alarm] = gateway.stores.book.alarms()
    assert alarm.text.en == "Journal trouble: 1 segments could not be written, 0 places are damaged"
    gateway.end()
    gateway = Gateway(tmp_path, fs)
    assert gateway.look() == {"journal-trouble@gateway": False}, "a new life, which has seen nothing bad yet"
    gateway.end()
    [path] = [path for path in (tmp_path / "journal").glob("*.seg") if path.name.startswith("0000000001")]
    data = bytearray(path.read_bytes())
    data[100] ^= 0xFF  # in the first group; others follow it
    path.write_bytes(data)
    gateway = Gateway(tmp_path, fs)
    assert gateway.look() == {"journal-trouble@gateway": True}
    gateway.end()


def test_a_disk_that_has_room_again_while_the_gateway_is_off(
    tmp_path: Path, fs: FailingFs, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = Gateway(tmp_path, fs)
    monkeypatch.setattr(module, "LEAST_FREE_BYTES", 1 << 60)
    monkeypatch.setattr(module, "FREE_AGAIN_BYTES", 1 << 60)
    assert gateway.look() == {"disk-full@gateway": True}
    gateway.end()
    monkeypatch.setattr(module, "LEAST_FREE_BYTES", 1)
    gateway = Gateway(tmp_path, fs)
    assert gateway.look() == {"disk-full@gateway": False}
    gateway.end()


def test_the_ballast_comes_back_with_the_room(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST_FREE_BYTES", 1)
    monkeypatch.setattr(module, "FREE_AGAIN_BYTES", 1 << 60)
    gateway.pipeline.ask(lambda _: gateway.stores.book.throw_ballast()).result(5)
    assert gateway.look() == {"disk-full@gateway": True}
    monkeypatch.setattr(module, "FREE_AGAIN_BYTES", 1)
    gateway.look()
    until(lambda: gateway.stores.book.has_ballast, what="it is back")
    assert gateway.look() == {"disk-full@gateway": False}


DAY_MS = 86_400_000


def test_the_book_notes_once_a_minute_that_the_gateway_watches(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[int] = []
    monkeypatch.setattr(gateway.stores.book, "watch", noted.append)
    for _ in range(3):
        gateway.look()
    assert len(noted) == 1
    assert abs(noted[0] - gateway.pipeline.civil_ms()) < 60_000
    monkeypatch.setattr(module, "WATCH_S", 0.0)
    gateway.look()
    assert len(noted) == 2

    def full(_: int) -> None:
        raise DiskFullError

    monkeypatch.setattr(gateway.stores.book, "watch", full)
    gateway.look()
    assert gateway.thread.is_alive(), "the next minute notes it"


def test_on_a_full_disk_the_clean_up_waits_for_the_next_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleting needs room, too; the gateway goes on."""
    gateway = Gateway(tmp_path, OsFs())

    def full(**_: int) -> int:
        raise DiskFullError

    monkeypatch.setattr(gateway.stores.book, "prune", full)
    Upkeep(gateway.pipeline, KeepSettings()).clean()
    monkeypatch.undo()
    Upkeep(gateway.pipeline, KeepSettings()).clean()
    gateway.end()


def test_what_is_older_than_the_journal_may_be_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway(tmp_path, OsFs())
    day = iter(range(10))
    begins_ms = gateway.clock.log_ms()
    for n in day:
        monkeypatch.setattr(gateway.clock, "log_ms", lambda n=n: begins_ms + n * DAY_MS)
        for part in range(4):
            gateway.send(
                b'{"pm10": %d, "x": "%s"}' % (n, bytes(str([hash((n, part, i)) for i in range(2_000)]), "ascii"))
            )
    Upkeep(gateway.pipeline, KeepSettings()).clean()
    assert gateway.stores.journal.first == 1
    unproven = Upkeep(gateway.pipeline, KeepSettings(), journal_age_ms=3 * DAY_MS, needed_ms=lambda: begins_ms)
    unproven.clean()
    assert gateway.stores.journal.first == 1  # a proof still needs it
    Upkeep(gateway.pipeline, KeepSettings(), journal_age_ms=3 * DAY_MS).clean()
    oldest = gateway.stores.journal.log.segments[0]
    assert begins_ms + 5 * DAY_MS <= oldest.from_ms <= begins_ms + 6 * DAY_MS
    gateway.end()
