"""Servers that answer byte by byte for ever: an attempt has one deadline, and its channel is not silent for hours."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from feed.notify import senders
from feed.notify.settings import AnyChannel
from tests.feed.notify_room import NOW_MS, alarm, channel, message, secret, street
from tests.servers import make_certificates

GREETINGS = {"EHLO": b"250 mail.example\r\n", "MAIL": b"250 ok\r\n", "RCPT": b"250 ok\r\n", "DATA": b"354 go\r\n"}


class Dripping:
    """Says what is given, and from then on a byte now and then. answers: of SMTP, before that."""

    def __init__(self, first: bytes, context: ssl.SSLContext | None, answers: dict[str, bytes]) -> None:
        self._first, self._context, self._answers = first, context, answers
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            wire, _ = self._socket.accept()
            with wire if self._context is None else self._context.wrap_socket(wire, server_side=True) as wire:
                self._talk(wire)

    def _talk(self, wire: socket.socket) -> None:
        if self._answers:
            wire.sendall(b"220 mail.example\r\n")
            with wire.makefile("rb") as lines:
                for line in lines:
                    word = line.split()[0].decode().upper()
                    if word in self._answers:
                        wire.sendall(self._answers[word])
                    if word == "DATA":
                        break
                while lines.readline() != b".\r\n":
                    pass
        wire.sendall(self._first)
        while not self.over.wait(0.05):
            wire.sendall(b"x")

    def close(self) -> None:
        self.over.set()
        self._socket.close()


@contextmanager
def dripping(folder: Path, kind: str, first: bytes, *, tls: bool, data: bool) -> Iterator[tuple[Dripping, AnyChannel]]:
    context = None
    made = make_certificates(folder) if tls else None
    if made is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made.certificate, made.key)
    server = Dripping(first, context, GREETINGS if data else {})
    where = f"localhost:{server.port}"
    keys = {"ca_file": str(made.ca)} if made is not None else {}
    if kind == "smtp":
        one = channel(
            name="mail", kind="smtp", server=where, security="tls" if tls else "none", **{"from": "gw@a.cn"}, **keys
        )
    else:
        url = f"http{'s' if tls else ''}://{where}"
        one = channel(name="hook", kind="webhook", url=url, secret=secret(folder, "s", "x"), **keys)
    try:
        yield server, one
    finally:
        server.close()


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
@pytest.mark.parametrize(
    ("kind", "first", "data", "maybe"),
    [
        ("webhook", b"HTTP/1.1 200 OK\r\nserver: ", False, True),
        ("webhook", b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", False, True),
        ("webhook", b"HTTP/1.1 200 OK\r\n\r\n", False, True),  # its body ends where the connection does
        ("smtp", b"220-mail ", False, False),
        ("smtp", b"250-queued ", True, True),
    ],
    ids=["header", "body", "endless body", "greeting", "receipt"],
)
def test_who_drips_is_cut_off(  # noqa: PLR0917 - parameters
    kind: str, first: bytes, data: bool, maybe: bool, tls: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch  # noqa: FBT001 - parameters
) -> None:  # fmt: skip
    monkeypatch.setattr(senders, "CONNECT_S", 0.4)
    monkeypatch.setattr(senders, "WHOLE_S", 0.8)
    with dripping(tmp_path, kind, first, tls=tls, data=data) as (server, one):
        begins_s = time.monotonic()
        watchdog = threading.Timer(8.0, server.close)  # so that a defect does not last for hours
        watchdog.start()
        said = senders.send(one, message(), NOW_MS)
        watchdog.cancel()
        assert time.monotonic() - begins_s < 6
    assert (said.word, said.maybe, said.detail) == ("again", maybe, "no whole answer in time")


def test_a_channel_that_fails_is_told_in_the_words_of_a_night_shift(tmp_path: Path) -> None:
    with street(tmp_path, [{"name": "duty", "channel": "duty"}], duty={"url": "http://127.0.0.1:9/duty"}) as one:
        one.room.tell(*[alarm(f"mh-{n}") for n in (1, 2)])
        one.room.run(60_000)
        (told,) = [data for subject, _, data in one.room.reports if subject == "channel:duty"]
        assert told["why_zh"] == "duty：无法连接: Connection refused"
        assert told["why_en"] == "duty: cannot be reached: Connection refused"
