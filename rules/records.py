"""What enters the fold and what comes out of it. Plain data; nothing else crosses this border.

Times: `at_ms` is log time (monotone, drives timers), `t_ms` civil time (Unix ms, what a clock on the wall says).
"""

from hashlib import sha256
from typing import Any, Literal

from msgspec import Struct, field

from devices.frames import Batch, Frame
from devices.instants import rfc3339
from rules.alarm import OUT_OF_SERVICE, SHELVED, Alarm, Standing, State, Text

__all__ = ["OUT_OF_SERVICE", "SHELVED", "Alarm", "Standing", "State", "Text"]  # they are records too

# --------------------------------------------------------------------------------------------------------- in


class Command(Struct, tag="command", kw_only=True):
    """What a person or program told the gateway.

    id          made by the client; the same id gets the same answer for 24 h
    kind        ack: "seen"; reset: ends a latched alarm; commission: somebody stands beside a device and tries it;
                permit: somebody may open it (rules.permits); shelve, unshelve: withheld for a while;
                out_of_service, in_service: withheld while somebody works on it; comment: words for its history
    alarm       id of the alarm; of the device to commission or to open
    occurrence  the activation that the person saw; 0 for a device, or an alarm that never rang
    who, until_ms  of a permit: who may, and until when (civil time; 0 ends it); its why is the comment
    until_ms    of out_of_service: its planned end (civil time)
    for_ms      how long a device's alarms are its commissioning, and nobody's alarm; 0 ends it; how long to shelve
    one_shot    of shelve, instead of for_ms: until the condition has gone
    walk        of a commission: which; several people may try a device, and each ends only their own
    user        who; `via` says how he was known ("http", "socket:uid 1000")
    """

    at_ms: int
    id: str
    kind: Literal[
        "ack", "reset", "commission", "permit", "shelve", "unshelve", "out_of_service", "in_service", "comment"
    ]
    alarm: str
    occurrence: int
    for_ms: int = 0
    walk: str = ""
    who: str = ""
    until_ms: int = 0
    one_shot: bool = False
    user: str
    via: str = ""
    comment: str = ""

    @property
    def content(self) -> str:
        """Hash of what was told, whenever and over whatever way: who tries again tells the same."""
        permit = (self.who, str(self.until_ms)) if self.kind == "permit" else ()
        walk = (self.walk,) if self.walk else ()
        withheld = (str(self.until_ms),) if self.kind == "out_of_service" else ("one-shot",) if self.one_shot else ()
        words = (
            self.kind, self.alarm, str(self.occurrence), str(self.for_ms), self.user, self.comment, *permit, *walk,
            *withheld,
        )  # fmt: skip
        return sha256("\0".join(words).encode(errors="surrogatepass")).hexdigest()[:16]

    @property
    def target(self) -> str:
        """What it is about, for the audit trail: `cover-tilted@mh-0114#7311`; of a device: with how long, or for whom.

        The trail is compared by these words when it is completed from the journal (feed.audit_missing).
        """
        if self.kind == "commission":
            return f"{self.alarm} for {self.for_ms // 1000} s"
        if self.kind == "permit":
            return f"{self.alarm} for {self.who} {f'until {rfc3339(self.until_ms)}' if self.until_ms else 'ended'}"
        return f"{self.alarm}#{self.occurrence}"


class Config(Struct, tag="config", kw_only=True):
    """From here on the configuration with this hash is in force."""

    at_ms: int
    hash: str


class Status(Struct, tag="status", kw_only=True):
    """What the gateway noticed about itself.

    subject  `gateway`, `broker:lora`, `line:gate`, `hj212:sites`
    kind     started      the pipeline runs again; data: listening_since_ms of the former run's end (log time) or None
             stopped      a clean stop
             link         data: {"up": bool, "why": str}
             drops        a broker dropped messages, or was asked first; data: {"dropped": count since the last Status,
                          "total": the broker's own counter, which begins at 0 again when the broker does}
             session_lost a broker has no session of ours any more, nor what it kept for us: nobody knows how much
             missed       data: {"count": int, "cause": str}
             clock        civil = log + offset; data: {"offset_ms": int, "source": str, "trusted": bool}
             condition    any built-in condition; data: {"name": str, "bad": bool, "why_zh": str, "why_en": str}
                          (`disk-full`, `config-refused`, `influx-down`, `influx-refused` ...)
             set_aside    a record that ended two processes; data: {"sequence": int, "why": str}
             reconciled   after a restart; data: {"alarms": [what the book holds]}
    """

    at_ms: int
    subject: str
    kind: str
    data: dict[str, Any] = field(default_factory=dict)


class Tick(Struct, tag="tick"):
    """Nothing happened, but a timer was due."""

    at_ms: int


class Old(Struct, array_like=True, frozen=True):
    """A frame that came before: sequence and log time as they were then; the rest as in `devices.frames.Frame`."""

    sequence: int
    source: str
    at_ms: int
    place: bytes
    payload: bytes
    note: bytes


class Refile(Struct, tag="refile", kw_only=True):
    """Old frames of one device, put into the log again for a reason. The only way in which history enters the fold.

    refile    names the whole; its parts come one after the other, perhaps with other records between them
    part      0, 1, 2 ...: part 0 first empties the device's window cells of the span
    last      no part follows
    why       registered: nobody had registered the device when they came
              redecode: they were read wrongly, or could not be read; what they make now takes the place of what was
    from_ms, to_ms  span of civil time, its end outside: what a frame says of any other time is passed over
    frames    in the order in which they came
    """

    at_ms: int
    refile: str
    part: int
    last: bool
    device: str
    why: Literal["registered", "redecode"]
    from_ms: int = 0
    to_ms: int = 1 << 62
    frames: list[Old] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Under which it is answered."""
        return f"{self.refile}/{self.part}"


Record = Batch | Command | Config | Refile | Status | Tick

# -------------------------------------------------------------------------------------------------------- out


class Evidence(Struct, kw_only=True):
    """What an event rests on, copied, for the journal forgets.

    sequence  of the record; source, place, payload: the frame, where there is one
    why       reasons in numbers: readings in a row, mean, hours ...
    config    hash of the configuration in force
    from_ms   log time: from here on to `sequence` the frames of the alarm's device bear on it; 0 = none does
    """

    sequence: int
    source: str = ""
    place: bytes = b""
    payload: bytes = b""
    why: dict[str, Any] = field(default_factory=dict)
    config: str = ""
    from_ms: int = 0


class Event(Struct, kw_only=True):
    """One change of one alarm.

    number  gap-free, given by the book; 0 before
    kind    raised, returned, acknowledged, reset, reraised (a higher priority, a latched alarm active again, or cause
            re_alarm: it was seen long ago), suppressed, unsuppressed, amended, withdrawn, members, shelved, unshelved,
            out_of_service, in_service, commented; amended: a revision turns the finding of occurrence
            `amends`, or (amends is None then) its priority is another by a new
            configuration, or the words of the gateway's own alarm are others by now
    cause   why, in one word where it is not the condition itself: `reading`, `timer`, `command`, `config`, `restart`,
            `re_alarm`, `returned` (a one-shot shelving is over)
    user, comment  of a command
    alarm   the alarm after the change
    """

    number: int = 0
    sequence: int
    at_ms: int
    t_ms: int
    kind: str
    cause: str
    alarm: Alarm
    user: str = ""
    comment: str = ""
    amends: int | None = None
    evidence: Evidence | None = None


class Period(Struct, kw_only=True):
    """A closed slot (15 min), hour or day of one series.

    start_ms  civil time of its beginning
    span      slot, hour or day
    mean      None when too little is valid
    valid     valid minutes of a slot or an hour; valid hours of a day
    gap_min   largest gap, minutes (hours for a day)
    revision  1 = first closing; each change is one more
    final     no late reading changes it any more
    count     readings that are in it
    left_out  readings that are not, by reason: T, D, F, M, S, C, B (flags of HJ 212), range, unit, map
    marked    readings that are in it and in doubt, by doubt: rh_suspect (humidity of 85 % or more)
    cause     why it is told: closed; late (a reading came after its closing); registered, redecode (refiled);
              clock (civil time was set back); final (nothing has changed)
    told_ms   civil time at which this was told; 0 = not known
    """

    device: str
    family: str
    quantity: str
    span: Literal["slot", "hour", "day"]
    start_ms: int
    mean: float | None
    valid: int
    gap_min: int
    revision: int
    final: bool
    count: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    marked: dict[str, int] = field(default_factory=dict)
    cause: str = "closed"
    told_ms: int = 0


class Permit(Struct, kw_only=True):
    """Who may open a device until when, and why; civil times. user: who told the gateway."""

    who: str
    why: str
    since_ms: int
    until_ms: int
    user: str


class Bay(Struct, kw_only=True):
    """A change of a parking bay; no alarm. since_ms: civil time from which it holds; at_ms: log time of the change."""

    sequence: int
    at_ms: int
    device: str
    state: Literal["free", "occupied", "unknown"]
    since_ms: int


class Refused(Struct):
    """A registered device's frame that was not read, and why."""

    sequence: int
    device: str
    reason: str
    detail: str


class Reread(Struct, kw_only=True):
    """What became of old frames that were read again.

    readings  frames that gave readings; facts: those that gave facts; repeats; held: times that cannot be
    refused   frames, by reason; why: the reason of the first of them, in words
    """

    frames: int = 0
    readings: int = 0
    facts: int = 0
    repeats: int = 0
    held: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    why: str = ""

    def add(self, part: "Reread") -> None:
        """Add what became of others."""
        self.frames += part.frames
        self.readings += part.readings
        self.facts += part.facts
        self.repeats += part.repeats
        self.held += part.held
        for reason, count in part.refused.items():
            self.refused[reason] = self.refused.get(reason, 0) + count
        self.why = self.why or part.why

    @property
    def none_read(self) -> bool:
        """There were some, and none could be read."""
        return bool(self.refused) and sum(self.refused.values()) == self.frames


class Answer(Struct, kw_only=True):
    """What a command is told.

    status  200 done, 404 no such alarm (or device), 409 a newer activation, a higher priority, a part out of turn,
            422 a reset while the condition is still there; without an alarm: another command had this id
    why     of a 422: in words for people
    asked   hash of the command that is answered, without its time and its way; "" = not known
    reread  of a part of a refile
    before  how the alarm stood before it was carried out; None = nothing was, or an earlier version did
    repeat  it was carried out before, and not again
    """

    status: int
    detail: str = ""
    alarm: Alarm | None = None
    why: Text | None = None
    asked: str = ""
    reread: Reread | None = None
    before: Standing | None = None
    repeat: bool = False


class Outcome(Struct, kw_only=True):
    """All that one `take` made.

    first, last  sequence numbers covered; last < first = nothing
    known        (sequence of its first frame, record) to be kept in the journal, in order
    strangers    (sequence, source, log time, frame, address) of unregistered devices: for the inbox
    lines        InfluxDB line protocol, each ending in a newline
    shadows      what rules that are only tried would have told; never part of the feed
    answers      by command id
    """

    first: int
    last: int
    known: list[tuple[int, Record]] = field(default_factory=list)
    strangers: list[tuple[int, str, int, Frame, str]] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    shadows: list[Event] = field(default_factory=list)
    periods: list[Period] = field(default_factory=list)
    bays: list[Bay] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
