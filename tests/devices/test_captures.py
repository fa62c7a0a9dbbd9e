"""Every frame that we have means what its source says, and nothing to any other model."""

from collections.abc import Callable

import msgspec
import pytest

from devices import catalogue
from devices.instants import rfc3339
from devices.models import Model
from devices.quantities import QUANTITIES
from devices.readings import REASONS, Facts, Refusal, Values, without_insane
from tests.devices.captures import Capture, captures, counts, options_of

CAPTURES = captures()
ALIKE: list[tuple[str, str, Callable[[Capture], bool]]] = [
    # whose frame, who reads it too, which of them: there the bytes cannot say of whom they are, only the registry can
    ("bosch-tps110", "nwave-nps", lambda c: len(c.payload) == 1),  # one byte, its lowest bit the state, on both
    ("nwave-nps", "bosch-tps110", lambda c: c.payload in (b"\0", b"\1")),
    ("bosch-tps110", "nwave-nps", lambda c: c.port == 6),  # debug of Nwave may be anything
    ("elsys", "nwave-nps", lambda c: c.port == 6),
    ("netvox", "nwave-nps", lambda c: c.port == 6),
    ("netvox", "bosch-tps110", lambda c: c.port == 6),  # debug of Bosch: 10 to 16 bytes of nearly anything
    ("pni-placepod", "elsys", lambda c: c.payload == b"\x15\x66\x01"),  # also a sound of 1 dB with peaks of 102 dB
    ("milesight-iot", "elsys", lambda c: c.payload == bytes.fromhex("0377fdff")),  # also a fall with 1.9 g
    ("ctwing-parking", "ctwing-manhole", lambda c: c.payload[:3] == b"\x07\x03\xe9"),  # event 1001 with one byte
    ("honeywell-hpma", "plantower-pms", lambda c: c.payload[:2] == b"BM"),  # one format, other reserved words
]


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda c: f"{c.model.id}: {c.note}")
def test_capture(capture: Capture) -> None:
    said = capture.model.decode(capture.payload, capture.port, capture.options)
    if capture.refuse:
        assert isinstance(said, Refusal), said
        assert said.reason == capture.refuse, said
        assert said.reason in REASONS
        return
    if capture.facts:
        assert isinstance(said, Facts), said
        return
    assert not isinstance(said, Facts | Refusal), said
    time_ms, values, span = (-1, said, "") if isinstance(said, Values) else said[0]
    assert isinstance(values, capture.model.values_for(capture.options))
    flags = (values.flags or "").split() + [f"{name}:range" for name in without_insane(values)]
    found = {name: value for name in values.__struct_fields__ if (value := getattr(values, name)) is not None}
    found.pop("flags", None)
    assert found == pytest.approx(capture.expect)
    assert {name: type(value) for name, value in found.items()} == {
        name: {"float": float, "int": int, "bool": bool, "text": str}[QUANTITIES[name].type] for name in found
    }
    assert (None if time_ms < 0 else rfc3339(time_ms)) == capture.time
    assert (span, " ".join(flags) or None) == (capture.span, capture.flags)


@pytest.mark.parametrize("model", catalogue.MODELS.values(), ids=lambda m: m.id)
def test_no_other_model_reads_it(model: Model) -> None:
    """All variants of all others, on what this one reads: nobody's reading comes out as another's."""
    own = [capture for capture in CAPTURES if capture.model is model and not capture.refuse]
    assert own
    for other in catalogue.MODELS.values():
        if other is model:
            continue
        alike = [of for one, two, of in ALIKE if (one, two) == (model.id, other.id)]
        for capture in own:
            for options in options_of(other):
                said = other.decode(capture.payload, capture.port, options)
                known = isinstance(said, Refusal) or any(of(capture) for of in alike)
                assert known, f"{other.id} {options} reads {capture.note!r}: {said}"


def test_what_is_said_to_be_alike_is() -> None:
    for one, two, of in ALIKE:
        other = catalogue.model(two)
        read = [
            capture
            for capture in CAPTURES
            if capture.model.id == one and not capture.refuse and of(capture)
            for options in options_of(other)
            if not isinstance(other.decode(capture.payload, capture.port, options), Refusal)
        ]
        assert read, f"{two} reads none of {one}: take it off the list"


def test_every_model_has_captures_that_are_read_and_some_that_are_refused() -> None:
    for model, count in counts().items():
        own = [capture for capture in CAPTURES if capture.model.id == model]
        assert count >= 4, model
        assert any(capture.expect for capture in own), model
        assert any(capture.refuse for capture in own), model


@pytest.mark.parametrize("model", catalogue.MODELS.values(), ids=lambda m: m.id)
def test_options_refuse_what_they_do_not_know(model: Model) -> None:
    for options in options_of(model):
        said = {name: value for name, value in msgspec.to_builtins(options).items() if value is not None}
        assert msgspec.convert(said, model.options) == options
        with pytest.raises(msgspec.ValidationError, match="unknown field `varient`"):
            msgspec.convert({**said, "varient": "x"}, model.options)
        assert model.family_for(options)
        assert set(model.values_for(options).__struct_fields__) - {"flags"} <= QUANTITIES.keys()
