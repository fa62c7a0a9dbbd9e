"""When the gateway watched: spans of civil time, noted once a minute while it goes round.

What lies between two of them nobody watched: it was off, or hung. Of such time no figure may say that all was well.
"""

GAP_MS = 300_000
"""A restart is shorter; what nobody notes for longer than this nobody watched."""

SCHEMA = "create table if not exists watched (from_ms integer primary key, to_ms integer not null);\n"

BEGIN = """
insert into watched
select min(
  ?1, coalesce((select t_ms from told order by number limit 1), ?1),
  coalesce((select start_ms from periods where span = 'hour' order by start_ms limit 1), ?1)
), ?1
where not exists (select 1 from watched)
"""  # a version before this table was watching, too
FORGET_FUTURE = "delete from watched where from_ms > ?"  # the clock was set back
GO_ON = f"update watched set to_ms = ?1 where to_ms >= ?1 - {GAP_MS}"  # noqa: S608 - our own number; that of one span
RESUME = f"insert into watched select ?1, ?1 where not exists (select 1 from watched where to_ms >= ?1 - {GAP_MS})"  # noqa: S608 - the same
FORGET = "delete from watched where to_ms < ?"
SHORTEN = "update watched set from_ms = ?1 where from_ms < ?1"

Span = tuple[int, int]


def between(watched: list[Span], now_ms: int) -> list[Span]:
    """Return what nobody watched before, between and behind spans in their order, up to now; none of none."""
    ends = [0, *(to_ms for _, to_ms in watched)]
    begins = [*(from_ms for from_ms, _ in watched), now_ms]
    return [(end, begin) for end, begin in zip(ends, begins, strict=True) if begin - end > GAP_MS] if watched else []
