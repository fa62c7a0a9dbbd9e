"""First-out: which alarm of a group was the first, so that whoever comes to many of them knows where it began.

A group is a site, or a subject where there is no site. It stands while one of its alarms does: neither over nor
suppressed nor only tried, and no finding, which is over when it is told. Who opens a group is marked, with all others
of the same record (no order of rules decides). The mark stays until the group is over; or until all that bear it have
been seen and something new comes, which is the first of what nobody has seen. Who comes later names the first as its
group (`Alarm.group`).
(ISA-18.2; ../shared/reference/alarms-and-console.md, 1.6.) Derived from the alarms: no snapshot keeps it.
"""

from collections.abc import Iterable

from msgspec import Struct, field

from rules.alarm_table import DESIGN
from rules.records import Alarm

Record = tuple[int, int, str]  # sequence, log time, cause: one moment of one record


class _Group(Struct):
    """standing: ids; first: those that are marked, also when they are over; opened: by which record."""

    standing: set[str] = field(default_factory=set)
    first: dict[str, Alarm] = field(default_factory=dict)
    opened: Record | None = None


class FirstOut:
    """All groups that stand."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self._where: dict[str, str] = {}  # id of an alarm that stands -> its group

    def follow(self, alarm: Alarm, record: Record) -> None:
        """Let an alarm join or leave its group, as it stands now."""
        where, group = self._where.get(alarm.id), _group(alarm)
        stands = _stands(alarm)
        if where is not None and (not stands or where != group):
            self._leave(alarm.id, where)
        if stands and where != group:
            self._join(alarm, group, record)

    def forget(self, alarm: Alarm) -> None:
        """Forget an alarm that is no more."""
        group = self._groups.get(_group(alarm))
        if group is not None:
            group.first.pop(alarm.id, None)

    def rebuild(self, alarms: Iterable[Alarm]) -> None:
        """Begin again from alarms as they are remembered."""
        self._groups, self._where = {}, {}
        known = list(alarms)
        for alarm in known:
            if _stands(alarm):
                self._where[alarm.id] = _group(alarm)
                self._groups.setdefault(_group(alarm), _Group()).standing.add(alarm.id)
        for alarm in known:
            if alarm.first_out and _group(alarm) in self._groups:
                self._groups[_group(alarm)].first[alarm.id] = alarm

    def _join(self, alarm: Alarm, name: str, record: Record) -> None:
        self._where[alarm.id] = name
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = _Group(opened=record)
        group.standing.add(alarm.id)
        alarm.first_out = alarm.id in group.first or group.opened == record
        if not alarm.first_out and all(first.acknowledged for first in group.first.values()):
            self._end(group)
            group.opened, alarm.first_out = record, True
        if alarm.first_out:
            group.first[alarm.id] = alarm
        alarm.group = None if alarm.first_out else _named(group)

    def _leave(self, alarm: str, name: str) -> None:
        group = self._groups[name]
        del self._where[alarm]
        group.standing.discard(alarm)
        if not group.standing:
            self._end(group)
            del self._groups[name]

    @staticmethod
    def _end(group: _Group) -> None:
        for first in group.first.values():
            first.first_out = False
        group.first.clear()


def _stands(alarm: Alarm) -> bool:
    finding = alarm.returned_ms == alarm.since_ms
    return not (alarm.over or alarm.suppressed or alarm.shadow or finding)


def _named(group: _Group) -> str | None:
    """Name the first; where that is suppressed by design, its cause: no list hides what it names."""
    first = min(group.first, default=None)
    if first is None:
        return None
    alarm = group.first[first]
    return alarm.group if DESIGN in alarm.suppressed and alarm.group is not None else first


def _group(alarm: Alarm) -> str:
    return alarm.site or alarm.subject
