"""Proof: whatever happens to an alarm, in whatever order, with restarts in between, it does as the table says.

The machine knows nothing of the code but the table: it keeps a state, a latch and a set of reasons, lets each happening
choose its row, and compares what the fold tells and remembers after each record.
"""

from typing import Any, Literal

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rules import sections
from rules.alarm_table import ALL, FACTS, TABLE, Happening, Row
from rules.flood import annunciated
from rules.kinds.state import State as Truth
from rules.kinds.threshold import Threshold
from rules.records import Alarm, Event, State, Status
from rules.ruleset import Cause, Rule
from tests.rules.street import HOUR, MINUTE, SECOND, START_MS, Kind, Street, on_disk, plain
from tests.rules.street import rule as rule_of

NAME = "dust@a"
CAUSE = rule_of("power", "state", Truth(quantity="cover_open", value=True))
STEPS = st.sampled_from((SECOND, MINUTE, 20 * MINUTE, HOUR, 5 * HOUR))
Withheld = Literal["shelved", "out_of_service"]


class Model:
    """One alarm as the table has it."""

    def __init__(self, *, latch: bool, ack_required: bool, re_alarm_ms: int) -> None:
        self.latch, self.ack_required, self.re_alarm_ms = latch, ack_required, re_alarm_ms
        self.state: State = "NORMAL"
        self.latched = self.one_shot = False
        self.reasons: set[str] = set()
        self.count = 0
        self.due: dict[Happening, int] = {}
        self.told: list[str] = []

    @property
    def over(self) -> bool:
        return self.state == "NORMAL" and self.reasons.isdisjoint(("shelved", "out_of_service"))

    @property
    def shown(self) -> str:
        for reason, name in (("out_of_service", "OUT_OF_SERVICE"), ("shelved", "SHELVED")):
            if reason in self.reasons:
                return name
        return "SUPPRESSED" if self.reasons else self.state

    def row(self, when: Happening) -> Row:
        """Choose the row: of all that hold there must be one."""
        words = {
            "active" if FACTS[self.state][0] else "inactive",
            "latched" if self.latched else "unlatched",
            "ack required" if self.ack_required else "no ack required",
            "alarm",
            "shelved" if "shelved" in self.reasons else "not shelved",
            "out of service" if "out_of_service" in self.reasons else "in service",
            "over" if self.over else "stands",
        }
        [row] = [
            row for row in TABLE if row.when == when and row.state in ("", self.state) and words.issuperset(row.guard)
        ]
        return row

    def meets(self, when: Happening, at_ms: int = 0) -> Row:
        """Let something happen."""
        row, acknowledged = self.row(when), FACTS[self.state][1]
        if when == "condition":
            self.count = 1 if acknowledged else self.count + 1
        if row.to:
            if row.to != self.state or when == "more urgent":
                self.due.pop("re-alarm", None)
            if when == "ack" and row.to == "ACKED" and self.re_alarm_ms:
                self.due["re-alarm"] = at_ms + self.re_alarm_ms
            self.latched = self.latch if when == "condition" else self.latched and row.to != "NORMAL"
            self.state = row.to
        self.reasons -= self.reasons if row.takes == ALL else {row.takes}
        if row.adds:
            self.reasons.add(row.adds)
        if "shelved" not in self.reasons:
            self.one_shot = False
            self.due.pop("shelving over", None)
        if "out_of_service" not in self.reasons:
            self.due.pop("planned end", None)
        self.told += row.told
        return row


class Life(RuleBasedStateMachine):
    """A street with one device: a rule on its dust, and one that names the cause of that."""

    @initialize(
        latch=st.booleans(),
        ack_required=st.booleans(),
        re_alarm_ms=st.sampled_from((0, 4 * HOUR)),
        causes=st.booleans(),
    )
    def begin(self, *, latch: bool, ack_required: bool, re_alarm_ms: int, causes: bool) -> None:
        self.model = Model(latch=latch, ack_required=ack_required, re_alarm_ms=re_alarm_ms)
        self.causes, self.priority = causes, 2
        self.street = Street([plain("a")], self.configured())
        self.now, self.dirty, self.open = 0, False, False
        self.book: dict[str, Alarm] = {}
        self.names, self.replayable = 0, True

    def configured(self, *, gone: bool = False) -> list[Rule]:
        own = rule_of(
            "dust", "threshold", Threshold(quantity="pm10_ug_m3", above=150), latch=self.model.latch,
            ack_required=self.model.ack_required, re_alarm_ms=self.model.re_alarm_ms,
            suppressed_by=Cause(rule="power") if self.causes else None, priority=self.priority,  # type: ignore[arg-type]
        )  # fmt: skip
        return [CAUSE] if gone else [CAUSE, own]

    # -------------------------------------------------------------------------------------------- what may happen

    def pass_time(self, step_ms: int) -> None:
        """Let time pass: what was due meanwhile happens first, in its order."""
        self.now += step_ms
        names: dict[Happening, str] = {"planned end": "a", "re-alarm": "b", "shelving over": "c"}
        while due := sorted((at, names[when], when) for when, at in self.model.due.items() if at <= self.now):
            _, _, when = due[0]
            del self.model.due[when]
            self.model.meets(when)

    def check(self, events: list[Event]) -> None:
        """Compare what was told with what the table says."""
        mine = [event for event in events if event.alarm.id == NAME]
        assert [event.kind for event in mine] == self.model.told
        assert not any(annunciated(event) and event.alarm.suppressed for event in mine)
        self.model.told = []
        self.book |= {event.alarm.id: event.alarm for event in events}

    @rule(step=STEPS, dirty=st.booleans())
    def dust(self, *, step: int, dirty: bool) -> None:
        self.measure(step, dirty=dirty)

    def measure(self, step: int, *, dirty: bool) -> None:
        self.pass_time(step)
        active = FACTS[self.model.state][0]
        if dirty and not active:
            if self.causes and self.open:
                self.model.reasons.add("design")  # before it is told
            self.model.meets("condition")
        elif active and not dirty:
            self.model.meets("return")
            if self.model.one_shot:
                self.model.meets("shelving over")
        self.check(self.street.json(self.now, "a", pm10=200 if dirty else 10).events)

    @rule(step=STEPS)
    def it_rings(self, *, step: int) -> None:
        self.measure(step, dirty=True)

    @rule(step=STEPS)
    def it_goes(self, *, step: int) -> None:
        self.measure(step, dirty=False)

    @rule(step=STEPS)
    def it_is_seen(self, *, step: int) -> None:
        self.command(step, "ack")

    @rule(step=STEPS)
    def it_is_reset(self, *, step: int) -> None:
        self.command(step, "reset")

    @rule(step=STEPS, opened=st.booleans())
    def power(self, *, step: int, opened: bool) -> None:
        self.pass_time(step)
        self.open = opened
        if self.causes and opened and self.model.state != "NORMAL" and "design" not in self.model.reasons:
            self.model.meets("cause")
        elif self.causes and not opened and "design" in self.model.reasons:
            if self.model.over:
                self.model.reasons.discard("design")
            else:
                self.model.meets("cause over")
        self.check(self.street.json(self.now, "a", open=opened).events)

    @rule(
        step=STEPS,
        kind=st.sampled_from(("ack", "ack", "reset", "unshelve", "in_service", "comment")),
        old=st.booleans(),
    )
    def tell(self, *, step: int, kind: Kind, old: bool) -> None:
        """Press, perhaps on what was to be seen before."""
        self.command(step, kind, old=old)

    @rule(step=STEPS, for_ms=st.sampled_from((0, MINUTE, 3 * HOUR, 12 * HOUR, 13 * HOUR)), one_shot=st.booleans())
    def shelve(self, *, step: int, for_ms: int, one_shot: bool) -> None:
        wrong = not one_shot and not 0 < for_ms <= 12 * HOUR
        done = self.command(step, "shelve", wrong=wrong, for_ms=for_ms, one_shot=one_shot)
        if done:
            self.model.one_shot = one_shot
            self.model.due["shelving over"] = self.now + (12 * HOUR if one_shot else for_ms)

    @rule(step=STEPS, for_ms=st.sampled_from((-HOUR, MINUTE, 8 * HOUR, 48 * HOUR)))
    def out_of_service(self, *, step: int, for_ms: int) -> None:
        until_ms = START_MS + self.now + step + for_ms
        if self.command(step, "out_of_service", wrong=for_ms <= 0, until_ms=until_ms):
            self.model.due["planned end"] = self.now + for_ms

    def command(self, step: int, kind: Kind, *, old: bool = False, wrong: bool = False, **more: Any) -> bool:  # noqa: ANN401 - fields of a command
        self.pass_time(step)
        self.check(self.street.tick(self.now).events)  # he sees what time has done
        alarm = self.street.fold.memory.world.judging.alarms.by_id.get(NAME)
        occurrence = alarm.occurrence if alarm else 0
        known = alarm is not None and (occurrence > 0 or kind not in ("ack", "reset"))
        known = known or kind in ("shelve", "out_of_service")
        seen = occurrence - 1 if old and occurrence else occurrence
        happening: Happening = kind.replace("_", " ")  # type: ignore[assignment]
        status = 404
        if known and seen < occurrence and kind not in ("unshelve", "in_service", "comment"):
            status = 409
        elif known and wrong and not (kind == "shelve" and "out_of_service" in self.model.reasons):
            status = 422
        elif known:
            status = self.model.meets(happening, self.now).status
        answered, events = self.street.command(self.now, kind, NAME, seen, **more)
        assert answered == status
        self.check(events)
        return status == 200

    @rule(step=STEPS, priority=st.sampled_from((1, 2, 3, 4)))
    def rule_changes(self, *, step: int, priority: int) -> None:
        self.pass_time(step)
        if priority != self.priority and NAME in self.street.fold.memory.world.judging.alarms.by_id:
            self.model.meets("more urgent" if priority < self.priority else "less urgent")
            if priority == 1 and "shelved" in self.model.reasons:
                self.model.meets("shelving over")
        self.priority = priority
        self.configure()

    @precondition(lambda self: not self.model.over)
    @rule(step=STEPS)
    def rule_goes_and_comes_again(self, *, step: int) -> None:
        self.pass_time(step)
        if not self.model.over:
            self.model.meets("withdraw")
        self.model.reasons.discard("design")  # of a rule that is no more nothing is the cause
        self.model.due = {}
        self.configure(gone=True)
        self.configure()

    def configure(self, *, gone: bool = False) -> None:
        self.names += 1
        self.check(self.street.configure(self.now, f"c{self.names}", [plain("a")], self.configured(gone=gone)).events)

    # ------------------------------------------------------------------------------------------------- restarts

    @rule(step=STEPS)
    def restart(self, *, step: int) -> None:
        """Start as `ingest.start` does: the book says how it was, and what was due in the downtime happens first."""
        told = [msgspec.to_builtins(alarm) for alarm in self.book.values() if not alarm.over]
        self.street.restart()
        self.pass_time(step)
        events = self.street.status(self.now, "started").events
        events += self.street.status(self.now, "clock", offset_ms=0, source="ntp", trusted=True).events
        events += self.street.status(self.now, "reconciled", alarms=told).events
        self.check(events)

    @precondition(lambda self: self.replayable)
    @rule()
    def replay(self) -> None:
        """Begin again from the first record, as where no snapshot can be read."""
        fresh = self.street.fresh()
        for first, record in self.street.log:
            fresh.take(first, [record])
        self.street.fold = fresh

    @rule()
    def lose_the_memory(self) -> None:
        """Start where snapshot and journal have lost the alarms: what people did comes from the book."""
        parts = on_disk(self.street.fold)
        del parts["alarms"], parts["judges"]
        self.street.fold = self.street.fresh()
        assert sections.read(self.street.fold, parts) == {"alarms", "judges"}
        told = [msgspec.to_builtins(alarm) for alarm in self.book.values() if not alarm.over]
        events = self.street.at(self.now, Status(at_ms=0, subject="gateway", kind="reconciled", data={"alarms": told}))
        self.check(events.events)
        if self.model.over:  # the book gives what stands: of what is over nobody remembers how often it came
            self.model.count = 0
            self.model.reasons = set()
        self.replayable = False  # that would need the lost snapshot

    # -------------------------------------------------------------------------------------------------- the law

    @invariant()
    def it_is_as_the_table_says(self) -> None:
        alarm = self.street.fold.memory.world.judging.alarms.by_id.get(NAME)
        if alarm is None:
            assert self.model.over
            return
        assert (alarm.facts, alarm.state, set(alarm.suppressed)) == (
            self.model.state,
            self.model.shown,
            self.model.reasons,
        )
        assert (alarm.latched, alarm.count, alarm.over) == (self.model.latched, self.model.count, self.model.over)
        assert (alarm.shelved_until_ms is not None) == ("shelved" in self.model.reasons)
        assert (alarm.out_until_ms is not None) == ("out_of_service" in self.model.reasons)
        assert bool(alarm.reason) == bool(alarm.withheld_by) == alarm.withheld
        if not alarm.over and not alarm.suppressed and self.replayable:  # else who was the first may be forgotten
            assert alarm.first_out == (alarm.group is None)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=200, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
