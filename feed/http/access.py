"""Who may do what: the roles of the control room, and what each endpoint asks for. One table; a test walks it.

Roles and actions are those of ISA-18.2 practice and of the separation of duties that GB/T 22239 asks for: who makes
people answers no alarm, and who reads the whole audit trail changes nothing.
"""

from typing import Literal, get_args

from msgspec import Struct

from feed.desk import Doer

Role = Literal["viewer", "operator", "engineer", "admin", "auditor"]
Door = Literal["socket", "local", "console"]
Action = Literal[
    "open", "login", "self", "session", "see", "answer", "reset", "shelve", "shelve_urgent", "handover", "engineer",
    "administer", "audit_own", "audit",
]  # fmt: skip
"""open           without anybody
login          say who one is; at the console only
self           learn what one may; everybody who is known
session        what only a person who has logged in has: password, lock, logout
see            alarms, devices, journal, reports
answer         acknowledge, comment, silence, dispatch
reset          end a latch; an operator enters his password again
shelve         priorities 2 to 4; shelve_urgent: also priority 1, and out of service
handover       hand the shift over, in one's own name
engineer       configuration, inbox, redecode, permits; frames of devices, and walks to them
administer     people, tokens, channels
audit_own      what one did oneself; audit: everything
"""

_EVERYBODY: frozenset[Action] = frozenset({"open", "login", "self", "session", "see"})

MAY: dict[Role, frozenset[Action]] = {
    "viewer": _EVERYBODY,
    "operator": _EVERYBODY | {"answer", "reset", "shelve", "handover", "audit_own"},
    "engineer": _EVERYBODY | {"answer", "reset", "shelve", "shelve_urgent", "handover", "engineer", "audit_own"},
    "admin": _EVERYBODY | {"administer"},
    "auditor": _EVERYBODY | {"audit_own", "audit"},
}

_OF_A_PERSON: frozenset[Action] = frozenset({"login", "session", "handover"})
SOCKET_OWNER: frozenset[Action] = frozenset(get_args(Action)) - _OF_A_PERSON
"""root and the service's own user, over the Unix socket: they own the files anyway."""
SOCKET_GROUP = MAY["engineer"] - _OF_A_PERSON
"""Others who may open the socket: the service's group."""
LOCAL: frozenset[Action] = frozenset({"open", "self", "see", "answer", "reset", "shelve"})
"""Loopback without login, as long as there is no console."""
LOCAL_BESIDE_CONSOLE: frozenset[Action] = frozenset({"open", "self", "see"})
NOBODY: frozenset[Action] = frozenset({"open", "login"})
"""At the console, before a login."""
SCOPES: frozenset[Action] = frozenset(get_args(Action)) - _OF_A_PERSON - {"open", "self", "administer"}
"""What a token may be given: it hands out no tokens."""
OF_A_TOKEN: frozenset[Action] = frozenset({"open", "self"})
"""What every token may besides."""

ASKS: dict[tuple[str, str], Action] = {
    ("GET", "/healthz"): "open",
    ("GET", "/readyz"): "open",
    ("GET", "/metrics"): "see",
    ("GET", "/api/v1/openapi.json"): "see",
    ("GET", "/api/v1/alarms"): "see",
    ("GET", "/api/v1/alarms/{alarm:path}/explain"): "see",
    ("GET", "/api/v1/alarms/{alarm:path}/history"): "see",
    ("GET", "/api/v1/alarms/{alarm:path}"): "see",
    ("GET", "/api/v1/summary"): "see",
    ("GET", "/api/v1/console"): "see",
    ("GET", "/api/v1/journal"): "see",
    ("GET", "/api/v1/devices/{device}"): "see",
    ("GET", "/api/v1/devices/{device}/trend"): "see",
    ("GET", "/api/v1/events"): "see",
    ("GET", "/api/v1/events/stream"): "see",
    ("GET", "/api/v1/devices"): "see",
    ("GET", "/api/v1/bays"): "see",
    ("GET", "/api/v1/permits"): "see",
    ("GET", "/api/v1/ledger"): "see",
    ("GET", "/api/v1/kpi"): "see",
    ("GET", "/api/v1/reports"): "see",
    ("GET", "/api/v1/reports/{file}"): "see",
    ("POST", "/api/v1/alarms/{alarm:path}/ack"): "answer",
    ("POST", "/api/v1/alarms/{alarm:path}/reset"): "reset",
    ("POST", "/api/v1/alarms/{alarm:path}/comment"): "answer",
    ("POST", "/api/v1/alarms/{alarm:path}/shelve"): "shelve",  # of priority 1: shelve_urgent (feed.http.life)
    ("POST", "/api/v1/alarms/{alarm:path}/unshelve"): "shelve",
    ("POST", "/api/v1/alarms/{alarm:path}/out-of-service"): "shelve_urgent",
    ("POST", "/api/v1/alarms/{alarm:path}/in-service"): "shelve_urgent",
    ("GET", "/api/v1/alarms/{alarm:path}/receipts"): "see",
    ("GET", "/api/v1/channels"): "see",
    ("POST", "/api/v1/channels/{channel}/test"): "administer",
    ("POST", "/api/v1/reload"): "engineer",
    ("POST", "/api/v1/reload/undo"): "engineer",
    ("GET", "/api/v1/configuration"): "engineer",
    ("GET", "/api/v1/inbox"): "engineer",
    ("POST", "/api/v1/inbox/register"): "engineer",
    ("GET", "/api/v1/devices/{device}/frames"): "engineer",
    ("GET", "/api/v1/devices/{device}/walk"): "engineer",
    ("POST", "/api/v1/devices/{device}/redecode"): "engineer",
    ("POST", "/api/v1/devices/{device}/commission"): "engineer",
    ("POST", "/api/v1/devices/{device}/permit"): "engineer",
    ("POST", "/api/v1/login"): "login",
    ("POST", "/api/v1/logout"): "session",
    ("GET", "/api/v1/me"): "self",
    ("POST", "/api/v1/me/password"): "session",
    ("POST", "/api/v1/me/unlock"): "session",
    ("GET", "/api/v1/people"): "administer",
    ("POST", "/api/v1/people"): "administer",
    ("PATCH", "/api/v1/people/{user}"): "administer",
    ("GET", "/api/v1/tokens"): "administer",
    ("POST", "/api/v1/tokens"): "administer",
    ("DELETE", "/api/v1/tokens/{name}"): "administer",
    ("GET", "/api/v1/audit"): "audit_own",
    ("GET", "/api/v1/handovers"): "see",
    ("GET", "/api/v1/handovers/now"): "see",
    ("GET", "/api/v1/handovers/{number}"): "see",
    ("POST", "/api/v1/handovers"): "handover",
}
"""(method, path as the application has it) of every endpoint but the files of the page, which are open.

What is not here is refused to everybody.
"""

WHILE_LOCKED = frozenset({"/api/v1/login", "/api/v1/logout", "/api/v1/me", "/api/v1/me/password", "/api/v1/me/unlock"})
"""What a session may that is locked, or whose password is still the one that an administrator gave it."""


class Actor(Struct, frozen=True, kw_only=True):
    """Who asks, as `request.state.actor`.

    user     login name, OS user over the socket, `token:NAME`; "" = nobody in particular: loopback, before a login
    name     of a person, for people
    door     by which he came; only at `local` a name in the body counts
    via      from where, for commands and audit: `https 10.1.2.3`, `http 127.0.0.1`, `socket:uid 1000`
    session  hash of the session or token that let him in; "" = none
    """

    user: str
    door: Door
    via: str
    actions: frozenset[Action]
    name: str = ""
    role: Role | None = None
    session: str = ""

    @property
    def doer(self) -> Doer:
        """Him as the audit trail has him."""
        return Doer(who=self.user, via=self.via)

    def may(self, action: Action) -> bool:
        """Whether he may do it."""
        return action in self.actions
