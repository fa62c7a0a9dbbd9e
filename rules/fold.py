"""The fold: what the gateway knows, as a function of the log. One owner, no clock, no I/O.

The same records in the same order give the same outcome, however they are cut into calls of `take`.
Inside one record: due timers and closing periods as of their due time, then the record itself.
"""

from collections.abc import Callable, Sequence

from msgspec import structs

from devices.frames import Batch
from devices.registry import Registry
from rules import answering, commissioning, intake, lines, parents, permits, refile, reported, statuses
from rules.alarms import TIMERS, Moment
from rules.findings import judge_period
from rules.groups import judge_peers
from rules.judging import COMMISSIONING, Judge, quieten
from rules.memory import Memory
from rules.packs.gateway import BUILT_IN
from rules.records import Answer, Command, Config, Outcome, Record, Refile, Status
from rules.ruleset import RuleSet
from rules.verdicts import VIOLATED, Due
from rules.violations import judge_again
from rules.windows import NEVER_MS
from rules.world import World

ANSWERED_MS = 24 * 3_600_000  # how long the same command gets the same answer

Load = Callable[[str], tuple[Registry, RuleSet]]
"""Gives the configuration with a hash; it must be one that was accepted. Raises KeyError for another."""


class Fold:
    """Takes records, makes outcomes."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.memory = Memory()

    # --------------------------------------------------------------------------------------------------- the law

    def take(self, first: int, records: Sequence[Record]) -> Outcome:
        """Judge records in order; `first` is the sequence number of the first of them.

        A Batch takes as many numbers as it has frames, every other record one.
        """
        self.memory.out = out = Outcome(first=first, last=first - 1)
        for record in records:
            sequence = out.last + 1
            try:
                self._take(sequence, record, out)
            except intake.PoisonError:
                raise
            except Exception as error:
                raise intake.PoisonError(sequence) from error
        return out

    def _take(self, sequence: int, record: Record, out: Outcome) -> None:
        if isinstance(record, Status) and record.kind == "started":
            statuses.wake(self.memory, record)
        if isinstance(record, Batch):
            if not record.frames:
                return
            fired = self._advance(record.at_ms, sequence)
            intake.take(self.memory, sequence, record, fired=fired)
            out.last += len(record.frames)
        else:
            self._advance(record.at_ms, sequence)
            out.known.append((sequence, record))
            out.last += 1
            self.memory.log_ms = record.at_ms
            self._single(sequence, record)
        if self.memory.world.judging.alarms.events:
            self.memory.carry_events()
        if self.memory.world.judging.bays:
            out.bays += self.memory.world.judging.bays
            self.memory.world.judging.bays.clear()

    def next_due_ms(self) -> int | None:
        """Log time at which a tick is due if nothing else comes."""
        dues = [self.memory.world.judging.timers.next_ms(), self._closing_ms()]
        return min((due for due in dues if due is not None), default=None)

    # ------------------------------------------------------------------------------------------------------- time

    def _advance(self, at_ms: int, sequence: int) -> bool:
        """Fire all timers due by then, each as of its due time, closings of periods among them."""
        fired = False
        while True:
            timer, closing = self.memory.world.judging.timers.next_ms(), self._closing_ms()
            due = closing if timer is None or (closing is not None and closing <= timer) else timer
            if due is None or due > at_ms:
                return fired
            fired = True
            if due == closing:
                self._close(due, sequence)
            else:
                self._fire(due, sequence)

    def _fire(self, upto_ms: int, sequence: int) -> None:
        popped = self.memory.world.judging.timers.pop(upto_ms)
        if popped is None:
            return
        due_ms, key = popped
        moment = self.memory.moment(sequence, due_ms, "timer")
        judge = self.memory.world.judging.judges.get(key)
        if key[0] == COMMISSIONING:
            commissioning.end(key[1], self.memory.world.judging, moment)
        elif key[0] == permits.ENDS:
            permits.end(key[1], self.memory.world, moment)
        elif key[0] in TIMERS:
            self.memory.world.judging.alarms.fire(key, moment)
        elif key[0] == parents.HEARD:
            self.memory.parents.look(key, self.memory, moment)
        elif judge is None:
            self.memory.links.tell_members(key, self.memory.world, moment)
        elif judge.device is None:
            self.memory.links.fire(judge, due_ms, self.memory.world, moment)
        elif judge.kind.needs == "sign":
            self._look_for_signs(judge, moment)
        else:
            track = self.memory.world.reception.tracks[judge.subject]
            given = Due(due_ms, track.seen_ms, track.listening_ms)
            said = judge.kind.step(judge.memory, given, judge.rule.settings, judge.interval_ms)
            self.memory.world.judging.heed(judge, said, moment)
            quieten(track)

    def _closing_ms(self) -> int | None:
        """Log time at which hours or days close next."""
        due_ms = self.memory.world.windows.due_ms
        return None if due_ms == NEVER_MS else max(due_ms - self.memory.offset_ms, 0)

    def _close(self, due_ms: int, sequence: int) -> None:
        """Close hours and days; the rules on them judge what has closed."""
        moment = self.memory.moment(sequence, due_ms, "timer")
        periods = self.memory.world.windows.close(self.memory.world.windows.due_ms)
        for period in periods:
            period.told_ms = moment.t_ms
            self.memory.out.periods.append(period)
            track = self.memory.world.reception.tracks[period.device]
            if self.memory.world.registry.influx:
                self.memory.out.lines.append(lines.of_period(track.prefix, period))
                self.memory.made["means"] += 1
            for judge in self.memory.world.of_periods.get((period.device, period.quantity), ()):
                judge_period(judge, period, self.memory.world, moment)
        judge_again(periods, self.memory.world, moment)
        reported.closed(self.memory, periods, moment)
        judge_peers(periods, self.memory.world, moment)

    def _look_for_signs(self, judge: Judge, moment: Moment) -> None:
        track = self.memory.world.reception.tracks[judge.subject]
        if self.memory.links.cut_off(track.device):
            self.memory.links.add_member(track, self.memory.world, moment)  # looked for again when a link is up
        else:
            self.memory.look_for_signs(judge, track, moment)

    # ------------------------------------------------------------------------------------------- all other records

    def _single(self, sequence: int, record: Record) -> None:
        if isinstance(record, Command):
            self._command(sequence, record)
        elif isinstance(record, Config):
            self._config(sequence, record)
        elif isinstance(record, Refile):
            self.memory.out.answers[record.id] = refile.take(self.memory, sequence, record)
        elif isinstance(record, Status):
            statuses.take(self.memory, sequence, record)

    def _command(self, sequence: int, command: Command) -> None:
        old_ms = command.at_ms - ANSWERED_MS
        answers = self.memory.answers
        while answers and answers[oldest := next(iter(answers))][0] <= old_ms:
            del answers[oldest]
        asked, repeat = command.content, command.id in answers
        if not repeat:
            moment = self.memory.moment(sequence, command.at_ms, "command")
            if command.kind == "commission":
                answer = commissioning.command(command, self.memory.world, moment)
            elif command.kind == "permit":
                answer = permits.command(command, self.memory.world, moment)
            else:
                alarms = self.memory.world.judging.alarms
                judged = (
                    None
                    if command.alarm in alarms.by_id
                    else self.memory.links.judged(command.alarm, self.memory.world)
                )
                answer = answering.answer(alarms, command, moment, judged)
            answer.asked = asked
            answers[command.id] = (command.at_ms, answer)
        answer = answers[command.id][1]
        if answer.asked not in ("", asked):
            answer = Answer(status=422, detail="another command had this id: nothing was done")
        elif repeat:
            answer = structs.replace(answer, repeat=True)
        self.memory.out.answers[command.id] = answer

    def _config(self, sequence: int, config: Config) -> None:
        memory = self.memory
        if config.hash == memory.hash:
            return
        memory.carry_events()  # what timers made is of the configuration before
        registry, ruleset = self.load(config.hash)
        memory.hash = config.hash
        moment = memory.moment(sequence, config.at_ms, "config")
        world = memory.world = World(registry, ruleset, memory.world)
        alarms = world.judging.alarms
        for alarm in world.orphans(BUILT_IN):
            alarms.withdraw(alarm, moment)
        for judge in world.judging.judges:
            led = alarms.by_id.get(judge.id)
            if led is not None and led.shadow != (judge.rule.mode == "shadow"):
                if not led.over:
                    alarms.withdraw(led, moment)  # a rule that is tried from now on, or is not any more, begins anew
                del alarms.by_id[led.id]
                alarms.first_out.forget(led)
            elif led is not None:
                alarms.reconfigured(led, judge.rule, moment)
        for led in alarms.by_id.values():
            alarms.look_for_cause(led, moment)
        tracks = world.reception.tracks.values()
        for track in tracks:
            track.since_ms = track.since_ms or config.at_ms
            track.silent = any(judge.verdict == VIOLATED for judge in track.signs)
        memory.refiles = {}  # whoever sent their parts is told, and begins again
        memory.registered = {
            device: upto
            for device, upto in memory.registered.items()
            if device in world.reception.tracks and world.reception.tracks[device].device.address == upto[0]
        }
        memory.links.keep(world, moment)
        memory.parents.keep(memory, moment)
        memory.arm_signs(tracks, moment)
