"""Minutes, packed and open: they hold what a plain dictionary of cells holds, whatever comes in whatever order."""

from random import Random

import numpy as np
import pytest

from rules.minutes import KEPT_MIN, SPOKE, Minutes, pack, unpack
from rules.periods import HOUR_MIN

WIDTH = 150  # three pieces
COLUMNS = np.arange(WIDTH)


class Plain:
    """Cells as a dictionary: (minute, column) -> sum, count."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], tuple[int, int]] = {}
        self.head = -1

    def forget(self, oldest: int, newest: int) -> None:
        self.cells = {at: cell for at, cell in self.cells.items() if oldest <= at[0] <= newest}

    def advance(self, minute: int) -> None:
        self.head = minute
        self.forget(minute - KEPT_MIN + 1, minute)

    def turn_back(self, minute: int) -> None:
        self.forget(self.head - KEPT_MIN + 1, minute)
        self.head = minute

    def add(self, minute: int, column: int, total: int, count: int) -> None:
        old = self.cells.get((minute, column), (0, 0))
        before = old[0] if old[1] else 0
        self.cells[minute, column] = (before + total, old[1] + count)

    def speak(self, minute: int, column: int) -> None:
        self.cells.setdefault((minute, column), (SPOKE, 0))

    def clear(self, first: int, end: int, columns: list[int]) -> None:
        self.cells = {at: c for at, c in self.cells.items() if not (first <= at[0] < end and at[1] in columns)}


def assert_same(minutes: Minutes, plain: Plain) -> None:
    assert minutes.head == plain.head
    first = plain.head - KEPT_MIN - 90
    sums, counts = minutes.read(first, plain.head + 30, COLUMNS)
    expected = np.zeros_like(sums), np.zeros_like(counts)
    for (minute, column), (total, count) in plain.cells.items():
        expected[0][minute - first, column], expected[1][minute - first, column] = total, count
    assert np.array_equal(sums, expected[0])
    assert np.array_equal(counts, expected[1])


def again(minutes: Minutes) -> Minutes:
    """Put it through a snapshot."""
    other = Minutes(WIDTH)
    other.restore(minutes.head, minutes.pieces())
    other.sums[:], other.counts[:] = minutes.sums, minutes.counts
    return other


@pytest.mark.parametrize("seed", range(12))
def test_minutes_hold_what_a_dictionary_holds(seed: int) -> None:
    dice = Random(seed)
    minutes, plain = Minutes(WIDTH), Plain()
    now = 29_000_000 + dice.randrange(HOUR_MIN)
    for step in range(400):
        now += dice.choice((0, 0, 1, 1, 5, 59, 61, 200, 1500 if step % 50 == 0 else 0))
        if now > minutes.head:
            minutes.advance(now)
            plain.advance(now)
        deed = dice.random()
        minute = now - dice.choice((0, 0, 1, 30, 170, 185, 1000, 2880, 2999))
        column = dice.randrange(WIDTH)
        if deed < 0.75:
            for _ in range(dice.choice((1, 30))):
                total, count = dice.randrange(-5000, 50_000_000), dice.randrange(1, 6)
                minutes.add(minute, column, total, count)
                plain.add(minute, column, total, count)
                column = dice.randrange(WIDTH)
                minute = max(minute - 1, now - KEPT_MIN + 1)
        elif deed < 0.85:
            minutes.speak(minute, column)
            plain.speak(minute, column)
        elif deed < 0.9:
            columns = [column, (column + 1) % WIDTH]
            minutes.clear(minute - 100, minute + 20, columns)
            plain.clear(minute - 100, minute + 20, columns)
        elif deed < 0.93:
            now -= dice.choice((6, 70, 500, 4000))
            minutes.turn_back(now)
            plain.turn_back(now)
        elif deed < 0.96:
            minutes = again(minutes)
    assert_same(minutes, plain)
    shuffled = list(range(WIDTH))
    dice.shuffle(shuffled)
    other = Minutes(WIDTH + 1)
    other.take_columns(minutes, range(WIDTH), shuffled)
    (sums, counts), (its_sums, its_counts) = (each.read(now - 600, now, COLUMNS) for each in (other, minutes))
    assert np.array_equal(sums, its_sums[:, shuffled])
    assert np.array_equal(counts, its_counts[:, shuffled])


def test_what_was_packed_comes_back_to_the_last_bit() -> None:
    dice = np.random.default_rng(1)
    extremes = np.array([-(1 << 31), (1 << 31) - 1, 0, 1, -1])
    for width in (1, 6, 64):
        for low, high in ((-(1 << 31), 1 << 31), (0, 2), (350_000, 360_000)):
            sums = dice.integers(low, high, (HOUR_MIN, width)).astype(np.int32)
            sums[: len(extremes), 0] = extremes
            counts = dice.integers(0, 1 << 16, (HOUR_MIN, width)).astype(np.uint16)
            back, counts_back = unpack(pack(sums, counts))
            assert np.array_equal(back, sums)
            assert np.array_equal(counts_back, counts)
    assert pack(np.zeros((HOUR_MIN, 3), np.int32), np.zeros((HOUR_MIN, 3), np.uint16)) == b""


def test_fifty_hours_of_500_stations_take_less_than_a_third_of_plain_arrays() -> None:
    """PM values with one digit after the point that tremble at random are the worst of what is usual."""
    dice = np.random.default_rng(2)
    sums = (dice.integers(50, 1400, (HOUR_MIN, 64)) * 10).astype(np.int32)
    assert len(pack(sums, np.ones_like(sums, np.uint16))) < sums.size * 6 / 3.5
