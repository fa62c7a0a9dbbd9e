"""What platforms say twice, late, or after a counter began again: each thing once, and nothing old as of now."""

import base64
import json
import random
from typing import Any, NamedTuple

import pytest
from msgspec.structs import asdict

from devices import catalogue
from devices.readings import Facts
from devices.reception import Duplicate, Received, Reception, Stranger
from devices.registry import Device, Registry, Route, Source
from tests.devices.platforms import AT_MS, EUI, UPLINKS

DAY_MS = 86_400_000
START_MS = 1_790_000_000_000
FRAME = bytes.fromhex("800001021106a400160100000000010081")


class Broker:
    """A reception with one source of one platform's messages, and devices on it."""

    def __init__(self, envelope: str, model: str, *addresses: str) -> None:
        options = catalogue.model(model).options()
        devices = tuple(
            Device(
                id=f"d-{number}", model=model, family="manhole", address=address, interval_ms=600_000, options=options
            )
            for number, address in enumerate(addresses)
        )
        routes = (Route(filter="#", envelope=envelope),)
        source = Source(name="city", kind="mqtt", subject="broker:city", routes=routes)
        registry = Registry(gateway="g", time_zone="Asia/Shanghai", sources=(source,), devices=devices)
        self.reception = Reception(registry, lambda _device: b"")

    def hear(self, message: dict[str, Any], now_ms: int, topic: str = "push") -> tuple[str, Received]:
        """Return which device it is of, and what it says."""
        frame = (topic.encode(), json.dumps(message).encode(), b"")
        track, said = self.reception.receive(self.reception.doors["city"], frame, now_ms, now_ms)
        return (track.device.id if track else ""), said


def is_live(said: Received) -> bool:
    return isinstance(said, list) and any(reading.live for reading in said)


class Event(NamedTuple):
    """One message on its way: when it arrives, whether it is a repeat, and what it is."""

    now_ms: int
    is_repeat: bool
    message: dict[str, Any]


def recorded_like(seed: int) -> list[Event]:
    """Make traffic as the Helium records have it (reference/devices.md §4).

    Of 8,110 messages of EMS sensors 24 % were repeats of the same counter, half of them within 197 s, the latest 48
    days later. Of the Wyres devices 9 counters began again, and more frames were lost than came.
    """
    dice = random.Random(seed)
    events, counter, at_ms = [], 0, START_MS
    for _ in range(1_500):
        at_ms += round(dice.expovariate(1 / 3_600_000)) + 60_000
        counter = 0 if dice.random() < 0.01 else counter + 1 + (dice.randrange(40) if dice.random() < 0.3 else 0)
        message = {
            "dev_eui": EUI.upper(),
            "fcnt": counter,
            "port": 3,
            "payload": base64.b64encode(FRAME).decode(),
            "reported_at": at_ms,
            "hotspots": [{"rssi": -100, "snr": 2}],
        }
        events.append(Event(at_ms + 900, is_repeat=False, message=message))
        for _ in range(dice.randrange(1, 3) if dice.random() < 0.24 else 0):
            late_ms = min(round(dice.lognormvariate(5.28, 2.2) * 1000), 48 * DAY_MS)
            events.append(Event(at_ms + 1_000 + late_ms, is_repeat=True, message=message))
    return sorted(events, key=lambda event: event.now_ms)


@pytest.mark.parametrize("seed", range(8))
def test_a_quarter_of_all_messages_are_repeats_up_to_48_days_late(seed: int) -> None:
    broker = Broker("helium", "dingtek-dc41x", f"eui:{EUI}")
    events = recorded_like(seed)
    repeats = [event for event in events if event.is_repeat]
    assert 0.15 < len(repeats) / len(events) < 0.4
    duplicates = 0
    for event in events:
        _, said = broker.hear(event.message, event.now_ms)
        if event.is_repeat:
            assert not is_live(said), event
            duplicates += isinstance(said, Duplicate)
            if isinstance(said, list):
                [reading] = said
                assert reading.t_ms == event.message["reported_at"], "history, and at its own time"
                assert "late" in (reading.values.flags or "")
        else:
            assert is_live(said), event
    assert duplicates > 0.9 * len(repeats)


def test_loriot_says_an_uplink_twice() -> None:
    messages = [dict(sent.message) for sent in UPLINKS if sent.envelope == "loriot"]
    for first, second in (messages, reversed(messages)):
        broker = Broker("loriot", "dingtek-dc41x", f"eui:{EUI}")
        assert is_live(broker.hear(first | {"offline": False}, AT_MS + 500)[1])
        assert broker.hear(second | {"offline": False}, AT_MS + 1_500) == ("d-0", Duplicate())


def test_what_a_network_server_had_kept_is_history() -> None:
    broker = Broker("loriot", "dingtek-dc41x", f"eui:{EUI}")
    kept = next(sent.message for sent in UPLINKS if sent.envelope == "loriot" and sent.message["cmd"] == "rx")
    _, said = broker.hear(kept, AT_MS + 500)
    assert isinstance(said, list)
    assert [(reading.live, reading.newest) for reading in said] == [(False, True)]


def cover(at_ms: int, service: int = 1001, imei: str = "861800000007127", **content: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return {
        "messageType": "eventReport", "eventType": 2, "serviceId": service, "eventContent": content, "timestamp": at_ms,
        "deviceId": "DF5BC90025BD4985", "IMEI": imei, "tenantId": "1", "productId": "2", "protocol": "lwm2m",
    }  # fmt: skip


@pytest.mark.parametrize("address", ["device:df5bc90025bd4985", "imei:861800000007127"])
def test_a_push_that_is_tried_again_is_one_event(address: str) -> None:
    """CTWing pushes up to four times where it hears no 200."""
    broker = Broker("ctwing", "ctwing-manhole", address)
    push = cover(START_MS, manhole_cover_position_state=1)
    heard = [broker.hear(push, START_MS + 1_000 * number) for number in range(4)]
    assert [(device, is_live(said)) for device, said in heard] == [("d-0", True)] + [("d-0", False)] * 3
    assert all(said == Duplicate() for _, said in heard[1:])


def test_alarm_and_recovery_share_one_event_and_are_two_readings() -> None:
    broker = Broker("ctwing", "ctwing-manhole", "device:df5bc90025bd4985")
    states: list[tuple[bool, int, Any]] = []
    for number, state in enumerate((1, 0, 1, 1, 0)):  # the second alarm says again what still holds
        at_ms = START_MS + number * 1_000
        _, said = broker.hear(cover(at_ms, manhole_cover_position_state=state), at_ms + 200)
        assert isinstance(said, list)
        states += [(reading.live, reading.t_ms, asdict(reading.values)["cover_displaced"]) for reading in said]
    assert states == [(True, START_MS + n * 1_000, bool(state)) for n, state in enumerate((1, 0, 1, 1, 0))]


def test_a_push_of_what_was_half_an_hour_ago_rings_nothing_as_if_it_were_now() -> None:
    broker = Broker("ctwing", "ctwing-manhole", "device:df5bc90025bd4985")
    assert is_live(broker.hear(cover(START_MS, manhole_cover_open_state=0), START_MS + 100)[1])
    _, said = broker.hear(cover(START_MS - 3 * DAY_MS, manhole_cover_open_state=1), START_MS + 200)
    assert isinstance(said, list)
    assert [(reading.live, reading.newest) for reading in said] == [(False, False)]


def moments_of(platform: str) -> dict[str, Any]:
    """Make a push that tells of an alarm and of its end ten seconds later, the end first."""
    told = [(START_MS + 10_000, 0), (START_MS, 1)]
    name = "manhole_cover_position_state"
    if platform == "onenet":
        return {"msg": [{"type": 1, "dev_id": 7, "ds_id": name, "value": v, "at": t} for t, v in told], "nonce": "a"}
    timed = [(str(t), {name: v}) for t, v in told]
    if platform == "huawei-iotda":
        services = [{"service_id": "M", "properties": values, "event_time": t} for t, values in timed]
        header = {"device_id": "7", "node_id": "n"}
        return {"resource": "device.property", "notify_data": {"header": header, "body": {"services": services}}}
    services = [{"serviceId": "M", "data": values, "eventTime": t} for t, values in timed]
    return {"notifyType": "deviceDatasChanged", "deviceId": "7", "services": services}


@pytest.mark.parametrize("platform", ["onenet", "huawei-iotda", "huawei-oceanconnect"])
def test_one_push_of_two_moments_is_two_readings(platform: str) -> None:
    broker = Broker(platform, "ctwing-manhole", "device:7")
    _, said = broker.hear(moments_of(platform), START_MS + 11_000)
    assert isinstance(said, list)
    found = [(reading.live, reading.t_ms, asdict(reading.values)["cover_displaced"]) for reading in said]
    assert found == [(True, START_MS, True), (True, START_MS + 10_000, False)]
    assert broker.hear(moments_of(platform), START_MS + 12_000)[1] == Duplicate()


def test_onenet_tries_again_with_another_nonce() -> None:
    broker = Broker("onenet", "dingtek-dc41x", "device:7")
    said = []
    for nonce in ("abc", "xyz"):
        message = {"type": 1, "dev_id": 7, "ds_id": "raw", "value": FRAME.hex(), "at": START_MS}
        said.append(broker.hear({"msg": message, "nonce": nonce, "msg_signature": nonce}, START_MS + 300)[1])
    assert is_live(said[0])
    assert said[1] == Duplicate()


def test_who_is_who_on_a_shared_topic() -> None:
    broker = Broker("ctwing", "ctwing-manhole", "device:df5bc90025bd4985", "imei:860000000000042")
    other = cover(START_MS, imei="860000000000042", manhole_cover_open_state=1) | {"deviceId": "b"}
    assert broker.hear(other, START_MS)[0] == "d-1"
    stranger = cover(START_MS, imei="860000000000043", manhole_cover_open_state=1) | {"deviceId": "c"}
    assert broker.hear(stranger, START_MS) == ("", Stranger("imei:860000000000043"))
    nameless = cover(START_MS, imei="undefined", manhole_cover_open_state=1) | {"deviceId": "C"}
    assert broker.hear(nameless, START_MS) == ("", Stranger("device:c"))
    away = {"messageType": "deviceOnlineOfflineReport", "eventType": 0, "deviceId": "DF5BC90025BD4985"}
    device, said = broker.hear(away, START_MS)
    assert (device, isinstance(said, Facts)) == ("d-0", True)
    counted = broker.reception.tracks["d-0"]
    assert (counted.frames, counted.facts) == (1, 1)


@pytest.mark.parametrize("platform", [envelope.id for envelope in catalogue.PLATFORMS])
def test_every_platform_brings_a_reading_of_its_device(platform: str) -> None:
    """The whole way from a message to a reading, and the same message a second time."""
    envelope = catalogue.envelope(platform)
    sent = next(each for each in UPLINKS if each.envelope == platform)
    assert not isinstance(sent.said, str)
    address = f"{envelope.scheme}:{sent.said.address}"
    broker = Broker(platform, "dingtek-dc41x" if sent.said.payload else "ctwing-manhole", address)
    message = dict(sent.message)
    if platform == "helium":
        message["replay"] = False
    if sent.said.values is not None and platform != "ctwing":  # another platform with the same standard names
        text = json.dumps(message)
        for name in ("Depth", "depth", "level", "3300_0_5750"):
            text = text.replace(f'"{name}"', '"lean_angle"')
        message = json.loads(text.replace('"+00.12"', "12").replace('"c0ced6"', "12"))
    device, said = broker.hear(message, AT_MS + 1_000, sent.topic)
    assert device == "d-0"
    assert is_live(said), said
    assert broker.hear(message, AT_MS + 2_000, sent.topic)[1] == Duplicate()
