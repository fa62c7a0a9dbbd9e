"""What the gateway noticed about itself, judged by built-in rules: nothing outside the fold ever makes an event."""

from typing import Any

import msgspec

from devices.reception import FUTURE_MS
from rules.alarms import Moment
from rules.memory import Memory
from rules.packs.gateway import BUILT_IN, CONDITIONS, FINDINGS, LINK
from rules.records import Alarm, Status


def take(memory: Memory, sequence: int, status: Status) -> None:
    """Take one Status; its kinds and their data are listed in `rules.records`."""
    moment = memory.moment(sequence, status.at_ms, status.kind)
    data = status.data
    match status.kind:
        case "link":
            _link(memory, status, moment)
        case "clock":
            _set_clock(memory, status.at_ms + data["offset_ms"], data["offset_ms"])
            moment = memory.moment(sequence, status.at_ms, status.kind)  # in the time that is right now
            memory.world.judging.alarms.civil_time_changed(moment)
            _condition(memory, "clock-doubtful", "gateway", moment, data | {"bad": not data["trusted"]})
        case "condition":
            _condition(memory, data["name"], status.subject, moment, data)
        case "drops":
            _count_drops(memory, status.subject, moment, data)
        case "session_lost":
            memory.missed["session-lost"] += 1
            _finding(memory, "session_lost", status.subject, moment, {})
        case "missed":
            memory.missed[data["cause"]] += data["count"]
        case "set_aside":
            _set_aside(memory, data, moment)
        case "started":
            _started(memory, moment)
        case "reconciled":
            _reconcile(memory, data["alarms"], moment)
        case _:  # stopped: the next start says what there is to say
            pass


def wake(memory: Memory, status: Status) -> None:
    """Begin anew, before any timer fires: since the last record nobody listened, so nobody was silent."""
    world = memory.world
    world.judging.alarms.begin_restart()
    for door in world.reception.doors.values():
        door.listening = False
        memory.links.down_sources.add(door.source.name)
    for track in world.reception.tracks.values():
        track.lost_ms = track.lost_ms or memory.log_ms
        if not memory.links.cut_off(track.device):  # nobody knows what carries it
            track.listen(status.at_ms)
    for judge in world.judging.judges:
        if judge.rule.id == LINK.id:  # whether a link is up will be seen
            judge.memory = judge.kind.start
            world.judging.timers.set(judge.key, None)


def _started(memory: Memory, moment: Moment) -> None:
    """Look for those that can be heard through links that nobody will call up."""
    memory.arm_signs(memory.world.reception.tracks.values(), moment)


def _link(memory: Memory, status: Status, moment: Moment) -> None:
    world = memory.world
    door = next((d for d in world.reception.doors.values() if d.source.subject == status.subject), None)
    up = bool(status.data["up"])
    if door is not None and up:
        memory.hear(door, moment)
    elif door is not None:
        door.listening = False
        memory.links.down(door.source, world, moment)
    words = {"why": str(status.data.get("why", ""))}
    memory.links.built_in(LINK, status.subject, world, moment, holds=not up, words=words)


def _set_clock(memory: Memory, now_ms: int, offset_ms: int) -> None:
    """Correct civil time; log time goes on as it was.

    Where it was set back nothing later than now is a device's newest word; what is not later than a device's clock may
    be ahead is still looked at with care, for it may be a duplicate.
    """
    back = offset_ms < memory.offset_ms
    memory.offset_ms = offset_ms
    if back:
        memory.world.windows.turn_back(now_ms)
    for track in memory.world.reception.tracks.values():
        track.usual_until = 0
        track.last_ms = min(track.last_ms, now_ms + FUTURE_MS)


def _condition(memory: Memory, name: str, subject: str, moment: Moment, data: dict[str, Any]) -> None:
    rule = CONDITIONS.get(name)
    if rule is None:
        return  # of another release: no rule of this one judges it
    source = str(data.get("source", ""))
    words = {"why_zh": str(data.get("why_zh", source)), "why_en": str(data.get("why_en", source))}
    memory.links.built_in(rule, subject, memory.world, moment, holds=bool(data["bad"]), words=words)


def _finding(memory: Memory, kind: str, subject: str, moment: Moment, words: dict[str, str]) -> None:
    """Tell an occurrence that was active only for the moment."""
    judging = memory.world.judging
    judge = memory.links.judge_of(FINDINGS[kind], subject, memory.world)
    judge.words = words
    alarm = judging.describe(judge, judging.alarms.by_id.get(judge.id))
    judging.alarms.find(alarm, judge.rule, moment, None)


def _count_drops(memory: Memory, subject: str, moment: Moment, data: dict[str, Any]) -> None:
    """Count what a broker dropped, and remember its counter: what it drops while we are away is the difference."""
    memory.drops[subject] = data.get("total", memory.drops.get(subject, 0) + data["dropped"])
    if data["dropped"]:
        memory.missed["broker-dropped"] += data["dropped"]
        _finding(memory, "drops", subject, moment, {"count": str(data["dropped"])})


def _set_aside(memory: Memory, data: dict[str, Any], moment: Moment) -> None:
    """Count a frame that nobody can judge where it came in, and tell it."""
    source = str(data.get("source", ""))
    memory.set_aside[source] += 1
    if source in memory.world.reception.doors:
        memory.world.reception.doors[source].received += 1
    _finding(memory, "set_aside", "gateway", moment, {"why": f"{data['sequence']}: {data['why']}"})


def _reconcile(memory: Memory, told: list[dict[str, Any]], moment: Moment) -> None:
    """After a restart: what the fold has no data for, and what people did, comes from the book.

    Usually both are the same. They differ where a section of the snapshot could not be read and the journal does not
    reach back far enough: then the book holds what is older than the fold remembers. What timers told that were due
    since the end of the former process is newer than what the book says here.
    """
    alarms = memory.world.judging.alarms
    since = alarms.told_since_start or set()
    from_book = {alarm.id: alarm for alarm in msgspec.convert(told, list[Alarm])}
    for known in from_book.values():
        if alarms.told_since(known):
            continue
        mine = alarms.by_id.setdefault(known.id, known)
        if mine is not known:
            _reconcile_one(memory, mine, known, moment)
            if known.id in since:  # by a timer of what the fold had forgotten the rest of
                alarms.tell("amended", alarms.by_id[known.id], moment)
    for alarm in memory.world.orphans(BUILT_IN):
        alarms.withdraw(alarm, moment)
    for alarm in alarms.by_id.values():
        if alarm.id not in from_book and alarm.id not in since and not alarm.over and not alarm.shadow:
            withheld = "out_of_service" if alarm.out_until_ms is not None else "shelved"
            alarms.tell(withheld if alarm.facts == "NORMAL" else "raised", alarm, moment)
    alarms.restored(moment.at_ms, moment.offset_ms)
    _complete(memory, moment)
    alarms.end_restart()
    for alarm in alarms.by_id.values():
        alarms.look_for_cause(alarm, moment)


def _complete(memory: Memory, moment: Moment) -> None:
    """Say how soon alarms want an answer that a version raised which did not say it."""
    alarms = memory.world.judging.alarms
    for alarm in alarms.by_id.values():
        judge = memory.world.judging.judges.get((alarm.rule, alarm.subject))
        rule = BUILT_IN.get(alarm.rule) if judge is None else judge.rule
        if rule is not None and rule.respond_within_ms and not (alarm.respond_within_ms or alarm.over or alarm.shadow):
            alarm.respond_within_ms, alarm.ack_required = rule.respond_within_ms, rule.ack_required
            alarms.tell("amended", alarm, moment)


def _reconcile_one(memory: Memory, mine: Alarm, known: Alarm, moment: Moment) -> None:
    """Tell what the fold knows otherwise than the book; what people did to the same occurrence is taken over."""
    alarms = memory.world.judging.alarms
    alarms.withhold_as(mine, known)
    if mine.occurrence < known.occurrence:
        alarms.by_id[known.id] = known
    elif mine.active and not (known.active and mine.occurrence == known.occurrence):
        alarms.tell("raised", mine, moment)
    elif mine.occurrence == known.occurrence:
        mine.acknowledged, mine.latched = known.acknowledged, known.latched
        mine.acked_by, mine.acked_ms = known.acked_by, known.acked_ms
        if known.active and not mine.active:
            alarms.tell("returned", mine, moment)
