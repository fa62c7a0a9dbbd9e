"""Timers of the fold: a heap of (due, rule, subject). An entry that its owner has moved since is passed over."""

from collections.abc import Iterator
from heapq import heappop, heappush

Key = tuple[str, str]  # rule, subject


class Timers:
    """At most one live timer for each (rule, subject)."""

    def __init__(self) -> None:
        self.heap: list[tuple[int, str, str]] = []
        self.due: dict[str, dict[str, int]] = {}  # rule -> subject

    def due_ms(self, key: Key) -> int | None:
        """Tell when the timer of a key is due; None = it has none."""
        rule, subject = key
        return self.due.get(rule, {}).get(subject)

    def all(self) -> Iterator[tuple[Key, int]]:
        """Give all that live."""
        return (((rule, subject), at_ms) for rule, some in self.due.items() for subject, at_ms in some.items())

    def set(self, key: Key, due_ms: int | None) -> None:
        """Move the timer of a key, or take it away with None."""
        rule, subject = key
        some = self.due.setdefault(rule, {})
        if due_ms is None:
            some.pop(subject, None)
        elif some.get(subject) != due_ms:
            some[subject] = due_ms
            heappush(self.heap, (due_ms, rule, subject))

    def next_ms(self) -> int | None:
        """Tell when the earliest timer is due, in log time."""
        while self.heap:
            due_ms, rule, subject = self.heap[0]
            if self.due_ms((rule, subject)) == due_ms:
                return due_ms
            heappop(self.heap)
        return None

    def pop(self, upto_ms: int) -> tuple[int, Key] | None:
        """Take the earliest timer that is due by then, in the order (due, rule, subject)."""
        due_ms = self.next_ms()
        if due_ms is None or due_ms > upto_ms:
            return None
        _, rule, subject = heappop(self.heap)
        del self.due[rule][subject]
        return due_ms, (rule, subject)
