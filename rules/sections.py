"""The fold's memory in named sections, each with its version, for the snapshot.

A section that cannot be read (another version, a checksum that failed) is simply not there; what that means is decided
where the snapshot is read (ingest/start.py): the journal is replayed from its beginning if it still reaches back to the
first record, else the section starts fresh.
"""

from collections import Counter
from typing import Any

import msgspec
from msgspec import Struct

from rules import refile
from rules.fold import Fold
from rules.judging import JudgeState, quieten
from rules.memory import Memory, Refiling
from rules.records import Alarm, Answer, Old, Permit
from rules.timers import Key
from rules.world import World

Sections = dict[str, tuple[int, list[bytes]]]
"""Name -> version, content in parts."""
Read = dict[str, tuple[int, bytes]]
"""The same as it is read again."""

VERSIONS = {"fold": 2, "reception": 2, "met": 1, "judges": 2, "alarms": 1, "links": 2, "refiles": 3, "permits": 1}

encode = msgspec.msgpack.Encoder().encode


class _FoldState(Struct):
    hash: str
    log_ms: int
    offset_ms: int
    answers: dict[str, tuple[int, Answer]]
    made: dict[str, int]
    set_aside: dict[str, int]
    missed: dict[str, int]
    drops: dict[str, int]


class _RefilesState(Struct):
    on_their_way: dict[str, tuple[str, int, dict[str, Any], Old | None, int, int | None]]
    refiled: int
    registered: dict[str, tuple[str, int]]


def write(fold: Fold) -> Sections:
    """Return all sections: name -> version, content."""
    memory = fold.memory
    world = memory.world
    reception = world.reception.state()
    met: bytes = reception.pop("met")  # 10 MB: not to be copied once more
    contents = {
        "fold": encode(
            _FoldState(
                memory.hash, memory.log_ms, memory.offset_ms, memory.answers, dict(memory.made), dict(memory.set_aside),
                dict(memory.missed), memory.drops,
            )
        ),
        "reception": encode(reception),
        "met": met,
        "judges": encode(_judges(world)),
        "alarms": encode(list(world.judging.alarms.by_id.values())),
        "links": encode(memory.links.state() | {"parents": memory.parents.state()}),
        "refiles": encode(_refiles(memory)),
        "permits": encode(world.judging.permits),
    }  # fmt: skip
    sections = {name: (VERSIONS[name], [content]) for name, content in contents.items()}
    sections["windows"] = world.windows.sections()
    return sections


def read(fold: Fold, sections: Read) -> set[str]:
    """Put a fresh fold where the snapshot was taken; return the names of the sections that could not be read.

    Takes one section after the other out of `sections`: none is kept longer than it is needed.
    """
    missing = {name for name, version in VERSIONS.items() if name not in sections or sections[name][0] != version}
    if "fold" in missing:
        return {*VERSIONS, "windows"}
    memory = fold.memory
    state = msgspec.msgpack.decode(sections.pop("fold")[1], type=_FoldState)
    memory.hash, memory.log_ms, memory.offset_ms = state.hash, state.log_ms, state.offset_ms
    memory.answers, memory.drops = state.answers, state.drops
    memory.made, memory.set_aside, memory.missed = Counter(state.made), Counter(state.set_aside), Counter(state.missed)
    if memory.hash:
        memory.world = World(*fold.load(memory.hash))
    world = memory.world
    if "windows" not in sections or not world.windows.restore(*sections.pop("windows")):
        missing.add("windows")
    if missing.isdisjoint(("reception", "met")):
        remembered = msgspec.msgpack.decode(sections.pop("reception")[1])
        world.reception.restore(remembered | {"met": sections.pop("met")[1]})
    else:
        for track in world.reception.tracks.values():
            track.since_ms = memory.log_ms  # nobody knows when it spoke last
    _restore_alarms(memory, sections, missing)
    if "links" not in missing:
        state_of_links = msgspec.msgpack.decode(sections.pop("links")[1])
        memory.links.restore(state_of_links)
        memory.parents.restore(state_of_links["parents"])
    if "refiles" not in missing:
        _restore_refiles(memory, sections.pop("refiles")[1])
    if "judges" not in missing:
        _restore_judges(memory, sections.pop("judges")[1])
    world.judging.alarms.restored(memory.log_ms, memory.offset_ms)
    return missing


def _restore_alarms(memory: Memory, sections: Read, missing: set[str]) -> None:
    """Put back alarms, and the permits under which some of them ring nobody."""
    judging = memory.world.judging
    if "alarms" not in missing:
        alarms = msgspec.msgpack.decode(sections.pop("alarms")[1], type=list[Alarm])
        judging.alarms.by_id = {alarm.id: alarm for alarm in alarms}
        for alarm in alarms:  # of a version that did not count activations
            if not alarm.count and alarm.occurrence and not alarm.over:
                alarm.count = 1
    if "permits" not in missing:
        judging.permits = msgspec.msgpack.decode(sections.pop("permits")[1], type=dict[str, Permit])


def _refiles(memory: Memory) -> _RefilesState:
    on_their_way = {
        device: (
            each.refile,
            each.next_part,
            each.reception.state(),
            each.newest,
            each.newest_ms,
            each.redecoding_ms,
        )
        for device, each in memory.refiles.items()
    }
    return _RefilesState(on_their_way, memory.refiled, memory.registered)


def _restore_refiles(memory: Memory, content: bytes) -> None:
    state = msgspec.msgpack.decode(content, type=_RefilesState)
    memory.refiled, memory.registered = state.refiled, state.registered
    for device, (name, next_part, remembered, newest, newest_ms, since_ms) in state.on_their_way.items():
        reception = refile.reception_of(memory.world.reception.tracks[device].device, memory.world.registry)
        reception.restore(remembered)
        memory.refiles[device] = Refiling(name, next_part, reception, newest, newest_ms, since_ms)


class _Alike(Struct, array_like=True):
    """Judges of one rule that are in the same state: subjects, with their timers."""

    rule: str
    state: JudgeState
    due_ms: dict[str, int | None]


class _JudgesState(Struct):
    """timers: those that are no judge's."""

    judges: list[_Alike]
    timers: list[tuple[Key, int]]


def _judges(world: World) -> _JudgesState:
    """Put together what is alike: most judges are at rest, in the same few states."""
    timers = world.judging.timers
    alike: dict[bytes, _Alike] = {}
    for judge in world.judging.judges:
        state = judge.state()
        name = encode((judge.rule.id, state))
        if name not in alike:
            alike[name] = _Alike(judge.rule.id, state, {})
        alike[name].due_ms[judge.subject] = timers.due_ms(judge.key)
    judges = world.judging.judges
    return _JudgesState(list(alike.values()), [(key, at) for key, at in timers.all() if judges.get(key) is None])


def _restore_judges(memory: Memory, content: bytes) -> None:
    world = memory.world
    found = msgspec.msgpack.decode(content, type=_JudgesState)
    for alike in found.judges:
        state: JudgeState = (_frozen(alike.state[0]), *alike.state[1:])
        for subject, due_ms in alike.due_ms.items():
            key = (alike.rule, subject)
            judge = world.judging.judges.get(key) or memory.links.judge_again(*key, world)
            if judge is not None:
                world.restore_judge(judge, state, due_ms)
    for key, at_ms in found.timers:
        world.judging.timers.set(key, at_ms)
    for track in world.reception.tracks.values():
        quieten(track)


def _frozen(kept: Any) -> Any:  # noqa: ANN401 - whatever a kind remembers
    """Make tuples of lists again: the memory of a kind is compared."""
    return tuple(_frozen(one) for one in kept) if isinstance(kept, list) else kept
