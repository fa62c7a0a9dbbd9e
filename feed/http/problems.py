"""Refusals as RFC 9457 `application/problem+json`: what is wrong and what to do about it, in Chinese and English."""

from typing import Any

from msgspec import Struct

from feed.http.wrong import Wrong
from feed.wire import json_of
from rules.records import Text

MEDIA_TYPE = "application/problem+json"

SHOWN = 200
"""Characters of a path in an answer."""


class Problem(Struct, frozen=True, kw_only=True):
    """A refusal.

    word  names the kind for programs; `type` is `urn:cityward:problem:` and it
    text  what is wrong and what to do
    more  further members of the body
    """

    status: int
    word: str
    text: Text
    more: dict[str, Any] = {}
    headers: dict[str, str] = {}

    def body(self) -> bytes:
        """Encode it; `detail` is the English text."""
        standard = {
            "type": f"urn:cityward:problem:{self.word}",
            "title": self.word.replace("-", " "),
            "status": self.status,
            "detail": self.text.en,
            "text": self.text,
        }
        return json_of(standard | self.more)


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text.en)
        self.problem = problem


def _short(path: str) -> str:
    return path if len(path) <= SHOWN else f"{path[:SHOWN]}…"


def no_such_page(path: str) -> Problem:
    """404 of a path that nobody answers."""
    path = _short(path)
    return Problem(
        status=404,
        word="no-such-page",
        text=Text(
            zh=f"没有 {path} 这个地址；接口清单见 docs/api.md",
            en=f"nothing answers at {path}; docs/api.md lists what there is",
        ),
    )


def wrong_method(path: str, allowed: str) -> Problem:
    """405."""
    path = _short(path)
    return Problem(
        status=405,
        word="wrong-method",
        text=Text(zh=f"{path} 只接受 {allowed}", en=f"{path} takes {allowed} only"),
        headers={"allow": allowed},
    )


def broken_http() -> Problem:
    """400 of what is no HTTP/1.1."""
    return Problem(
        status=400,
        word="broken-http",
        text=Text(
            zh="这不是完整的 HTTP/1.1 请求（HTTP/1.1 须有一个 Host）",
            en="this is no whole request of HTTP/1.1, which has one Host",
        ),
        headers={"connection": "close"},
    )


def wrong_request(errors: list[Wrong]) -> Problem:
    """400 of a query or a body that is not as docs/api.md says."""
    zh, en = ("; ".join(f"{error['where']}: {getattr(error['text'], one)}" for error in errors) for one in ("zh", "en"))
    return Problem(
        status=400,
        word="wrong-request",
        text=Text(zh=f"请求有误，请改正后重发：{zh}", en=f"correct the request and send it again: {en}"),
        more={"errors": errors},
    )


def no_such_alarm(alarm: str, why: str) -> Problem:
    """404 of a command."""
    return Problem(
        status=404,
        word="no-such-alarm",
        text=Text(
            zh=f"没有报警 {alarm}，或没有这一次触发；请重新读取 /api/v1/alarms",
            en=f"{why}: read /api/v1/alarms again",
        ),
    )


def no_such_device(device: str) -> Problem:
    """404 of what is about one device."""
    return Problem(
        status=404,
        word="no-such-device",
        text=Text(
            zh=f"没有设备 {device}；已登记的设备见 /api/v1/devices",
            en=f"no device {device}: /api/v1/devices lists those that are registered",
        ),
    )


def no_such_quantity(device: str, quantity: str) -> Problem:
    """404 of a trend."""
    return Problem(
        status=404,
        word="no-such-quantity",
        text=Text(
            zh=f"没有设备 {device}，或它没有 {quantity} 这个数值量；见 /api/v1/devices/{device}",
            en=f"no device {device}, or it has no number {quantity}: /api/v1/devices/{device} lists what it has",
        ),
    )


def journal_unread(why: str) -> Problem:
    """503 of what the journal was to say."""
    return Problem(
        status=503,
        word="journal-unread",
        text=Text(zh=f"数据日志未读完，请重试：{why}", en=f"the journal was not read to its end, try again: {why}"),
        headers={"retry-after": "5"},
    )


def no_permit(why: str) -> Problem:
    """422 of a permit that ends before now, or too far away."""
    return Problem(status=422, word="no-permit", text=Text(zh=f"不能登记此许可，截止时间须在 7 天以内：{why}", en=why))


def too_many_listen(why: str) -> Problem:
    """422 of one ear too many."""
    return Problem(status=422, word="too-many-listen", text=Text(zh=f"正在试验的设备太多，请稍候：{why}", en=why))


def history_unread(why: str) -> Problem:
    """503 of a look at the inbox, or of its frames of registered devices, that did not come to its end."""
    return Problem(
        status=503,
        word="history-unread",
        text=Text(zh=f"收件箱未读完，请重试：{why}", en=f"the inbox was not read to its end, try again: {why}"),
    )


def not_redecoded(device: str, why: str) -> Problem:
    """422 of a redecode that did not come to its end."""
    return Problem(
        status=422,
        word="not-redecoded",
        text=Text(
            zh=f"{device} 重新解码未完成，请重试：{why}", en=f"{device} was not read again to the end, try again: {why}"
        ),
    )


def still_there(alarm: str) -> Problem:
    """422 of a reset."""
    return Problem(
        status=422,
        word="still-there",
        text=Text(
            zh=f"{alarm} 的报警条件仍然存在，恢复正常后才能复位",
            en=f"the condition of {alarm} is still there; it can be reset when it has gone",
        ),
    )


def not_now(why: Text) -> Problem:
    """422 of a command that cannot be carried out as it is, or not now."""
    return Problem(status=422, word="not-now", text=why)


def another_command() -> Problem:
    """422 of a command whose id was another's."""
    return Problem(
        status=422,
        word="another-command",
        text=Text(
            zh="此 command_id 已用于另一条命令，未作任何操作；请换一个新的 command_id",
            en="this command_id was another command's: nothing was done. Make a new one for each command",
        ),
    )


def changed_since(why: str) -> Problem:
    """409 of a command: a newer activation or a higher priority than the person saw."""
    return Problem(
        status=409,
        word="changed-since",
        text=Text(
            zh="该报警在您查看之后又有变化（新的触发或更高的优先级）；请看清当前状态后再确认",
            en="the alarm has changed since you saw it (a newer activation or a higher priority): look again, "
            "then send a new command with its present occurrence" + (f" ({why})" if why else ""),
        ),
    )


def position_gone(picture: dict[str, Any]) -> Problem:
    """410 of a position that cannot be followed; with the first page of alarms, and the position to go on from."""
    return Problem(
        status=410,
        word="position-gone",
        text=Text(
            zh="该位置过旧或不属于本网关的报警流；请以本答复中的 alarms 为准，从 position 继续",
            en="the position is too old or of another feed: take the alarms in this answer and in the pages that "
            "follow, then go on from its position",
        ),
        more=picture,
    )


def wrong_configuration(in_force: str, wrong: list[str]) -> Problem:
    """422 of a reload; in_force: the hash of the configuration that stays."""
    return Problem(
        status=422,
        word="wrong-configuration",
        text=Text(
            zh="配置有误，未作任何更改；请按 problems 逐条改正",
            en="the configuration is wrong and nothing was changed: correct what problems lists",
        ),
        more={"hash": in_force, "problems": wrong},
    )


def nothing_before() -> Problem:
    """409 of an undo where there is nothing to go back to."""
    return Problem(
        status=409,
        word="nothing-before",
        text=Text(
            zh="没有可恢复的上一份配置；未作任何更改",
            en="there is no configuration before this one that could be put in force: nothing was changed",
        ),
    )


def no_answer_yet(what: str) -> Problem:
    """504: the pipeline did not answer in time."""
    return Problem(
        status=504,
        word="no-answer-yet",
        text=Text(
            zh=f"{what}尚无答复，可能已生效；请用同一个 command_id 重发，不会重复执行",
            en="no answer yet; it may have taken effect. Send it again with the same command_id: it is not done twice",
        ),
        headers={"retry-after": "2"},
    )


def stopping() -> Problem:
    """503 while the gateway stops."""
    return Problem(
        status=503,
        word="stopping",
        text=Text(zh="网关正在停止；稍后重试", en="the gateway is stopping; try again later"),
        headers={"retry-after": "5"},
    )


def too_many_streams(most: int) -> Problem:
    """503 of the event stream."""
    return Problem(
        status=503,
        word="too-many-streams",
        text=Text(
            zh=f"已有 {most} 个事件流连接；请关闭不用的页面，或改用 /api/v1/events 轮询",
            en=f"{most} streams are open already: close what is not needed, or poll /api/v1/events",
        ),
        headers={"retry-after": "10"},
    )


def defect() -> Problem:
    """500: nobody expected this."""
    return Problem(
        status=500,
        word="defect",
        text=Text(
            zh="网关内部错误，详情见日志（journalctl -u cityward）",
            en="a defect of the gateway; its log has the details (journalctl -u cityward)",
        ),
    )
