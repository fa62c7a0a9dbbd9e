"""Once a day the log says what rules that are only tried (`mode: shadow`) would have rung the day before."""

import logging
import sqlite3
import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from store.book import BookReader
from store.shadows import days

log = logging.getLogger(__name__)


def lasting(seconds: float) -> str:
    """Write how long something lasted: `1 h 05 min`, `42 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def tell(book: Path, zone: str) -> None:
    """Write the line of yesterday, the day of the zone; none where no rule would have rung."""
    now = datetime.fromtimestamp(time.time(), ZoneInfo(zone))
    line = of_day(book, zone, now)
    if line:
        log.info("%s", line)


def of_day(book: Path, zone: str, now: datetime) -> str:
    """Say it in a line; "" where no rule would have rung on the day before."""
    midnight = datetime(now.year, now.month, now.day, tzinfo=ZoneInfo(zone))
    before = midnight - timedelta(days=1)
    try:
        with BookReader(book) as reader:
            activations = reader.activations(int(before.timestamp() * 1000))
    except sqlite3.Error as error:
        return f"shadow rules: {error}"
    date = before.date().isoformat()
    now_ms, from_ms = int(midnight.timestamp() * 1000), int(before.timestamp() * 1000)
    told = [
        f"{each.rule} {each.raised} times (for {lasting(each.active_s)})"
        for each in days([one for one in activations if one.from_ms < now_ms], zone, from_ms, now_ms)
        if each.date == date
    ]
    return f"shadow rules on {date} would have rung: {', '.join(told)}" if told else ""
