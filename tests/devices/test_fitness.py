"""Links that are too weak and batteries that are too low: the same to a walk and to a list of devices."""

import pytest

from devices.fitness import battery_is_low, weak
from devices.walks import Walk


@pytest.mark.parametrize(
    ("rssi_dbm", "snr_db", "rsrp_dbm", "expected"),
    [
        (None, None, None, None),
        (-110.0, -10.0, None, False),
        (-110.5, 5.0, None, True),
        (-80.0, -10.5, None, True),
        (None, None, -115.0, False),
        (None, None, -116.0, True),
        (-75.0, None, -120.0, True),
    ],
)
def test_a_link(rssi_dbm: float | None, snr_db: float | None, rsrp_dbm: float | None, *, expected: bool | None) -> None:
    said = {"rssi_dbm": rssi_dbm, "snr_db": snr_db, "rsrp_dbm": rsrp_dbm}
    assert weak(**said) is expected
    walk = Walk(frozenset())
    walk.hear({name: value for name, value in said.items() if value is not None})
    assert [shown.met for shown in walk.shown] == ([] if expected is None else [not expected])


@pytest.mark.parametrize(
    ("low", "pct", "expected"),
    [
        (None, None, None),
        (None, 20.0, True),
        (None, 20.5, False),
        (False, 15.0, True),  # a device that calls nothing low is no better for it
        (True, 90.0, True),
        (False, None, False),
    ],
)
def test_a_battery(*, low: bool | None, pct: float | None, expected: bool | None) -> None:
    said = {"battery_low": low, "battery_pct": pct}
    assert battery_is_low(low=low, pct=pct) is expected
    walk = Walk(frozenset({"battery_pct", "battery_low"}))
    walk.hear({name: value for name, value in said.items() if value is not None})
    assert [shown.met for shown in walk.shown] == [None if expected is None else not expected]
