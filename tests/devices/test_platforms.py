"""Every platform's messages: what they say, whose they are, and that nobody else takes them for his own."""

import base64
import json
import random
from typing import Any

import pytest

from devices import catalogue
from devices.envelopes import Uplink, said_by
from devices.models.dingtek_dc41x import Cover
from devices.readings import Facts, Refusal
from tests.devices.platforms import AT_MS, EUI, EVENTS, FRAME, UPLINKS, Sent
from tests.devices.test_mutations import mutated

ALL = UPLINKS + EVENTS
MANY = 100_000
COVER = catalogue.model("dingtek-dc41x")


def names(sent: list[Sent]) -> list[str]:
    return [f"{number}: {each.envelope}" for number, each in enumerate(sent)]


def open_with(envelope: str, message: Any, topic: str = "") -> Uplink | Facts | Refusal:  # noqa: ANN401 - any JSON
    return catalogue.envelope(envelope).open(topic.encode(), json.dumps(message).encode())


def uplink_of(envelope: str, number: int = 0) -> dict[str, Any]:
    """Return a copy of the message, for changes."""
    sent = [each for each in UPLINKS if each.envelope == envelope]
    copied: dict[str, Any] = json.loads(sent[number].payload)
    return copied


@pytest.mark.parametrize("sent", UPLINKS, ids=names(UPLINKS))
def test_an_uplink(sent: Sent) -> None:
    assert catalogue.envelope(sent.envelope).open(sent.topic.encode(), sent.payload) == sent.said


@pytest.mark.parametrize("sent", EVENTS, ids=names(EVENTS))
def test_an_event_is_a_fact_of_its_device(sent: Sent) -> None:
    said = catalogue.envelope(sent.envelope).open(sent.topic.encode(), sent.payload)
    assert said == Facts({"event": sent.said}, sent.address)


@pytest.mark.parametrize("sent", ALL, ids=names(ALL))
def test_a_message_is_found_by_trial_and_of_no_other_platform(sent: Sent) -> None:
    found = catalogue.opened(sent.topic.encode(), sent.payload)
    assert found is not None
    assert found[0].id == sent.envelope
    for envelope in catalogue.PLATFORMS:
        said = envelope.open(sent.topic.encode(), sent.payload)
        if envelope.id == sent.envelope:
            assert not isinstance(said, Refusal)
        else:
            assert isinstance(said, Refusal), envelope.id
            assert said.reason == "not_mine", (envelope.id, said)


@pytest.mark.parametrize("platform", [envelope.id for envelope in catalogue.PLATFORMS])
def test_every_platform_is_here(platform: str) -> None:
    assert platform in {sent.envelope for sent in UPLINKS}
    assert platform in {sent.envelope for sent in EVENTS}


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'"x"', b"7", b"null", b"\xff\xfe", b"##0101QN=1;", b'{"a":1}'])
def test_what_is_of_no_platform(payload: bytes) -> None:
    assert catalogue.opened(b"some/topic", payload) is None
    for envelope in catalogue.PLATFORMS:
        said = envelope.open(b"some/topic", payload)
        assert isinstance(said, Refusal)
        assert said.reason in ("not_mine", "syntax")


LORAWAN = ["chirpstack-v4", "chirpstack-v3", "the-things-stack", "milesight-gateway", "thingpark", "loriot", "helium"]
COUNTERS = ("fCnt", "f_cnt", "FCntUp", "fcnt")
RADIO = ("rxInfo", "rx_metadata", "Lrrs", "LrrRSSI", "LrrSNR", "gws", "hotspots")


def without(message: Any, left_out: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON
    if not isinstance(message, dict):
        return message
    return {name: without(said, left_out) for name, said in message.items() if name not in left_out}


@pytest.mark.parametrize("platform", LORAWAN)
def test_a_counter_that_is_left_out_is_zero(platform: str) -> None:
    said = open_with(platform, without(uplink_of(platform), COUNTERS))
    assert isinstance(said, Uplink)
    assert said.counter == 0


@pytest.mark.parametrize("platform", [name for name in LORAWAN if name != "helium"])  # hotspots are its sign
def test_nobody_says_how_well_it_was_heard(platform: str) -> None:
    said = open_with(platform, without(uplink_of(platform), RADIO))
    assert isinstance(said, Uplink), said
    assert (said.rssi_dbm, said.snr_db, said.payload) == (None, None, FRAME)


TIMES = (
    "time",
    "Time",
    "received_at",
    "ts",
    "reported_at",
    "timestamp",
    "at",
    "eventTime",
    "event_time",
    "event_time_ms",
)


def timed(message: Any, time: object) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(message, list):
        return [timed(each, time) for each in message]
    if not isinstance(message, dict):
        return message
    return {name: time if name in TIMES else timed(said, time) for name, said in message.items()}


@pytest.mark.parametrize("time", ["2020-0327T12:39:05.547336Z", "yesterday", "", None, True, [], -1, 0, 12345, 1e300])
@pytest.mark.parametrize(
    "sent", [sent for sent in UPLINKS if "msg" not in sent.message], ids=lambda sent: sent.envelope
)
def test_a_time_that_is_none_costs_no_reading(sent: Sent, time: object) -> None:
    message = timed(without(sent.message, ("publishedAt",)), time)
    said = open_with(sent.envelope, message, sent.topic)
    assert isinstance(said, Uplink), said
    assert said.time_ms is None


@pytest.mark.parametrize(
    ("platform", "member", "broken"),
    [
        ("chirpstack-v4", "data", "A"),
        ("chirpstack-v3", "data", "..."),
        ("chirpstack-v3", "data", "gAAB*"),
        ("milesight-gateway", "data", FRAME.hex()[:5]),
        ("the-things-stack", "frm_payload", "gAAB\n"),
        ("thingpark", "payload_hex", "8000x"),
        ("loriot", "data", "800"),
        ("helium", "payload", "gAA"),
    ],
)
def test_a_payload_that_is_no_base64_or_hex_is_refused(platform: str, member: str, broken: str) -> None:
    def spoiled(message: Any) -> Any:  # noqa: ANN401 - any JSON
        if not isinstance(message, dict):
            return message
        return {name: broken if name == member else spoiled(said) for name, said in message.items()}

    said = open_with(platform, spoiled(uplink_of(platform)))
    assert isinstance(said, Refusal)
    assert said.reason == "syntax"


def renamed(message: Any, broken: dict[str, object]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(message, list):
        return [renamed(each, broken) for each in message]
    if not isinstance(message, dict):
        return message
    return {name: broken.get(name.lower(), renamed(said, broken)) for name, said in message.items()}


@pytest.mark.parametrize("sent", UPLINKS, ids=lambda sent: sent.envelope)
def test_a_radio_figure_that_is_none_costs_only_itself(sent: Sent) -> None:
    whole = sent.said
    assert isinstance(whole, Uplink)
    nan = renamed(sent.message, {"snr": "NaN", "lorasnr": "NaN", "lrrsnr": "NaN"})
    said = open_with(sent.envelope, nan, sent.topic)
    assert isinstance(said, Uplink), said
    assert (said.payload, said.values, said.rssi_dbm, said.snr_db) == (
        whole.payload,
        whole.values,
        whole.rssi_dbm,
        None,
    )
    said = open_with(sent.envelope, renamed(nan, {"rssi": [], "lrrrssi": "strong"}), sent.topic)
    assert isinstance(said, Uplink), said
    assert (said.payload, said.values, said.rssi_dbm, said.snr_db) == (whole.payload, whole.values, None, None)


def test_an_uplink_without_a_payload_is_a_fact_whatever_its_device_is() -> None:
    message = uplink_of("chirpstack-v3") | {"data": ""}
    said = open_with("chirpstack-v3", message)
    assert isinstance(said, Uplink)
    assert said.payload == b""
    assert said_by(COVER, said, COVER.options()) == Facts({"event": "up"})


def test_a_frame_that_a_platform_hands_on_as_hex() -> None:
    hexed = Uplink(address="1", values={"raw": FRAME.hex(), "signal": 13})
    said = said_by(COVER, hexed, COVER.options())
    assert isinstance(said, Cover)
    assert said.distance_mm == 1700
    others: list[dict[str, Any]] = [
        {},
        {"a": FRAME.hex(), "b": "x"},
        {"a": "\0\0\0"},
        {"a": 8},
        {"a": ""},
        {"a": "800"},
    ]
    for values in others:
        refused = said_by(COVER, Uplink(address="1", values=values), COVER.options())
        assert isinstance(refused, Refusal), values
        assert refused.detail == "the platform sends values; dingtek-dc41x reads bytes"


def test_what_only_onenet_does() -> None:
    two = uplink_of("onenet", 2)
    two["msg"][1]["dev_name"] = "well-2"
    said = open_with("onenet", two)
    assert isinstance(said, Refusal)
    assert "several devices in one push" in said.detail
    said = open_with("onenet", {"enc_msg": base64.b64encode(b"x" * 32).decode(), "signature": "x", "nonce": "y"})
    assert isinstance(said, Refusal)
    assert "encrypted push" in said.detail
    others: list[dict[str, Any]] = [{"msg": "hello"}, {"msg": []}, {"msg": {"text": "x"}}, {"msg": None}]
    for other in others:
        said = open_with("onenet", other)
        assert isinstance(said, Refusal)
        assert said.reason == "not_mine", other


def test_a_command_of_somebody_elses() -> None:
    said = open_with("loriot", {"cmd": "parkStatus", "body": {"parkID": "7", "parkingStatu": 1}})
    assert isinstance(said, Refusal)
    assert said.reason == "not_mine"


def test_loriot_without_the_key_of_the_device() -> None:
    message = uplink_of("loriot") | {"encdata": FRAME.hex()}
    del message["data"]
    said = open_with("loriot", message)
    assert isinstance(said, Refusal)
    assert "AppSKey" in said.detail


@pytest.mark.parametrize(
    ("envelope", "topic", "address"),
    [
        ("chirpstack-v3", f"application/1/device/{EUI.upper()}/event/up", EUI),
        ("chirpstack-v3", f"application/1/device/{EUI}/rx", EUI),
        ("chirpstack-v3", f"application/1/node/{EUI}/rx", EUI),
        ("chirpstack-v3", f"eu868/application/1/device/{EUI}/event/up", None),
        ("the-things-stack", f"v3/wells@ttn/devices/eui-{EUI}/up", EUI),
        ("the-things-stack", f"v3/wells@ttn/devices/eui-{EUI}/down/queued", EUI),
        ("the-things-stack", "v3/wells@ttn/devices/well-1/up", None),
        ("the-things-stack", f"v3/wells@ttn/devices/eui-{EUI}0/up", None),
        ("onenet-onejson", "$sys/Yc4Q/Well-1/thing/property/post", "well-1"),
        ("onenet-onejson", "$sys/Yc4Q/thing/property/post", None),
        ("ctwing", "anything", None),
    ],
)
def test_what_topics_tell(envelope: str, topic: str, address: str | None) -> None:
    assert catalogue.envelope(envelope).address_of(topic.encode()) == address


BOUND = [sent for sent in UPLINKS if catalogue.envelope(sent.envelope).bind is not None]


@pytest.mark.parametrize("sent", BOUND, ids=names(BOUND))
def test_in_one_step_it_says_the_same(sent: Sent) -> None:
    bind = catalogue.envelope(sent.envelope).bind
    assert bind is not None
    assert isinstance(sent.said, Uplink)
    counter, time_ms, cover = bind(COVER, COVER.options())(sent.payload)
    careful = COVER.decode(FRAME, 3, COVER.options())
    assert isinstance(careful, Cover)
    careful.rssi_dbm, careful.snr_db = sent.said.rssi_dbm, sent.said.snr_db
    assert (counter, time_ms, cover) == (7, AT_MS, careful)


@pytest.mark.parametrize("sent", EVENTS, ids=names(EVENTS))
def test_in_one_step_no_event_is_an_uplink(sent: Sent) -> None:
    bind = catalogue.envelope(sent.envelope).bind
    if bind is not None:
        with pytest.raises(ValueError, match=r"."):
            bind(COVER, COVER.options())(sent.payload)


# ---------------------------------------------------------------------------------------------------------- mutants


@pytest.mark.parametrize("platform", [envelope.id for envelope in catalogue.PLATFORMS])
def test_mutants(platform: str) -> None:
    """Whatever comes: an uplink of sound types, facts or a reason; in one step, nothing but ValueError."""
    envelope = catalogue.envelope(platform)
    own = [sent for sent in ALL if sent.envelope == platform]
    topic = own[0].topic.encode()
    fast = envelope.bind(COVER, COVER.options()) if envelope.bind else None
    uplinks = 0
    for number, payload in enumerate(mutated([sent.payload for sent in own], seed=7)):
        said = envelope.open(topic, payload)
        if isinstance(said, Uplink):
            uplinks += 1
            assert (said.payload is None) != (said.values is None)
            assert said.counter is None or type(said.counter) is int
            assert said.time_ms is None or 0 < said.time_ms < 1 << 43
            assert said.rssi_dbm is None or abs(said.rssi_dbm) < 1e9
            assert isinstance(said.address, str)
        if fast and number % 4 == 0:
            try:
                fast(payload)
            except ValueError:
                continue
    assert uplinks > MANY / 50


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"deviceInfo":[', b'{"msg":['])
def test_nested_to_the_recursion_limit(opening: bytes) -> None:
    """A stranger's message of this kind would end the process, for RecursionError is no ValueError."""
    sign = random.Random(1).choice([b'{"msg":', b'{"payload":'])
    for payload in (opening * 50_000, sign + opening * 50_000, b'{"msg":"' + b"[" * 50_000 + b'"}'):
        assert catalogue.opened(b"a", payload) is None
        for envelope in catalogue.PLATFORMS:
            assert isinstance(envelope.open(b"$sys/p/d/thing/property/post", payload), Refusal)
