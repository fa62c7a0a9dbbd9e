"""Links that are down, and the gateway's own conditions.

A source that is down is one alarm. The devices that are silent because of it are its members and raise nothing: nobody
can know how they are. Their silence counts anew from the moment when the link is up again.
"""

from typing import Any

from msgspec.structs import replace

from devices.registry import Device, Source
from devices.tracks import Track
from rules import bays
from rules.alarms import Moment
from rules.design import CUT_OFF
from rules.judging import Judge, judge_of
from rules.kinds.table import KINDS
from rules.packs.gateway import BUILT_IN, LINK, MANY
from rules.records import Alarm
from rules.ruleset import Rule
from rules.timers import Key
from rules.verdicts import Due, Live
from rules.world import World

MEMBERS = LINK.id + "/members"  # not a rule: the timer that tells of new members, many at once
TELL_MEMBERS_MS = 60_000


class Links:
    """Which sources are down, and who is silent behind them."""

    def __init__(self) -> None:
        self.down_sources: set[str] = set()
        self.members: dict[str, set[str]] = {}  # by the subject of the link

    # ------------------------------------------------------------------------------------------------- up and down

    def cut_off(self, device: Device) -> bool:
        """Tell whether nothing can be heard of a device: all sources that may carry it are down."""
        return bool(device.via) and all(name in self.down_sources for name in device.via)

    def down(self, source: Source, world: World, moment: Moment) -> None:
        """Nothing is heard through this source any more."""
        self.down_sources.add(source.name)
        for track in world.reception.tracks.values():
            if not self.cut_off(track.device):
                continue
            track.lost_ms = track.lost_ms or moment.at_ms
            if track.silent:
                self.suppress(track, world, moment, on=True)
                self.add_member(track, world, moment)

    def up(self, source: Source, world: World, moment: Moment) -> list[Track]:
        """Tell which devices can be heard again through this source."""
        if source.name not in self.down_sources:
            return []
        tracks = [track for track in world.reception.tracks.values() if source.name in track.device.via]
        back = [track for track in tracks if self.cut_off(track.device)]
        self.down_sources.discard(source.name)
        self.members.pop(source.subject, None)
        world.judging.timers.set((MEMBERS, source.subject), None)
        for track in back:
            if track.silent:
                self.suppress(track, world, moment, on=False)
        self._without({track.device.id for track in back}, world, moment)
        return back

    def _without(self, back: set[str], world: World, moment: Moment) -> None:
        """Take devices out of the alarms of other links that are still down."""
        for subject, members in self.members.items():
            left = members - back
            if len(left) < len(members):
                self.members[subject] = left
                self._tell_soon(subject, world, moment)

    def _tell_soon(self, subject: str, world: World, moment: Moment) -> None:
        if world.judging.timers.due_ms((MEMBERS, subject)) is None:
            self.tell_within(subject, TELL_MEMBERS_MS, world, moment)

    @staticmethod
    def tell_within(subject: str, within_ms: int, world: World, moment: Moment) -> None:
        """Tell who is inside by then."""
        world.judging.timers.set((MEMBERS, subject), moment.at_ms + within_ms)

    def suppress(self, track: Track, world: World, moment: Moment, *, on: bool) -> None:
        """Mark the alarms of a device's silence as those of one that cannot be heard, or take the mark away."""
        source = next((one for one in world.registry.sources if one.name in track.device.via), None)
        rule = LINK if source is not None and source.name in self.down_sources else MANY
        group = f"{rule.id}@{source.subject}" if source is not None else None
        for judge in track.signs:
            alarm = world.judging.alarms.by_id.get(judge.id)
            if alarm is not None and alarm.active:
                world.judging.alarms.suppress(alarm, CUT_OFF, moment, on=on, group=group)

    # ----------------------------------------------------------------------------------------------------- members

    def add_member(self, track: Track, world: World, moment: Moment) -> None:
        """Put a device that is silent behind a link that is down inside that link's alarm."""
        source = next(s for s in world.registry.sources if s.name in track.device.via)
        members = self.members.setdefault(source.subject, set())
        if track.device.id not in members:
            members.add(track.device.id)
            self._tell_soon(source.subject, world, moment)

    def remove_member(self, track: Track, source: Source, world: World, moment: Moment) -> int:
        """Take a device out of the alarm of a source, for it was heard; return how many are left."""
        self.suppress(track, world, moment, on=False)
        members = self.members.get(source.subject, set())
        if track.device.id in members:
            members.remove(track.device.id)
            self._tell_soon(source.subject, world, moment)
        return len(members)

    def tell_members(self, key: Key, world: World, moment: Moment) -> None:
        """Tell who is inside a link's alarm by now, and why it is down; not one by one, for there may be thousands."""
        alarms = [world.judging.alarms.by_id.get(f"{rule.id}@{key[1]}") for rule in (LINK, MANY)]
        alarm = next((one for one in alarms if one is not None and one.active), None)
        members = sorted(self.members.get(key[1], ()))
        if alarm is not None and members != alarm.members:
            alarm.members = members
            world.judging.alarms.tell("members", alarm, moment)
        judge = world.judging.judges.get((LINK.id, key[1]))
        if alarm is not None and alarm.rule == LINK.id and judge is not None:
            self._tell_words(judge, alarm, world, moment)

    # --------------------------------------------------------------------------------------------- built-in judges

    def judge_of(self, rule: Rule, subject: str, world: World) -> Judge:
        """Return the judge of a built-in rule on a subject of the gateway's own; made when first needed."""
        judge = world.judging.judges.get((rule.id, subject))
        if judge is None:
            judge = judge_of(rule, KINDS[rule.kind], subject)
            world.judging.judges.add(judge)
        return judge

    def judged(self, alarm: str, world: World) -> Alarm | None:
        """Return the alarm of a rule that judges a subject and never rang; None where nobody judges it."""
        rule_id, _, subject = alarm.partition("@")
        judge, rule = world.judging.judges.get((rule_id, subject)), BUILT_IN.get(rule_id)
        if judge is None and rule is not None:
            sources = {source.subject for source in world.registry.sources}
            if subject in sources or (subject == "gateway" and rule not in (LINK, MANY)):
                judge = judge_of(rule, KINDS[rule.kind], subject)  # only looked at: what is asked changes nothing
        if judge is None or judge.kind is bays.KIND or judge.rule.mode == "shadow":
            return None
        return world.judging.describe(judge, None)

    def judge_again(self, rule_id: str, subject: str, world: World) -> Judge | None:
        """Make the judge of a built-in rule again after a restart; None for a rule that is no more."""
        rule = BUILT_IN.get(rule_id)
        return None if rule is None else self.judge_of(rule, subject, world)

    def built_in(  # noqa: PLR0913 - a rule, whom it judges, when, and what of
        self, rule: Rule, subject: str, world: World, moment: Moment, *, holds: bool, words: dict[str, str],
        why: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Let a built-in rule judge what the gateway noticed. why: reasons in numbers, for the evidence."""
        judge = self.judge_of(rule, subject, world)
        judge.words = words
        alarm = world.judging.alarms.by_id.get(judge.id)
        active = alarm is not None and alarm.active
        said = judge.kind.step(judge.memory, Live(moment.at_ms, float(holds)), rule.settings, 0)
        world.judging.heed(judge, said if why is None else replace(said, why=why), moment)
        self._fill(judge, world)
        if alarm is not None and active and alarm.active and rule.id == LINK.id:
            self._tell_soon(subject, world, moment)  # each attempt may fail in another way
        elif alarm is not None and active and alarm.active:
            self._tell_words(judge, alarm, world, moment)

    @staticmethod
    def _tell_words(judge: Judge, alarm: Alarm, world: World, moment: Moment) -> None:
        """Tell an alarm that is active with other words, where they are others."""
        before = alarm.text
        if world.judging.describe(judge, alarm).text != before:
            world.judging.alarms.tell("amended", alarm, moment)

    def fire(self, judge: Judge, due_ms: int, world: World, moment: Moment) -> None:
        """Carry out the timer of a built-in rule."""
        said = judge.kind.step(judge.memory, Due(due_ms), judge.rule.settings, 0)
        world.judging.heed(judge, said, moment)
        self._fill(judge, world)

    def _fill(self, judge: Judge, world: World) -> None:
        """Tell a link's alarm with its members from the beginning."""
        events = world.judging.alarms.events
        if (
            judge.rule.id in (LINK.id, MANY.id)
            and events
            and events[-1].alarm.id == judge.id
            and events[-1].alarm.active
        ):
            members = sorted(self.members.get(judge.subject, ()))
            world.judging.alarms.by_id[judge.id].members = members
            events[-1].alarm.members = list(members)

    # ---------------------------------------------------------------------------------------------------- snapshot

    def state(self) -> dict[str, Any]:
        """Plain data for the snapshot."""
        return {
            "down": sorted(self.down_sources),
            "members": {subject: sorted(members) for subject, members in self.members.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put a state back."""
        self.down_sources = set(state["down"])
        self.members = {subject: set(members) for subject, members in state["members"].items()}

    def keep(self, world: World, moment: Moment) -> None:
        """Forget sources that are configured no more, and members that are no devices any more.

        Where a device can be reached by other ways now it is cut off, or is not any more.
        """
        self.down_sources &= {source.name for source in world.registry.sources}
        subjects = {source.subject for source in world.registry.sources}
        known = world.reception.tracks
        self.members = {s: members & known.keys() for s, members in self.members.items() if s in subjects}
        for track in known.values():
            cut_off = self.cut_off(track.device)
            if cut_off and not track.lost_ms:
                track.lost_ms = moment.at_ms
            elif track.lost_ms and not cut_off:
                track.listen(moment.at_ms)
            if track.silent:
                self.suppress(track, world, moment, on=cut_off)
