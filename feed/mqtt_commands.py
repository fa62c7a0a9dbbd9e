"""Commands that other systems send over MQTT: who signed them, what they ask, and what is refused.

A message is `{"key": …, "signed": "…", "signature": "…"}`: `signed` is the command itself as a text of JSON, and
`signature` the HMAC-SHA256 (RFC 2104) of exactly that text in UTF-8, in hexadecimal. So nobody need agree on how JSON
is written, and whoever may publish on the topic but has no secret can do nothing but be refused.
"""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from feed.audit_row import audited
from feed.desk import Audited
from feed.feeds_settings import CommandKey, MqttFeedSettings
from feed.http.access import MAY, Action
from feed.wire import alarm_view
from rules.answering import STILL_THERE
from rules.records import Alarm, Answer, Command

URGENT = 1  # the priority that only an engineer withholds
OLDEST_S = 300.0  # a command that is older, or from the future by so much, is refused
_MOST_NAMED = 512  # characters that are told of a wrong command
UNSIGNED_AT_ONCE, UNSIGNED_EACH_S = 10, 60.0  # what strangers send may not fill the audit trail

Kind = Literal["ack", "reset", "comment", "shelve", "unshelve", "out_of_service", "in_service"]

_ASKS: Final[dict[Kind, Action]] = {
    "ack": "answer",
    "comment": "answer",
    "reset": "reset",
    "shelve": "shelve",
    "unshelve": "shelve",
    "out_of_service": "shelve_urgent",
    "in_service": "shelve_urgent",
}
_Word = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Signed(Struct, frozen=True, forbid_unknown_fields=True):
    """A message on the topic of commands."""

    key: Annotated[str, Meta(max_length=64)]
    signed: str
    signature: Annotated[str, Meta(max_length=128)]


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was signed.

    gateway     its id: a command for one gateway is none for another
    command_id  made by the sender (a UUID); the same id gets the same answer for 24 h, and is not done twice
    occurrence  the activation that the person saw, as the alarm has it
    user        the person, as the other system knows him
    time        when it was given, RFC 3339 with its zone
    for_s, one_shot  of shelve: for how long, or until the condition has gone; its reason is the comment
    until       of out_of_service: the planned end; its reason is the comment
    """

    gateway: str
    command_id: _Word
    kind: Kind
    alarm: Annotated[str, Meta(min_length=1, max_length=512)]
    occurrence: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    user: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
    time: Annotated[datetime, Meta(tz=True)]
    comment: Annotated[str, Meta(max_length=1_000)] = ""
    for_s: Annotated[int, Meta(ge=1, le=366 * 86_400)] | None = None
    one_shot: bool = False
    until: Annotated[datetime, Meta(tz=True)] | None = None


class Refused(Exception):  # noqa: N818 - a word of the house
    """A command is not carried out. problem: a word for programs; the text says what to do.

    key, named  who has signed it, and what can be read of it; None = nobody has
    """

    def __init__(
        self, status: int, problem: str, detail: str, key: CommandKey | None = None, named: "Named | None" = None
    ) -> None:
        super().__init__(detail)
        self.status, self.problem, self.key, self.named = status, problem, key, named


class Named(Struct, frozen=True, kw_only=True):
    """What can be read of a command that is signed, and wrong; "" = not that."""

    command_id: str = ""
    kind: str = ""
    alarm: str = ""
    user: str = ""


def _named(signed: str) -> Named:
    try:
        said = msgspec.json.decode(signed)
    except (msgspec.DecodeError, RecursionError):
        return Named()
    if not isinstance(said, dict):
        return Named()
    words = {
        name: text[:_MOST_NAMED].encode(errors="replace").decode()
        for name in ("command_id", "kind", "alarm", "user")
        if isinstance(text := said.get(name), str)
    }
    return Named(**words)


class Commands:
    """Reads commands of one broker.

    now_ms  civil time
    via     how the commands came, for the audit trail: `mqtt city`
    """

    def __init__(self, settings: MqttFeedSettings, gateway: str, now_ms: Callable[[], int]) -> None:
        self._keys = {each.key: each for each in settings.commands}
        self._gateway, self._now_ms = gateway, now_ms
        self.via = f"mqtt {settings.name}"
        self._unsigned_left, self._unsigned_at_s, self._untold = float(UNSIGNED_AT_ONCE), 0.0, 0

    def read(self, payload: bytes, *, retained: bool) -> tuple[CommandKey, Order]:
        """Tell whose command this is, and what he asks. Raises Refused."""
        try:
            message = msgspec.json.decode(payload, type=Signed)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise Refused(401, "unsigned", f"it is not key, signed and signature: {error}") from None
        key = self._keys.get(message.key)
        try:
            secret = key.secret.read().encode() if key else b""
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(503, "no-secret", f"the secret of this key cannot be read: {error}") from None
        made = hmac.new(secret, message.signed.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()
        if key is None or not secret or not hmac.compare_digest(made.encode(), message.signature.lower().encode()):
            raise Refused(401, "unsigned", "no key that is known here has signed this text")
        if retained:
            raise Refused(400, "retained", "a command must not be retained: it would come again at each connection")
        try:
            order = msgspec.json.decode(message.signed, type=Order)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Refused(400, "wrong-request", str(error), key, _named(message.signed)) from None
        return key, order

    def check(self, key: CommandKey, order: Order, alarm: Alarm | None) -> None:
        """Tell whether he may, and now. alarm: the one that is meant, as last told. Raises Refused."""
        if order.gateway != self._gateway:
            raise Refused(421, "other-gateway", f"this is {self._gateway}")
        late_s = self._now_ms() / 1000 - order.time.timestamp()
        if abs(late_s) > OLDEST_S:
            raise Refused(
                408, "stale", f"it is {late_s:.0f} s old by the gateway's clock; give it again, with the time"
            )
        action = _ASKS[order.kind]
        if order.kind == "shelve" and (
            alarm is None or alarm.priority == URGENT
        ):  # of what never rang nobody here knows
            action = "shelve_urgent"
        if action not in MAY[key.role]:
            raise Refused(403, "forbidden", f"the key {key.key} has the role {key.role}, which may not {action}")
        if order.kind == "shelve" and (order.for_s is None) != order.one_shot:
            raise Refused(400, "wrong-request", "shelve says either for_s or one_shot")
        if order.kind == "out_of_service" and order.until is None:
            raise Refused(400, "wrong-request", "out_of_service says until when")

    def command(self, key: CommandKey, order: Order) -> Command:
        """Make what the pipeline takes."""
        return Command(
            at_ms=0,  # the pipeline's log time
            id=f"{key.key}:{order.command_id}",  # of two systems, too
            kind=order.kind,
            alarm=order.alarm,
            occurrence=order.occurrence,
            for_ms=(order.for_s or 0) * 1000,
            one_shot=order.one_shot,
            until_ms=int(order.until.timestamp() * 1000) if order.until is not None else 0,
            user=_person(order.user, key),
            via=f"{self.via} key {key.key}",
            comment=order.comment,
        )

    def audited(self, key: CommandKey, order: Order, answer: Answer) -> Audited:
        """Make the entry of the audit trail for a command that somebody signed."""
        return audited(self.command(key, order), answer)

    def audited_wrong(self, key: CommandKey, named: Named, refused: Refused) -> Audited:
        """Make the entry for one that somebody signed, and that is no command."""
        return Audited(
            who=_person(named.user, key), via=f"{self.via} key {key.key}", what=named.kind or "refused",
            target=named.alarm,
            command=named.command_id, status=refused.status, answer=str(refused),
        )  # fmt: skip

    def audited_unsigned(self, refused: Refused, now_s: float) -> Audited | None:
        """Make the entry for one that nobody can be named for; None = there were too many, the next one counts them."""
        gained = (now_s - self._unsigned_at_s) / UNSIGNED_EACH_S
        self._unsigned_left, self._unsigned_at_s = min(UNSIGNED_AT_ONCE, self._unsigned_left + gained), now_s
        if self._unsigned_left < 1:
            self._untold += 1
            return None
        self._unsigned_left -= 1
        more, self._untold = self._untold, 0
        answer = f"{refused}; before it {more} more like it" if more else str(refused)
        return Audited(who="", via=self.via, what="refused", status=refused.status, answer=answer)


def _person(user: str, key: CommandKey) -> str:
    """Name a person with the system that says so: he may be called like somebody who has a login here."""
    return f"{user} ({key.key})" if user else ""


def reply(order: Order | Named | None, answer: Answer, problem: str | None) -> dict[str, Any]:
    """Write the data of a reply: what was asked, what came of it, and the alarm as it is after the command."""
    return {
        "command_id": (order and order.command_id) or None,
        "kind": (order and order.kind) or None,
        "alarm_id": (order and order.alarm) or None,
        "status": answer.status,
        "problem": problem,
        "detail": answer.detail or (answer.why.en if answer.why is not None else None),
        "text": answer.why,
        "alarm": alarm_view(answer.alarm) if answer.alarm is not None else None,
    }


def problem_of(answer: Answer) -> str | None:
    """Name what the core refused, as the HTTP API does."""
    if answer.status == 422 and answer.alarm is not None:  # noqa: PLR2004 - HTTP
        return "still-there" if answer.why in (None, STILL_THERE) else "not-now"
    return {200: None, 404: "no-such-alarm", 422: "another-command"}.get(answer.status, "changed-since")
