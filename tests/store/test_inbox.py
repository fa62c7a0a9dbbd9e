"""Frames of devices that nobody registered are kept for the day when somebody does."""

import random
from pathlib import Path

import pytest

from store import inbox as inbox_module
from store.fs import DiskFullError, OsFs
from store.inbox import FRAMES_AN_ADDRESS, Inbox, Known, Stranger
from tests.store.losing_fs import LosingFs

HERE = Path("/state/inbox")
SMALL = 8 << 10


def frames_of(address: str, sequences: range, size: int = 20) -> list[Stranger]:
    dice = random.Random(address)
    return [(n, "lora", n * 1000, (b"wells/x/report", dice.randbytes(size), b""), address) for n in sequences]


def test_frames_come_back_by_address_and_are_counted(tmp_path: Path) -> None:
    inbox = Inbox(OsFs(), tmp_path, 1 << 20, segment_bytes=SMALL)
    expected: dict[str, list[Stranger]] = {}
    for n in range(1, 900, 3):
        group = frames_of(f"eui:{n % 7}", range(n, n + 2)) + frames_of("imei:1", range(n + 2, n + 3))
        for each in group:
            expected.setdefault(each[4], []).append(each)
        assert inbox.append(group) == 0
        assert inbox.commit() == n + 2
    for _ in range(2):
        for address, strangers in expected.items():
            assert list(inbox.read(address)) == [each[:4] for each in strangers]
            assert inbox.known[address] == Known(len(strangers), strangers[0][2], strangers[-1][2])
        assert set(inbox.known) == set(expected)
        assert list(inbox.read("eui:nobody")) == []
        inbox.close()
        inbox = Inbox(OsFs(), tmp_path, 1 << 20, segment_bytes=SMALL)
        assert inbox.last == 900


def test_one_address_cannot_fill_the_inbox() -> None:
    inbox = Inbox(LosingFs(), HERE)
    assert inbox.append(frames_of("eui:1", range(1, FRAMES_AN_ADDRESS + 31))) == 30
    assert inbox.append(frames_of("eui:2", range(5000, 5010))) == 0
    inbox.commit()
    assert inbox.refused == 30
    assert len(list(inbox.read("eui:1"))) == inbox.known["eui:1"].frames == FRAMES_AN_ADDRESS
    assert len(list(inbox.read("eui:2"))) == 10


def test_many_addresses_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "ADDRESSES", 5)
    inbox = Inbox(LosingFs(), HERE)
    for n in range(1, 10):
        inbox.append(frames_of(f"eui:{n}", range(n, n + 1)))
    assert inbox.refused == 4
    assert inbox.append(frames_of("eui:1", range(20, 21))) == 0


def test_a_full_inbox_refuses_what_is_new_and_keeps_what_is_old() -> None:
    fs = LosingFs()
    inbox = Inbox(fs, HERE, 6 * SMALL, segment_bytes=SMALL)
    for n in range(1, 2000):
        inbox.append(frames_of(f"eui:{n % 40}", range(n, n + 1), size=100))
        inbox.commit()
    assert inbox.refused > 100
    assert sum(len(file.seen) for file in fs.names_seen.values()) <= 6 * SMALL
    assert next(inbox.read("eui:1"))[0] == 1
    assert sum(known.frames for known in inbox.known.values()) + inbox.refused == 1999

    while inbox.free_oldest():
        pass
    again = Inbox(fs.after_kill(), HERE, 6 * SMALL, segment_bytes=SMALL)
    counted = {address: known.frames for address, known in inbox.known.items()}
    assert {address: known.frames for address, known in again.known.items()} == counted
    assert {address: len(list(inbox.read(address))) for address in counted} == counted
    assert inbox.append(frames_of("eui:41", range(3000, 3001))) == 0


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    del tmp_path
    fs = LosingFs()
    fs.room = 100
    inbox = Inbox(fs, HERE, 6 * SMALL, segment_bytes=SMALL)
    inbox.append(frames_of("eui:1", range(1, 3)))
    with pytest.raises(DiskFullError):
        inbox.commit()
    assert list(inbox.read("eui:1")) == []
    fs.room = 1 << 20
    assert inbox.commit() == 2
    assert len(list(inbox.read("eui:1"))) == 2


@pytest.mark.parametrize("seed", range(10))
def test_what_was_committed_survives_a_power_cut(seed: int) -> None:
    dice = random.Random(seed)
    fs = LosingFs()
    inbox = Inbox(fs, HERE, 20 * SMALL, segment_bytes=SMALL)
    for n in range(1, 200):
        inbox.append(frames_of(f"eui:{n % 3}", range(n, n + 1), size=dice.randrange(200)))
        inbox.commit()
        if dice.random() < 0.05:
            before = {address: list(inbox.read(address)) for address in inbox.known}
            fs = fs.after_power_loss(dice)
            inbox = Inbox(fs, HERE, 20 * SMALL, segment_bytes=SMALL)
            assert {address: list(inbox.read(address)) for address in inbox.known} == before
