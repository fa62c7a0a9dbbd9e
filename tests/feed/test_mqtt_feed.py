"""The MQTT feed at a real mosquitto: another system sees what the book says, whatever dies meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from feed.mqtt_feed import MqttFeed
from feed.mqtt_topics import Topics, level, text_of
from tests.feed.feeds_room import (
    ROOT,
    Around_,
    Listener,
    desk,
    listener,
    mqtt_settings,
    order,
    running,
    signed,
    wait_for,
)
from tests.feed.room import GATEWAY, Room, tilted
from tests.servers import Mosquitto, mosquitto

EVENTS, STATUS = f"{ROOT}/alarm/events", f"{ROOT}/status"
REPLIES, COMMANDS = f"{ROOT}/alarm/cmd/reply", f"{ROOT}/alarm/cmd"
STATE = f"{ROOT}/alarm/_/cover-tilted@mh-0114%2Ftilt_deg/state"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as started:
        yield started


class Place:
    """A room, a broker, and the feed between them."""

    def __init__(self, room: Room, broker: Mosquitto, folder: Path, **settings: object) -> None:
        self.room, self.broker = room, broker
        self.outside = Around_(room)
        self.settings = mqtt_settings(folder, broker.port, **settings)

    @contextmanager
    def fed(self) -> Iterator[None]:
        """Run the feed; it has connected before anything else happens."""
        feed = MqttFeed(self.settings, self.outside.around)
        self.room.views = [feed.follower]
        with listener(self.broker.port, STATUS) as heard, running(feed.run):
            wait_for(lambda: any(m.json["data"]["online"] and not m.retain for m in heard.on(STATUS)), "online")
            yield

    def numbers(self, heard: Listener) -> list[int]:
        return [message.json["data"]["number"] for message in heard.on(EVENTS)]


@pytest.fixture
def place(room: Room, broker: Mosquitto, tmp_path: Path) -> Place:
    return Place(room, broker, tmp_path)


def last_position(room: Room) -> int:
    rows = desk(room, "SELECT number FROM feed_marks WHERE name = 'city'")
    return int(rows[0][0])


def test_another_system_sees_what_stands_and_what_changes(place: Place) -> None:
    """It begins with the alarms that stand; old events are no news. Then each change comes, the state before it."""
    room = place.room
    room.tell(tilted("mh-0001", site="云龙湖二期"))
    with place.fed(), listener(place.broker.port) as heard:
        wait_for(lambda: heard.on(STATUS), "online")
        assert heard.on(STATUS)[-1].json["data"]["online"] is True
        wait_for(heard.standing, "the state")
        assert list(heard.standing()) == [f"{ROOT}/alarm/云龙湖二期/cover-tilted@mh-0001%2Ftilt_deg/state"]
        assert heard.on(EVENTS) == []
        alarm = tilted(priority=2)
        room.tell(alarm)
        wait_for(lambda: heard.on(EVENTS), "the event")
        [event] = [message.json for message in heard.on(EVENTS)]
        feed_id = room.hub.feed
        assert event["id"] == f"{feed_id}-2"
        assert event["sequence"] == "000000000000000002"
        assert event["source"] == f"/cityward/{GATEWAY}"
        assert event["type"] == "cn.cityward.alarm.raised.v1"
        assert event["data"] == room.get(f"/api/v1/events?after={feed_id}-1").json["events"][0]
        assert heard.standing()[STATE] == event["data"]["alarm"]
        wait_for(lambda: last_position(room) == 2, "its position")
        alarm.active, alarm.acknowledged = False, True
        room.tell(alarm, kind="returned")
        wait_for(lambda: not heard.states()[STATE].payload, "the state is taken away")
        wait_for(lambda: place.numbers(heard) == [2, 3])


def test_a_newcomer_finds_the_states(place: Place) -> None:
    with place.fed():
        place.room.tell(*[tilted(f"mh-{n}") for n in range(50)])
        wait_for(lambda: last_position(place.room) == 50)
        with listener(place.broker.port) as heard:
            wait_for(lambda: len(heard.standing()) == 50)
            assert all(message.retain for message in heard.states().values())
            assert heard.on(EVENTS) == []


def test_what_happened_while_the_gateway_was_away(place: Place) -> None:
    """Events in order and once, no state of an alarm that ended meanwhile, those that began are there."""
    room = place.room
    ended, stays = tilted("mh-1"), tilted("mh-2")
    with listener(place.broker.port) as heard:
        with place.fed():
            room.tell(ended, stays)
            wait_for(lambda: last_position(room) == 2)
        wait_for(lambda: heard.on(STATUS)[-1].json["data"]["why"] == "stopped", "a clean goodbye")
        ended.active, ended.acknowledged = False, True
        room.tell(ended, kind="returned")
        room.tell(tilted("mh-3"))
        with place.fed():
            wait_for(lambda: place.numbers(heard) == [1, 2, 3, 4])
            wait_for(lambda: {a["device"] for a in heard.standing().values()} == {"mh-2", "mh-3"})
    assert len(set(heard.ids(EVENTS))) == 4


def test_a_broker_that_is_killed_and_has_forgotten_everything(place: Place) -> None:
    """All states are there again as soon as it is; events of meanwhile come, none is missing."""
    room, broker = place.room, place.broker
    with place.fed():
        room.tell(*[tilted(f"mh-{n}") for n in range(20)])
        wait_for(lambda: last_position(room) == 20)
        broker.kill()
        for kept in broker.folder.glob("*.db*"):
            kept.unlink()
        room.tell(tilted("mh-20"))
        broker.start()
        with listener(broker.port) as heard:
            wait_for(lambda: len(heard.standing()) == 21, "all states")
            wait_for(lambda: last_position(room) == 21)
        assert place.outside.reported == [
            ("feed:city", {"name": "feed-failing", "bad": False, "why_zh": "", "why_en": ""})
        ]


def test_events_that_the_book_has_forgotten(place: Place) -> None:
    """The other side sees the gap by the numbers; the states are right all the same."""
    room = place.room
    with place.fed():
        room.tell(tilted("mh-1"))
        wait_for(lambda: last_position(room) == 1)
    room.many(40)
    desk(room, "DELETE FROM events WHERE number < 30", "book.sqlite")  # as `Book.prune` does
    with listener(place.broker.port) as heard, place.fed():
        wait_for(lambda: place.numbers(heard) == list(range(30, 42)))
        assert {alarm["id"] for alarm in heard.standing().values()} == set(room.alarm_ids())
        wait_for(lambda: last_position(room) == 41)


def test_a_foreign_book_is_told_from_its_beginning(place: Place) -> None:
    room = place.room
    with place.fed():
        room.many(3)
        wait_for(lambda: last_position(room) == 3)
    desk(room, "UPDATE feed_marks SET feed = 'another', number = 7000")
    with listener(place.broker.port) as heard, place.fed():
        wait_for(lambda: place.numbers(heard) == [1, 2, 3])


def test_repetition_never_takes_a_state_back(place: Place) -> None:
    """A process that was killed sends old events again, under their ids; the states stay the newest all the while."""
    room = place.room
    alarm = tilted()
    with listener(place.broker.port) as heard:
        with place.fed():
            for value in range(30):
                alarm.value = float(value)
                room.tell(alarm)
            wait_for(lambda: last_position(room) == 30)
        desk(room, "UPDATE feed_marks SET number = 3")  # what a kill leaves at the worst
        with place.fed():
            wait_for(lambda: place.numbers(heard) == [*range(1, 31), *range(4, 31)])
        values = [message.json["data"]["event"] for message in heard.messages if message.topic == STATE]
        assert values == sorted(values)
        assert len(set(heard.ids(EVENTS))) == 30


# ------------------------------------------------------------------------------------------------------- commands


def replies(heard: Listener) -> list[dict[str, Any]]:
    return [message.json["data"] for message in heard.on(REPLIES)]


def audited(room: Room) -> list[tuple[Any, ...]]:
    return desk(room, "SELECT who, via, what, target, status FROM audit ORDER BY number")


def test_acknowledged_from_another_system(place: Place) -> None:
    """A signed command is carried out once, answered each time it is sent, and is in the audit trail."""
    room = place.room
    with place.fed(), listener(place.broker.port) as heard:
        room.tell(tilted())
        wait_for(heard.standing)
        given = order(occurrence=heard.standing()[STATE]["occurrence"])
        for times in (1, 2):
            heard.send(COMMANDS, signed(given))
            wait_for(lambda times=times: len(replies(heard)) == times)  # type: ignore[misc]
        wait_for(lambda: heard.standing()[STATE]["state"] == "ACKED")
        wait_for(lambda: place.numbers(heard) == [1, 2])
    for reply in replies(heard):
        assert (reply["command_id"], reply["status"], reply["problem"]) == (given["command_id"], 200, None)
        assert reply["alarm"]["acknowledged"] is True
    target = f"{given['alarm']}#{given['occurrence']}"
    assert audited(room) == [("张三 (scada)", "mqtt city key scada", "ack", target, 200)] * 2
    event = room.get(f"/api/v1/events?after={room.hub.feed}-1").json["events"][0]
    assert (event["kind"], event["user"]) == ("acknowledged", "张三 (scada)")


@pytest.mark.parametrize(
    ("payload", "status", "problem", "who"),
    [
        (b"ack", 401, "unsigned", ""),
        (b"\xff\xfe", 401, "unsigned", ""),
        (b'{"key": "scada", "signed": "{}", "signature": "00"}', 401, "unsigned", ""),
        (signed(order(), key="nobody"), 401, "unsigned", ""),
        (signed(order(), secret="guessed"), 401, "unsigned", ""),
        (signed(order(), secret=""), 401, "unsigned", ""),
        (signed({"kind": "ack"}), 400, "wrong-request", ""),
        (signed(order(kind="reload")), 400, "wrong-request", "张三 (scada)"),
        (signed(order(gateway="xz-quanshan-02")), 421, "other-gateway", "张三 (scada)"),
        (signed(order(time="2026-01-01T00:00:00Z")), 408, "stale", "张三 (scada)"),
        (signed(order(kind="out_of_service", until="2030-01-01T00:00:00Z")), 403, "forbidden", "张三 (scada)"),
        (signed(order(kind="shelve", for_s=600, comment="校准")), 403, "forbidden", "张三 (scada)"),
        (signed(order(alarm="no@such")), 404, "no-such-alarm", "张三 (scada)"),
        (signed(order(occurrence=7)), 409, "changed-since", "张三 (scada)"),
    ],
)
def test_refused_and_audited(place: Place, payload: bytes, status: int, problem: str, who: str) -> None:
    room = place.room
    with place.fed(), listener(place.broker.port) as heard:
        room.tell(tilted())  # of priority 1: an operator may not shelve it
        wait_for(heard.standing)
        heard.send(COMMANDS, payload)
        wait_for(lambda: replies(heard), "a reply")
        [reply] = replies(heard)
        assert (reply["status"], reply["problem"]) == (status, problem)
        assert reply["detail"]
    assert [(one[0], one[4]) for one in audited(room)] == [(who, status)]
    assert not room.alarms.by_id["cover-tilted@mh-0114/tilt_deg"].acknowledged


def test_shelved_and_taken_out_of_service_from_another_system(room: Room, broker: Mosquitto, tmp_path: Path) -> None:
    """The state stands there, retained, for as long as something withholds it, also when the condition has gone."""
    place = Place(room, broker, tmp_path)
    key = place.settings.commands[0].model_copy(update={"key": "cmms", "role": "engineer"})
    place.settings = place.settings.model_copy(update={"commands": (*place.settings.commands, key)})
    with place.fed(), listener(broker.port) as heard:
        alarm = tilted(priority=2)
        room.tell(alarm)
        wait_for(heard.standing)
        end = "2026-11-25T08:00:00Z"
        for asked, by, status, problem, state in (
            ({"kind": "shelve", "for_s": 600}, "scada", 422, "not-now", "UNACK"),  # without a reason
            ({"kind": "shelve", "for_s": 600, "comment": "探头校准"}, "scada", 200, None, "SHELVED"),
            ({"kind": "unshelve"}, "scada", 200, None, "UNACK"),
            ({"kind": "reset"}, "scada", 422, "still-there", "UNACK"),
            ({"kind": "out_of_service", "until": end, "comment": "工单 17"}, "cmms", 200, None, "OUT_OF_SERVICE"),
        ):
            before = len(replies(heard))
            heard.send(COMMANDS, signed(order(occurrence=alarm.occurrence, **asked), key=by))
            wait_for(lambda before=before: len(replies(heard)) > before)  # type: ignore[misc]
            reply = replies(heard)[-1]
            assert (reply["status"], reply["problem"]) == (status, problem), reply
            assert bool(reply["text"]) == (status == 422)
            wait_for(lambda state=state: heard.standing()[STATE]["state"] == state)  # type: ignore[misc]
        shown = heard.standing()[STATE]
        assert (shown["reason"], shown["withheld_by"], shown["out_until"]) == (
            "工单 17",
            "张三 (cmms)",
            "2026-11-25T08:00:00.000Z",
        )


def test_a_retained_command_is_refused(place: Place) -> None:
    """It would come again at each connection."""
    with listener(place.broker.port) as heard:
        heard.send(COMMANDS, signed(order()), retain=True)
        with place.fed():
            wait_for(lambda: replies(heard))
    assert replies(heard)[0]["problem"] == "retained"


def test_a_command_that_is_retained_while_we_listen_is_refused(place: Place) -> None:
    """And the empty message that clears it is no command at all."""
    place.settings = place.settings.model_copy(update={"protocol": "5"})
    with place.fed(), listener(place.broker.port) as heard:
        wait_for(lambda: heard.on(STATUS))
        heard.send(COMMANDS, signed(order()), retain=True)
        wait_for(lambda: replies(heard))
        heard.send(COMMANDS, b"", retain=True)
        heard.send(COMMANDS, signed(order(alarm="no@such")))
        wait_for(lambda: len(replies(heard)) == 2)
    assert [reply["problem"] for reply in replies(heard)] == ["retained", "no-such-alarm"]


def test_who_signs_something_wrong_is_told_so_each_time(place: Place) -> None:
    """Also after strangers have used up what is told to strangers."""
    room, wrong = place.room, order(comment="长" * 1_001)
    with place.fed(), listener(place.broker.port) as heard:
        wait_for(lambda: heard.on(STATUS))
        for _ in range(20):
            heard.send(COMMANDS, b"{}")
        for times in range(1, 13):
            heard.send(COMMANDS, signed(wrong))
            wait_for(lambda times=times: len([one for one in replies(heard) if one["command_id"]]) == times)  # type: ignore[misc]
    told = replies(heard)[-1]
    assert (told["command_id"], told["kind"], told["status"]) == (wrong["command_id"], "ack", 400)
    row = desk(room, "SELECT who, via, what, target, command FROM audit ORDER BY number DESC LIMIT 1")
    assert row == [("张三 (scada)", "mqtt city key scada", "ack", wrong["alarm"], wrong["command_id"])]


def test_strangers_cannot_fill_the_audit_trail(place: Place) -> None:
    room = place.room
    with place.fed(), listener(place.broker.port) as heard:
        wait_for(lambda: heard.on(STATUS))
        for _ in range(200):
            heard.send(COMMANDS, b"{}")
        room.tell(tilted())
        wait_for(heard.standing)
        heard.send(COMMANDS, signed(order(occurrence=heard.standing()[STATE]["occurrence"])))
        wait_for(lambda: any(reply["status"] == 200 for reply in replies(heard)), "who signs is heard all the same")
    assert len(audited(room)) == 11


def test_without_keys_nobody_commands(room: Room, broker: Mosquitto, tmp_path: Path) -> None:
    place = Place(room, broker, tmp_path, commands=[])
    with place.fed(), listener(broker.port) as heard:
        room.tell(tilted())
        wait_for(heard.standing)
        heard.send(COMMANDS, signed(order()))
        room.tell(tilted("mh-2"))
        wait_for(lambda: len(heard.standing()) == 2)
    assert replies(heard) == []
    assert COMMANDS not in broker.log, "it is not even subscribed"


# --------------------------------------------------------------------------------------------------------- topics


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("云龙湖二期", "云龙湖二期"),
        ("cover-tilted@mh-0114/tilt_deg", "cover-tilted@mh-0114%2Ftilt_deg"),
        ("a+b#c%d", "a%2Bb%23c%25d"),
        ("nul\0tab\tdel\x7f", "nul%00tab%09del%7F"),
        ("next\x85line", "next%C2%85line"),
    ],
)
def test_what_a_topic_cannot_hold_is_escaped(text: str, written: str) -> None:
    assert level(text) == written
    assert text_of(written) == text


def test_no_site_is_not_a_site_of_that_name() -> None:
    topics = Topics("r")
    assert topics.state(None, "a") == "r/v1/alarm/_/a/state"
    assert topics.state("_", "a") == "r/v1/alarm/%5F/a/state"
