"""The last 24 hours warn at once, and calm down after a full hour at or under the limit."""

import pytest

from config.packs import limits
from rules.kinds.rolling_mean import KIND, LastHours, RollingMean, step
from rules.verdicts import NORMAL, UNKNOWN, VIOLATED

HOUR = 3_600_000
RULE = RollingMean(quantity="pm10_ug_m3", limits=limits("gb3095-2026-class2", "pm10_ug_m3"))


def verdicts(*hours: tuple[float | None, int]) -> list[int]:
    """Judge (mean, valid hours) hour after hour."""
    memory, found = KIND.start, []
    for number, (mean, valid) in enumerate(hours):
        said = step(memory, LastHours(number * HOUR, "2026-11-24", mean, valid), RULE, 60_000)
        memory = said.memory
        found.append(said.verdict)
    return found


def test_it_warns_with_the_first_mean_over_the_limit() -> None:
    assert verdicts((110, 24), (120.5, 24), (120.6, 24)) == [NORMAL, NORMAL, VIOLATED]


def test_it_calms_down_after_a_full_hour_at_or_under_the_limit() -> None:
    assert verdicts((130, 24), (120, 24), (119, 24), (119, 24)) == [VIOLATED, VIOLATED, NORMAL, NORMAL]
    assert verdicts((130, 24), (120, 24), (121, 24), (120, 24)) == [VIOLATED] * 4


def test_a_revision_within_the_hour_does_not_count_as_an_hour() -> None:
    memory = step(KIND.start, LastHours(HOUR, "2026-11-24", 130, 24), RULE, 60_000).memory
    for _ in range(3):
        said = step(memory, LastHours(2 * HOUR, "2026-11-24", 119, 24), RULE, 60_000)
        memory = said.memory
        assert said.verdict == VIOLATED
    assert step(memory, LastHours(3 * HOUR, "2026-11-24", 119, 24), RULE, 60_000).verdict == NORMAL


@pytest.mark.parametrize(("valid", "verdict"), [(19, UNKNOWN), (20, VIOLATED)])
def test_too_few_hours_say_nothing(valid: int, verdict: int) -> None:
    assert verdicts((500, valid)) == [verdict]


def test_not_knowing_calms_nothing() -> None:
    hours = ((130.0, 24), (119.0, 24), (None, 0), (119.0, 21), (119.0, 22))
    assert verdicts(*hours) == [VIOLATED, VIOLATED, UNKNOWN, VIOLATED, NORMAL]


def test_the_evidence_carries_mean_hours_and_limit() -> None:
    why = step(KIND.start, LastHours(HOUR, "2026-11-24", 130.25, 22), RULE, 60_000).why
    expected = {"mean": 130.25, "value": 130, "hours": 22, "hours_needed": 20, "of": 24, "limit": 120}
    assert expected.items() <= why.items()
    before = step(KIND.start, LastHours(HOUR, "2015-12-31", 130.25, 22), RULE, 60_000)
    assert (before.verdict, before.why["unknown"]) == (UNKNOWN, "no limit for this day")
