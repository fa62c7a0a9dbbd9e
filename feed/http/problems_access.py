"""Refusals of the door: who is not known, may not, has to wait. As feed.http.problems."""

import math

from feed.http.access import Action, Actor
from feed.http.problems import Problem
from rules.records import Text

_WHO = {
    "answer": ("操作员、工程师", "operators and engineers"),
    "reset": ("操作员、工程师", "operators and engineers"),
    "shelve": ("操作员、工程师", "operators and engineers"),
    "shelve_urgent": ("工程师", "engineers"),
    "handover": ("登录的操作员、工程师", "operators and engineers who have logged in"),
    "engineer": ("工程师", "engineers"),
    "administer": ("管理员", "administrators"),
    "audit_own": ("操作员、工程师、审计员", "operators, engineers and auditors"),
    "audit": ("审计员", "auditors"),
    "login": ("控制台页面上的人员", "people at the console's own page"),
    "session": ("登录的人员", "people who have logged in"),
    "self": ("登录的人员", "people who have logged in"),
    "see": ("登录的人员", "people who have logged in"),
}  # fmt: skip


def not_known(*, shown: bool) -> Problem:
    """401: nobody in particular. shown: he showed a cookie or token, but it does not hold (any more)."""
    zh, en = "请先登录", "log in first"
    if shown:
        zh, en = "登录已失效，请重新登录；程序请换新令牌", "the login or token does not hold (any more): log in again"
    return Problem(
        status=401, word="not-known", text=Text(zh, en), headers={"www-authenticate": 'Bearer realm="cityward"'}
    )


def not_allowed(actor: Actor, action: Action | None) -> Problem:
    """403: his role, his token or his door does not do that. None: nobody may, for the endpoint is in no table."""
    if action == "engineer" and actor.door == "local":
        zh = "只能经由 Unix 套接字或登录的控制台；请用 cityward reload、inbox、redecode 等命令"
        en = "over the Unix socket, or by an engineer at the console: use cityward reload, inbox, redecode ..."
        return Problem(status=403, word="socket-only", text=Text(zh, en))
    zh, en = _WHO.get(action or "", ("无人", "nobody"))
    return Problem(
        status=403,
        word="not-allowed",
        text=Text(zh=f"无权操作，仅限：{zh}", en=f"not allowed: this is for {en}"),
        more={"asks": action},
    )


def locked() -> Problem:
    """423: idle too long."""
    zh, en = "长时间无操作，已锁定；请输入密码解锁", "locked after a time without use: enter your password"
    return Problem(status=423, word="locked", text=Text(zh, en))


def must_change() -> Problem:
    """403 until the one-time password is another."""
    zh, en = "这是一次性密码；请先设置自己的密码", "this is a one-time password: set your own first"
    return Problem(status=403, word="must-change", text=Text(zh, en))


def wrong_login() -> Problem:
    """401 of a login: it does not say what was wrong."""
    zh, en = "用户名或密码不对，或该用户已停用", "no such user, another password, or the user is disabled"
    return Problem(status=401, word="wrong-login", text=Text(zh, en))


def wrong_password(*, missing: bool) -> Problem:
    """403 of what asks for the password again."""
    if missing:
        zh, en = "此操作须再次输入您的密码（password）", "enter your password again for this (password)"
        return Problem(status=403, word="password-needed", text=Text(zh, en))
    return Problem(status=403, word="wrong-password", text=Text("密码不对", "this is not the password"))


def wait(seconds: float) -> Problem:
    """429 of a password guessed too often."""
    whole = math.ceil(seconds)
    return Problem(
        status=429,
        word="wait",
        text=Text(zh=f"尝试次数过多，请 {whole} 秒后再试", en=f"too many attempts: try again in {whole} s"),
        headers={"retry-after": str(whole)},
    )


def doubled(name: str) -> Problem:
    """400 of a header that may stand there once: two readers could each believe another one."""
    return Problem(
        status=400,
        word="doubled-header",
        text=Text(zh=f"请求头 {name} 只能有一个", en=f"the header {name} may stand there once only"),
    )


def no_such_person(user: str) -> Problem:
    """404."""
    return Problem(
        status=404,
        word="no-such-person",
        text=Text(zh=f"没有用户 {user}；名单见 /api/v1/people", en=f"no user {user}: /api/v1/people lists them"),
    )


def no_such_token(name: str) -> Problem:
    """404."""
    return Problem(
        status=404,
        word="no-such-token",
        text=Text(zh=f"没有令牌 {name}；清单见 /api/v1/tokens", en=f"no token {name}: /api/v1/tokens lists them"),
    )


def cannot_be(word: str, zh: str, en: str) -> Problem:
    """422 of a change of people or tokens that cannot be."""
    return Problem(status=422, word=word, text=Text(zh, en))


def not_written(why: str) -> Problem:
    """503: people, tokens and handovers are only changed when that is on the disk."""
    return Problem(
        status=503,
        word="not-written",
        text=Text(zh=f"未能写入磁盘，未作更改：{why}", en=f"not written to the disk, nothing has changed: {why}"),
        headers={"retry-after": "10"},
    )
