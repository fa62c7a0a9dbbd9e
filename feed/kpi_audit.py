"""What the audit trail knows for the figures of the alarm system: suppressions and changes without the right to them.

ISA-18.2 wants none, and none can come about: who may not is refused, and what withholds an alarm is a command with a
person, a reason and an end, a permit, or a condition that the rules name. So what is counted is who tried.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from feed.desk import read_desk

_FORBIDDEN = 403
_COMMANDS = ("shelve", "out_of_service")
"""As their endpoints, and commands over MQTT, write them into the trail when the role is not enough."""
_PATHS = (
    "POST /api/v1/alarms/%/shelve", "POST /api/v1/alarms/%/out-of-service", "POST /api/v1/devices/%/commission",
    "POST /api/v1/devices/%/permit", "POST /api/v1/reload", "POST /api/v1/reload/undo",
)  # fmt: skip
"""As the door writes them: what withholds alarms, and what changes rules and limits."""
_ASKED = f"""
SELECT count(*) FROM audit WHERE t_ms >= ? AND t_ms < ? AND status = {_FORBIDDEN} AND (
    what IN ({", ".join("?" * len(_COMMANDS))})
    OR what = 'refused' AND ({" OR ".join(["target LIKE ?"] * len(_PATHS))})
)
"""  # noqa: S608 - our own words


def unauthorised(desk: Path, from_ms: int, to_ms: int) -> int | None:
    """Count who was refused, as one who may not, when he was about to withhold an alarm or to change the rules.

    None = the trail cannot be read. Of attempts that were only counted, for there were too many, it knows nothing.
    """
    try:
        with closing(read_desk(desk)) as db:
            (count,) = db.execute(_ASKED, (from_ms, to_ms, *_COMMANDS, *_PATHS)).fetchone()
    except sqlite3.Error:
        return None
    return int(count)
