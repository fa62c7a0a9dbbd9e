"""The sums come out, whatever happens; and when something is lost, they say where."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import catalogue
from devices.frames import Batch, Frame
from devices.registry import Device, Registry, Route, Source
from rules.fold import Fold
from rules.records import Config, Outcome, Status
from rules.ruleset import RuleSet
from store.ledger import Kept, Ledger, NotArrived, SinkCounts, ledger_picture

START_MS = 1_795_000_000_000
AIR = catalogue.model("plain").options(family="dust", fields={"pm10": "pm10_ug_m3", "temp": "temperature_c"})
LORA = Source(
    name="lora",
    kind="mqtt",
    subject="broker:lora",
    routes=(Route(filter="plain/+", envelope="plain", address="topic 2"),),
)
YARD = Source(name="yard", kind="mqtt", subject="broker:yard", routes=LORA.routes)


def device(name: str, source: str = "lora", interval_ms: int = 60_000) -> Device:
    return Device(
        id=name, model="plain", family="dust", address=f"topic:{source}/{name}", interval_ms=interval_ms,
        options=AIR, via=(source,),
    )  # fmt: skip


def registry(*names: str, influx: bool = True, sources: Sequence[Source] = (LORA, YARD)) -> Registry:
    devices = tuple(device(name) for name in names)
    return Registry(gateway="gw", time_zone="UTC", sources=tuple(sources), devices=devices, influx=influx)


class Street:
    """A fold, what keeps its records, and a sink that has written all lines."""

    def __init__(self, first: Registry) -> None:
        self.configurations = {"0": first}
        self.fold = Fold(lambda name: (self.configurations[name], RuleSet()))
        self.kept = Kept()
        self.next, self.at_ms = 1, START_MS
        self.delivered = {source.name: 0 for source in (LORA, YARD)}
        self.told(Config(at_ms=self.at_ms, hash="0"))

    def told(self, record: Batch | Config | Status) -> Outcome:
        self.at_ms += 1000
        record.at_ms = self.at_ms
        outcome = self.fold.take(self.next, [record])
        self.next = outcome.last + 1
        self.kept.take([], outcome)
        return outcome

    def hear(self, *frames: Frame, source: str = "lora") -> Outcome:
        self.delivered[source] += len(frames)
        return self.told(Batch(source, 0, list(frames)))

    def reload(self, changed: Registry) -> None:
        name = str(len(self.configurations))
        self.configurations[name] = changed
        self.told(Config(at_ms=0, hash=name))

    def ledger(self, sink: SinkCounts | None = None, *, devices: bool = False) -> Ledger:
        written = sum(self.fold.memory.made.values())
        return ledger_picture(self.fold.memory, self.kept, sink or sink_of(written), self.delivered, devices=devices)


def sink_of(written: int, waiting: int = 0, expired: int = 0, **aside: int) -> SinkCounts:
    return SinkCounts(position=1, written=written, waiting=waiting, set_aside=aside, expired=expired, devices={})


def said(name: str, note: bytes = b"", **values: object) -> Frame:
    return f"plain/{name}".encode(), json.dumps(values).encode(), note


def test_a_morning() -> None:
    street = Street(registry("a", "b"))
    street.hear(said("a", pm10=40), said("b", pm10=41.5, temp=3), said("nobody", pm10=1))
    street.hear(said("a", b"D", pm10=40))  # the broker delivers it again
    street.hear((b"plain/b", b"{", b""), said("a", pm10=42))
    street.told(
        Status(at_ms=0, subject="gateway", kind="set_aside", data={"sequence": 3, "source": "lora", "why": "defect"})
    )
    street.told(Status(at_ms=0, subject="broker:lora", kind="drops", data={"dropped": 7}))
    ledger = street.ledger(devices=True)
    frames = ledger.frames
    assert (frames.received, frames.strangers, frames.duplicates, frames.set_aside) == (7, 1, 1, 1)
    assert (frames.refused, frames.decoded, ledger.readings) == ({"syntax": 1}, 3, 3)
    assert (ledger.lines.made["readings"], ledger.lines.not_asked) == (3, 0)
    assert ledger.missed == {"counter-gap": 0, "broker-dropped": 7}
    assert ledger.unaccounted == {}
    assert ledger.devices is not None
    assert {name: (each.frames, each.decoded) for name, each in ledger.devices.items()} == {"a": (3, 2), "b": (2, 1)}
    assert (ledger.sources["lora"].delivered, ledger.sources["lora"].kept) == (6, 6)


def test_without_influxdb_no_lines_are_asked_for() -> None:
    street = Street(registry("a", influx=False))
    street.hear(said("a", pm10=40), said("a", pm10=41))
    ledger = ledger_picture(street.fold.memory, street.kept, None, street.delivered)
    assert (ledger.readings, ledger.lines.not_asked, ledger.lines.made.get("readings", 0)) == (2, 2, 0)
    assert ledger.unaccounted == {}


@pytest.mark.parametrize(
    ("sink", "unaccounted"),
    [
        (sink_of(3), {}),
        (sink_of(1, waiting=2), {}),
        (sink_of(0, expired=1, unfit=1, unreadable=1), {}),
        (sink_of(2), {"lines at the sink": 1}),
        (sink_of(3, waiting=1), {"lines at the sink": -1}),  # counted twice is as wrong
    ],
)
def test_lines(sink: SinkCounts, unaccounted: dict[str, int]) -> None:
    street = Street(registry("a"))
    street.hear(*(said("a", pm10=n) for n in range(3)))
    assert street.ledger(sink).unaccounted == unaccounted


def test_a_frame_that_never_came_to_the_journal() -> None:
    street = Street(registry("a"))
    street.hear(said("a", pm10=1), source="yard")
    street.delivered["lora"] += 2
    assert street.ledger().unaccounted == {"frames of lora between door and journal": 2}


def test_a_frame_that_the_fold_forgets() -> None:
    street = Street(registry("a"))
    street.hear(said("a", pm10=1), said("a", pm10=2))
    street.fold.memory.world.reception.tracks["a"].frames -= 1
    assert street.ledger().unaccounted == {"frames in the fold": 1}


def test_what_the_sink_says_of_a_device() -> None:
    street = Street(registry("a"))
    street.hear(said("a", pm10=1), said("a", pm10=2))
    sink = SinkCounts(
        position=1, written=0, waiting=0, set_aside={"unfit": 1}, expired=1, devices={"a": NotArrived(1, 1)}
    )
    ledger = street.ledger(sink, devices=True)
    assert ledger.unaccounted == {}
    assert ledger.devices is not None
    assert (ledger.devices["a"].lines_set_aside, ledger.devices["a"].lines_expired) == (1, 1)


NAMES = ("a", "b", "c")
SAID = st.tuples(
    st.sampled_from(["lora", "yard"]),
    st.lists(
        st.tuples(
            st.sampled_from([f"plain/{name}".encode() for name in (*NAMES, "nobody")] + [b"elsewhere/x"]),
            st.sampled_from([b'{"pm10":40}', b'{"pm10":41,"temp":2.5}', b'{"pm10":99999}', b"{", b"", b'{"x":1}']),
            st.sampled_from([b"", b"", b"D", b"R"]),
        ),
        min_size=1,
        max_size=6,
    ),
)
RELOADED = st.builds(
    lambda names, influx, both: registry(*sorted(names), influx=influx, sources=(LORA, YARD) if both else (LORA,)),
    st.sets(st.sampled_from(NAMES)),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(st.one_of(SAID, SAID, SAID, RELOADED), max_size=25))
def test_the_sums_come_out_whatever_happens(happened: list[tuple[str, list[Frame]] | Registry]) -> None:
    """Frames of all kinds; devices, sources and InfluxDB that come and go by reloads."""
    street = Street(registry("a", "b"))
    heard = 0
    for one in happened:
        if isinstance(one, Registry):
            street.reload(one)
        elif one[0] in street.fold.memory.world.reception.doors:
            street.hear(*one[1], source=one[0])
            heard += len(one[1])
    ledger = street.ledger(devices=True)
    assert ledger.unaccounted == {}
    frames = ledger.frames
    assert frames.received == heard == sum(street.kept.frames.values())
    parts = (frames.strangers, frames.duplicates, frames.held, frames.facts, frames.decoded, *frames.refused.values())
    assert sum(parts) == heard
    assert min(parts, default=0) >= 0
    assert ledger.lines.not_asked + ledger.lines.made.get("readings", 0) == ledger.readings
