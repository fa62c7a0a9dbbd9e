"""A clean stop: what the ways out have under way is written down before the process ends."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from commands.crew import Crew
from commands.outlets import Outlets
from feed.notify.outbox import Outbox
from rules.records import Event, Outcome
from store.book import Book
from tests.feed.notify_room import NOW_MS, Answer, Receiver, alarm
from tests.feed.notify_room import secret as secret_of
from tests.feed.streets import City
from tests.servers import until

NOTIFY = """
notify:
  channels:
    - {{kind: webhook, name: hook, url: "{url}/hook", secret: {{file: {secret}}}}}
  routes:
    - {{name: all, channel: hook}}
"""


class Running:
    """Of the pipeline as much as notifications need."""

    def civil_ms(self) -> int:
        """Give the time at which the alarm rings."""
        return NOW_MS

    def ask(self, _: Callable[..., Any]) -> "Future[dict[str, Any]]":
        """Know nothing of any alarm."""
        answer: Future[dict[str, Any]] = Future()
        answer.set_result({})
        return answer

    def note(self, status: object) -> None:
        """Take no notice."""


def test_what_is_under_way_at_a_clean_stop_is_not_sent_again(tmp_path: Path) -> None:
    with Receiver(lambda _: Answer(hang_s=0.4)) as server:
        secret = secret_of(tmp_path, "s", "x")["file"]
        city = City(tmp_path, reports=NOTIFY.format(url=server.url, secret=secret))
        book = Book(city.state / "book.sqlite")
        outlets, stop = Outlets(city.compiled.settings), threading.Event()
        outlets.begin(Crew(), Running(), stop)  # type: ignore[arg-type]
        rings = alarm("mh-1", since_ms=NOW_MS)
        book.tell(
            Outcome(
                first=1,
                last=1,
                events=[Event(sequence=1, at_ms=NOW_MS, t_ms=NOW_MS, kind="raised", cause="", alarm=rings)],
            )
        )
        book.close()
        until(lambda: len(server.got) == 1)
        stop.set()
        outlets.end(5.0)
        assert [thread.name for thread in threading.enumerate() if thread.name.startswith("notify")] == []
        box = Outbox(city.state / "desk.sqlite")
        assert [one.status for one in box.receipts(rings.id)] == ["sent"]
        box.close()
