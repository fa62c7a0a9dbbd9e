"""The MQTT feed: events and retained states to one broker, commands from it. Described by docs/asyncapi.yaml.

Events go out in order, and the position moves when the broker has acknowledged them; a process that was killed sends
again what it does not know to have arrived, under the same ids. A state is always the newest that the book has, so a
repetition never takes it back. At each connection all states are put there anew, for a broker may have lost them, and
those of alarms that are over are cleared, for they may have ended while we were away.
"""

import logging
import sqlite3
import threading
import time
from collections import deque
from concurrent.futures import CancelledError, Future
from contextlib import suppress

from msgspec import Struct

from feed import cloudevents
from feed.desk import Audited, Desk, passes
from feed.failing import Failing
from feed.feeds_around import Around
from feed.feeds_desk import FeedsDesk
from feed.feeds_settings import CommandKey, MqttFeedSettings
from feed.follow import Follower
from feed.mqtt import Incoming, Link, LinkError
from feed.mqtt_commands import Commands, Named, Order, Refused, problem_of, reply
from feed.mqtt_topics import Topics
from feed.positions import Position
from rules.records import Alarm, Answer, Event

MOST_WAITING = 400  # messages handed to paho that the broker has not acknowledged
STATUS_S = 60.0
ACKNOWLEDGED_S = 30.0  # a broker that acknowledges nothing for so long is left
ANSWER_S = 10.0  # the pipeline answers within half a second, or it is ill
PARTING_S = 1.0
IDLE_S = 0.5  # until `stop` is seen
BUSY_S = 0.02

log = logging.getLogger(__name__)


class Sent(Struct, frozen=True):
    """What is true when the broker has acknowledged a message: all events up to `number`; `cleared` is empty."""

    number: int = 0
    cleared: str = ""


class Asked(Struct, frozen=True):
    """A command that the pipeline has."""

    key: CommandKey
    order: Order
    future: "Future[Answer]"
    until_s: float


class MqttFeed:
    """One broker. Give `follower` to the pipeline as a view, then let a thread `run` it."""

    def __init__(self, settings: MqttFeedSettings, around: Around) -> None:
        state, gateway = around.state, around.gateway
        self.follower = Follower(state / "book.sqlite")
        self.topics = Topics(settings.root or f"cityward/{gateway}")
        self._settings, self._gateway, self._around = settings, gateway, around
        self._memory = FeedsDesk(state / "desk.sqlite", settings.name)
        self._audit = Desk(state / "desk.sqlite", around.civil_ms)
        self._failing = Failing(around.report(f"feed:{settings.name}"), "feed-failing")
        self._commands = Commands(settings, gateway, around.civil_ms)
        self._asked: deque[Asked] = deque()
        self._since = ""
        self._feed = ""
        self._forgotten = 0
        self._sent = self._done = 0  # numbers: handed over; acknowledged
        self._kept = -1  # in the desk
        self._states: dict[str, int] = {}  # alarm -> number of the state that was put there on this connection
        self._topics: dict[str, dict[str, None]] = {}  # alarm -> topics on which a state of it may stand

    def counts(self) -> dict[str, int]:
        """Give its position, and how many events the broker will not get; from any thread."""
        return {"position": self._done, "forgotten": self._forgotten}

    # ------------------------------------------------------------------------------------------------- connections

    def run(self, stop: threading.Event) -> None:
        """Feed until `stop` is set, connecting again with growing delays. What is raised is a defect."""
        try:
            while not stop.is_set():
                pause_s = self._connection(stop)
                if pause_s:
                    stop.wait(pause_s)
        finally:
            self.follower.close()
            self._memory.close()
            self._audit.close()

    def _connection(self, stop: threading.Event) -> float:
        """Connect, and stay until the connection ends or `stop` is set; return how long to wait then."""
        link = None
        try:
            self._begin()
            link = self._open()
            self._stay(link, stop)
            self._leave(link)
        except (LinkError, OSError, UnicodeError) as error:  # UnicodeError: password, or a host that is no name
            return self._failed(str(error))
        except sqlite3.Error as error:
            if not passes(error):
                raise
            return self._failed(f"the desk cannot be written now: {error}")
        finally:
            if link is not None:
                link.shut()
        return 0.0

    def _failed(self, why: str) -> float:
        if why != self._failing.why:
            log.warning("feed %s: %s", self._settings.name, why)
        return self._failing.failed(why, why, time.monotonic())

    def _begin(self) -> None:
        """Find out where to go on: behind what the broker has, or, at first, behind what has been told already."""
        book = self.follower.book
        self._feed, last = book.feed_id, book.last_event
        position = self._memory.position()
        if position is None:
            position = Position(self._feed, last)
        elif position.feed != self._feed:  # another book: all that it says is new
            position = Position(self._feed, max(book.oldest_event - 1, 0))
        elif position.number > last:  # an older book was put back
            position = Position(self._feed, last)
        self._sent = self._done = position.number
        self._forgotten = self._memory.forgotten()
        self._kept = -1
        self._keep()
        self._states.clear()
        self._topics.clear()
        for topic, alarm in self._memory.states().items():
            self._topics.setdefault(alarm, {})[topic] = None

    def _open(self) -> Link:
        """Connect, say that we are here, and put all states there."""
        self._since = _unique()
        link = Link(
            self._settings,
            f"cityward-{self._gateway}-feed-{self._settings.name}",
            will=(self.topics.status, self._status(online=False, why="lost")),
            listen=self.topics.commands if self._settings.commands else None,
            wake=self.follower.wake,
        )
        self._put_states(link, [], self.follower.book.alarms(), all_of_them=True)
        link.publish(self.topics.status, self._status(online=True), retain=True)
        log.info("feed %s: connected to %s:%d", self._settings.name, *self._settings.broker)
        return link

    def _leave(self, link: Link) -> None:
        """Say goodbye; what is acknowledged within a second need not be sent again."""
        link.publish(self.topics.status, self._status(online=False, why="stopped"), retain=True)
        until = time.monotonic() + PARTING_S
        while link.waiting and time.monotonic() < until:
            self._settle(link)
            time.sleep(BUSY_S)
        with suppress(sqlite3.Error):  # then it is sent again
            self._keep()
        link.part()

    def _status(self, *, online: bool, why: str | None = None) -> bytes:
        data = {
            "gateway": self._gateway,
            "online": online,
            "why": why,
            "position": str(Position(self._feed, self._done)) if online else None,
            "every_s": int(STATUS_S),
        }
        unique = f"{self._settings.name}-{self._since}-{_unique() if online else why}"
        return cloudevents.of_other("status", unique, self._gateway, self._around.civil_ms(), data)

    # ------------------------------------------------------------------------------------------------ while connected

    def _stay(self, link: Link, stop: threading.Event) -> None:
        status_s = moved_s = time.monotonic()
        while not stop.is_set():
            now_s = time.monotonic()
            if self._settle(link) or not link.waiting:
                moved_s = now_s
            if now_s > moved_s + ACKNOWLEDGED_S:
                raise LinkError(f"it has acknowledged nothing for {ACKNOWLEDGED_S:.0f} s")
            self._keep()
            self._hear(link)
            if now_s > status_s + STATUS_S and self._around.alive():
                status_s = now_s
                link.publish(self.topics.status, self._status(online=True), retain=True)
            if link.waiting >= MOST_WAITING:
                stop.wait(BUSY_S)
                continue
            busy = link.waiting or self._asked
            self._send(link, self.follower.after(self._sent, BUSY_S if busy else IDLE_S))

    def _settle(self, link: Link) -> bool:
        """Take note of what the broker has; return whether there was anything."""
        told = link.acknowledged()
        cleared = []
        for then in told:
            if isinstance(then, Sent):
                self._done = max(self._done, then.number)
                if then.cleared:
                    cleared.append(then.cleared)
        if cleared:
            self._memory.state_gone(cleared)
        if told and link.refused:
            self._failing.failed(link.refused, link.refused, time.monotonic())
        elif told:
            self._failing.worked()
        return bool(told)

    def _keep(self) -> None:
        if self._kept != self._done:
            self._memory.keep(Position(self._feed, self._done))
            self._kept = self._done

    def _send(self, link: Link, events: list[Event]) -> None:
        if not events:
            return
        if events[0].number != self._sent + 1:
            lost = events[0].number - 1 - self._sent
            log.warning("feed %s: the book has forgotten %d events before they were sent", self._settings.name, lost)
            self._memory.keep(Position(self._feed, self._done), forgotten=lost)
            self._forgotten += lost
            self._states.clear()
            self._put_states(link, [], self.follower.book.alarms(), all_of_them=True)
        ids = dict.fromkeys(event.alarm.id for event in events)
        newest = [alarm for each in ids if (alarm := self.follower.book.alarm(each)) is not None]
        self._put_states(link, events, newest)
        self._sent = events[-1].number

    def _put_states(self, link: Link, events: list[Event], alarms: list[Alarm], *, all_of_them: bool = False) -> None:
        """Send events, after the states of their alarms. all_of_them: of all other alarms no state may stand there."""
        new, clear = [], []
        for alarm in alarms:
            wanted = None if alarm.over else self.topics.state(alarm.site, alarm.id)
            before = self._topics.setdefault(alarm.id, {})
            clear += [topic for topic in before if topic != wanted]
            if wanted is not None and wanted not in before:
                new.append((wanted, alarm.id))
                before[wanted] = None
        if all_of_them:
            standing = {alarm.id for alarm in alarms}
            clear += [topic for alarm, topics in self._topics.items() if alarm not in standing for topic in topics]
        self._memory.state_put(new)
        for topic in clear:
            link.publish(topic, b"", retain=True, then=Sent(cleared=topic))
        for alarm in alarms:
            if not alarm.over and self._states.get(alarm.id) != alarm.event:
                payload = cloudevents.of_state(alarm, self._feed, self._gateway)
                link.publish(self.topics.state(alarm.site, alarm.id), payload, retain=True)
                self._states[alarm.id] = alarm.event
        for event in events:
            body = cloudevents.of_event(event, self._feed, self._gateway)
            link.publish(self.topics.events, body, then=Sent(number=event.number))
        self._forget(alarms, clear, all_of_them=all_of_them)

    def _forget(self, alarms: list[Alarm], clear: list[str], *, all_of_them: bool) -> None:
        """Drop from memory what has been cleared."""
        gone = set(clear)
        for alarm in list(self._topics) if all_of_them else [alarm.id for alarm in alarms]:
            left = {topic: None for topic in self._topics[alarm] if topic not in gone}
            if left:
                self._topics[alarm] = left
            else:
                del self._topics[alarm]
                self._states.pop(alarm, None)

    # ---------------------------------------------------------------------------------------------------- commands

    def _hear(self, link: Link) -> None:
        """Take commands that came, and answer those that are done."""
        for message in link.incoming():
            if message.payload:  # an empty one clears what was retained there
                self._take(link, message)
        now_s = time.monotonic()
        waiting = [asked for asked in self._asked if not asked.future.done() and now_s < asked.until_s]
        done = [asked for asked in self._asked if asked not in waiting] if len(waiting) < len(self._asked) else []
        self._asked = deque(waiting)
        for asked in done:
            self._answer(link, asked)

    def _take(self, link: Link, message: Incoming) -> None:
        try:
            key, order = self._commands.read(message.payload, retained=message.retained)
        except Refused as refused:
            if refused.key is not None and refused.named is not None:
                self._write(self._commands.audited_wrong(refused.key, refused.named, refused))
                self._refuse(link, refused.named, refused)
                return
            entry = self._commands.audited_unsigned(refused, time.monotonic())
            if entry is not None:
                self._write(entry)
                self._refuse(link, None, refused)
            return
        try:
            self._commands.check(key, order, self.follower.book.alarm(order.alarm))
        except Refused as refused:
            self._write(self._commands.audited(key, order, Answer(status=refused.status, detail=str(refused))))
            self._refuse(link, order, refused)
            return
        future = self._around.submit(self._commands.command(key, order))
        self._asked.append(Asked(key, order, future, time.monotonic() + ANSWER_S))
        future.add_done_callback(lambda _: self.follower.wake())

    def _answer(self, link: Link, asked: Asked) -> None:
        problem: str | None = "no-answer-yet"
        answer = Answer(status=504, detail="no answer yet: send the same command again")
        if asked.future.done():
            try:
                answer = asked.future.result()
                problem = problem_of(answer)
            except CancelledError:
                answer, problem = Answer(status=503, detail="the gateway stops: send it again"), "stopping"
        self._write(self._commands.audited(asked.key, asked.order, answer))
        self._reply(link, asked.order, answer, problem)

    def _write(self, entry: Audited) -> None:
        try:
            self._audit.audit(entry)
        except sqlite3.Error as error:  # what has happened is in the journal
            log.error("audit trail not written (%s): make room on the disk. Entry: %s", error, entry)  # noqa: TRY400

    def _refuse(self, link: Link, order: Order | Named | None, refused: Refused) -> None:
        self._reply(link, order, Answer(status=refused.status, detail=str(refused)), refused.problem)

    def _reply(self, link: Link, order: Order | Named | None, answer: Answer, problem: str | None) -> None:
        data = reply(order, answer, problem)
        subject = (order and order.alarm) or None
        unique = f"{self._settings.name}-{_unique()}"
        body = cloudevents.of_other("reply", unique, self._gateway, self._around.civil_ms(), data, subject)
        link.publish(self.topics.replies, body)


def _unique() -> str:
    """Make an id that no other process has made: civil time in ns, for two are never made at once."""
    return f"{time.time_ns():x}"
