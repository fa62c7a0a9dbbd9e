"""Every frame that we have means what its source says, and nothing to any other model."""

from typing import Any

import msgspec
import pytest

from devices import catalogue
from devices.instants import rfc3339
from devices.models import Model
from devices.quantities import QUANTITIES
from devices.readings import REASONS, Facts, Refusal, Values, without_insane
from tests.devices.captures import Capture, captures, counts

CAPTURES = captures()
MINIMAL: dict[str, Any] = {
    "hj212-dust": {"pm_unit": "ug_m3"},
    "milesight-iot": {"variant": "em310-tilt"},
    "modbus-dust": {"preset": "500-block"},
    "plain": {"fields": {"a": "pm25_ug_m3"}},
}


def options_of(model: Model) -> msgspec.Struct:
    return msgspec.convert(MINIMAL.get(model.id, {}), model.options)


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


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda c: f"{c.model.id}: {c.note}")
def test_no_other_model_reads_it(capture: Capture) -> None:
    for other in catalogue.MODELS.values():
        if other is not capture.model:
            said = other.decode(capture.payload, capture.port, options_of(other))
            assert isinstance(said, Refusal), f"{other.id} reads it: {said}"


def test_every_model_has_captures_that_are_read_and_some_that_are_refused() -> None:
    for model, count in counts().items():
        own = [capture for capture in CAPTURES if capture.model.id == model]
        assert count >= 4, model
        assert any(capture.expect for capture in own), model
        assert any(capture.refuse for capture in own), model


@pytest.mark.parametrize("model", catalogue.MODELS.values(), ids=lambda m: m.id)
def test_options_refuse_what_they_do_not_know(model: Model) -> None:
    options = options_of(model)
    with pytest.raises(msgspec.ValidationError, match="unknown field `varient`"):
        msgspec.convert({**MINIMAL.get(model.id, {}), "varient": "x"}, model.options)
    assert model.family_for(options)
    assert set(model.values_for(options).__struct_fields__) - {"flags"} <= QUANTITIES.keys()
