"""What nobody thought of does not end the gateway: an address that no mail can bear, a sender with a defect."""

import sqlite3
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from feed import desk
from feed.notify import settings as notify_settings
from feed.notify.notifier import Notifier
from feed.notify.records import Addressee, Upshot
from feed.notify.senders import send
from feed.notify.settings import AnyChannel, MailSettings, PersonSettings
from feed.notify.smtp import mail
from store.book import Book
from tests.feed.notify_room import NOW_MS, alarm, channel, message, street

MAIL = channel(name="mail", kind="smtp", server="127.0.0.1:9", security="none", **{"from": "gw@example.cn"})
HOOK = {"name": "hook", "channel": "hook"}
DUTY = {"name": "duty", "channel": "duty"}


@pytest.mark.parametrize(
    "address",
    [
        "wang@example.cn.", "wang@example..cn", "[wang]@example.cn", "wang.@example.cn", ".wang@example.cn",
        "wang@", "@example.cn", "王@例子.cn", "wang@-example.cn", "wang wu@example.cn", "a@b@c",
        f"{'w' * 250}@example.cn",
    ],
)  # fmt: skip
def test_an_address_that_no_mail_can_bear_is_told_when_it_is_written(address: str) -> None:
    with pytest.raises(ValidationError, match="email"):
        PersonSettings(name="王队长", email=address)


@given(st.from_regex(notify_settings._ATOM, fullmatch=True), st.from_regex(notify_settings._LABEL, fullmatch=True))
@settings(deadline=None, max_examples=200)
def test_to_each_address_that_is_taken_a_mail_can_be_written(local: str, label: str) -> None:
    one = PersonSettings(name="王队长", email=f"{local[:60]}.w@{label}.example.cn")
    assert isinstance(MAIL, MailSettings)
    to, body = mail(MAIL, message(people=(Addressee(name=one.name, email=str(one.email)),)))
    read = message_from_bytes(body, policy=policy.default)["To"].addresses
    assert (to, [str(each.addr_spec) for each in read]) == ([one.email], [one.email])


@pytest.mark.parametrize("address", ["wang@example.cn.", "wang.@example.cn", "王@例子.cn"])
def test_one_that_waits_from_an_earlier_version_ends_its_own_message_only(address: str) -> None:
    said = send(MAIL, message(people=(Addressee(name="王队长", email=address),)), NOW_MS)
    assert (said.word, "secret" in said.detail) == ("refused", False)


def test_a_desk_that_is_full_at_the_start_is_waited_for_and_nothing_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    with street(tmp_path, [DUTY], nag="24 h") as one:
        room, plan, clocks = one.room, one.room.notifier._plan, one.room.notifier._clocks
        room.close()
        (room.folder / "desk.sqlite").unlink()
        room.book = Book(room.folder / "book.sqlite")

        def no_room(*_: object) -> None:
            raise full

        with monkeypatch.context() as at_first:
            at_first.setattr(desk, "open_desk", no_room)
            room.notifier = Notifier(plan, "gw", room.folder, clocks, room._describe, room._report)
        room.tell(alarm("mh-1"))
        room.notifier.start()
        room.notifier.box.keep({"daily": room.now_ms})
        room.work()
        assert len(one.texts()) == 1


class DefectError(Exception):
    """Nobody expects it."""


def test_a_sender_with_a_defect_shuts_its_channel_and_the_others_go_on(tmp_path: Path) -> None:
    with street(tmp_path, [DUTY, HOOK], nag="24 h") as one:
        whole = one.room.notifier._send

        def sender(channel: AnyChannel, *rest: object) -> Upshot:
            if channel.name == "duty":
                raise DefectError
            return whole(channel, *rest)  # type: ignore[arg-type]

        one.room.notifier._send = sender
        one.room.tell(*[alarm(f"mh-{n}") for n in (1, 2)])
        one.room.run(5_000)
        assert len(one.texts("hook")) == 2
        (reported,) = [data for subject, _, data in one.room.reports if subject == "channel:duty"]
        assert (reported["bad"], "DefectError" in reported["why_en"]) == (True, True)
        one.room.notifier._send = whole
        one.room.run(11 * 60_000, 10_000)
        assert [text.startswith("（可能重复）") for text in one.texts()] == [True, False]  # nobody knows what it did
