"""Each sender against a real server that checks what its vendor documents, and answers as badly as vendors do."""

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from msgspec.structs import replace

from feed.notify import aliyun_sms, senders
from feed.notify.records import Upshot
from feed.notify.settings import AnyChannel
from feed.notify.words import marked
from rules.records import Text
from tests.feed.notify_room import NOW_MS, Answer, Got, Receiver, channel, message, secret
from tests.servers import make_certificates

SECRET = "SECabc"


def made(kind: str, url: str, folder: Path) -> AnyChannel:
    keys: dict[str, dict[str, Any]] = {
        "dingtalk": {
            "url": f"{url}/robot/send", "token": secret(folder, "t", "tok"), "secret": secret(folder, "s", SECRET),
        },
        "wecom": {"url": f"{url}/cgi-bin/webhook/send", "key": secret(folder, "k", "the-key")},
        "feishu": {"url": f"{url}/hook", "hook": secret(folder, "h", "abc"), "secret": secret(folder, "s", SECRET)},
        "webhook": {"url": f"{url}/in", "secret": secret(folder, "s", SECRET)},
        "aliyun_sms": {
            "url": url, "key_id": "LTAI", "key_secret": secret(folder, "s", SECRET), "sign_name": "城管",
            "template": "SMS_1",
            "parameters": {"what": "{priority}{text}", "where": "{name}", "n": "{count}"},
        },
    }  # fmt: skip
    return channel(name="duty", kind=kind, **keys[kind])


def sign(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


# ---------------------------------------------------------------------------------- they sign as vendors document


def dingtalk(got: Got) -> Answer:
    """open.dingtalk.com: HmacSHA256 of timestamp, newline, secret with the secret; Base64, URL-encoded."""
    query = parse_qs(urlsplit(got.path).query)
    right = query["access_token"] == ["tok"] and query["sign"] == [sign(SECRET, f"{query['timestamp'][0]}\n{SECRET}")]
    body = {"errcode": 0, "errmsg": "ok"} if right else {"errcode": 310000, "errmsg": "sign not match"}
    return Answer(body=json.dumps(body).encode())


def wecom(got: Got) -> Answer:
    right = parse_qs(urlsplit(got.path).query) == {"key": ["the-key"]}
    body = {"errcode": 0, "errmsg": "ok"} if right else {"errcode": 93000, "errmsg": "invalid webhook url"}
    return Answer(body=json.dumps(body).encode())


def feishu(got: Got) -> Answer:
    """open.feishu.cn: the key is timestamp, newline, secret; the message is empty."""
    right = got.path == "/hook/abc" and got.json["sign"] == sign(f"{got.json['timestamp']}\n{SECRET}", "")
    body = {"code": 0, "msg": "success"} if right else {"code": 19021, "msg": "sign match fail"}
    return Answer(body=json.dumps(body).encode())


def webhook(got: Got) -> Answer:
    """standardwebhooks.com: id.timestamp.body."""
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.{got.body.decode()}"
    return Answer(204 if got.headers["webhook-signature"] == f"v1,{sign(SECRET, signed)}" else 401, b"")


def aliyun(got: Got) -> Answer:
    """help.aliyun.com, V3: worked out of what arrived, in another way than the sender does."""
    said = got.headers["authorization"]
    names = said.split("SignedHeaders=")[1].split(",")[0].split(";")
    lines = [f"{name}:{got.headers[name]}" for name in names]
    path, _, query = got.path.partition("?")
    parts = sorted(query.split("&"), key=lambda part: unquote(part.split("=")[0]))
    digest = hashlib.sha256(got.body).hexdigest()
    canonical = "\n".join(["POST", path, "&".join(parts), *lines, "", ";".join(names), digest])
    to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    right = said.endswith(hmac.new(SECRET.encode(), to_sign.encode(), hashlib.sha256).hexdigest())
    right = right and "host" in names and digest == got.headers["x-acs-content-sha256"]
    body = {"Code": "OK", "BizId": "1^0"} if right else {"Code": "SignatureDoesNotMatch", "Message": "no"}
    return Answer(200 if right else 400, json.dumps(body).encode())


SERVERS = {"dingtalk": dingtalk, "wecom": wecom, "feishu": feishu, "webhook": webhook, "aliyun_sms": aliyun}


@pytest.mark.parametrize("kind", SERVERS)
def test_it_is_taken_as_it_is_signed(kind: str, tmp_path: Path) -> None:
    with Receiver(SERVERS[kind]) as server:
        one = made(kind, server.url, tmp_path)
        assert senders.send(one, message(), NOW_MS).word == "sent"
        assert senders.send(one, message(3), NOW_MS).word == "sent"
        assert len(server.got) == 2


@pytest.mark.parametrize("kind", sorted(set(SERVERS) - {"wecom"}))
def test_another_secret_is_not_taken_and_somebody_has_to_act(kind: str, tmp_path: Path) -> None:
    with Receiver(SERVERS[kind]) as server:
        one = made(kind, server.url, tmp_path)
        (tmp_path / "s").write_text("another")
        assert senders.send(one, message(), NOW_MS).word == "shut"


def test_a_secret_that_is_not_there_is_said(tmp_path: Path) -> None:
    one = made("dingtalk", "http://127.0.0.1:9", tmp_path)
    (tmp_path / "t").unlink()
    said = senders.send(one, message(), NOW_MS)
    assert (said.word, "secret" in said.detail) == ("shut", True)


def test_the_example_of_alibaba_s_own_page() -> None:
    """help.aliyun.com, V3版本请求体&签名机制, 固定参数示例."""
    query = {"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId": "cn-shanghai"}
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    said = aliyun_sms.authorization("YourAccessKeyId", "YourAccessKeySecret", "POST", query, headers)
    assert said.endswith("Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0")


# ------------------------------------------------------------------------------------------- what stands in them


def test_people_are_mentioned_by_what_each_receiver_knows(tmp_path: Path) -> None:
    with Receiver() as server:
        for kind in ("dingtalk", "wecom", "feishu"):
            senders.send(made(kind, server.url, tmp_path), message(), NOW_MS)
    ding, wework, fei = (got.json for got in server.got)
    assert ding["at"] == {"atMobiles": ["13800138000"], "isAtAll": False}
    assert ding["text"]["content"].endswith("@13800138000")
    assert wework["text"]["mentioned_mobile_list"] == ["13800138000"]
    assert '<at user_id="ou_1">张三</at>' in fei["content"]["text"]


def test_many_at_once_are_markdown_in_which_names_are_no_marks(tmp_path: Path) -> None:
    with Receiver() as server:
        senders.send(made("dingtalk", server.url, tmp_path), message(3), NOW_MS)
        senders.send(made("wecom", server.url, tmp_path), message(3, people=()), NOW_MS)
    ding, wework = (got.json for got in server.got)
    assert ding["msgtype"] == wework["msgtype"] == "markdown"
    assert "＊加急＊" in ding["markdown"]["text"]
    assert "＊加急＊" in wework["markdown"]["content"]


def test_an_sms_fits_its_template(tmp_path: Path) -> None:
    with Receiver(aliyun) as server:
        senders.send(made("aliyun_sms", server.url, tmp_path), marked(message(12)), NOW_MS)
    query = parse_qs(urlsplit(server.got[0].path).query)
    parameters = json.loads(query["TemplateParam"][0])
    assert query["PhoneNumbers"] == ["13800138000"]
    assert parameters == {"what": "一级(可能重复)井盖倾斜 34°等 12 条", "where": "文化路0号", "n": "12"}
    assert all(len(value) <= 35 for value in parameters.values())


def test_an_sms_has_no_characters_that_carriers_refuse(tmp_path: Path) -> None:
    whole = message()
    notice = replace(whole.notices[0], text=Text("PM10 512 µg/m³ 【东门】", ""))
    with Receiver(aliyun) as server:
        senders.send(made("aliyun_sms", server.url, tmp_path), replace(whole, notices=(notice,)), NOW_MS)
    query = parse_qs(urlsplit(server.got[0].path).query)
    assert json.loads(query["TemplateParam"][0])["what"] == "一级PM10 512 ug/m3 [东门]"


def test_a_webhook_is_the_same_whenever_it_is_sent(tmp_path: Path) -> None:
    with Receiver(webhook) as server:
        one = made("webhook", server.url, tmp_path)
        senders.send(one, message(), NOW_MS)
        senders.send(one, message(), NOW_MS + 60_000)
    first, second = server.got
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == first.json["id"] == "m-1"
    assert (first.json["specversion"], first.json["source"]) == ("1.0", "/cityward/xz-gulou-01")


# ------------------------------------------------------------------------------------------------------------ mail


class MailServer:
    """As much of RFC 5321 as a client needs, on a real socket; STARTTLS and AUTH PLAIN where they are wanted."""

    def __init__(self, context: ssl.SSLContext | None, *, starttls: bool, answers: dict[str, str]) -> None:
        self.mails: list[tuple[list[str], bytes]] = []
        self.password = ""
        self._context, self._starttls, self._answers = context, starttls, answers
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                wire, _ = self._socket.accept()
            except OSError:
                return
            wire.settimeout(5)
            try:
                if self._context is not None and not self._starttls:
                    wire = self._context.wrap_socket(wire, server_side=True)
                self._talk(wire)
            except OSError:
                pass
            finally:
                wire.close()

    def _talk(self, wire: socket.socket) -> None:
        with ExitStack() as opened:
            self._answer(wire, opened)

    def _answer(self, wire: socket.socket, opened: ExitStack) -> None:  # noqa: C901 - the commands of SMTP
        lines, to = opened.enter_context(wire.makefile("rb")), list[str]()
        wire.sendall(b"220 mail.example ESMTP\r\n")
        while line := lines.readline():
            word = line.split()[0].upper().decode() if line.split() else ""
            said = self._answers.get(word)
            if said == "cut":
                return
            if said is not None:
                wire.sendall(said.encode() + b"\r\n")
                continue
            match word:
                case "EHLO":
                    wire.sendall(b"250-mail.example\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")
                case "STARTTLS":
                    assert self._context is not None
                    wire.sendall(b"220 go\r\n")
                    wire = opened.enter_context(self._context.wrap_socket(wire, server_side=True))
                    lines = opened.enter_context(wire.makefile("rb"))
                case "AUTH":
                    given = base64.b64decode(line.split()[2]).split(b"\0")[2].decode()
                    wire.sendall(b"235 ok\r\n" if given == self.password else b"535 5.7.8 bad credentials\r\n")
                case "MAIL":
                    wire.sendall(b"250 ok\r\n")
                case "RCPT":
                    to.append(line.split(b"<")[1].split(b">")[0].decode())
                    wire.sendall(b"250 ok\r\n")
                case "DATA":
                    wire.sendall(b"354 go\r\n")
                    body = b""
                    while (part := lines.readline()) != b".\r\n":
                        body += part
                    self.mails.append((to, body))
                    wire.sendall(self._answers.get("END", "250 queued as 7").encode() + b"\r\n")
                case "QUIT":
                    wire.sendall(b"221 bye\r\n")
                    return
                case _:
                    wire.sendall(b"250 ok\r\n")

    def close(self) -> None:
        self._socket.close()


@contextmanager
def mail_server(
    tmp_path: Path, security: str = "none", password: str = "", **answers: str
) -> Iterator[tuple[MailServer, AnyChannel]]:
    context, keys = None, dict[str, Any]()
    if security != "none":
        made_of = make_certificates(tmp_path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made_of.certificate, made_of.key)
        keys["ca_file"] = str(made_of.ca)
    if password:
        keys |= {"username": "cityward", "password": secret(tmp_path, "p", password)}
    server = MailServer(context, starttls=security == "starttls", answers=answers)
    server.password = "right"
    try:
        name = "localhost" if security != "none" else "127.0.0.1"
        server_name = f"{name}:{server.port}"
        yield (
            server,
            channel(
                name="mail", kind="smtp", server=server_name, security=security, **{"from": "gw@example.cn"}, **keys
            ),
        )
    finally:
        server.close()


def sent_by(one: AnyChannel) -> Upshot:
    return senders.send(one, message(), NOW_MS)


def test_a_mail_is_chinese_and_says_who_it_is_for(tmp_path: Path) -> None:
    with mail_server(tmp_path) as (server, one):
        assert {sent_by(one).word, sent_by(one).word} == {"sent"}
    (to, body), (_, again) = server.mails
    mail = message_from_bytes(body, policy=policy.default)
    assert to == ["zhang@example.cn"]
    assert mail["subject"] == "[一级] 井盖倾斜 34° 文化路0号"
    assert str(mail["to"]) == "张三 <zhang@example.cn>"
    assert mail["importance"] == "high"
    assert "处置：派员围护" in mail.get_content()
    assert mail["message-id"] == message_from_bytes(again, policy=policy.default)["message-id"]


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_mail_goes_over_tls_with_a_password(security: str, tmp_path: Path) -> None:
    with mail_server(tmp_path, security, "right") as (server, one):
        assert sent_by(one).word == "sent"
        assert len(server.mails) == 1


@pytest.mark.parametrize(
    ("answers", "word", "maybe"),
    [
        ({"MAIL": "451 4.7.1 try later"}, "again", False),
        ({"RCPT": "550 5.1.1 no such user"}, "refused", False),
        ({"END": "552 5.3.4 too big"}, "refused", False),
        ({"DATA": "cut"}, "again", True),
        ({"EHLO": "554 go away", "HELO": "554 go away"}, "shut", False),
        ({"EHLO": "cut"}, "again", False),
    ],
)
def test_what_a_mail_server_s_refusal_means(answers: dict[str, str], word: str, *, maybe: bool, tmp_path: Path) -> None:
    with mail_server(tmp_path, **answers) as (_, one):
        said = sent_by(one)
    assert (said.word, said.maybe) == (word, maybe), said


def test_a_wrong_password_or_an_unknown_authority_is_for_somebody_to_mend(tmp_path: Path) -> None:
    with mail_server(tmp_path, "starttls", "wrong") as (server, one):
        assert sent_by(one).word == "shut"
        assert sent_by(one.model_copy(update={"ca_file": None})).word == "shut"
        assert server.mails == []
