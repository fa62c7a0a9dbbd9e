"""Two things that a number alone does not say: to which side a cover leans, and that a value is in doubt."""

from typing import Any

from config.packs import limits
from devices import catalogue
from devices.hj212 import crc_hj212
from devices.models import hj212_dust
from devices.registry import Device
from rules.kinds.day_mean import DayMean
from rules.kinds.threshold import KIND, Threshold
from rules.verdicts import NEVER_QUIET, NORMAL, UNKNOWN, VIOLATED, Live
from tests.rules.street import MINUTE, SITES, Street, rule


def test_a_tilt_counts_to_either_side() -> None:
    settings = Threshold(quantity="tilt_deg", above=15, at_least=2, of=2, once=30)
    verdicts = []
    memory: Any = KIND.start
    for value in (-16.0, -17.0, 5.0, -31.0):
        said = KIND.step(memory, Live(0, value), settings, 0)
        memory = said.memory
        verdicts.append(said.verdict)
        assert said.quiet == NEVER_QUIET or said.quiet[0] == -said.quiet[1]
    assert verdicts == [UNKNOWN, VIOLATED, NORMAL, VIOLATED]


def test_over_the_range_rings_and_enters_no_mean() -> None:
    model = catalogue.model("hj212-dust")
    options = hj212_dust.Hj212Options(pm_unit="ug_m3")
    station = Device(
        id="s", model=model.id, family="dust", address="mn:A1", interval_ms=MINUTE, options=options, via=("sites",)
    )
    day = DayMean(quantity="pm10_ug_m3", limits=limits("gb3095-2026-class2", "pm10_ug_m3"))
    high = Threshold(quantity="pm10_ug_m3", above=500)
    street = Street([station], [rule("high", "threshold", high), rule("day", "day_mean", day)], sources=(SITES,))
    good = hj212_dust.packet(hj212_dust.Station(pm10_ug_m3=900.0), options, mn="A1", at_ms=None)
    over = good.replace(b"a34002-Flag=N", b"a34002-Flag=T")
    over = over[:-6] + b"%04X\r\n" % crc_hj212(over[6:-6])
    [event] = street.say(0, ("A1", over), source="sites").events
    assert event.alarm.id == "high@s"
    [series] = street.fold.memory.world.windows.series
    assert series.count == 0
