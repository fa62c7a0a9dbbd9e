"""Old frames of one device, read again: late registration, a corrected register map, a corrected decoder.

They go their own way past the live one. Their duplicates are looked for among themselves, in a reception that knows
only this device; their readings go into the windows and to InfluxDB as of their own time, and touch the hours and days
that are closed, so that verdicts on these are amended. They ring nothing, with one exception: the newest word of a
device that nobody had registered and that has said nothing since is judged, and marked late (docs/how-it-works.md,
"Time").
"""

from devices.frames import Batch
from devices.readings import Refusal
from devices.reception import Reading, Reception, Stranger
from devices.registry import Device, Registry
from devices.tracks import Track
from rules import lines
from rules.intake import Arrival, counts, judge, note_doubts, without_doubted
from rules.memory import Memory, Refiling
from rules.records import Answer, Old, Refile, Refused, Reread


def reception_of(device: Device, registry: Registry) -> Reception:
    """Make a reception that knows all sources and one device."""
    alone = Registry(
        gateway=registry.gateway, time_zone=registry.time_zone, sources=registry.sources, devices=(device,)
    )
    return Reception(alone, lines.prefix)


def take(memory: Memory, sequence: int, record: Refile) -> Answer:
    """Take one part; a part that comes twice or out of turn changes nothing."""
    track = memory.world.reception.tracks.get(record.device)
    if track is None:
        return Answer(status=404, detail=f"no device {record.device}")
    refiling = memory.refiles.get(record.device)
    if record.part == 0:
        refiling = memory.refiles[record.device] = Refiling(
            record.refile, 0, reception_of(track.device, memory.world.registry)
        )
        if record.why == "redecode":
            refiling.redecoding_ms = record.from_ms
            _empty(memory, track, record)
    if refiling is None or (refiling.refile, refiling.next_part) != (record.refile, record.part):
        return Answer(status=409, detail=f"part {record.part} of {record.refile} does not come next; begin again")
    refiling.next_part += 1
    refused = len(memory.out.refused)
    for old in record.frames:
        _frame(memory, track, refiling, old, record)
    reread = _count(memory, track, refiling.reception.tracks[record.device])
    if first := memory.out.refused[refused:]:
        reread.why = f"{first[0].reason}: {first[0].detail}"
    if record.why == "registered" and record.frames:
        memory.registered[record.device] = (track.device.address, record.frames[-1].sequence)
    if record.last:
        del memory.refiles[record.device]
        _finish(memory, track, refiling, (sequence, record))
    return Answer(status=200, reread=reread)


def _empty(memory: Memory, track: Track, record: Refile) -> None:
    """Take back what was said of the span: window cells, and the points that InfluxDB has."""
    if track.series:
        memory.world.windows.empty(track.series, record.from_ms, record.to_ms, record.why)
    if memory.world.registry.influx:
        memory.out.lines.append(lines.erase(track.device, record.from_ms, record.to_ms))
        memory.made["erasures"] += 1


def _frame(memory: Memory, track: Track, refiling: Refiling, old: Old, record: Refile) -> None:
    received = _receive(refiling.reception, old, memory.offset_ms)
    alone = refiling.reception.tracks[record.device]
    if isinstance(received, Stranger):  # its source is gone, or finds another device now
        alone.frames += 1
        received = Refusal("not_mine", f"{old.source} does not bring it to {record.device} any more")
        alone.refuse("not_mine")
    if isinstance(received, Refusal):
        memory.out.refused.append(Refused(old.sequence, record.device, received.reason, received.detail))
    elif isinstance(received, list):
        for index, reading in enumerate(received):
            if record.from_ms <= reading.t_ms < record.to_ms:
                _reading(memory, track, alone, reading, (index, old, record))
                if not reading.span and reading.t_ms >= refiling.newest_ms:
                    refiling.newest, refiling.newest_ms = old, reading.t_ms


def _receive(reception: Reception, old: Old, offset_ms: int) -> object:
    door = reception.doors.get(old.source)
    if door is None:
        return Stranger("")
    frame = (old.place, old.payload, old.note)
    return reception.receive(door, frame, old.at_ms + offset_ms, old.at_ms)[1]


def _reading(memory: Memory, track: Track, alone: Track, reading: Reading, came: tuple[int, Old, Refile]) -> None:
    """Put one reading where it belongs: windows, InfluxDB."""
    index, old, record = came
    if counts(alone, reading, old.at_ms) and track.series:
        values = without_doubted(track, reading.values)
        memory.world.windows.add_late(track.series, reading.t_ms, values, record.at_ms + memory.offset_ms, record.why)
        note_doubts(memory, track, reading.values, reading.t_ms)
    if memory.world.registry.influx:
        head = lines.of_span(track.prefix, "reported_" + reading.span) if reading.span else track.prefix
        line = lines.careful(head, reading.values, lines.at_ns(reading.t_ms, old.sequence, index))
        if line:
            memory.out.lines.append(line)
            memory.made["readings"] += 1


_COUNTED = ("frames", "duplicates", "facts", "held", "readings", "missed")


def _count(memory: Memory, track: Track, alone: Track) -> Reread:
    """Move what was counted of the old frames to the device's own counts; return it."""
    reread = Reread(
        frames=alone.frames, readings=alone.decoded, facts=alone.facts, repeats=alone.duplicates, held=alone.held,
        refused=dict(alone.refused),
    )  # fmt: skip
    memory.refiled += alone.frames
    for name in _COUNTED:
        setattr(track, name, getattr(track, name) + getattr(alone, name))
        setattr(alone, name, 0)
    for reason, count in alone.refused.items():
        track.refuse(reason, count)
    alone.refused = {}
    return reread


def _finish(memory: Memory, track: Track, refiling: Refiling, came: tuple[int, Refile]) -> None:
    """Go on from the old frames where nothing has come since; then their newest word is the device's word."""
    sequence, record = came
    alone = refiling.reception.tracks[record.device]
    unheard = not track.seen_ms
    track.seen_ms = max(track.seen_ms, alone.seen_ms)
    if track.counter < 0 <= alone.counter:
        track.counter, track.run, track.mask, track.old = alone.counter, alone.run, alone.mask, alone.old
    if not track.last_ms:
        track.last_ms = alone.last_ms
        memory.world.reception.remember_as(track, refiling.reception, alone)
    if record.why != "registered" or refiling.newest is None or not unheard:
        return
    old = refiling.newest
    again = reception_of(track.device, memory.world.registry)
    received = _receive(again, old, memory.offset_ms)
    if not isinstance(received, list):
        return
    batch = Batch(old.source, record.at_ms, [(old.place, old.payload, old.note)])
    readings = [reading for reading in received if not reading.span]
    newest = max(readings, key=lambda reading: reading.t_ms)
    judge(memory, track, newest.values, Arrival(sequence, batch, batch.frames[0]), late=True)
