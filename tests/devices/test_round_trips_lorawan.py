"""Codecs with many products: whatever a frame of their channels says, their encoder says again."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import catalogue
from devices.models import milesight_iot, netvox
from devices.models.milesight_channels import PRODUCTS
from devices.models.milesight_iot import MilesightOptions
from devices.models.netvox import NetvoxOptions
from devices.models.netvox_reports import REPORTS
from devices.readings import Facts, Refusal, Values, without_insane
from tests.devices.test_round_trips import same, told


def sane(said: object) -> Values | None:
    """Return what is left of one live reading after the range check; None where nothing is."""
    assert not isinstance(said, Refusal), said
    if isinstance(said, Facts):
        return None
    assert isinstance(said, Values)
    without_insane(said)
    return said if told(said) else None


@st.composite
def frames(draw: st.DrawFn, variant: str) -> bytes:
    """Channels of one product, with any content."""
    keys = st.sampled_from([key for key in PRODUCTS[variant] if key & 0xFF != 0xCE])
    frame = b""
    for key in draw(st.lists(keys, min_size=1, unique=True)):
        size = PRODUCTS[variant][key].layout.size
        frame += key.to_bytes(2) + draw(st.binary(min_size=size, max_size=size))
    return frame


@pytest.mark.parametrize("variant", PRODUCTS)
@settings(max_examples=60)
@given(st.data())
def test_milesight(variant: str, data: st.DataObject) -> None:
    options = msgspec.convert({"variant": variant}, MilesightOptions)
    frame = data.draw(frames(variant))
    values = sane(milesight_iot.decode(frame, 85, options))
    if values is None:
        return
    port, again = milesight_iot.encode(values, options)
    read = sane(milesight_iot.decode(again, port, options))
    assert read is not None
    same(read, values)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        # only an EM400 has these channels; so akenza prints its EM400-ULD, which is none of the products' names
        (
            "01755c0367010104824408050001",
            {"battery_pct": 92.0, "temperature_c": 25.7, "distance_mm": 2116, "tilted": True},
        ),
        ("01755c", {"battery_pct": 92.0}),  # on all products
        ("01756403770200", {"battery_pct": 100.0, "water_level_mm": 20.0}),
    ],
)
def test_milesight_of_a_product_that_is_not_said(frame: str, said: dict[str, Any]) -> None:
    options = MilesightOptions()
    values = milesight_iot.decode(bytes.fromhex(frame), 85, options)
    assert isinstance(values, milesight_iot.MODEL.values_for(options))
    assert told(values) == said
    with pytest.raises(ValueError, match="say the option `variant`"):
        milesight_iot.encode(values, options)


@pytest.mark.parametrize(
    ("frame", "reason", "detail"),
    [
        # wet, or tilted, or somebody moves
        ("01755c050001", "incomplete", "says different things on at101, em300-mld, .*: which it is, is the option"),
        ("01755c0367", "length", "5 bytes end inside a channel"),
        ("01755c5e0001", "not_mine", "no product has these channels"),
    ],
)
def test_milesight_of_a_product_that_cannot_be_told(frame: str, reason: str, detail: str) -> None:
    refused = milesight_iot.decode(bytes.fromhex(frame), 85, MilesightOptions())
    assert isinstance(refused, Refusal)
    assert refused.reason == reason
    assert re.search(detail, refused.detail), refused.detail


def test_every_product_is_an_option_and_has_a_family() -> None:
    model = catalogue.model("milesight-iot")
    families: dict[str, Any] = {}
    for variant in PRODUCTS:
        options = msgspec.convert({"variant": variant}, MilesightOptions)
        families[variant] = model.family_for(options)
        assert model.values_for(options).__struct_fields__[0] == "battery_pct"
    assert {families[v] for v in ("em310-tilt", "em500-swl", "gs301")} == {"manhole"}
    assert (families["am319l"], families["ws302"], families["wts506"]) == ("dust", "noise", "weather")
    assert model.family_for(MilesightOptions(variant="at101", family="asset")) == "asset"


# many devices share a report
@pytest.mark.parametrize(
    "key", {id(report): key for key, report in REPORTS.items()}.values(), ids=lambda key: f"{key:04x}"
)
@settings(max_examples=40)
@given(content=st.binary(min_size=8, max_size=8))
def test_netvox(key: int, content: bytes) -> None:
    values = sane(netvox.decode(b"\x01" + key.to_bytes(2) + content, 6, NetvoxOptions()))
    if values is None:  # velocities that are all no numbers
        return
    port, again = netvox.encode(values, NetvoxOptions())
    assert len(again) == 11
    read = sane(netvox.decode(again, port, NetvoxOptions()))
    assert read is not None
    same(read, values)


def test_netvox_says_what_it_cannot_carry() -> None:
    values: Any = netvox.MODEL.values_for(NetvoxOptions())
    with pytest.raises(ValueError, match="no report of Netvox carries co2_ppm, occupied"):
        netvox.encode(values(occupied=True, co2_ppm=400.0), NetvoxOptions())


def test_a_netvox_sensor_is_of_the_family_that_the_engineer_says() -> None:
    model = catalogue.model("netvox")
    assert model.family_for(NetvoxOptions()) == "netvox"
    assert model.family_for(NetvoxOptions(family="parking")) == "parking"
