"""How many alarms that would have been: the numbers can be counted by hand."""

from zoneinfo import ZoneInfo

import pytest

from commands.backtest_numbers import difference, numbers
from commands.backtest_run import Activation
from feed.kpi import Flood
from rules.records import Text

ZONE = ZoneInfo("Asia/Shanghai")
DAY = 1_790_784_000_000  # 2026-10-01 00:00 there
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000


def ring(at_ms: int, alarm: str = "dusty@a", to_ms: int | None = None, *, rings: bool = True) -> Activation:
    return Activation(
        alarm=alarm, rule=alarm.partition("@")[0], priority=2, from_ms=DAY + at_ms,
        to_ms=None if to_ms is None else DAY + to_ms, rings=rings, text=Text("", ""),
    )  # fmt: skip


def test_empty_periods_count_and_what_is_hidden_does_not() -> None:
    found = numbers([ring(0), ring(HOUR), ring(2 * HOUR, rings=False)], DAY, DAY + 24 * HOUR, ZONE, ["08:00"])
    assert (found.raised, found.hidden, found.standing) == (2, 1, 2)
    assert found.per_10_min_mean == pytest.approx(2 / 144)
    assert (found.per_10_min_most, found.per_10_min_over_ten_pct) == (1, 0)
    assert numbers([], DAY, DAY + 1, ZONE, ["08:00"]).per_10_min_mean == 0


def test_a_shift_begins_when_the_desk_changes() -> None:
    rings = [ring(1 * HOUR), ring(8 * HOUR), ring(8 * HOUR + 1), ring(23 * HOUR)]
    found = numbers(rings, DAY, DAY + 24 * HOUR, ZONE, ["20:00", "08:00"])
    assert found.by_shift == {"2026-09-30 20:00": 1, "2026-10-01 08:00": 2, "2026-10-01 20:00": 1}
    assert found.by_day == {"2026-10-01": 4}


def test_a_flood_begins_over_ten_and_ends_below_five() -> None:
    counts = [10, 11, 7, 5, 4, 12]
    rings = [ring(at * 10 * MINUTE + n, f"dusty@{n}") for at, count in enumerate(counts) for n in range(count)]
    found = numbers(rings, DAY, DAY + HOUR, ZONE, ["00:00"])
    assert found.floods == [
        Flood(DAY + 10 * MINUTE + 10, DAY + 40 * MINUTE, 23),  # from the eleventh on, as the desk has it
        Flood(DAY + 50 * MINUTE + 10, DAY + 60 * MINUTE, 12),
    ]
    assert found.in_flood_pct == pytest.approx(100 * 4 / 6, abs=0.001)
    assert found.per_10_min_over_ten_pct == pytest.approx(100 * 2 / 6)


@pytest.mark.parametrize(
    ("times_s", "most"), [((0, 30, 59), 3), ((0, 30, 60), None), ((0, 59, 100, 118, 119), 3), ((0, 0, 0, 0), 4)]
)
def test_chatter_is_three_of_one_alarm_in_a_rolling_minute(times_s: tuple[int, ...], most: int | None) -> None:
    rings = [ring(at * SECOND) for at in times_s] + [ring(30 * SECOND, "dusty@b"), ring(31 * SECOND, "dusty@b")]
    found = numbers(rings, DAY, DAY + HOUR, ZONE, ["00:00"])
    assert found.chatter == ({} if most is None else {"dusty@a": most})


def test_what_stands_for_a_day_is_stale() -> None:
    rings = [ring(0, "a@1", 24 * HOUR), ring(0, "a@2", 24 * HOUR - 1), ring(25 * HOUR, "a@3"), ring(0, "a@4")]
    assert numbers(rings, DAY, DAY + 48 * HOUR, ZONE, ["00:00"]).stale == ["a@1", "a@4"]


def test_two_rule_sets_differ() -> None:
    end = DAY + 24 * HOUR
    mine = [
        ring(0, "a@same", HOUR), ring(2 * HOUR, "a@earlier", 5 * HOUR), ring(2 * HOUR, "a@later", 5 * HOUR),
        ring(HOUR, "a@added", 2 * HOUR), ring(HOUR, "a@twice", 2 * HOUR), ring(3 * HOUR, "a@twice", 4 * HOUR),
        ring(HOUR, "a@apart", 2 * HOUR), ring(7 * HOUR, "a@finding", 7 * HOUR), ring(20 * HOUR, "a@standing"),
    ]  # fmt: skip
    other = [
        ring(0, "a@same", 2 * HOUR), ring(3 * HOUR, "a@earlier", 4 * HOUR), ring(HOUR, "a@later", 3 * HOUR),
        ring(HOUR, "a@removed", 2 * HOUR), ring(HOUR, "a@twice", 5 * HOUR),
        ring(3 * HOUR, "a@apart", 4 * HOUR), ring(7 * HOUR, "a@finding", 7 * HOUR), ring(21 * HOUR, "a@standing"),
    ]  # fmt: skip
    found = difference(mine, other, end)
    assert [each.alarm for each in found.added] == ["a@added", "a@apart"]
    assert [each.alarm for each in found.removed] == ["a@removed", "a@apart"]
    assert [(each.alarm, each.by_ms) for each in found.earlier] == [("a@earlier", -HOUR), ("a@standing", -HOUR)]
    assert [(each.alarm, each.by_ms) for each in found.later] == [("a@later", HOUR)]
    assert (found.same, found.joined) == (3, 1)  # of `twice` one stands with what was one, and the other within it
    back = difference(other, mine, end)
    assert (sorted(each.alarm for each in back.removed), back.joined) == (["a@added", "a@apart"], 1)
    assert difference(mine, mine, end).same == len(mine)
    assert difference([], [], end).same == 0
