"""What a device must show before anybody believes it: the walk of an engineer who stands beside it. Pure.

Each expectation is met by what the device says, in its order: a cover that was open before anybody lifted it has not
been seen to open.
"""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from devices.fitness import battery_is_low, weak

Values = Mapping[str, Any]
"""Quantity -> value, absent ones left out."""

TILTED_DEG = 15.0  # our own choice, no standard's


class Expectation(Struct, frozen=True):
    """Something that the device must show.

    do     what the person does for it, Chinese and English; "" = nothing
    needs  of these quantities it must have one
    meets  (what it says) -> True met, False shown to be wrong, None not seen
    """

    id: str
    zh: str
    en: str
    do_zh: str
    do_en: str
    needs: frozenset[str]
    meets: Callable[[Values], bool | None]


class Shown(Struct):
    """How far an expectation is: met, wrong or not seen; with the values that showed it."""

    expectation: Expectation
    met: bool | None = None
    by: dict[str, Any] = {}


def _any(values: Values, names: frozenset[str], test: Callable[[Any], bool]) -> bool | None:
    said = [values[name] for name in names if name in values]
    return any(map(test, said)) if said else None


_OPEN = frozenset({"cover_open", "cover_missing", "cover_displaced", "tilted", "moved"})
_TILT = frozenset({"tilt_deg", "tilt_x_deg", "tilt_y_deg"})
_LEVEL = frozenset({"water_level_mm", "distance_mm", "liquid_pressure_kpa", "water_detected", "level_alarm"})
_AIR = frozenset({"pm10_ug_m3", "pm25_ug_m3", "tsp_ug_m3", "pm10_cf1_ug_m3", "pm25_cf1_ug_m3"})
_NOISE = frozenset({"noise_db", "noise_eq_db"})
_GAS = frozenset({"methane_pct_lel", "h2s_ppm", "co_ppm", "o2_pct"})
_RADIO = frozenset({"rssi_dbm", "rsrp_dbm"})
_BATTERY = frozenset({"battery_pct", "battery_low", "battery_v"})


def _opened(values: Values) -> bool | None:
    said = _any(values, _OPEN, bool)
    tilt = _any(values, _TILT, lambda angle: abs(angle) > TILTED_DEG)
    return True if said or tilt else None


def _closed(values: Values) -> bool | None:
    said = _any(values, _OPEN - {"moved"}, bool)
    tilt = _any(values, _TILT, lambda angle: abs(angle) > TILTED_DEG)
    told = [each for each in (said, tilt) if each is not None]
    if not told:
        told = [each for each in [_any(values, frozenset({"moved"}), bool)] if each is not None]
    return True if told and not any(told) else None


def _says(names: frozenset[str]) -> Callable[[Values], bool | None]:
    return lambda values: True if names & values.keys() else None


def _radio(values: Values) -> bool | None:
    found = weak(**{name: values.get(name) for name in ("rssi_dbm", "snr_db", "rsrp_dbm")})
    return None if found is None else not found


def _battery(values: Values) -> bool | None:
    low = battery_is_low(low=values.get("battery_low"), pct=values.get("battery_pct"))
    return not low if low is not None else True if "battery_v" in values else None


_OPENED = Expectation("opened", "开盖", "opened", "请打开井盖", "lift the cover now", _OPEN | _TILT, _opened)
_CLOSED = Expectation("closed", "关盖", "closed", "请盖好井盖", "close it again", _OPEN | _TILT, _closed)
_OCCUPIED = Expectation(
    "occupied", "占用", "occupied", "请将车辆驶入", "drive a car onto the bay", frozenset({"occupied"}),
    lambda values: True if values.get("occupied") is True else None,
)  # fmt: skip
_FREE = Expectation(
    "free", "空闲", "free", "请将车辆驶离", "drive it away", frozenset({"occupied"}),
    lambda values: True if values.get("occupied") is False else None,
)  # fmt: skip
IN_TURN = (_OPENED, _CLOSED, _OCCUPIED, _FREE)
AT_ONCE = (
    Expectation("dust", "颗粒物", "dust", "", "", _AIR, _says(_AIR)),
    Expectation("noise", "噪声", "noise", "", "", _NOISE, _says(_NOISE)),
    Expectation("level", "液位", "level", "", "", _LEVEL, _says(_LEVEL)),
    Expectation("gas", "气体", "gas", "", "", _GAS, _says(_GAS)),
    Expectation("radio", "信号", "radio", "", "", _RADIO, _radio),
    Expectation("battery", "电量", "battery", "", "", _BATTERY, _battery),
)


class Walk:
    """What one device has shown."""

    def __init__(self, quantities: frozenset[str]) -> None:
        """Begin; quantities: what its model can say."""
        self.in_turn = [Shown(each) for each in IN_TURN if each.needs & quantities]
        self.at_once = [Shown(each) for each in AT_ONCE if each.needs & quantities and each.id != "radio"]
        self._radio = next(each for each in AT_ONCE if each.id == "radio")

    def hear(self, values: Values) -> list[Shown]:
        """Take a reading; return what it has shown now for the first time, or shown otherwise than before."""
        news = []
        if self._radio.needs & values.keys() and all(each.expectation is not self._radio for each in self.at_once):
            self.at_once.append(Shown(self._radio))  # only what comes by radio has any
        turn = next((shown for shown in self.in_turn if not shown.met), None)
        for shown in [*([turn] if turn else []), *self.at_once]:
            met = shown.expectation.meets(values)
            if met is not None and met != shown.met:
                shown.met = met
                shown.by = {name: values[name] for name in sorted(shown.expectation.needs & values.keys())}
                news.append(shown)
        return news

    @property
    def shown(self) -> list[Shown]:
        """All expectations, in the order in which a person meets them."""
        return [*self.in_turn, *self.at_once]

    @property
    def next_to_do(self) -> Expectation | None:
        """What the person must do now."""
        return next((shown.expectation for shown in self.in_turn if not shown.met), None)

    @property
    def done(self) -> bool:
        """Everything is shown, right or wrong."""
        return bool(self.shown) and all(shown.met is not None for shown in self.shown)
