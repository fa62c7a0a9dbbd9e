"""What platforms wrap round a frame, opened with care and in one step."""

import json
from typing import Any

import pytest

from devices import catalogue
from devices.envelopes import Uplink
from devices.models.bosch_tps110 import Bay
from devices.readings import Facts, Refusal

TOPIC = b"application/a1/device/24E124126A148401/event/up"


def event(**changes: Any) -> bytes:  # noqa: ANN401 - any JSON
    """Make an `up` of ChirpStack v4 as its documentation prints it; None takes a member away."""
    message: dict[str, Any] = {
        "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        "time": "2022-07-18T09:34:15.775023242+00:00",
        "deviceInfo": {"tenantName": "ChirpStack", "devEui": "24E124126A148401", "tags": {"key": "value"}},
        "devAddr": "00189440",
        "dr": 1,
        "fCnt": 12,
        "fPort": 1,
        "data": "AQ==",
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -36, "snr": 10.5, "context": "E3OWOQ=="}],
    }
    message |= changes
    return json.dumps({name: value for name, value in message.items() if value is not None}).encode()


def chirpstack(payload: bytes, topic: bytes = TOPIC) -> Uplink | Facts | Refusal:
    return catalogue.envelope("chirpstack-v4").open(topic, payload)


def uplink(payload: bytes, topic: bytes = TOPIC) -> Uplink:
    said = chirpstack(payload, topic)
    assert isinstance(said, Uplink), said
    return said


def in_one_step(payload: bytes) -> tuple[int, int, Any]:
    model = catalogue.model("bosch-tps110")
    bind = catalogue.envelope("chirpstack-v4").bind
    assert bind is not None
    return bind(model, model.options())(payload)


def test_an_uplink_of_chirpstack() -> None:
    said = uplink(event())
    assert (said.address, said.port, said.payload, said.counter) == ("24e124126a148401", 1, b"\x01", 12)
    assert (said.time_ms, said.rssi_dbm, said.snr_db) == (1_658_136_855_775, -36, 10.5)
    assert in_one_step(event()) == (12, 1_658_136_855_775, Bay(occupied=True, rssi_dbm=-36, snr_db=10.5))


def test_what_is_left_out_is_zero() -> None:
    payload = event(fCnt=None, rxInfo=[{"rssi": -100}])
    assert (uplink(payload).counter, uplink(payload).snr_db) == (0, 0)
    counter, _, bay = in_one_step(payload)
    assert (counter, bay.rssi_dbm, bay.snr_db) == (0, -100, 0)


def test_the_gateway_that_heard_best_counts() -> None:
    payload = event(rxInfo=[{"rssi": -110, "snr": 12}, {"snr": 30}, {"rssi": -60, "snr": 3}, {"rssi": -80}])
    assert (uplink(payload).rssi_dbm, uplink(payload).snr_db) == (-60, 3)
    assert (in_one_step(payload)[2].rssi_dbm, in_one_step(payload)[2].snr_db) == (-60, 3)


@pytest.mark.parametrize("gateways", [None, [], [{}], [{"snr": 3}]])
def test_no_gateway_says_how_well_it_heard(gateways: Any) -> None:  # noqa: ANN401 - any JSON
    payload = event(rxInfo=gateways)
    assert uplink(payload).rssi_dbm is None
    assert in_one_step(payload)[2] == Bay(occupied=True)


@pytest.mark.parametrize("kind", ["join", "status", "ack", "txack", "log", "location", "integration"])
def test_other_events_are_facts(kind: str) -> None:
    payload = event(data=None, fPort=None)
    assert chirpstack(payload, TOPIC.replace(b"up", kind.encode())) == Facts({"event": kind}, "24e124126a148401")
    with pytest.raises(ValueError, match="data"):
        in_one_step(payload)


@pytest.mark.parametrize(
    ("kind", "member"),
    [
        ("status", {"margin": 10}),
        ("ack", {"acknowledged": True}),
        ("txack", {"gatewayId": "00"}),
        ("log", {"level": "INFO"}),
    ],
)
def test_without_its_topic_an_event_is_known_by_its_members(kind: str, member: dict[str, Any]) -> None:
    assert chirpstack(event(data=None, **member), b"") == Facts({"event": kind}, "24e124126a148401")


def test_an_uplink_that_carries_nothing_is_a_fact() -> None:
    assert chirpstack(event(data=None)) == Facts({"event": "up"}, "24e124126a148401")


def test_a_time_that_cannot_be_read_costs_no_reading() -> None:
    said = uplink(event(time="yesterday"))
    assert (said.time_ms, said.payload) == (None, b"\x01")
    with pytest.raises(ValueError, match="yesterday"):  # then it is read again with care
        in_one_step(event(time="yesterday"))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (event(data="A"), "syntax"),
        (event(data="AQ=*"), "syntax"),
        (event(data="AQ"), "syntax"),
        (event(fCnt=True), "syntax"),
        (event(fCnt="12"), "syntax"),
        (event(deviceInfo=None, devEUI="24e124126a148401"), "not_mine"),
        (b"{", "syntax"),
        (b"", "syntax"),
    ],
)
def test_refusals(payload: bytes, reason: str) -> None:
    said = chirpstack(payload)
    assert isinstance(said, Refusal)
    assert said.reason == reason
    if reason != "not_mine":  # in one step the topic has told whose it is
        with pytest.raises(ValueError, match=r"."):
            in_one_step(payload)


def test_the_topic_tells_the_address_if_it_is_chirpstacks_own() -> None:
    address_of = catalogue.envelope("chirpstack-v4").address_of
    assert address_of(TOPIC) == "24e124126a148401"
    assert address_of(b"eu868/application/a1/device/24e124126a148401/event/up") is None
    assert uplink(event(), b"eu868/application/a1/device/24e124126a148401/event/up").address == "24e124126a148401"


# ------------------------------------------------------------------------------------------------------- plain


@pytest.mark.parametrize(
    ("address", "topic", "expected"),
    [
        ("", b"wells/7/report", "wells/7/report"),
        ("topic 2", b"wells/7/report", "7"),
        ("topic 1", b"wells/7/report", "wells"),
        ("topic 4", b"wells/7/report", None),
        ("field imei", b"wells/7/report", None),
    ],
)
def test_plain_addresses(address: str, topic: bytes, expected: str | None) -> None:
    envelope = catalogue.envelope("plain", address)
    assert envelope.address_of(topic) == expected
    said = envelope.open(topic, b"{}")
    if expected is None:
        assert isinstance(said, Refusal)
    else:
        assert said == Uplink(address=expected, payload=b"{}")


@pytest.mark.parametrize(
    ("payload", "address"),
    [
        (b'{"id":"862000000000001"}', "862000000000001"),
        (b'{"id":862000000000001}', "862000000000001"),
        (b'{"id":""}', None),
        (b'{"id":true}', None),
        (b'{"id":1.5}', None),
        (b'{"id":null}', None),
        (b"{}", None),
        (b"[]", None),
        (b"id", None),
    ],
)
def test_an_address_in_the_object(payload: bytes, address: str | None) -> None:
    said = catalogue.envelope("plain", "field id").open(b"a/b", payload)
    if address is None:
        assert isinstance(said, Refusal)
    else:
        assert said == Uplink(address=address, payload=payload)


def test_a_device_that_publishes_its_own_bytes() -> None:
    model = catalogue.model("dingtek-dc41x")
    bind = catalogue.envelope("plain", "topic 2").bind
    assert bind is not None
    counter, time_ms, cover = bind(model, model.options())(bytes.fromhex("800001021106a400160100000000010081"))
    assert (counter, time_ms, cover.distance_mm) == (-1, -1, 1700)


# --------------------------------------------------------------------------------------- sources without choice


def test_serial_lines_and_hj212_hand_on_what_came() -> None:
    assert catalogue.envelope("modbus").open(b"gate/3", b"x") == Uplink(address="gate/3", payload=b"x")
    assert catalogue.envelope("line").open(b"kiosk", b"x") == Uplink(address="kiosk", payload=b"x")
    hj212 = catalogue.envelope("hj212")
    assert hj212.open(b"X1", b"##0001") == Uplink(address="X1", payload=b"##0001")
    again = hj212.open(b"X1", b"##0044QN=1;ST=39;CN=2011;MN=X1;Flag=9;RF=1;CP=&&&&0000\r\n")
    assert isinstance(again, Uplink)
    assert again.resent
