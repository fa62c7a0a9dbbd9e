"""What telling people is made of. Plain data, as it lies in the desk.

Times: `t_ms` is civil time (Unix ms). Prices of pace are paid in steady time, see `feed.notify.pace`.
"""

from typing import Literal

from msgspec import Struct

from rules.records import Text

Language = Literal["zh", "en"]
Kind = Literal["alarm", "nag", "daily", "test", "said"]


class Addressee(Struct, frozen=True, kw_only=True):
    """Somebody who is told."""

    name: str
    mobile: str = ""
    email: str = ""
    feishu: str = ""
    language: Language | None = None


class Notice(Struct, frozen=True, kw_only=True):
    """One thing that people are told.

    kind       alarm; nag: so many are not acknowledged; daily: the gateway is alive; test; said: a report is ready
    text       what is said: of an alarm its text, of the others the whole
    alarm, occurrence, number, rule  of an alarm: its id, its activation, its event
    name, site where it is
    t_ms       when it happened; respond_ms: until when somebody should answer, 0 = nothing is known
    step       0 = told at once; n = the n-th step of the ladder
    count      how often it has rung since somebody acknowledged it, or it was over
    members    how many are inside the alarm
    returned   the condition has gone meanwhile; acked_by: who has acknowledged it meanwhile, None = nobody,
               "" = nobody had to
    instead_of the channel that could not deliver it
    lent       its fallback has it, too: whoever is first tells it
    """

    kind: Kind
    text: Text
    priority: int = 2
    alarm: str = ""
    occurrence: int = 0
    number: int = 0
    rule: str = ""
    name: str = ""
    site: str = ""
    t_ms: int
    respond_ms: int = 0
    action: Text = Text("", "")
    step: int = 0
    members: int = 0
    count: int = 1
    returned: bool = False
    acked_by: str | None = None
    instead_of: str = ""
    lent: bool = False

    @property
    def urgent(self) -> bool:
        """Whether it is an alarm of priority 1. Who is reminded of one has been told before."""
        return self.kind == "alarm" and self.priority == 1


class Stands(Struct, frozen=True):
    """What has become of an alarm: see `Notice`."""

    returned: bool
    acked_by: str | None


class Row(Struct, frozen=True, kw_only=True):
    """One line of the outbox: a notice, for whom, over which channel, from when on.

    key     the same notice is never put in twice
    why     reasons, for whoever asks why he was told, or why only now
    wait_ms how long others may join it in one message; 0 = it goes at once
    """

    id: int = 0
    key: str
    channel: str
    language: Language
    people: tuple[Addressee, ...] = ()
    due_ms: int
    wait_ms: int = 0
    why: str = ""
    notice: Notice

    @property
    def urgent(self) -> bool:
        """An alarm of priority 1: it goes before all others, and has tokens reserved."""
        return self.notice.urgent

    @property
    def order(self) -> tuple[bool, int, int, int]:
        """Alarms of priority 1 first, then by priority, then as they came."""
        return (not self.urgent, self.notice.priority, self.due_ms, self.id)


class Message(Struct, frozen=True, kw_only=True):
    """What is sent in one go.

    Each attempt says what has become of the alarms meanwhile, and bears the mark where it may be a repeat; only what a
    receiver may have, who knows it by its id, is the same again.

    id      names it for receivers that know what they have had (CloudEvents id, Message-ID)
    title   one line; lines: the whole, the title included
    clock   the time of the first notice by the clock on the wall
    repeat  it was sent before, and nobody knows whether it arrived
    """

    id: str
    gateway: str
    language: Language
    t_ms: int
    title: str
    lines: tuple[str, ...]
    clock: str = ""
    people: tuple[Addressee, ...] = ()
    notices: tuple[Notice, ...] = ()
    repeat: bool = False

    @property
    def urgent(self) -> bool:
        """Whether an alarm of priority 1 is in it."""
        return any(notice.urgent for notice in self.notices)


class ChannelState(Struct, kw_only=True):
    """How a channel stands.

    blocked_until_ms  steady time until which nothing is tried
    failures          in a row; failing: people were told
    sent_ms, failed_ms  civil time of the last success, failure; detail: what was said at the last failure
    nag_ms            when it was last reminded
    """

    name: str
    kind: str = ""
    active: bool = True
    blocked_until_ms: int = 0
    failures: int = 0
    failing: bool = False
    sent_ms: int = 0
    failed_ms: int = 0
    detail: str = ""
    nag_ms: int = 0


class Open(Struct, kw_only=True):
    """A message that is not done with."""

    message: Message
    tries: int
    maybe: bool
    made_ms: int


class Receipt(Struct, kw_only=True):
    """What became of one telling of one alarm.

    what    told, or escalation-N
    status  waiting, taken, sent, refused, expired; cancelled: nobody has to be told any more; moved: its
            fallback told it
    repeat  it was sent again though it may have arrived before
    """

    time: int
    channel: str
    to: list[str]
    what: str
    status: str
    error: str
    why: str
    repeat: bool


class Request(Struct, frozen=True, kw_only=True):
    """What is posted over HTTP."""

    url: str
    headers: dict[str, str]
    body: bytes


class Upshot(Struct, frozen=True, kw_only=True):
    """What became of an attempt.

    word     sent; again: later, after so many seconds; refused: this message, for ever; shut: the channel is not set
             up right, and somebody has to act
    maybe    it may have arrived though nobody said so
    """

    word: Literal["sent", "again", "refused", "shut"]
    detail: str = ""
    after_s: float = 0.0
    maybe: bool = False


def sent(detail: str = "") -> Upshot:
    """Say that it was taken."""
    return Upshot(word="sent", detail=detail)


def again(after_s: float, detail: str, *, maybe: bool = False) -> Upshot:
    """Say that it was not, or perhaps: try later."""
    return Upshot(word="again", detail=detail, after_s=after_s, maybe=maybe)


def refused(detail: str) -> Upshot:
    """Say that this message will never be taken."""
    return Upshot(word="refused", detail=detail)


def shut(detail: str) -> Upshot:
    """Say that no message will be, until somebody mends what is wrong."""
    return Upshot(word="shut", detail=detail)
