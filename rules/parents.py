"""Whose silence it is: the device's, or that of what carries it. A parent is a source: broker, line, listener, port.

A parent counts as dead also when its link seems to be up: when none of its devices has spoken for as long as ten of
their messages together should have taken (at least 2 min). It is cut off like one whose link is down. And a part of it
is down (a radio gateway of several, a switch) when at least 60 % of its devices are overdue: they are members of one
alarm of the parent, until less than 40 % are.

The silence of a device is held back until it is known whose it is: while the parent was not heard since the device
should have spoken, until the parent counts as dead. A member keeps a state of its own: its alarm, where it had one.
A parent with a single device is not told apart from it, and one without rules of silence, or only tried ones, is not
looked at.
"""

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from devices.instants import rfc3339
from devices.registry import Source
from devices.tracks import Track
from rules.alarms import Moment
from rules.packs.gateway import LINK, MANY
from rules.timers import Key

if TYPE_CHECKING:
    from rules.memory import Memory
    from rules.world import World

HEARD = LINK.id + "/heard"  # not a rule: the timer that looks whether anything is heard of a parent
MESSAGES = 10
LEAST_MS = 120_000
FALLEN, STOOD_UP = 0.6, 0.4
OVERDUE = 1.5  # intervals: one that reports a little late is not overdue
FIRST_MS = 5_000  # after which the alarm of a part is told with those whose silence was due since
COUNTED_MS = 60_000  # how long a count of who is overdue is good
NAMED = 200  # of the devices that are overdue, in the evidence; the members of the alarm are all of them


class Family(Struct):
    """A parent and what it carries, by configuration. patience_ms: how long all of them may be quiet together."""

    source: Source
    tracks: list[Track]
    patience_ms: int


def families(world: "World") -> dict[str, Family]:
    """Find the parents that are looked at, by the name of the source."""
    behind: dict[str, list[Track]] = {source.name: [] for source in world.registry.sources}
    for track in world.reception.tracks.values():
        for name in track.device.via:
            behind.setdefault(name, []).append(track)
    found = {}
    for source in world.registry.sources:
        tracks = behind[source.name]
        if len(tracks) > 1 and any(judge.rule.mode == "live" for track in tracks for judge in track.signs):
            a_ms = sum(1 / track.device.interval_ms for track in tracks)
            found[source.name] = Family(source, tracks, max(LEAST_MS, round(MESSAGES / a_ms)))
    return found


class Parents:
    """What is remembered of parents: when something was heard last, of which a part is down, who was overdue when."""

    def __init__(self) -> None:
        self.heard_ms: dict[str, int] = {}
        self.partly: set[str] = set()
        self.counted: dict[str, tuple[int, float]] = {}

    # ---------------------------------------------------------------------------------------------------- wholly dead

    def listen(self, source: Source, memory: "Memory", moment: Moment) -> None:
        """From now on something should be heard through this source."""
        self.heard_ms[source.name] = moment.at_ms
        self.arm(source.name, memory)

    def arm(self, name: str, memory: "Memory") -> None:
        """Look again when it would have been quiet for too long."""
        family = memory.world.families.get(name)
        if family is not None and name not in memory.links.down_sources:
            due_ms = self.heard_ms.get(name, memory.log_ms) + family.patience_ms
            memory.world.judging.timers.set((HEARD, family.source.subject), due_ms)

    def look(self, key: Key, memory: "Memory", moment: Moment) -> None:
        """Look whether a parent was heard; cut it off when it was not."""
        for family in memory.world.families.values():
            name = family.source.name
            if family.source.subject != key[1] or name in memory.links.down_sources:
                continue
            if moment.at_ms >= self.heard_ms.get(name, 0) + family.patience_ms:
                self._die(family, memory, moment)
                continue
            if name in self.partly and self._share(family, moment) < STOOD_UP:
                self._stand_up(family, memory, moment, look=True)
            self.arm(name, memory)

    def _die(self, family: Family, memory: "Memory", moment: Moment) -> None:
        source, world = family.source, memory.world
        world.reception.doors[source.name].listening = False
        self._stand_up(family, memory, moment, look=False)
        memory.links.down(source, world, moment)
        minutes = (moment.at_ms - self.heard_ms.get(source.name, 0)) // 60_000
        words = {
            "why_zh": f"链路看似正常，但其 {len(family.tracks)} 台设备已有 {minutes} 分钟全部无数据",
            "why_en": f"it seems to be up, but none of its {len(family.tracks)} devices has spoken for {minutes} min",
        }
        memory.links.built_in(LINK, source.subject, world, moment, holds=True, words=words)

    # ------------------------------------------------------------------------------------------------ whose silence

    def held(self, track: Track, memory: "Memory", moment: Moment) -> int | None:
        """Judge the silence of a device that is due now.

        None = it is the device's own; 0 = its parent's, and it is a member now; else the log time at which it is known.
        """
        until = []
        for name in track.device.via:
            family = memory.world.families.get(name)
            if family is None:
                return None
            if name in memory.links.down_sources:
                continue
            expected_ms = max(track.seen_ms, track.since_ms) + track.device.interval_ms
            dead_ms = self.heard_ms.get(name, 0) + family.patience_ms
            if self.heard_ms.get(name, 0) >= expected_ms:  # it lives, at least a part of it
                if not self._fallen(family, track, memory, moment):
                    return None
            elif moment.at_ms < dead_ms:
                until.append(dead_ms)
            else:
                self._die(family, memory, moment)
        if until:
            return min(until)
        if not track.device.via:
            return None
        memory.links.add_member(track, memory.world, moment)
        track.silent, track.usual_until = True, 0  # its first word must be noticed
        return 0

    def spoke(self, track: Track, memory: "Memory", moment: Moment) -> None:
        """Take a device that was silent out of the alarm of its parent; end that when most speak again."""
        for name in track.device.via:
            family = memory.world.families.get(name)
            if name in self.partly and family is not None:
                left = memory.links.remove_member(track, family.source, memory.world, moment)
                if not left or self._share(family, moment) < STOOD_UP:
                    self._stand_up(family, memory, moment, look=True)

    # ------------------------------------------------------------------------------------------------- a part of it

    def _fallen(self, family: Family, first: Track, memory: "Memory", moment: Moment) -> bool:
        """Tell whether a part of it is down. first: whose silence is due, a member from the beginning."""
        name = family.source.name
        if name in self.partly:
            return True
        share = self._share(family, moment)
        if share < FALLEN:
            return False
        self.partly.add(name)
        for track in family.tracks:
            if track.silent:
                memory.links.suppress(track, memory.world, moment, on=True)
                memory.links.add_member(track, memory.world, moment)
        memory.links.add_member(first, memory.world, moment)
        memory.links.tell_within(family.source.subject, FIRST_MS, memory.world, moment)  # the others are due by now
        count = round(share * len(family.tracks))
        words = {
            "why_zh": f"{len(family.tracks)} 台设备中有 {count} 台同时无数据",
            "why_en": f"{count} of its {len(family.tracks)} devices have fallen silent together",
        }
        overdue = [track for track in family.tracks if _overdue(track, moment.at_ms)]
        why = {
            "devices": len(family.tracks),
            "overdue": len(overdue),
            "last_heard": {
                track.device.id: rfc3339(track.seen_ms + moment.t_ms - moment.at_ms) if track.seen_ms else None
                for track in overdue[:NAMED]
            },
        }
        memory.links.built_in(MANY, family.source.subject, memory.world, moment, holds=True, words=words, why=why)
        return True

    def _stand_up(self, family: Family, memory: "Memory", moment: Moment, *, look: bool) -> None:
        """End it; who is still silent is silent by itself."""
        source = family.source
        if source.name not in self.partly:
            return
        self.partly.discard(source.name)
        words = {"why_zh": "多数设备已恢复", "why_en": "most of its devices speak again"}
        members = memory.links.members.pop(source.subject, set())
        memory.links.built_in(MANY, source.subject, memory.world, moment, holds=False, words=words)
        for name in sorted(members):
            track = memory.world.reception.tracks.get(name)
            if track is not None and look:
                memory.links.suppress(track, memory.world, moment, on=False)
                memory.arm_signs([track], moment)

    def _share(self, family: Family, moment: Moment) -> float:
        """Tell which part of its devices is overdue; counted again after a minute."""
        name = family.source.name
        counted = self.counted.get(name)
        if counted is None or moment.at_ms >= counted[0] + COUNTED_MS:
            late = sum(_overdue(track, moment.at_ms) for track in family.tracks)
            counted = self.counted[name] = (moment.at_ms, late / len(family.tracks))
        return counted[1]

    # ----------------------------------------------------------------------------------------------------- snapshot

    def state(self) -> dict[str, Any]:
        """Plain data for the snapshot."""
        return {"heard": self.heard_ms, "partly": sorted(self.partly), "counted": self.counted}

    def restore(self, state: dict[str, Any]) -> None:
        """Put a state back."""
        self.heard_ms, self.partly = dict(state["heard"]), set(state["partly"])
        self.counted = {name: (at_ms, share) for name, (at_ms, share) in state["counted"].items()}

    def keep(self, memory: "Memory", moment: Moment) -> None:
        """Forget what another configuration does not look at, and look at what it does."""
        families = memory.world.families
        self.heard_ms = {name: at for name, at in self.heard_ms.items() if name in memory.world.reception.doors}
        self.counted = {}
        for source in memory.world.registry.sources:
            if source.name in self.partly - families.keys():
                memory.links.built_in(MANY, source.subject, memory.world, moment, holds=False, words={"why": "–"})
        self.partly &= families.keys()
        for name, family in families.items():
            if memory.world.reception.doors[name].listening:
                self.heard_ms.setdefault(name, moment.at_ms)
                self.arm(family.source.name, memory)


def _overdue(track: Track, at_ms: int) -> bool:
    heard_ms = max(track.seen_ms, track.since_ms, track.listening_ms)
    return at_ms - heard_ms > OVERDUE * track.device.interval_ms
