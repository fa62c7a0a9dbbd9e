"""Events of the book, the newest first, by what they are about."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from store import watched
from store.book import BookReader

_IN_WORDS = ("$.alarm.name", "$.alarm.text.zh", "$.alarm.text.en", "$.comment", "$.user")


class Search(Struct, frozen=True, kw_only=True):
    """What is looked for; all that is given must hold.

    before         only events with a lower number
    from_ms, to_ms  civil time, its end outside
    text           stands in the alarm's id, site or words, in the comment or the user; capitals of a-z do not count
    """

    before: int | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    alarm: str | None = None
    device: str | None = None
    site: str | None = None
    kinds: Sequence[str] = ()
    priorities: Sequence[int] = ()
    text: str = ""


class EventReader(BookReader):
    """The book for whoever looks back."""

    def search(self, search: Search, limit: int) -> list[tuple[int, bytes]]:
        """Read events, the newest first: (number, JSON of rules.records.Event)."""
        wanted, values = _conditions(search)
        # First which they are, in narrow rows; then their bodies.
        found = f"select number from told where {wanted} order by number desc limit ?"  # noqa: S608 - no word of it is another's
        rows = self._db.execute(
            f"select number, body from events where number in ({found}) order by number desc",  # noqa: S608 - the same
            (*values, limit),
        )
        return rows.fetchall()

    def before(self, t_ms: int) -> int:
        """Return the number before the first event that was told at or after a civil time, or the last of all."""
        first = self._one("select min(number) from told where t_ms >= ?", t_ms)
        return self.last_event if first is None else int(first) - 1

    def unwatched(self, now_ms: int) -> list[watched.Span]:
        """Return spans of civil time in which the gateway was off, or not there yet; up to now.

        There are none where nobody noted when it watched.
        """
        rows = self._db.execute("select from_ms, to_ms from watched order by from_ms").fetchall()
        return watched.between(rows, now_ms)

    def begins_ms(self) -> int | None:
        """Return since when the gateway watches, or the oldest event was told, or the oldest hour began; None = never.

        Civil time.
        """
        first: int | None = self._one("select min(from_ms) from watched")
        if first is not None:
            return first
        told = self._one("select t_ms from told order by number limit 1")
        hour = self._one("select start_ms from periods where span = 'hour' order by start_ms limit 1")
        return min((each for each in (told, hour) if each is not None), default=None)


def _conditions(search: Search) -> tuple[str, list[Any]]:
    found: list[tuple[str, Any]] = [
        ("number < ?", search.before),
        ("t_ms >= ?", search.from_ms),
        ("t_ms < ?", search.to_ms),
        ("alarm = ?", search.alarm),
        ("device = ?", search.device),
        ("site = ?", search.site),
    ]
    conditions, values = ["1"], []
    for condition, value in found:
        if value is not None:
            conditions.append(condition)
            values.append(value)
    for column, several in (("kind", search.kinds), ("priority", search.priorities)):
        if several:
            conditions.append(f"{column} in ({', '.join('?' * len(several))})")
            values += several
    if search.text:
        condition, pattern, times = _holds(search.text)
        conditions.append(condition)
        values += [pattern] * times
    return " and ".join(conditions), values


def _holds(text: str) -> tuple[str, str, int]:
    """Return a condition, its pattern, and how often the pattern stands in it."""
    pattern = "%" + "".join(f"\\{c}" if c in "%_\\" else c for c in text) + "%"
    like = " like ? escape '\\'"
    words = [f"json_extract(cast(body as text), '{path}')" for path in _IN_WORDS]
    any_word = " or ".join(f"{each}{like}" for each in ("told.alarm", "told.site", *words))
    # Taking JSON apart costs ten times as much as reading through it, where nothing is written with an escape in it.
    plain = text.isprintable() and not set(text) & set('"\\')
    quick = f"cast(body as text){like} and " if plain else ""
    condition = f"number in (select number from events where number = told.number and {quick}({any_word}))"  # noqa: S608 - ours
    return condition, pattern, len(words) + 2 + plain
