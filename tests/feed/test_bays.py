"""Bays and work permits over the API, through the real fold; `cityward permit` against a real server."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from click.testing import CliRunner

from commands import permit as permit_command
from commands.language import Words
from devices.frames import Batch
from devices.models.plain import PlainOptions
from devices.registry import Device, Registry, Route, Source
from rules.fold import Fold
from rules.records import Config, Status
from rules.ruleset import RuleSet
from tests.feed.room import GATEWAY, NOW_MS, Room


def fold_of(bays: int) -> Fold:
    """Make a fold with so many bays and one cover on one broker."""
    route = Route(filter="p/+/up", envelope="plain", address="topic 2")
    source = Source(name="lora", kind="mqtt", subject="broker:lora", routes=(route,))
    options = PlainOptions(family="parking", fields={"occ": "occupied"})
    cover = PlainOptions(family="manhole", fields={"open": "cover_open"})
    devices = [
        Device(
            id=f"bay-{n:03}", model="plain", family="parking", address=f"topic:lora/{n}", name=f"{n} 号泊位",
            interval_ms=3_600_000, options=options, via=("lora",), site="彭城广场", at=(117.18, 34.26),
        )
        for n in range(bays)
    ]  # fmt: skip
    devices.append(
        Device(
            id="mh-1", model="plain", family="manhole", address="topic:lora/mh-1", interval_ms=3_600_000,
            options=cover, via=("lora",),
        )
    )  # fmt: skip
    registry = Registry(gateway=GATEWAY, time_zone="Asia/Shanghai", sources=(source,), devices=tuple(devices))
    fold = Fold(lambda _: (registry, RuleSet()))
    up = Status(at_ms=NOW_MS, subject="broker:lora", kind="link", data={"up": True})
    fold.take(1, [Config(at_ms=NOW_MS, hash="h"), up])
    return fold


def test_bays_by_pages_with_their_states(room: Room) -> None:
    room.fold = fold_of(12)
    payload = json.dumps({"occ": True}).encode()
    room.fold.take(3, [Batch("lora", NOW_MS + 1_500, [(b"p/0/up", payload, b"")])])
    first = room.get("/api/v1/bays?limit=10").json
    assert first["bays"][0] == {
        "device": "bay-000", "name": "0 号泊位", "site": "彭城广场", "at": [117.18, 34.26], "state": "occupied",
        "since": "2026-11-24T08:00:01.500Z",
    }  # fmt: skip
    assert (first["bays"][1]["state"], first["bays"][1]["since"]) == ("unknown", None)
    second = room.get(f"/api/v1/bays?limit=10&after={first['next']}").json
    assert [bay["device"] for bay in second["bays"]] == ["bay-010", "bay-011"]
    assert second["next"] is None


def permit(room: Room, device: str = "mh-1", *, hours: float | None = 2, unix: bool = True) -> tuple[int, object]:
    until = None if hours is None else (datetime.fromtimestamp(NOW_MS / 1000, UTC) + timedelta(hours=hours)).isoformat()
    body = {"who": "张三", "why": "清淤", "until": until, "command_id": f"{device}-{hours}"}
    headers = {"content-type": "application/json"}
    reply = room.ask_http("POST", f"/api/v1/devices/{device}/permit", json.dumps(body).encode(), headers, unix=unix)
    return reply.status, reply.json


def test_a_permit_is_given_listed_and_ended(room: Room) -> None:
    room.fold = fold_of(0)
    status, page = permit(room)
    assert status == 200
    [one] = room.get("/api/v1/permits").json["permits"]
    assert page == {"gateway": GATEWAY, "permits": [one]}
    assert (one["device"], one["who"], one["why"], one["until"]) == ("mh-1", "张三", "清淤", "2026-11-24T10:00:00.000Z")
    assert permit(room, hours=None)[0] == 200
    assert room.get("/api/v1/permits").json["permits"] == []


def test_what_is_refused(room: Room) -> None:
    room.fold = fold_of(0)
    assert permit(room, unix=False)[0] == 403
    assert permit(room, "nobody")[0] == 404
    status, problem = permit(room, hours=-1)
    assert (status, "7 天" in str(problem)) == (422, True)


def test_the_command_reads_a_time_in_three_ways() -> None:
    """In the gateway's zone, whatever that of the machine is: one of them is not the machine's."""
    words = Words("en")
    for name in ("Asia/Shanghai", "America/Caracas"):
        zone = ZoneInfo(name)
        at_six = permit_command._instant("18:00", zone, words).astimezone(zone)
        assert (at_six.hour, at_six.minute) == (18, 0)
        assert abs(at_six.date() - datetime.now(zone).date()) <= timedelta(days=1)
        at_six = permit_command._instant("2026-11-24T18:00", zone, words)
        assert at_six == datetime(2026, 11, 24, 18, tzinfo=zone)
        at_ten = permit_command._instant("2026-11-24T18:00+08:00", zone, words)
        assert at_ten == datetime(2026, 11, 24, 10, tzinfo=UTC)
        left = permit_command._instant("3 h", zone, words) - datetime.now(UTC)
        assert timedelta(hours=2, minutes=59) < left <= timedelta(hours=3)


def test_the_command_asks_for_what_it_needs() -> None:
    result = CliRunner().invoke(permit_command.command, ["mh-1", "--until", "18:00", "--lang", "en"])
    assert result.exit_code == 2
    assert "--who and --until" in result.output


def test_the_command_line_against_a_running_gateway(room: Room, tmp_path: Path) -> None:
    room.fold = fold_of(0)
    main = f"gateway: {{id: g, time_zone: Asia/Shanghai}}\nhttp: {{socket: {room.server.socket_path}}}\n"
    (tmp_path / "cityward.yaml").write_text(main)
    place = ["--directory", str(tmp_path), "--lang", "en"]
    ask = CliRunner().invoke
    ends = (datetime.fromtimestamp(NOW_MS / 1000, UTC) + timedelta(hours=3)).astimezone(ZoneInfo("Asia/Shanghai"))
    until = f"{ends:%Y-%m-%dT%H:%M}"
    given = ask(permit_command.command, ["mh-1", "--who", "张三", "--until", until, "--why", "清淤", *place])
    assert (given.exit_code, f"until {ends:%Y-%m-%d %H:%M} (Asia/Shanghai)" in given.output) == (0, True), given.output
    listed = ask(permit_command.command, place)
    assert f"mh-1  张三  → {ends:%Y-%m-%d %H:%M} (Asia/Shanghai)" in listed.output
    refused = ask(permit_command.command, ["nobody", "--who", "x", "--until", until, *place])
    assert (refused.exit_code, "no device nobody" in refused.output) == (1, True)
    assert ask(permit_command.command, ["mh-1", "--end", *place]).exit_code == 0
    assert "there is no permit" in ask(permit_command.command, place).output
