"""Which configuration is in force, in the audit trail: who changed it, how, from what to what.

A reload has two rows: one before it (status 0: asked) and one with what became of it. When the process dies between
them, or starts with other files than it ended with, the next start writes what is missing.
"""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec import DecodeError, json, structs

from feed.behind import Reloaded
from feed.desk import Audited, Desk, system_ms

ASKED = 0
"""Status of the row before a change: nobody knows yet what becomes of it."""
_OF_CONFIGURATIONS = (
    "SELECT who, via, what, status, after FROM audit WHERE what IN ('reload', 'undo', 'start')"  # as its index
)
_LAST = f"{_OF_CONFIGURATIONS} ORDER BY number DESC LIMIT 1"
_LAST_DONE = f"{_OF_CONFIGURATIONS} AND after != '' ORDER BY number DESC LIMIT 1"

log = logging.getLogger(__name__)


def asked(entry: Audited, before: str) -> Audited:
    """Make the row before a reload or undo. before: the configuration in force, as JSON: at least its `hash`."""
    return structs.replace(entry, before=before, status=ASKED, answer="asked for")


def became(entry: Audited, before: str, done: Reloaded | None, after: str) -> Audited:
    """Make the row behind it. done: None = there was nothing to go back to."""
    if done is None:
        return structs.replace(entry, status=409, answer="nothing was in force before")
    if not done.accepted:
        wrong = done.problems[0] if done.problems else ""
        return structs.replace(entry, target=done.hash, before=before, status=422, answer=wrong)
    return structs.replace(entry, target=done.hash, before=before, after=after, status=200)


def changed(
    desk: Path,
    entry: Audited,
    configured: Callable[[], str],
    change: Callable[[], Reloaded | None],
    now_ms: Callable[[], int],
) -> None:
    """Have a configuration put in force that nobody asks for over HTTP, with both rows; from any thread."""
    before = configured()
    with closing(Desk(desk, now_ms)) as trail:
        _write(trail, asked(entry, before))
        done = change()
        _write(trail, became(entry, before, done, configured()))


def complete(desk: Path, in_journal: str, in_force: str, now_ms: Callable[[], int] = system_ms) -> None:
    """At a start: write what the trail does not know of how the configuration came into force.

    in_journal  hash of the one that was in force when the process before this one ended; "" = not known
    in_force    the one that is from now on, as JSON
    """
    with closing(Desk(desk, now_ms)) as trail:
        try:
            known, pending = _known(trail)
        except sqlite3.Error as error:  # a start waits for no audit trail; the next one tries again
            log.error("audit trail not completed (%s): make room on the disk", error)  # noqa: TRY400 - it says all
            return
        if known and in_journal and in_journal != _hash(known):
            after = in_force if _hash(in_force) == in_journal else json.encode({"hash": in_journal}).decode()
            who, via, what = pending or ("", "start", "reload")
            late = "it was put in force, and the process ended before it was written down"
            row = Audited(
                who=who, via=via, what=what, target=in_journal, before=known, after=after, status=200, answer=late
            )
            _write(trail, row)
            known = after
        if known != in_force:
            others = "other files or another program than before" if known else ""
            row = Audited(
                who="", via="start", what="start", target=_hash(in_force), before=known, after=in_force, status=200,
                answer=others,
            )  # fmt: skip
            _write(trail, row)


def _known(trail: Desk) -> tuple[str, tuple[str, str, str] | None]:
    """Read which configuration the trail says is in force ("" = it says nothing), and who has asked for another since.

    Raises sqlite3.Error.
    """
    done = trail.rows(_LAST_DONE)
    who, via, what, status, _ = (trail.rows(_LAST) or [("", "", "", -1, "")])[0]
    return done[0][4] if done else "", (who, via, what) if status == ASKED else None


def _hash(configuration: str) -> str:
    try:
        told: dict[str, Any] = json.decode(configuration)
        return str(told["hash"])
    except (DecodeError, KeyError, TypeError):
        return ""


def _write(trail: Desk, entry: Audited) -> None:
    try:
        trail.audit(entry)
    except sqlite3.Error as error:  # as of every change: it happens, and stands in the journal
        log.error("audit trail not written (%s): make room on the disk. Entry: %s", error, entry)  # noqa: TRY400
