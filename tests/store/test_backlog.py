"""What InfluxDB has not taken waits, in order; a crash may post a body twice and loses none."""

import random
from pathlib import Path

import pytest

from store.backlog import Backlog
from store.fs import DiskFullError, OsFs
from tests.store.losing_fs import LosingFs

HERE = Path("/state/backlog")
SMALL = 8 << 10


def some_body(dice: random.Random, number: int) -> bytes:
    lines = (b"dust,device=d%d v=%r %d\n" % (number, dice.random(), number) for _ in range(dice.randrange(1, 30)))
    return b"".join(lines).replace(b"'", b"")


def open_backlog(fs: LosingFs, segments: int = 100, expired: list[bytes] | None = None) -> Backlog:
    expiring = expired.append if expired is not None else lambda _: None
    return Backlog(fs, HERE, segments * SMALL, expiring=expiring, segment_bytes=SMALL)


def drain(backlog: Backlog) -> list[bytes]:
    bodies = []
    while (found := backlog.peek()) is not None:
        position, body = found
        assert backlog.peek() == found, "a peek takes nothing away"
        bodies.append(body)
        backlog.done(position)
    return bodies


def test_bodies_come_out_in_order_over_restarts(tmp_path: Path) -> None:
    dice = random.Random(1)
    made = [some_body(dice, number) for number in range(300)]
    backlog = Backlog(OsFs(), tmp_path, 1 << 20, segment_bytes=SMALL)
    assert backlog.peek() is None
    for number, body in enumerate(made[:200], 1):
        backlog.append(number, body)
        backlog.commit()
    assert backlog.waiting_lines == sum(body.count(b"\n") for body in made[:200])
    posted = []
    for _ in range(90):
        position, body = backlog.peek() or pytest.fail("empty")
        posted.append(body)
        assert position.last == len(posted)
        backlog.done(position)
    backlog.close()

    again = Backlog(OsFs(), tmp_path, 1 << 20, segment_bytes=SMALL)
    assert again.last == 200
    assert again.waiting_lines == sum(body.count(b"\n") for body in made[90:200])
    for number, body in enumerate(made[200:], 201):
        again.append(number, body)
        again.commit()
    posted += drain(again)
    assert posted == made
    assert again.waiting_lines == again.used_bytes == again.expired_lines == 0
    again.close()
    assert Backlog(OsFs(), tmp_path, 1 << 20, segment_bytes=SMALL).peek() is None


def test_what_is_done_gives_its_room_back() -> None:
    fs = LosingFs()
    dice = random.Random(2)
    backlog = open_backlog(fs)
    for number in range(1, 1000):
        backlog.append(number, some_body(dice, number))
        backlog.commit()
        position, _ = backlog.peek() or pytest.fail("empty")
        backlog.done(position)
        assert sum(path.suffix == ".seg" for path in fs.names_seen) <= 2


def test_a_full_budget_drops_the_oldest_and_counts_it() -> None:
    fs = LosingFs()
    dice = random.Random(3)
    expired: list[bytes] = []
    backlog = open_backlog(fs, segments=4, expired=expired)
    made = [some_body(dice, number) for number in range(400)]
    posted = []
    for number, body in enumerate(made, 1):
        backlog.append(number, body)
        backlog.commit()
        if number == 10:
            for _ in range(5):
                position, first = backlog.peek() or pytest.fail("empty")
                posted.append(first)
                backlog.done(position)
            position, _ = backlog.peek() or pytest.fail("empty")
    backlog.done(position)  # was dropped while it was being posted: nothing happens
    assert backlog.expired_lines == sum(body.count(b"\n") for body in expired) > 0
    again = open_backlog(fs.after_kill(), segments=4)
    assert again.expired_lines == backlog.expired_lines
    assert again.waiting_lines == backlog.waiting_lines
    assert posted + expired + drain(backlog) == made


def test_room_is_made_for_others() -> None:
    fs = LosingFs()
    backlog = open_backlog(fs)
    fs.room = 3 * SMALL + 500
    dice = random.Random(4)
    made = []

    def fill() -> None:
        for number in range(1, 400):
            made.append(some_body(dice, number))
            backlog.append(number, made[-1])
            backlog.commit()

    with pytest.raises(DiskFullError):
        fill()
    assert backlog.free_oldest() == SMALL
    backlog.commit()
    lines = sum(body.count(b"\n") for body in made)
    assert backlog.expired_lines + backlog.waiting_lines == lines
    left = drain(backlog)
    assert left == made[-len(left) :]


def test_damage_is_passed_over_and_counted() -> None:
    fs = LosingFs()
    backlog = open_backlog(fs)
    bodies = [b"a v=1 1\n", b"b v=1 1\nb v=2 2\n", b"c v=1 1\n"]
    places = []
    for number, body in enumerate(bodies, 1):
        places.append(backlog.used_bytes)
        backlog.append(number, body)
        backlog.commit()
    fs.names_seen[HERE / "0000000001.seg"].seen[places[1] + 70] ^= 1
    assert drain(backlog) == [bodies[0], bodies[2]]
    assert (backlog.waiting_lines, backlog.expired_lines) == (0, 2)


@pytest.mark.parametrize("seed", range(40))
def test_no_crash_loses_a_body(seed: int) -> None:
    """Posted + expired + waiting is all that was made durable, in order; only the last posted may come again."""
    dice = random.Random(seed)
    fs = LosingFs()
    gone = 0  # number of the last body that was posted or expired
    durable = 0
    for _ in range(8):
        changes_left = dice.randrange(5, 150)

        def crash(_operation: str, _path: Path) -> None:
            nonlocal changes_left
            changes_left -= 1
            if not changes_left:
                raise KeyboardInterrupt

        expired: list[bytes] = []
        fs.before = crash
        appended = durable
        try:
            backlog = open_backlog(fs, segments=4, expired=expired)
            while True:
                if dice.random() < 0.6:
                    appended += 1
                    backlog.append(
                        appended, b"n=%d %s\n" % (appended, dice.randbytes(dice.randrange(900)).hex().encode())
                    )
                    backlog.commit()
                    durable = appended
                elif (found := backlog.peek()) is not None:
                    gone = max(gone, found[0].last)
                    backlog.done(found[0])
        except KeyboardInterrupt:
            gone = max([gone, *(int(body.split()[0][2:]) for body in expired)])
        fs = fs.after_kill() if dice.random() < 0.3 else fs.after_power_loss(dice)
        left = [int(body.split()[0][2:]) for body in drain(open_backlog(fs.after_kill(), segments=4))]
        assert left == list(range(left[0], left[-1] + 1)) if left else gone >= durable
        if left:
            assert left[0] <= gone + 1
            assert left[-1] in {durable, appended}
            durable = left[-1]
