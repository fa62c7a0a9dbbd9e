"""Devices through the real fold."""

import json

from devices.frames import Batch
from devices.models.plain import PlainOptions
from devices.registry import Device, Registry, Route, Source
from rules.fold import Fold
from rules.records import Config, Status
from rules.ruleset import RuleSet
from tests.feed.room import GATEWAY, NOW_MS, Room


def fold_of(count: int) -> Fold:
    """Make a fold with so many wells on one broker."""
    route = Route(filter="wells/+/report", envelope="plain", address="topic 2")
    source = Source(name="lora", kind="mqtt", subject="broker:lora", routes=(route,))
    devices = tuple(
        Device(
            id=f"well-{n:05}",
            model="plain",
            family="well",
            address=f"topic:lora/{n}",
            name=f"{n} 号井" if n % 2 else "",
            at=(117.18, 34.26) if n == 1 else None,
            interval_ms=3_600_000,
            options=PlainOptions(family="well", fields={"t": "temperature_c"}),
            via=("lora",),
        )
        for n in range(count)
    )
    fold = Fold(
        lambda _: (Registry(gateway=GATEWAY, time_zone="Asia/Shanghai", sources=(source,), devices=devices), RuleSet())
    )
    fold.take(
        1, [Config(at_ms=NOW_MS, hash="h"), Status(at_ms=NOW_MS, subject="broker:lora", kind="link", data={"up": True})]
    )
    return fold


def test_devices_by_pages(room: Room) -> None:
    room.fold = fold_of(25)
    ids, path = [], "/api/v1/devices?limit=10"
    for _ in range(3):
        page = room.get(path).json
        ids += [device["id"] for device in page["devices"]]
        path = f"/api/v1/devices?limit=10&after={page['next']}"
    assert page["next"] is None
    assert ids == [f"well-{n:05}" for n in range(25)]


def test_a_device_is_unheard_heard_and_cut_off(room: Room) -> None:
    room.fold = fold_of(2)
    quiet, heard = room.get("/api/v1/devices").json["devices"]
    assert (quiet["state"], quiet["last_heard"], quiet["name"], quiet["at"]) == ("unheard", None, None, None)
    payload = json.dumps({"t": 12.5}).encode()
    room.fold.take(3, [Batch("lora", NOW_MS + 1_500, [(b"wells/1/report", payload, b"")])])
    quiet, heard = room.get("/api/v1/devices").json["devices"]
    assert heard == {
        "id": "well-00001",
        "model": "plain",
        "family": "well",
        "name": "1 号井",
        "at": [117.18, 34.26],
        "site": None,
        "last_heard": "2026-11-24T08:00:01.500Z",
        "state": "heard",
    }
    down = Status(at_ms=NOW_MS + 2_000, subject="broker:lora", kind="link", data={"up": False, "why": "unplugged"})
    room.fold.take(4, [down])
    states = [device["state"] for device in room.get("/api/v1/devices").json["devices"]]
    assert states == ["cut_off", "cut_off"]
