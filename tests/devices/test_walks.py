"""An engineer stands beside a device and shows what it can: what counts, and in which order."""

from typing import Any

import pytest

from devices import catalogue
from devices.walks import Walk

COVER = frozenset(catalogue.model("dingtek-dc41x").values.__struct_fields__)
BAY = frozenset(catalogue.model("bosch-tps110").values.__struct_fields__)


def hear(walk: Walk, **values: object) -> dict[str, bool | None]:
    return {shown.expectation.id: shown.met for shown in walk.hear(values)}


def state(walk: Walk) -> tuple[bool, bool]:
    """Say whether everything is shown, and right."""
    return walk.done, all(shown.met for shown in walk.shown)


def asks(walk: Walk) -> str:
    """Say what the person is asked to do now."""
    return walk.next_to_do.do_en if walk.next_to_do else ""


def test_a_cover_is_lifted_and_closed() -> None:
    walk = Walk(COVER)
    assert [shown.expectation.id for shown in walk.shown] == ["opened", "closed", "level", "battery"]
    assert asks(walk) == "lift the cover now"
    assert hear(walk, tilt_deg=2.0, moved=False, distance_mm=1200.0, rssi_dbm=-90.0, snr_db=7.0) == {
        "level": True,
        "radio": True,
    }  # it lies still: that is not yet `closed`
    assert hear(walk, tilt_deg=40.0, moved=True) == {"opened": True}
    assert asks(walk) == "close it again"
    assert state(walk) == (False, False)
    assert hear(walk, tilt_deg=1.0, moved=False, battery_low=False) == {"closed": True, "battery": True}
    assert asks(walk) == ""
    assert state(walk) == (True, True)


def test_a_bay_is_taken_and_left() -> None:
    walk = Walk(BAY)
    assert hear(walk, occupied=False) == {}
    assert hear(walk, occupied=True) == {"occupied": True}
    assert hear(walk, occupied=False) == {"free": True}
    assert [shown.met for shown in walk.in_turn] == [True, True]


@pytest.mark.parametrize(
    ("values", "met"),
    [
        ({"rssi_dbm": -119.0, "snr_db": 3.0}, {"radio": False}),
        ({"rssi_dbm": -90.0, "snr_db": -14.0}, {"radio": False}),
        ({"rsrp_dbm": -121.0}, {"radio": False}),
        ({"battery_low": True}, {"battery": False}),
        ({"battery_pct": 19.0}, {"battery": False}),
        ({"battery_v": 3.4}, {"battery": True}),
        ({"cover_open": True}, {"opened": True}),
        ({"tilt_x_deg": -20.0}, {"opened": True}),
    ],
)
def test_what_counts(values: dict[str, Any], met: dict[str, bool]) -> None:
    walk = Walk(COVER | {"cover_open", "battery_pct", "battery_v", "rsrp_dbm", "tilt_x_deg"})
    assert hear(walk, **values) == met


def test_a_weak_signal_that_grows_strong_counts_as_it_is_now() -> None:
    walk = Walk(BAY)
    assert hear(walk, rssi_dbm=-120.0) == {"radio": False}
    assert hear(walk, rssi_dbm=-120.0) == {}
    assert hear(walk, rssi_dbm=-100.0) == {"radio": True}


def test_every_model_can_be_walked() -> None:
    """Each has something that it must show; those whose quantities are configuration have what is configured."""
    shaped = {"plain", "modbus-dust", "netvox", "milesight-iot", "decentlab"}
    for model in catalogue.MODELS.values():
        if model.id not in shaped:
            assert Walk(frozenset(model.values.__struct_fields__)).shown, model.id
