"""An engineer tries a rule for a week before it may ring anybody (`mode: shadow`)."""

import msgspec
import pytest
from msgspec.structs import replace

from rules.kinds.day_mean import DayMean
from rules.kinds.silence import Silence
from rules.kinds.threshold import Threshold
from rules.packs import DatedLimit
from rules.records import Event
from rules.ruleset import Rule
from tests.rules.street import HOUR, MINUTE, TIMED, Street, plain, rule

LIVE = rule("dusty", "threshold", Threshold(quantity="pm10_ug_m3", above=150, clear=100))
TRIED = replace(LIVE, id="tried", mode="shadow")
DAY = replace(
    rule(
        "day",
        "day_mean",
        DayMean(quantity="pm10_ug_m3", limits=(DatedLimit(from_date="2020-01-01", value=50.0, name="limit"),)),
    ),
    mode="shadow",
)


def said(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.kind, event.alarm.id) for event in events]


@pytest.fixture
def street() -> Street:
    street = Street([plain("dust-1")], [LIVE, TRIED])
    street.link(10, up=True)
    return street


def test_it_judges_and_rings_nobody(street: Street) -> None:
    high = street.json(MINUTE, "dust-1", pm10=200.0)
    assert said(high.events) == [("raised", "dusty@dust-1")]
    assert said(high.shadows) == [("raised", "tried@dust-1")]
    assert high.shadows[0].alarm.value == 200.0
    assert not any(b"rule=tried" in line for line in high.lines)
    low = street.json(2 * MINUTE, "dust-1", pm10=50.0)
    assert said(low.events) == [("returned", "dusty@dust-1")]
    assert said(low.shadows) == [("returned", "tried@dust-1")]


def test_nobody_can_answer_it(street: Street) -> None:
    occurrence = street.json(MINUTE, "dust-1", pm10=200.0).shadows[0].alarm.occurrence
    assert street.command(2 * MINUTE, "ack", "tried@dust-1", occurrence)[0] == 404
    assert street.command(3 * MINUTE, "ack", "dusty@dust-1", occurrence)[0] == 200


def test_it_is_put_to_work_while_its_condition_holds(street: Street) -> None:
    street.json(MINUTE, "dust-1", pm10=200.0)
    live = street.configure(2 * MINUTE, "two", [plain("dust-1")], [LIVE, replace(TRIED, mode="live")])
    assert (live.events, said(live.shadows)) == ([], [("withdrawn", "tried@dust-1")])
    high = street.json(3 * MINUTE, "dust-1", pm10=210.0)
    assert (said(high.events), high.shadows) == ([("raised", "tried@dust-1")], [])


def test_a_rule_that_rings_too_often_is_tried_again(street: Street) -> None:
    street.json(MINUTE, "dust-1", pm10=200.0)
    again = street.configure(2 * MINUTE, "two", [plain("dust-1")], [replace(LIVE, mode="shadow"), TRIED])
    assert (said(again.events), again.shadows) == ([("withdrawn", "dusty@dust-1")], [])
    assert [alarm.id for alarm in street.fold.memory.world.judging.alarms.by_id.values()] == ["tried@dust-1"]
    high = street.json(3 * MINUTE, "dust-1", pm10=210.0)
    assert (high.events, said(high.shadows)) == ([], [("raised", "dusty@dust-1")])


def test_its_rule_is_taken_away(street: Street) -> None:
    street.json(MINUTE, "dust-1", pm10=200.0)
    gone = street.configure(2 * MINUTE, "two", [plain("dust-1")], [LIVE])
    assert (gone.events, said(gone.shadows)) == ([], [("withdrawn", "tried@dust-1")])


def test_a_restart_changes_nothing_and_the_book_is_not_told(street: Street) -> None:
    street.json(MINUTE, "dust-1", pm10=200.0)
    street.restart()
    standing = [msgspec.to_builtins(street.alarm("dusty@dust-1"))]
    after = street.status(2 * MINUTE, "reconciled", alarms=standing)
    assert (after.events, after.shadows) == ([], [])
    low = street.json(3 * MINUTE, "dust-1", pm10=50.0)
    assert (said(low.events), said(low.shadows)) == (
        [("returned", "dusty@dust-1")],
        [("returned", "tried@dust-1")],
    )


@pytest.mark.parametrize("restart_at", [None, 7, 23, 30])
def test_days_and_silence_are_tried_too(restart_at: int | None) -> None:
    """Whatever kind it is, and whenever the process ends: the same activations."""

    def once(*, restart: int | None, mode: str) -> list[tuple[str, str, int]]:
        rules: list[Rule] = [
            replace(DAY, mode=mode),
            replace(rule("mute", "silence", Silence(intervals=None, after_ms=HOUR)), mode=mode),
        ]
        street = Street([plain("dust-1", TIMED, interval_ms=15 * MINUTE)], rules)
        street.link(10, up=True)
        for hour in range(40):
            if hour == restart:
                street.restart()
            for quarter in range(4):
                at = hour * HOUR + quarter * 15 * MINUTE + 1000
                if hour not in (20, 21):
                    street.json(at, "dust-1", pm10=80.0, t=at + 1_795_000_000_000)
        made = [event for outcome in street.outcomes for event in (outcome.shadows or outcome.events)]
        if mode == "shadow":
            assert not any(outcome.events for outcome in street.outcomes)
        return [(event.kind, event.alarm.id, event.t_ms) for event in made]

    live = once(restart=None, mode="live")
    assert {name for _, name, _ in live} == {"day@dust-1", "mute@dust-1"}
    assert once(restart=restart_at, mode="shadow") == live


def test_a_silence_that_is_only_tried_makes_no_link_doubtful() -> None:
    """The gateway's own alarm of a broker that seems up, but brings nothing, needs a rule that may ring."""
    names = ("dust-1", "dust-2", "dust-3")
    tried = replace(rule("mute", "silence", Silence(intervals=None, after_ms=10 * MINUTE)), mode="shadow")

    def once(silence: Rule) -> Street:
        street = Street([plain(name) for name in names], [silence])
        street.link(10, up=True)
        for name in names:
            street.json(MINUTE, name, pm10=20.0)
        street.tick(HOUR)
        return street

    live, shadow = once(replace(tried, mode="live")), once(tried)
    assert "link-down@broker:lora" in {event.alarm.id for outcome in live.outcomes for event in outcome.events}
    assert not any(outcome.events for outcome in shadow.outcomes)
    assert {event.alarm.id for outcome in shadow.outcomes for event in outcome.shadows} == {f"mute@{n}" for n in names}
