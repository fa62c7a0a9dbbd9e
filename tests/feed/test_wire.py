from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.instants import rfc3339
from feed.wire import AlarmView, EventView, alarm_json, news, shown
from rules.records import Alarm, Event
from tests.feed.room import NOW_MS, tilted

ISSUE = "id occurrence device family rule priority state active acknowledged latched since value limit unit text event"


@pytest.mark.parametrize(
    ("t_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (NOW_MS + 7, "2026-11-24T08:00:00.007Z"),
        (-5, "1969-12-31T23:59:59.995Z"),
        (-(10**18), "1000-01-01T00:00:00.000Z"),
        (10**18, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_time(t_ms: int, text: str) -> None:
    assert rfc3339(t_ms) == text


@given(st.integers(min_value=0, max_value=253_402_300_799_999))
def test_time_keeps_every_millisecond(t_ms: int) -> None:
    assert round(datetime.fromisoformat(rfc3339(t_ms)).astimezone(UTC).timestamp() * 1000) == t_ms


def test_an_alarm_has_all_that_was_promised() -> None:
    view = msgspec.json.decode(alarm_json(tilted(occurrence=7, event=3)))
    assert set(ISSUE.split()) <= view.keys()
    assert view["state"] == "UNACK"
    assert view["since"] == "2026-11-24T08:00:00.000Z"
    assert view["returned"] is None
    assert view["text"] == {"zh": "井盖倾斜 34°", "en": "Cover tilted 34°"}


def test_what_is_not_known_is_null_and_there() -> None:
    bare = Alarm(id="disk-full@gateway", rule="disk-full", subject="gateway", device=None, family=None, priority=2)
    view = msgspec.json.decode(alarm_json(bare))
    nulls = {"device", "name", "site", "family", "since", "returned", "quantity", "value", "limit", "unit", "basis"}
    nulls |= {"suspect", "suspect_why", "acked_by", "acked_at", "shelved_until", "out_until", "reason", "withheld_by"}
    nulls |= {"respond_by", "group"}
    assert {name for name, value in view.items() if value is None} == nulls


@pytest.mark.parametrize("active", [False, True])
@pytest.mark.parametrize("acknowledged", [False, True])
@pytest.mark.parametrize("latched", [False, True])
def test_only_what_is_over_is_not_shown(*, active: bool, acknowledged: bool, latched: bool) -> None:
    alarm = tilted(active=active, acknowledged=acknowledged, latched=latched)
    assert shown(alarm) == (alarm.state != "NORMAL")


def test_an_event_holds_the_whole_alarm_as_of_its_number() -> None:
    alarm = tilted(occurrence=7, event=3)
    one = news(Event(number=9, sequence=7, at_ms=1, t_ms=NOW_MS, kind="raised", cause="reading", alarm=alarm), "gw")
    event = msgspec.json.decode(one.event_json, type=EventView, strict=True)
    assert (event.number, event.gateway, event.user, event.alarm.event) == (9, "gw", None, 9)
    assert one.alarm_json in one.event_json
    assert msgspec.json.decode(one.alarm_json, type=AlarmView) == event.alarm


def test_the_documentation_names_every_state_kind_and_field(root: Path) -> None:
    page = (root / "docs" / "api.md").read_text()
    kinds = [
        "raised",
        "returned",
        "acknowledged",
        "reset",
        "reraised",
        "suppressed",
        "unsuppressed",
        "amended",
        "withdrawn",
        "members",
    ]
    assert all(
        f"`{word}`" in page for word in [*kinds, "UNACK", "ACKED", "RTN_UNACK", "LATCHED", "NORMAL", "SUPPRESSED"]
    )
    assert all(f'"{name}"' in page for name in AlarmView.__struct_fields__)
