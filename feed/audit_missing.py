"""What people changed and no row of the audit trail says: the process died after the change, and before the row.

A command is carried out when it is in the journal; its row comes after it, with what became of it. At a start the
commands that the journal has last are looked up in the trail, and those that are missing are written, with their time.
"""

import logging
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from devices.instants import rfc3339
from feed.audit_row import audited, key_of
from feed.desk import Audited, Desk, read_desk
from rules.records import Answer, Command

LATEST = 20_000  # rows of the trail in which a command is looked for first, from the last one on; then in all

log = logging.getLogger(__name__)


def complete(
    desk: Path, commands: Iterable[Command], answers: Mapping[str, tuple[int, Answer]], offset_ms: int
) -> list[Audited]:
    """Write the rows that are missing, and return them.

    commands   as they stand in the journal; answers: what became of them, by their ids, as the fold remembers it
    offset_ms  civil time = log time + offset
    """
    told = {command.id: command for command in commands if _carried_out(command, answers)}
    if not told:
        return []
    trail = Desk(desk)
    written = []
    try:
        known = _known(desk, LATEST)
        if not told.keys() <= known:
            known = _known(desk, -1)
        for command in told.values():
            if command.id not in known:
                entry = _entry(command, answers[command.id][1], command.at_ms + offset_ms)
                trail.audit(entry)
                written.append(entry)
    except sqlite3.Error as error:  # a start waits for no audit trail; the next one tries again
        log.error("audit trail not completed (%s): make room on the disk", error)  # noqa: TRY400 - it says all
    finally:
        trail.close()
    return written


def _carried_out(command: Command, answers: Mapping[str, tuple[int, Answer]]) -> bool:
    return command.id in answers and answers[command.id][1].asked in ("", command.content)


def _known(desk: Path, latest: int) -> set[str]:
    """Read the ids of the commands that the latest rows of the trail have (-1 = all), as the pipeline knows them.

    Not those of which a row says that nobody knew yet what became of them.
    """
    db = read_desk(desk)
    try:
        rows = db.execute(
            "SELECT via, command FROM audit WHERE status NOT IN (503, 504) ORDER BY number DESC LIMIT ?", (latest,)
        ).fetchall()
    finally:
        db.close()
    return {f"{key}:{command}" if (key := key_of(via)) else command for via, command in rows}


def _entry(command: Command, answer: Answer, t_ms: int) -> Audited:
    late = f"it was carried out {rfc3339(t_ms)}, and the process ended before it was written down"
    return audited(command, answer, late)
