"""InfluxDB lines, read back by a small parser that knows nothing of how they are written."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.readings import Values, values_of
from devices.registry import Device
from rules import lines
from rules.kinds.state import State
from rules.records import Alarm, Event, Period, Text
from tests.rules.street import AIR, MINUTE, START_MS, Street, plain, rule


def parse(line: bytes) -> tuple[str, dict[str, str], dict[str, Any], int]:
    """Read one line of the protocol, sign by sign (InfluxDB 2.7, "line protocol")."""
    text = line.decode()
    assert text.endswith("\n")
    parts: list[list[str]] = [[""]]  # measurement and tags; fields; time
    quoted = escaped = False
    for sign in text[:-1]:
        part = parts[-1]
        if escaped:
            part[-1] += sign
            escaped = False
        elif sign == "\\":
            escaped = True
            part[-1] += sign
        elif sign == '"' and len(parts) == 2:
            quoted = not quoted
            part[-1] += sign
        elif sign == " " and not quoted:
            parts.append([""])
        elif sign == "," and not quoted:
            part.append("")
        else:
            part[-1] += sign
    head, fields, [time] = parts
    tags = dict(_pair(tag) for tag in head[1:])
    return (
        _plain(head[0]),
        {key: _plain(value) for key, value in tags.items()},
        {key: _value(value) for key, value in map(_pair, fields)},
        int(time),
    )


def _pair(text: str) -> tuple[str, str]:
    at = next(i for i, sign in enumerate(text) if sign == "=" and text[i - 1] != "\\")
    return _plain(text[:at]), text[at + 1 :]


def _plain(text: str) -> str:
    for sign in ",= ":
        text = text.replace("\\" + sign, sign)
    return text


def _value(text: str) -> Any:  # noqa: ANN401 - of whatever type it is
    if text.startswith('"'):
        assert text.endswith('"')
        return text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return {"true": True, "false": False}[text] if text in ("true", "false") else float(text)


Truth = bool | None
KIND: Any = values_of(("pm10_ug_m3", "cover_open", "temperature_c"))
words = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).filter(
    lambda word: "\\" not in word
)
numbers = st.floats(-1e6, 1e6) | st.sampled_from((0.0, -0.0, 1e-9, 5e-324, 123456.789))


@given(
    names=st.tuples(words, words, words),
    pm10=st.none() | numbers,
    truth=st.none() | st.booleans(),
    flags=st.none() | words,
)
def test_what_is_written_can_be_read(
    names: tuple[str, str, str], pm10: float | None, truth: Truth, flags: str | None
) -> None:
    device, site, label = names
    head = lines.prefix(
        Device(
            id=device, model="plain", family="dust", address="x", interval_ms=1, site=site, options=AIR,
            labels={"owner": label, "not a tag": "x"}, tags=("owner",),
        )
    )  # fmt: skip
    values: Values = KIND(pm10_ug_m3=pm10, cover_open=truth, flags=flags)
    line = lines.careful(head, values, 17)
    wanted = {"pm10_ug_m3": pm10, "cover_open": truth, "flags": flags}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    if not wanted:
        assert line == b""
        return
    assert parse(line) == ("dust", {"device": device, "model": "plain", "owner": label, "site": site}, wanted, 17)


@given(pm10=numbers, temperature=st.none() | numbers, truth=st.none() | st.booleans())
def test_the_quick_line_is_the_careful_one(pm10: float, temperature: float | None, truth: Truth) -> None:
    values = KIND(pm10_ug_m3=pm10, temperature_c=temperature, cover_open=truth)
    quick = lines.encode(values).translate(lines.TO_LINE, lines.DROP)
    careful = lines.careful(b"m ", values, 17)
    assert parse(b"m " + quick + b" 17\n") == parse(careful)


def test_a_device_whose_name_has_every_sign() -> None:
    device = Device(
        id="a,b=c d", model="plain", family="dust", address="x", interval_ms=1, options=AIR, site="北门\n东 1=2\\"
    )
    assert lines.prefix(device) == "dust,device=a\\,b\\=c\\ d,model=plain,site=北门\\ 东\\ 1\\=2 ".encode()


def test_an_event_as_a_line() -> None:
    alarm = Alarm(
        id="r@d", rule="r 1", subject="d,1", device="d", family="dust", site="x y", priority=1, active=True, value=True,
        text=Text('高 "10"', "high"),
    )  # fmt: skip
    event = Event(sequence=3, at_ms=1, t_ms=2, kind="raised", cause="reading", alarm=alarm)
    assert parse(lines.of_event(event)) == (
        "alarm",
        {"device": "d", "family": "dust", "priority": "1", "rule": "r 1", "site": "x y", "subject": "d,1"},
        {
            "kind": "raised",
            "state": "ACKED",
            "active": True,
            "acknowledged": True,
            "text": '高 "10"',
            "text_en": "high",
            "value": 1,
        },
        2 * 1_000_000 + 3 * 8,
    )


@pytest.mark.parametrize("mean", [None, 120.5])
def test_a_period_as_a_line(mean: float | None) -> None:
    period = Period(
        device="a", family="dust", quantity="pm10_ug_m3", span="hour", start_ms=5, mean=mean, valid=44, gap_min=3,
        revision=2, final=False,
    )  # fmt: skip
    measurement, tags, fields, time = parse(lines.of_period(b"dust,device=a ", period))
    assert (measurement, tags, time) == ("dust_hour", {"device": "a"}, 5_000_000)
    told = {"pm10_ug_m3_valid": 44, "pm10_ug_m3_final": False, "pm10_ug_m3_revision": 2}
    told |= {"pm10_ug_m3_gap": 3, "pm10_ug_m3_count": 0}
    assert fields == (told if mean is None else {"pm10_ug_m3": mean, **told})


def test_every_point_has_a_time_of_its_own_and_the_same_when_it_is_made_again() -> None:
    street = Street([plain("a")], [rule("open", "state", State(quantity="cover_open", value=True))])
    street.say(0, *[("plain/a", b'{"pm10": 1}')] * 50)
    times = [parse(line)[3] for line in street.outcomes[-1].lines]
    assert len(set(times)) == 50
    assert {time // 1_000_000 for time in times} == {START_MS}


def test_no_influxdb_no_lines() -> None:
    street = Street([plain("a")], [rule("open", "state", State(quantity="cover_open", value=True))], influx=False)
    assert not street.json(MINUTE, "a", pm10=1, open=True).lines
    assert street.fold.memory.made.total() == 0
    assert msgspec.json.encode(street.alarm("open@a"))
