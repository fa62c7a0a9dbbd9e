"""What stands behind the feed: everything that it asks of the rest of the gateway, in one place."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from msgspec import Raw, Struct

from feed.console_settings import ConsoleSettings
from feed.frames import FramesPage
from feed.kpi import Asked
from feed.past import NoPast, ReadsPast
from feed.strangers import StrangerView
from feed.vitals import Vitals
from rules.fold import Fold
from rules.records import Answer, Command, Reread
from store.ledger import Ledger


class Reloaded(Struct, frozen=True, kw_only=True):
    """What became of the configuration files.

    accepted  they are in force now
    hash      of the configuration that is in force
    problems  `file:line:column: what is wrong and what to write instead`; of accepted ones: warnings
    differs   the files were taken back (undo): what is in force is not what they say
    """

    accepted: bool
    hash: str
    problems: list[str]
    differs: bool = False


class InForce(Struct, frozen=True, kw_only=True):
    """The configuration that is in force.

    hash      of devices and rules
    before    the hash of what an undo would put in force; null = nothing was in force before
    differs   the files were taken back (undo): what is in force is not what they say
    settings  those of cityward.yaml; of what only a restart changes: as the daemon was started
    content   devices and rules, as `config.blob` encodes them; in JSON base64
    """

    gateway: str
    hash: str
    before: str | None
    differs: bool
    settings: Raw
    content: bytes


class InboxPage(Struct, frozen=True, kw_only=True):
    """Strangers, the one that spoke last first.

    addresses  how many there are; refused: frames that were not kept since the start, because inbox or address are full
    next       the `skip` of the page that follows; null = this is the last one
    """

    gateway: str
    addresses: int
    refused: int
    strangers: list[StrangerView]
    next: int | None


class Refiled(Struct, frozen=True, kw_only=True):
    """How many old frames of which device were put into the log again, and what became of them.

    reread  of what a process before this one did, nothing but how many frames there were
    """

    frames: dict[str, int]
    reread: dict[str, Reread]


class DrawsLedger(Protocol):
    """Draws up the ledger; with `verify` InfluxDB is asked, which may take minutes."""

    def __call__(self, *, devices: bool, verify: bool) -> Ledger:
        """From any thread."""
        ...


class ShowsInbox(Protocol):
    """Shows who spoke without being registered; with an address, only that.

    May take seconds. Raises ValueError with what kept it from that.
    """

    def __call__(self, *, skip: int, limit: int, address: str | None) -> InboxPage:
        """From any thread."""
        ...


class Redecodes(Protocol):
    """Reads what the journal has of a device again, from a civil time on.

    Returns None where there is no such device. May take minutes. Raises ValueError with what kept it from that.
    """

    def __call__(self, device: str, since_ms: int) -> Refiled | None:
        """From any thread."""
        ...


class Listens(Protocol):
    """Gives the frames of a device behind a sequence number; waits a few seconds for one; None: no such device.

    Without a number it tells at once behind which one stands what comes from now on. Raises ValueError when too many
    listen.
    """

    def __call__(self, device: str, after: int | None) -> FramesPage | None:
        """From any thread."""
        ...


class Behind(Struct, frozen=True, kw_only=True):
    """The rest of the gateway, as the feed's endpoints see it.

    submit    gives a command to the pipeline; the answer comes when it is durable
    ask       has the pipeline's thread put a question to the fold
    reload    reads the configuration files again and puts them in force if they are right; may take seconds
    undo      puts the configuration in force that was in force before; None = there is none
    in_force  shows the configuration; from any thread
    configured  tells which one is in force, as JSON for the audit trail; quick
    vitals    looks at the gateway; quick, from any thread
    console   settings of the control room; time_zone: the gateway's
    civil_ms  civil time as the gateway believes it, Unix ms; from any thread
    past      reads what devices said
    kpi       works figures out, as JSON; may take seconds; raises ValueError; None = do it in a thread
    register  waits until what the inbox has of registered devices is in the log again; raises ValueError with what kept
              it from that
    """

    submit: Callable[[Command], "Future[Answer]"]
    ask: Callable[[Callable[[Fold], Any]], "Future[Any]"]
    reload: Callable[[], Reloaded]
    undo: Callable[[], Reloaded | None]
    in_force: Callable[[], InForce]
    vitals: Callable[[], Vitals]
    ledger: DrawsLedger
    inbox: ShowsInbox
    register: Callable[[], Refiled]
    redecode: Redecodes
    frames: Listens
    civil_ms: Callable[[], int]
    past: ReadsPast = NoPast()
    console: ConsoleSettings = ConsoleSettings()
    time_zone: str = "UTC"
    kpi: Callable[[Asked], bytes] | None = None
    configured: Callable[[], str] = str
