"""All that the fold remembers, in one place with one owner: `rules.fold` and its two hands, intake and statuses."""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from devices.reception import Reading, Reception
from devices.registry import Registry
from devices.tracks import Door, Track
from rules import lines, spans
from rules.alarms import Moment
from rules.judging import Judge
from rules.links import Links
from rules.parents import Parents
from rules.records import Answer, Old, Outcome
from rules.ruleset import RuleSet
from rules.verdicts import ALWAYS_QUIET, NORMAL, VIOLATED, Due, Said
from rules.world import World


class Refiling(Struct):
    """A refile on its way.

    refile, next_part  which it is, and which part must come
    reception          what is remembered of the old frames alone: their duplicates are among themselves
    newest             the frame whose reading is the latest, and that reading's time
    redecoding_ms      since what civil time it takes back what was said; None = it takes nothing back
    """

    refile: str
    next_part: int
    reception: Reception
    newest: Old | None = None
    newest_ms: int = 0
    redecoding_ms: int | None = None


class Memory:
    """The fold's state, and the outcome that is being made.

    log_ms     log time of the newest record that is known: of what strangers say the journal keeps nothing
    offset_ms  civil time = log time + offset
    made       InfluxDB lines, by what they are of: readings, means, alarms
    set_aside  frames, by source; missed: by cause
    drops      what the drop counter of each broker said last, by subject
    refiles    those of which parts are still to come, by device; refiled: for the ledger, frames of all
    unusual  what reception made of lines that are not usual, by their place in the outcome; None = nobody asks
    registered  device -> address and newest sequence of its frames that the inbox had and that were refiled
    """

    def __init__(self) -> None:
        self.hash = ""
        self.log_ms = 0
        self.offset_ms = 0
        self.world = World(Registry(gateway="", time_zone="UTC"), RuleSet())
        self.links = Links()
        self.parents = Parents()
        self.answers: dict[str, tuple[int, Answer]] = {}
        self.made: Counter[str] = Counter()
        self.set_aside: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.drops: dict[str, int] = {}
        self.refiles: dict[str, Refiling] = {}
        self.refiled = 0
        self.unusual: dict[int, Reading] | None = None
        self.registered: dict[str, tuple[str, int]] = {}
        self.out = Outcome(first=1, last=0)

    def moment(self, sequence: int, at_ms: int, cause: str) -> Moment:
        """Say when and why something happens."""
        return Moment(sequence, at_ms, at_ms + self.offset_ms, cause)

    def carry_events(self) -> None:
        """Move the events of a record into the outcome, with their lines."""
        alarms = self.world.judging.alarms
        events = [event for event in alarms.events if not event.alarm.shadow]
        if len(events) < len(alarms.events):
            self.out.shadows += [event for event in alarms.events if event.alarm.shadow]
        for event in events:
            spans.complete(event, self.world, self.hash)
        self.out.events += events
        if self.world.registry.influx:
            self.out.lines += [lines.of_event(event) for event in events]
            self.made["alarms"] += len(events)
        alarms.events.clear()

    def hear(self, door: Door, moment: Moment) -> None:
        """From now on listen to this source: what was not heard before does not count as silence."""
        door.listening = True
        tracks = self.links.up(door.source, self.world, moment)
        for track in tracks:
            track.listen(moment.at_ms)
        self.parents.listen(door.source, self, moment)
        self.arm_signs(tracks, moment)

    def arm_signs(self, tracks: Iterable[Track], moment: Moment) -> None:
        """Let every silence rule look, and again when the silence that it knows of would be too long.

        A device that is silent stays so until it is heard; one that nobody can hear is not looked for.
        """
        for track in tracks:
            if not self.links.cut_off(track.device):
                for judge in track.signs:
                    if judge.verdict != VIOLATED:
                        self.look_for_signs(judge, track, moment)

    def look_for_signs(self, judge: Judge, track: Track, moment: Moment) -> None:
        """Let one silence rule judge a device by its last sign of life."""
        given = Due(moment.at_ms, max(track.seen_ms, track.since_ms), track.listening_ms)
        said = judge.kind.step(judge.memory, given, judge.rule.settings, judge.interval_ms)
        if said.verdict == VIOLATED and judge.verdict != VIOLATED:
            until_ms = self.parents.held(track, self, moment)
            if until_ms is not None:
                self.world.judging.heed(judge, Said(judge.memory, NORMAL, until_ms or None, ALWAYS_QUIET), moment)
                return
            said.why["last_heard_s"] = (moment.at_ms - track.seen_ms) // 1000 if track.seen_ms else None
        self.world.judging.heed(judge, said, moment)
        track.silent = any(each.verdict == VIOLATED for each in track.signs)
        if track.silent:
            track.usual_until = 0
