"""What receivers answer that do not take a message, and what is made of it."""

from pathlib import Path

import pytest

from feed.notify import senders
from tests.feed.notify_room import NOW_MS, Answer, Receiver, message
from tests.feed.test_notify_senders import SERVERS, made

REFUSALS = [
    ("dingtalk", Answer(body=b'{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}'), "again", 600),
    ("dingtalk", Answer(body=b'{"status":1111,"wait":5,"punish":"deny","errcode":130101,"errmsg":"x"}'), "again", 600),
    ("dingtalk", Answer(body=b'{"errcode":310000,"errmsg":"sign not match"}'), "shut", 0),
    ("dingtalk", Answer(body=b'{"errcode":300001,"errmsg":"token is not exist"}'), "shut", 0),
    ("dingtalk", Answer(body=b'{"errcode":-1,"errmsg":"busy"}'), "again", 30),
    ("dingtalk", Answer(body=b'{"errcode":460101,"errmsg":"message too long, exceed 20000 bytes"}'), "refused", 0),
    ("dingtalk", Answer(body=b'{"errcode":410100,"errmsg":"x"}'), "again", 600),
    ("dingtalk", Answer(body=b'{"errcode":430102,"errmsg":"x"}'), "refused", 0),
    ("dingtalk", Answer(body=b'{"errcode":400013,"errmsg":"x"}'), "shut", 0),
    ("dingtalk", Answer(body=b'{"errcode":987654,"errmsg":"of tomorrow"}'), "shut", 0),
    ("wecom", Answer(body=b'{"errcode":45009,"errmsg":"api freq out of limit"}'), "again", 61),
    ("wecom", Answer(body=b'{"errcode":93000,"errmsg":"invalid webhook url"}'), "shut", 0),
    ("feishu", Answer(body=b'{"code":11232,"data":{},"msg":"frequency limited psm"}'), "again", 30),
    ("feishu", Answer(400, b'{"code":99991400,"msg":"limit"}', {"x-ogw-ratelimit-reset": "52"}), "again", 52),
    ("feishu", Answer(body=b'{"code":19024,"msg":"Key Words Not Found"}'), "shut", 0),
    ("feishu", Answer(body=b'{"code":9499,"msg":"Bad Request"}'), "refused", 0),
    ("feishu", Answer(body=b'{"code":9499,"msg":"Too Many Request"}'), "again", 30),
    ("feishu", Answer(body=b'{"code":19001,"msg":"param invalid: incoming webhook access token invalid"}'), "shut", 0),
    ("feishu", Answer(body=b'{"code":987654,"msg":"of tomorrow"}'), "shut", 0),
    (
        "aliyun_sms",
        Answer(body='{"Code":"isv.BUSINESS_LIMIT_CONTROL","Message":"触发分钟级流控Permits:1"}'.encode()),
        "again",
        61,
    ),
    (
        "aliyun_sms",
        Answer(body='{"Code":"isv.BUSINESS_LIMIT_CONTROL","Message":"触发小时级流控Permits:5"}'.encode()),
        "again",
        3600,
    ),
    ("aliyun_sms", Answer(body=b'{"Code":"isv.AMOUNT_NOT_ENOUGH","Message":"x"}'), "shut", 0),
    ("aliyun_sms", Answer(body=b'{"Code":"isv.MOBILE_NUMBER_ILLEGAL","Message":"x"}'), "refused", 0),
    ("aliyun_sms", Answer(body=b'{"Code":"isv.UNSUPPORTED_CONTENT","Message":"x"}'), "refused", 0),
    ("aliyun_sms", Answer(body=b'{"Code":"isv.TEMPLATE_MISSING_PARAMETERS","Message":"x"}'), "shut", 0),
    ("aliyun_sms", Answer(body=b'{"Code":"isp.GATEWAY_ERROR","Message":"x"}'), "again", 30),
    ("webhook", Answer(410, b"gone"), "shut", 0),
    ("webhook", Answer(422, b"no"), "refused", 0),
    *((kind, Answer(429, b"slow down", {"retry-after": "17"}), "again", 17) for kind in SERVERS),
    *((kind, Answer(503, b""), "again", 30) for kind in SERVERS),
]


@pytest.mark.parametrize(("kind", "answer", "word", "after_s"), REFUSALS, ids=lambda part: str(part)[:40])
def test_what_a_refusal_means(kind: str, answer: Answer, word: str, after_s: float, tmp_path: Path) -> None:
    with Receiver(lambda _: answer) as server:
        said = senders.send(made(kind, server.url, tmp_path), message(), NOW_MS)
    assert (said.word, said.after_s) == (word, after_s)
    assert said.maybe == (answer.status == 503)


@pytest.mark.parametrize(
    "body", [b"<html>welcome", b"", b"[]", b'{"errcode":"x"}', b'{"errcode":true}', b"\xff\xfe", b"[" * 9000]
)
@pytest.mark.parametrize("kind", ["dingtalk", "wecom", "feishu", "aliyun_sms"])
def test_garbage_is_no_receipt_and_may_have_arrived(kind: str, body: bytes, tmp_path: Path) -> None:
    with Receiver(lambda _: Answer(body=body)) as server:
        said = senders.send(made(kind, server.url, tmp_path), message(), NOW_MS)
    assert (said.word, said.maybe) == ("again", True)


@pytest.mark.parametrize("kind", SERVERS)
def test_who_does_not_answer_may_have_taken_it(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "WHOLE_S", 4.3)
    with Receiver(lambda _: Answer(hang_s=5.0)) as server:
        said = senders.send(made(kind, server.url, tmp_path), message(), NOW_MS)
    assert (said.word, said.maybe) == ("again", True)
    with Receiver(lambda _: Answer(cut=True)) as server:
        said = senders.send(made(kind, server.url, tmp_path), message(), NOW_MS)
    assert (said.word, said.maybe) == ("again", True)


def test_nobody_there_has_taken_nothing_and_no_token_is_told(tmp_path: Path) -> None:
    said = senders.send(made("dingtalk", "http://127.0.0.1:9", tmp_path), message(), NOW_MS)
    assert (said.word, said.maybe) == ("again", False)
    assert "tok" not in said.detail.replace("token", "")
