"""What is sent about people, tokens and handovers, and what is answered."""

import unicodedata
from ipaddress import ip_address
from typing import Annotated, Literal

from msgspec import Struct
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from feed.http.access import SCOPES, Action, Door, Role
from feed.http.times import Instant
from feed.people import Language, TokenKind
from feed.people_passwords import MOST
from rules.records import Text

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


def _folded(value: object) -> object:
    return unicodedata.normalize("NFKC", value).strip().casefold() if isinstance(value, str) else value


def _address(value: str) -> str:
    return str(ip_address(value)) if value else ""


def _scopes(value: list[Action]) -> list[Action]:
    unknown = [each for each in value if each not in SCOPES]
    if unknown:
        raise ValueError(f"a token may not have {', '.join(unknown)}; it may have {', '.join(sorted(SCOPES))}")
    return value


User = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\W_][\w.@-]*$"), BeforeValidator(_folded)
]
"""A login name: letters of any script, digits, `.` `_` `@` `-`; in one spelling whatever was typed."""
Typed = Annotated[str, StringConstraints(max_length=MOST)]
"""A password as it is typed."""
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=_PRINTABLE)]


class Body(BaseModel):
    """What all have in common."""

    model_config = ConfigDict(extra="forbid")


class LoginBody(Body):
    """A person's name and password; or the token of a wall screen, which gets a session as long as the token holds."""

    user: User | None = None
    password: Typed = ""
    token: Annotated[str, StringConstraints(max_length=100)] = ""


class PasswordBody(Body):
    """Another password of one's own."""

    old: Typed
    new: Typed


class UnlockBody(Body):
    """The password again."""

    password: Typed


class PersonBody(Body):
    """Somebody new. password: to be changed at the first login; left out: a one-time password is made up."""

    user: User
    name: Name
    role: Role
    language: Language = "zh"
    password: Typed | None = None


class PersonChange(Body):
    """What is to be otherwise. password: as above; reset: a one-time password is made up."""

    name: Name | None = None
    role: Role | None = None
    language: Language | None = None
    disabled: bool | None = None
    password: Typed | None = None
    reset: bool = False


class TokenBody(Body):
    """A token for a program (api), or for a wall screen (wall: it may see, nothing else).

    ip       from where it is taken only; "" = from anywhere
    expires  a program's has to, within two years; null = never
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    kind: TokenKind = "api"
    scopes: Annotated[
        list[Action],
        Field(max_length=len(SCOPES), json_schema_extra={"items": {"enum": sorted(SCOPES)}}),
        AfterValidator(_scopes),
    ] = []
    ip: Annotated[
        str,
        Field(max_length=45, json_schema_extra={"anyOf": [{"const": ""}, {"format": "ipv4"}, {"format": "ipv6"}]}),
        AfterValidator(_address),
    ] = ""
    expires: Instant | None = None

    @property
    def expires_ms(self) -> int:
        """Civil time, Unix ms; 0 = never."""
        return 0 if self.expires is None else int(self.expires.timestamp() * 1000)


class HandoverBody(Body):
    """The shift is handed over. user, password: of who takes it; note: what he has to know.

    seen  sha256 of the lists that both have seen, as `/handovers/now` gave it; null = as they are now
    """

    user: User
    password: Typed
    note: Annotated[str, StringConstraints(max_length=4_000)] = ""
    seen: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None


class Nothing(Struct):
    """It is done, and that is all."""


class Me(Struct, frozen=True, kw_only=True):
    """Who one is at this door. idle_s: the session locks after so long without use; null = never."""

    user: str
    name: str
    role: Role | None
    door: Door
    may: list[str]
    language: Language
    idle_s: int | None
    must_change: bool
    locked: bool


class PersonView(Struct, frozen=True, kw_only=True):
    """Somebody. password: a one-time password that was made up, told this once; else null."""

    user: str
    name: str
    role: Role
    language: Language
    must_change: bool
    disabled: bool
    password: str | None = None


class PeoplePage(Struct, frozen=True, kw_only=True):
    """Everybody, by user."""

    people: list[PersonView]


class TokenView(Struct, frozen=True, kw_only=True):
    """A token. token: the thing itself, told this once; else null. ip "" = from anywhere; expires null = never."""

    name: str
    kind: Literal["api", "wall"]
    scopes: list[str]
    ip: str
    expires: str | None
    made: str
    made_by: str
    token: str | None = None


class TokensPage(Struct, frozen=True, kw_only=True):
    """All tokens, by name."""

    tokens: list[TokenView]


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One row of the audit trail. before, after: JSON as text; hash: of the row before and this one (feed/desk.py)."""

    number: int
    time: str
    who: str
    via: str
    what: str
    target: str
    command: str
    comment: str
    before: str
    after: str
    status: int
    answer: str
    hash: str


class AuditPage(Struct, frozen=True, kw_only=True):
    """Rows, the newest first. next: the `after` of the page that follows; null = this is the last one."""

    entries: list[AuditEntry]
    next: str | None


class HandoverAlarm(Struct, frozen=True, kw_only=True):
    """An alarm as it was handed over. name: null without a device; reason, until: of a shelving, or out of service."""

    id: str
    occurrence: int
    priority: int
    state: str
    since: str | None
    name: str | None
    text: Text
    acked_by: str | None = None
    reason: str | None = None
    until: str | None = None


class HandoverLists(Struct, kw_only=True):
    """What is handed over, the most urgent first. as_of: civil time; event: the last one that is in it.

    Both are null, of handovers that a version before these wrote.
    """

    as_of: str | None = None
    event: int | None = None
    standing: list[HandoverAlarm]
    shelved: list[HandoverAlarm]
    out_of_service: list[HandoverAlarm]


class HandoverNow(HandoverLists, kw_only=True):
    """The lists as they are, to be looked at and signed. sha256: of their text, as it is kept when they are signed."""

    sha256: str


class HandoverView(HandoverLists, kw_only=True):
    """A shift that was handed over: who gave and who took it, the note, and the lists as they were."""

    number: int
    time: str
    gave: str
    took: str
    note: str


class HandoverRow(Struct, frozen=True, kw_only=True):
    """A shift that was handed over, with how many alarms were in its lists: one may hold thousands."""

    number: int
    time: str
    gave: str
    took: str
    note: str
    standing: int
    shelved: int
    out_of_service: int


class HandoversPage(Struct, frozen=True, kw_only=True):
    """Handovers, the newest first. next: the `after` of the page that follows; null = this is the last one."""

    handovers: list[HandoverRow]
    next: str | None
