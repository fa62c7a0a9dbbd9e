"""All that the fold remembers, in one place with one owner: `rules.fold` and its two hands, intake and statuses."""

from collections import Counter
from collections.abc import Iterable

from devices.reception import Door, Track
from devices.registry import Registry
from rules import lines
from rules.alarms import Moment
from rules.links import Links
from rules.records import Answer, Outcome
from rules.ruleset import RuleSet
from rules.verdicts import Due
from rules.world import World


class Memory:
    """The fold's state, and the outcome that is being made.

    log_ms     log time of the newest record
    offset_ms  civil time = log time + offset
    made       InfluxDB lines, by what they are of: readings, means, alarms
    set_aside  frames, by source; missed: by cause
    """

    def __init__(self) -> None:
        self.hash = ""
        self.log_ms = 0
        self.offset_ms = 0
        self.world = World(Registry(gateway="", time_zone="UTC"), RuleSet())
        self.links = Links()
        self.answers: dict[str, tuple[int, Answer]] = {}
        self.made: Counter[str] = Counter()
        self.set_aside: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.out = Outcome(first=1, last=0)

    def moment(self, sequence: int, at_ms: int, cause: str) -> Moment:
        """Say when and why something happens."""
        return Moment(sequence, at_ms, at_ms + self.offset_ms, cause)

    def carry_events(self) -> None:
        """Move the events of a record into the outcome, with their lines."""
        events = self.world.judging.alarms.events
        self.out.events += events
        if self.world.registry.influx:
            self.out.lines += [lines.of_event(event) for event in events]
            self.made["alarms"] += len(events)
        events.clear()

    def hear(self, door: Door, moment: Moment) -> None:
        """From now on listen to this source: what was not heard before does not count as silence."""
        door.listening = True
        tracks = self.links.up(door.source, self.world, moment)
        for track in tracks:
            track.since_ms = moment.at_ms
        self.arm_signs(tracks, moment.at_ms)

    def arm_signs(self, tracks: Iterable[Track], at_ms: int) -> None:
        """Let every silence rule look again when the silence that it knows of would be too long."""
        timers = self.world.judging.timers
        for track in tracks:
            last_ms = max(track.seen_ms, track.since_ms)
            for judge in track.signs:
                if not track.silent and not self.links.cut_off(track.device):
                    over = judge.kind.step(judge.memory, Due(last_ms, last_ms), judge.rule.settings, judge.interval_ms)
                    timers.set(judge.key, max(over.due_ms or at_ms, at_ms))
