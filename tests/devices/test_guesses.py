"""A stranger speaks, and nobody knows yet what it is."""

from typing import Literal

import pytest

from devices.envelopes import Uplink
from devices.guesses import guesses
from devices.models import hj212_dust
from devices.models.hj212_dust import Hj212Options
from tests.devices.captures import Capture, captures

Unit = Literal["ug_m3", "mg_m3", "ng_m3"]
READ = [
    c for c in captures() if c.expect and c.flags is None and c.model.id not in ("plain", "hj212-dust", "modbus-dust")
]
ONE_EACH = {(c.model.id, repr(c.options)): c for c in READ}


@pytest.mark.parametrize("capture", ONE_EACH.values(), ids=lambda c: f"{c.model.id}-{c.note[:30]}")
def test_what_sent_a_capture_is_among_the_guesses(capture: Capture) -> None:
    found = guesses([Uplink(address="a", port=capture.port, payload=capture.payload)])
    best = max(guess.readings + guess.facts for guess in found)
    assert best == 1
    alike = [guess.model for guess in found]
    assert capture.model.id in alike


def test_any_json_is_guessed_by_the_names_of_its_members() -> None:
    frames = [b'{"PM2_5": 12, "pm10": 30.5, "humidity": 55, "mood": "good"}', b'{"temperature": 21}', b"garbage"]
    [guess] = guesses([Uplink(address="a", payload=frame) for frame in frames])
    assert (guess.model, guess.readings, guess.frames) == ("plain", 2, 3)
    assert guess.options["fields"] == {
        "PM2_5": "pm25_ug_m3", "pm10": "pm10_ug_m3", "humidity": "humidity_pct", "temperature": "temperature_c"
    }  # fmt: skip
    assert guess.values == {"temperature_c": 21.0}


def test_more_frames_tell_more() -> None:
    """One byte may be of anything; the heartbeat of the same device is of one."""
    one = guesses([Uplink(address="a", port=1, payload=b"\x01")])
    two = guesses([Uplink(address="a", port=1, payload=b"\x01"), Uplink(address="a", port=2, payload=b"\x00\x15")])
    assert two[0].model == "bosch-tps110"
    assert two[0].readings == 2
    assert len([g for g in two if g.readings == 2]) <= len(one)


def test_nothing_reads_it() -> None:
    assert guesses([Uplink(address="a", port=77, payload=b"\x00" * 40)]) == []


def test_a_frame_that_a_platform_wraps_as_text_is_guessed_too() -> None:
    """CTWing sends what its codec does not know as one text of hex."""
    [best, *_] = guesses([Uplink(address="a", port=2, values={"APPdata": "0015"})])
    assert best.model == guesses([Uplink(address="a", port=2, payload=b"\x00\x15")])[0].model


def test_an_empty_frame_is_no_word_of_any_model() -> None:
    assert guesses([Uplink(address="a", port=2, payload=b"")]) == []


@pytest.mark.parametrize("unit", ["ug_m3", "mg_m3", "ng_m3"])
def test_a_station_is_guessed_in_the_unit_that_makes_sense(unit: Unit) -> None:
    options = Hj212Options(pm_unit=unit)
    said = hj212_dust.packet(
        hj212_dust.Station(pm10_ug_m3=85.0, noise_db=52.0), options, mn="A", at_ms=1_640_995_200_000
    )
    found = guesses([Uplink(address="a", payload=said)])
    assert [guess.options for guess in found if guess.model == "hj212-dust"] == [{"pm_unit": unit}]
