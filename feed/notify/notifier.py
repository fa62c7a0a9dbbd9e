"""The thread that tells people: reads events, decides, and has messages sent at the pace allowed.

Each channel has one attempt under way at most, on a thread beside this one, so that none waits for another's receiver.
Beside this thread only who asks for a test message, and who tells of a report, put something into the outbox.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from feed.desk import passes
from feed.follow import Follower
from feed.notify import decide, reminders, words
from feed.notify.answers import DEFECT, in_chinese
from feed.notify.decide import CHANNEL, CHANNEL_FAILING, About, Decision, Plan
from feed.notify.outbox import Outbox
from feed.notify.pace import free_at, pick, state_after
from feed.notify.records import ChannelState, Message, Notice, Open, Row, Upshot, again
from feed.notify.senders import CONNECT_S, SENDERS, WHOLE_S, limits, receiver_of, send
from feed.notify.settings import AnyChannel
from rules.flood import annunciated
from rules.records import Alarm, Text

log = logging.getLogger(__name__)

IDLE_S = 1.0
AGE_MS = 24 * 3_600_000
PATIENT_MS = 5 * 60_000
"""So long what is not of priority 1 waits for its own channel before the fallback takes it."""
TRIES = 3
MINUTE_MS = 60_000

BOOT = Path("/proc/sys/kernel/random/boot_id")

Send = Callable[[AnyChannel, Message, int], Upshot]
Describe = Callable[[Sequence[Alarm]], Mapping[str, About] | None]
"""What the registry and the rules say of alarms, by id; None = nobody answers now."""
Report = Callable[[str, str, dict[str, Any]], None]
"""(subject, kind, data) of a Status."""


class Clocks(Struct, frozen=True):
    """civil_ms: what the gateway believes; steady_ms: never jumps nor stands still, also while the machine sleeps."""

    civil_ms: Callable[[], int]
    steady_ms: Callable[[], int] = lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    boot: Callable[[], str] = lambda: BOOT.read_text().strip()


class Attempt(Struct, frozen=True):
    """An attempt that is under way. tries: with this one."""

    channel: AnyChannel
    message: Message
    token: int
    tries: int
    said: "Future[Upshot]"


class Notifier:
    """Tells people. `run` on a thread of its own; a view of the pipeline by its follower."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it stands between
        self,
        plan: Plan,
        gateway: str,
        state: Path,
        clocks: Clocks,
        describe: Describe,
        report: Report,
        sender: Send = send,
    ) -> None:
        """Take its place behind the last event, where it has none yet: nothing of the past is told."""
        self.follower = Follower(state / "book.sqlite")
        self._plan, self._gateway, self._clocks = plan, gateway, clocks
        self._describe, self._report, self._send = describe, report, sender
        self.box = Outbox(state / "desk.sqlite")
        self._channels = {one.name: one for one in plan.settings.channels}
        self._style = words.Style(gateway, plan.zone, (plan.settings.console or "").rstrip("/"))
        self._looked_ms = 0
        self._under_way: dict[str, Attempt] = {}
        book = self.follower.book
        self._place = (book.feed_id, book.last_event)
        self.follower.close()  # another thread reads it
        try:
            self._take_place()
        except sqlite3.OperationalError as error:
            if not passes(error):
                raise

    def _take_place(self) -> None:
        feed, number = self._place
        if self.box.fact("feed") != feed:
            self.box.keep({"feed": feed, "number": number})

    # ------------------------------------------------------------------------------------------------------ thread

    def run(self, stop: threading.Event) -> None:
        """Tell people until `stop`. Raises sqlite3.Error, but waits where the disk is full."""
        started = False
        while not stop.is_set():
            try:
                if not started:
                    self.start()
                    started = True
                wait_s = self.turn()
            except sqlite3.OperationalError as error:
                if not passes(error):
                    raise
                log.error("notifications wait for the desk: %s", error)  # noqa: TRY400 - it says all
                wait_s = IDLE_S
            if wait_s > 0 and not stop.is_set():
                self.follower.pause(wait_s)
        self._end()

    def _end(self) -> None:
        """Wait for what is under way; what cannot be written down any more counts as perhaps arrived."""
        try:
            self.arrive()
            self._settle()
        except sqlite3.OperationalError as error:
            log.error("notifications: what became of the last ones is not written down: %s", error)  # noqa: TRY400
        self.box.close()
        self.follower.close()

    def arrive(self) -> bool:
        """Wait until all attempts under way have ended; whether there was any."""
        return bool(wait([one.said for one in self._under_way.values()]).done)

    def start(self) -> None:
        """Look at what a former process left, and at which channels there are now."""
        self._take_place()
        self.box.wake(self._clocks.boot(), self._clocks.steady_ms())
        known = {state.name for state, _, _ in self.box.channels()}
        for name in known - set(self._channels):
            self.box.keep_channel(replace(self.box.channel(name), active=False, failing=False))
        for one in self._channels.values():
            self.box.keep_channel(replace(self.box.channel(one.name), kind=one.kind, active=True))
        for alarm in self.follower.book.alarms():
            name = alarm.subject.removeprefix(CHANNEL)
            if alarm.rule == CHANNEL_FAILING and alarm.active and name not in self._channels:
                self._tell_failing(name, Upshot(word="sent"))

    def turn(self) -> float:
        """Do what there is to do; return how long nothing more is, in seconds, unless an attempt ends."""
        more = self._follow()
        more = self._settle() or more
        self._tests()
        now_ms = self._clocks.civil_ms()
        if now_ms < self._looked_ms or now_ms - self._looked_ms >= MINUTE_MS:
            self._look(now_ms)
            self._looked_ms = now_ms
        waits = [IDLE_S]
        for channel in self._channels.values():
            found = None if channel.name in self._under_way else self._candidate(channel)
            if found is None:
                continue
            wait_ms, what = found
            if wait_ms > 0:
                waits.append(wait_ms / 1000)
            elif what:
                self._try(channel, what)
            else:
                more = True  # its fallback may have been looked at before
        return 0.0 if more else min(waits)

    # ------------------------------------------------------------------------------------------------------ events

    def _follow(self) -> bool:
        """Decide what follows from the next events; whether there may be more."""
        number = int(str(self.box.fact("number") or 0))
        events = self.follower.after(number, 0)
        if not events:
            return False
        abouts = self._describe([event.alarm for event in events if annunciated(event)])
        if abouts is None:
            return False
        now_ms = self._clocks.civil_ms()
        decisions: list[tuple[str, Decision]] = []
        for event in events:
            about = abouts.get(event.alarm.id, About())
            decisions.append((event.alarm.id, decide.decide(event, about, self._plan, now_ms)))
        raised = sum(1 for event in events if annunciated(event))
        self.box.take(decisions, events[-1].number, now_ms, raised=raised)
        return True

    def _tests(self) -> None:
        for key, name, user in self.box.asked():
            text = Text(
                f"[测试] {user} 发送的测试消息，无须处理", f"[test] a test message by {user}; nothing is to be done"
            )
            notice = Notice(kind="test", text=text, t_ms=self._clocks.civil_ms())
            rows = decide.to_channel(self._plan, name, key, notice) if name in self._channels else []
            self.box.put([replace(row, key=f"{key}/{row.language}") for row in rows])
            self.box.answered(key)

    def _look(self, now_ms: int) -> None:
        """Look once a minute who has to be reminded, and whether it is time for the daily message."""
        self.box.expire(now_ms - AGE_MS, now_ms)
        states = {name: self.box.channel(name) for name in self._channels}
        alarms = self.follower.book.alarms()
        waiting = [alarm for alarm in alarms if reminders.wants_answer(alarm)]
        abouts = self._describe(waiting) if waiting else {}
        if abouts is not None:
            last = {name: state.nag_ms for name, state in states.items()}
            self.box.remind(self._reminders(reminders.nags(waiting, abouts, self._plan, last, now_ms), states, now_ms))
        known = int(str(self.box.fact("daily") or 0))
        at_ms = reminders.daily_due(self._plan, known, now_ms)
        if at_ms is not None:
            raised = int(str(self.box.fact("raised") or 0))
            self.box.put(reminders.daily(self._plan, at_ms, self._gateway, alarms, raised))
            self.box.keep({"daily": at_ms, "raised": 0})
            self.box.prune(now_ms)

    def _reminders(self, rows: Sequence[Row], states: Mapping[str, ChannelState], now_ms: int) -> list[Row]:
        """Give those of a channel that is shut out to its fallback, unless that is shut out too."""
        steady_ms = self._clocks.steady_ms()
        found = []
        for row in rows:
            channel = self._channels[row.channel]
            other = states.get(str(channel.fallback))
            if other is None or max(other.blocked_until_ms, steady_ms) >= states[row.channel].blocked_until_ms:
                found.append(row)
            else:
                copies = decide.elsewhere(self._plan, channel, [row])
                anyway = {(each.channel, each.language, each.notice.text) for each in rows}
                found += [copy for copy in copies if (copy.channel, copy.language, copy.notice.text) not in anyway]
                self.box.keep_channel(replace(states[row.channel], nag_ms=now_ms))
        return found

    # ----------------------------------------------------------------------------------------------------- sending

    def _candidate(self, channel: AnyChannel) -> "tuple[int, Open | list[Row]] | None":
        """Return what a channel sends next: in how many ms, and what; None = nothing waits."""
        now_ms, steady_ms = self._clocks.civil_ms(), self._clocks.steady_ms()
        state = self.box.channel(channel.name)
        blocked_ms = max(0, state.blocked_until_ms - steady_ms)
        waiting = self.box.waiting(channel.name, now_ms)
        messages = self.box.open_messages(channel.name)
        if blocked_ms and channel.fallback is not None and self._give_away(channel, waiting, messages, now_ms):
            return 0, []
        sends = self.box.sends(receiver_of(channel))
        times = [at for at, _ in sends]
        urgent_before = [at for at, urgent in sends if urgent]
        choices: list[tuple[bool, int, int, int, Open | list[Row]]] = [
            (not one.message.urgent, 0, one.tries // TRIES, one.made_ms, one) for one in messages
        ]  # one that the receiver never takes does not keep what is new
        for language in ("zh", "en"):
            picked = pick([row for row in waiting if row.language == language], urgent_before, steady_ms, now_ms)
            if picked is not None:
                urgent = any(row.urgent for row in picked.rows)
                choices.append((not urgent, max(0, picked.at_ms - now_ms), 0, picked.at_ms, picked.rows))
        if not choices:
            return None
        not_urgent, wait_ms, _, _, what = min(choices, key=lambda each: each[:4])
        free_ms = free_at(limits(channel), times, steady_ms, urgent=not not_urgent) - steady_ms
        return max(wait_ms, blocked_ms, free_ms), what

    def _try(self, channel: AnyChannel, what: Open | list[Row]) -> None:
        """Begin an attempt, written down before it is made."""
        now_ms, steady_ms = self._clocks.civil_ms(), self._clocks.steady_ms()
        idempotent = SENDERS[channel.kind].idempotent
        rows: list[Row] = []
        if isinstance(what, list):
            message, rows = self._message(channel, what, now_ms)
            tries, repeat = 0, False
        else:
            message, tries, repeat = what.message, what.tries, what.maybe and not idempotent
            if not (what.maybe and idempotent):  # else the receiver may have it, and one id is one message
                fresh, rows = self._message(channel, self.box.rows_of(message.id), now_ms)
                message = replace(fresh, id=message.id)
        until_ms = steady_ms + int((CONNECT_S + WHOLE_S) * 1000)
        token = self.box.begin(
            message, channel.name, [row.id for row in rows], receiver=receiver_of(channel), until_ms=until_ms,
            now_ms=now_ms, repeat=repeat,
        )  # fmt: skip
        if repeat:
            message = words.marked(message)
        said: Future[Upshot] = Future()
        said.add_done_callback(lambda _: self.follower.wake())
        self._under_way[channel.name] = Attempt(channel, message, token, tries + 1, said)

        def attempt() -> None:
            try:
                answer = self._send(channel, message, now_ms)
            except Exception as error:  # a defect shuts its own channel, and not the gateway
                log.exception("notification by %s", channel.name)
                answer = Upshot(word="shut", detail=f"{DEFECT}: {type(error).__name__}", maybe=True)
            said.set_result(answer)

        threading.Thread(target=attempt, name=f"notify {channel.name}", daemon=True).start()

    def _settle(self) -> bool:
        """Write down what became of the attempts that have ended; whether there were any."""
        ended = [one for one in self._under_way.values() if one.said.done()]
        for one in ended:
            self._note(one.channel, one.message, one.token, one.said.result(), one.tries)
            del self._under_way[one.channel.name]
        return bool(ended)

    def _message(self, channel: AnyChannel, rows: Sequence[Row], now_ms: int) -> tuple[Message, list[Row]]:
        return words.message(rows, now_ms, self._style, str(self.box.fact("feed")), SENDERS[channel.kind].most_bytes)

    def _note(self, channel: AnyChannel, message: Message, token: int, said: Upshot, tries: int) -> None:
        now_ms, steady_ms = self._clocks.civil_ms(), self._clocks.steady_ms()
        state = self.box.channel(channel.name)
        before = state.failing
        in_parts = said.word == "refused" and len(message.notices) > 1 and not SENDERS[channel.kind].idempotent
        if in_parts:  # one of them is not taken, and the others shall not go with it
            said = again(0.0, said.detail)
        state = state_after(state, said, now_ms, steady_ms)
        ends: str = said.word if said.word in ("sent", "refused") else "open"
        if ends != "sent":
            log.warning("notification by %s, attempt %d: %s %s", channel.name, tries, said.word, said.detail)
        if message.notices[0].kind == "nag":  # it is not sent again: the next one counts anew
            ends = "expired" if ends == "open" else ends
            if said.word in ("sent", "refused") or said.maybe or (said.word == "shut" and channel.fallback):
                state = replace(state, nag_ms=now_ms)
        elif not in_parts and (message.urgent or tries >= TRIES or said.word != "again") and ends != "sent":
            self._lend(channel, self.box.rows_of(message.id), now_ms)
        self.box.finish(
            message.id, token, steady_ms, state=ends, maybe=said.maybe, detail=said.detail, now_ms=now_ms, channel=state
        )
        if in_parts:
            self.box.halve(message.id)
        if state.failing != before:
            self._tell_failing(channel.name, said)

    def _tell_failing(self, name: str, said: Upshot) -> None:
        bad = said.word != "sent"
        why = (f"{name}：{in_chinese(said.detail)}", f"{name}: {said.detail}") if bad else ("", "")
        data = {"name": CHANNEL_FAILING, "bad": bad, "why_zh": why[0], "why_en": why[1]}
        self._report(f"{CHANNEL}{name}", "condition", data)

    # ---------------------------------------------------------------------------------------------------- fallback

    def _give_away(self, channel: AnyChannel, waiting: list[Row], messages: list[Open], now_ms: int) -> bool:
        """While a channel is shut out: lend to its fallback what cannot wait; whether there was any."""
        rows = [row for row in waiting if row.due_ms <= now_ms and (row.urgent or row.due_ms + PATIENT_MS <= now_ms)]
        for one in messages:
            if one.message.urgent or one.made_ms + PATIENT_MS <= now_ms:
                rows += self.box.rows_of(one.message.id)
        return self._lend(channel, rows, now_ms)

    def _lend(self, channel: AnyChannel, rows: Sequence[Row], now_ms: int) -> bool:
        """Have alarms told by the fallback, too, where there is one; whether any is lent now.

        They stay where they are: the fallback may fail as well, or be able to reach nobody.
        """
        rows = [row for row in rows if row.notice.kind == "alarm" and not row.notice.lent]
        if channel.fallback is None or not rows:
            return False
        return self.box.lend(rows, decide.elsewhere(self._plan, channel, rows), now_ms)


def ask_for_test(desk: Path, channel: str, key: str, user: str) -> bool:
    """Ask the notifier for a test message, whose rows will have this key; whether there is such a channel."""
    box = Outbox(desk)
    try:
        return box.ask_for_test(channel, key, user)
    finally:
        box.close()
