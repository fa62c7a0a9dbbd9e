"""Webhooks at a receiver that speaks real HTTP: in order, once for who keeps ids, and never given up in silence."""

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from feed import webhook_post
from feed.failing import Failing
from feed.feeds_settings import WebhookSettings
from feed.webhook import Webhook
from feed.webhook_post import Poster, Reply, key_of, signature
from tests.feed.feeds_room import Around_, Post, Receiver, desk, receiver, running, wait_for
from tests.feed.room import GATEWAY, Room, tilted
from tests.feed.test_notify_drip import Dripping

SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, or so").decode()


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


class Place:
    """A room, a receiver, and the webhook between them, which is not as patient as in earnest."""

    def __init__(self, room: Room, there: Receiver, folder: Path) -> None:
        self.room, self.there, self.folder = room, there, folder
        self.outside = Around_(room)
        for name, text in (("secret", SECRET), ("token", "t0ken")):
            (folder / name).write_text(f"{text}\n")

    @contextmanager
    def fed(self, *, aside_s: float = 600.0, down_s: float = 60.0, **settings: object) -> Iterator[None]:
        given = {"name": "platform", "url": self.there.url, "secret": {"file": self.folder / "secret"}} | settings
        around = self.outside.around
        failing = Failing(around.report("feed:platform"), "feed-failing", pause_s=(0.01, 0.05), down_s=down_s)
        hook = Webhook(WebhookSettings.model_validate(given), around, failing=failing, aside_s=aside_s)
        self.hook = hook
        self.room.views = [hook.follower]
        with running(hook.run):
            wait_for(lambda: self.position() >= 0)
            yield

    def position(self) -> int:
        try:
            rows = desk(self.room, "SELECT number FROM feed_marks WHERE name = 'platform'")
        except Exception:  # noqa: BLE001 - not made yet
            return -1
        return int(rows[0][0]) if rows else -1


@pytest.fixture
def place(room: Room, there: Receiver, tmp_path: Path) -> Place:
    return Place(room, there, tmp_path)


def test_signed_as_standard_webhooks_and_a_cloudevent(place: Place) -> None:
    with place.fed(token={"file": place.folder / "token"}):
        place.room.tell(tilted())
        wait_for(lambda: place.position() == 1)
    [post] = place.there.taken
    unique = f"{place.room.hub.feed}-1"
    assert post.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert post.headers["webhook-id"] == post.headers["idempotency-key"] == post.json["id"] == unique
    assert post.headers["authorization"] == "Bearer t0ken"
    content = f"{unique}.{post.headers['webhook-timestamp']}.".encode() + post.body
    made = base64.b64encode(hmac.new(b"a key of thirty-two bytes, or so", content, hashlib.sha256).digest()).decode()
    assert post.headers["webhook-signature"] == f"v1,{made}"
    assert post.json["source"] == f"/cityward/{GATEWAY}"
    assert post.json["data"] == place.room.get(f"/api/v1/events?after={place.room.hub.feed}-0").json["events"][0]


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of Standard Webhooks' own libraries."""
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["", "whsec_no base64!"])
def test_a_secret_that_is_none(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        key_of(secret)


def test_a_receiver_that_stumbles_gets_everything_in_order(place: Place) -> None:
    """Down, busy, broken off in the middle: each event is posted until it is taken, and none overtakes another."""
    lock, turn = threading.Lock(), 0

    def answer(_: Post) -> tuple[int, dict[str, str], bytes]:
        nonlocal turn
        with lock:
            turn += 1
            return [(503, {}, b"later"), (429, {"Retry-After": "0"}, b""), (0, {}, b""), (200, {}, b"ok")][turn % 4]

    place.there.answer = answer
    with place.fed():
        place.room.many(40)
        wait_for(lambda: place.position() == 40)
    numbers = place.there.numbers()
    assert numbers == sorted(numbers)
    assert list(dict.fromkeys(numbers)) == list(range(1, 41))
    assert len({post.json["id"] for post in place.there.taken}) == 40, "what came twice came with the same id"


def test_only_what_was_asked_for(place: Place) -> None:
    with place.fed(priorities=[1, 2], families=["manhole", "gateway"], sites=["云龙湖二期"]):
        place.room.tell(
            tilted("a", site="云龙湖二期"),
            tilted("b", site="云龙湖二期", priority=3),
            tilted("c", site="和平路"),
            tilted("d"),
            tilted("e", site="云龙湖二期", family="dust"),
            tilted("f", site="云龙湖二期", family=None, priority=2),
        )
        wait_for(lambda: place.position() == 6)
    assert [post.json["data"]["alarm"]["subject"] for post in place.there.taken] == ["a", "f"]


def test_an_event_that_nobody_wants_is_set_aside_and_counted(place: Place) -> None:
    """Not before it was refused for a while, and nothing overtakes it meanwhile."""
    place.there.answer = lambda post: (
        (422, {}, "没有这个设备".encode()) if post.json["data"]["number"] == 2 else (204, {}, b"")
    )
    with place.fed(aside_s=0.2, down_s=0.0):
        place.room.many(3)
        wait_for(lambda: place.position() == 3)
    assert place.there.numbers() == [1, 3]
    assert desk(place.room, "SELECT name, number, status, detail FROM feed_aside") == [
        ("platform", 2, 422, "没有这个设备")
    ]
    assert place.hook.counts() == {"position": 3, "forgotten": 0, "set_aside": 1}
    told = [(subject, data["name"], data["bad"]) for subject, data in place.outside.reported]
    assert told == [("feed:platform", "feed-failing", bad) for bad in (False, True, False)]
    assert "422 没有这个设备" in place.outside.reported[1][1]["why_zh"]


@pytest.mark.parametrize("status", [301, 401, 403, 404, 410, 415, 500, 503])
def test_a_closed_door_is_waited_for(place: Place, status: int) -> None:
    """A wrong token or address is no fault of an event: people are told, and later all of it comes."""
    place.there.answer = lambda _: (status, {"Location": "/elsewhere"}, b"no")
    with place.fed(aside_s=0.0, down_s=0.05):
        place.room.many(3)
        wait_for(lambda: any(data["bad"] for _, data in place.outside.reported), "people are told")
        assert place.position() == 0
        place.there.answer = lambda _: (202, {}, b"")
        wait_for(lambda: place.position() == 3)
    assert place.there.numbers() == [1, 2, 3]
    assert place.outside.reported[-1][1]["bad"] is False
    assert desk(place.room, "SELECT count(*) FROM feed_aside") == [(0,)]


def test_a_secret_that_cannot_be_read_is_told(place: Place) -> None:
    with place.fed(down_s=0.0):
        (place.folder / "secret").unlink()
        place.room.tell(tilted())
        wait_for(lambda: any(data["bad"] for _, data in place.outside.reported))
        (place.folder / "secret").write_text(SECRET)
        wait_for(lambda: place.position() == 1)


def test_a_token_that_no_header_can_hold_ends_nothing(place: Place) -> None:
    (place.folder / "token").write_text("令牌\nX-Evil: 1")
    with place.fed(token={"file": place.folder / "token"}, down_s=0.0):
        place.room.tell(tilted())
        wait_for(lambda: any(data["bad"] for _, data in place.outside.reported))
        (place.folder / "token").write_text("t0ken")
        wait_for(lambda: place.position() == 1)
    assert "x-evil" not in place.there.taken[0].headers


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"


@pytest.mark.parametrize(("first", "meaning"), [(b"HTTP/1.1 2", "later"), (HEAD, "taken")], ids=["head", "body"])
def test_a_receiver_that_drips_is_left_when_its_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bytes, meaning: str
) -> None:
    """The time-out of a socket begins anew with each byte; the feed would wait for ever, and nobody be told."""
    monkeypatch.setattr(webhook_post, "WHOLE_S", 1.0)
    server = Dripping(first, None, {})
    (tmp_path / "s").write_text("x")
    url = f"http://127.0.0.1:{server.port}/"
    poster = Poster(
        WebhookSettings.model_validate({"name": "platform", "url": url, "secret": {"file": tmp_path / "s"}})
    )
    began = time.monotonic()
    try:
        reply = poster.post(b"{}", "id", 0)
    finally:
        server.close()
        poster.close()
    assert reply.meaning == meaning  # the status says whether it was taken
    assert time.monotonic() - began < 5


def test_what_stands_behind_the_question_mark_is_told_to_nobody(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """Not in the log, and not in the alarm: a secret may have any name."""
    place.there.answer = lambda _: (204 if len(place.there.posts) > 1 else 500, {}, b"")
    with place.fed(url=f"{place.there.url}&tenant=SECRET123", down_s=0):
        place.room.tell(tilted())
        wait_for(lambda: place.position() == 1)
    url = place.there.url.partition("?")[0]
    assert f"feed platform: {url}: 500" in caplog.text
    assert "feed-failing" in str(place.outside.reported)
    assert "SECRET123" not in caplog.text + str(place.outside.reported)


def test_it_goes_on_where_it_was(place: Place) -> None:
    """A stop while the receiver is away; the next process posts what is left, and what was told meanwhile."""
    with place.fed():
        place.room.many(3)
        wait_for(lambda: place.position() == 3)
        place.there.answer = lambda _: (503, {}, b"")
        place.room.many(2)
        wait_for(lambda: len(place.there.posts) > 3)
    place.room.many(2)
    place.there.answer = lambda _: (204, {}, b"")
    with place.fed():
        wait_for(lambda: place.position() == 7)
    assert place.there.numbers() == [1, 2, 3, 4, 5, 6, 7]


def test_events_that_the_book_has_forgotten_are_counted(place: Place) -> None:
    with place.fed():
        place.room.many(3)
        wait_for(lambda: place.position() == 3)
    place.room.many(20)
    desk(place.room, "DELETE FROM events WHERE number < 10", "book.sqlite")  # as `Book.prune` does
    with place.fed():
        wait_for(lambda: place.position() == 23)
    assert place.there.numbers() == [1, 2, 3, *range(10, 24)]
    assert desk(place.room, "SELECT forgotten FROM feed_marks") == [(6,)]
    assert place.hook.counts() == {"position": 23, "forgotten": 6, "set_aside": 0}


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(200, "taken"), (204, "taken"), (0, "later"), (408, "later"), (425, "later"), (429, "later"), (502, "later"),
     (400, "refused"), (413, "refused"), (422, "refused"), (302, "closed"), (401, "closed"), (404, "closed")],
)  # fmt: skip
def test_what_answers_mean(status: int, meaning: str) -> None:
    assert Reply(status).meaning == meaning
