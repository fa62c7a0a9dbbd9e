"""Puts what is said of reports into the outbox of notifications, by whose channels it is sent."""

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from config.schema import CitywardSettings
from feed.notify.decide import to_channel
from feed.notify.outbox import Outbox
from feed.notify.records import Notice
from feed.notify.senders import plan_of
from feed.reports.sending import Said

PRIORITY = 4  # it can wait behind all alarms


def teller(settings: CitywardSettings) -> Callable[[Sequence[Said]], None] | None:
    """Make what tells people of reports; None = nobody is to be told, or there are no channels."""
    notify, reports = settings.notify, settings.reports
    if notify is None or reports is None or not reports.send:
        return None
    plan = plan_of(notify, ZoneInfo(settings.gateway.time_zone), settings.console.shifts)
    known = {one.name for one in notify.channels}
    channels = [name for name in reports.send if name in known]

    def tell(messages: Sequence[Said]) -> None:
        box = Outbox(settings.state / "desk.sqlite")
        try:
            for said in messages:
                notice = Notice(kind="said", text=said.text, priority=PRIORITY, t_ms=said.t_ms)
                box.put([row for name in channels for row in to_channel(plan, name, said.key, notice)])
        finally:
            box.close()

    return tell
