"""From a batch of frames to readings, windows and rules.

The usual message stays in one loop (`take`), and nothing on its way is an object but the decoded struct. Whatever is
unusual, a new minute excepted, leaves that loop for a function that is written to be read.
"""

from binascii import crc32

from devices.frames import Batch, Frame
from devices.readings import Facts, Refusal, Values
from devices.reception import FUTURE_MS, HISTORY_MS, REMEMBERED, Door, Duplicate, Reading, Stranger, Track
from rules import lines
from rules.alarms import Moment
from rules.judging import Watch
from rules.memory import Memory
from rules.records import Evidence, Refused, Tick
from rules.verdicts import Due

MINUTE_MS = 60_000
REALTIME_MS = 15 * MINUTE_MS  # a station that was heard in real time that lately is not judged by its minute means


class PoisonError(Exception):
    """Judging a record raised: a defect. The record is named so that it can be set aside."""

    def __init__(self, sequence: int) -> None:
        super().__init__(f"record {sequence} cannot be judged")
        self.sequence = sequence


def take(memory: Memory, first: int, batch: Batch, *, fired: bool) -> None:  # noqa: C901, PLR0912, PLR0915 - one loop, on purpose
    """Take the frames of one receive. The usual message stays in this loop."""
    door = memory.world.reception.doors.get(batch.source)
    log_ms = batch.at_ms
    if door is None:
        _known(
            memory, first, batch, [(first + i, f"source:{batch.source}") for i in range(len(batch.frames))], fired=fired
        )
        return
    if not door.listening:
        memory.hear(door, memory.moment(first, log_ms, "reading"))
    door.received += len(batch.frames)
    now_ms = log_ms + memory.offset_ms
    fresh_ms = now_ms - HISTORY_MS
    find = door.tracks.get
    ring = memory.world.reception.ring
    writing = memory.world.registry.influx
    out = memory.out
    add = out.lines.append
    encode, table, drop = lines.encode, lines.TO_LINE, lines.DROP
    before = len(out.lines)
    strangers: list[tuple[int, str]] = []
    sequence = first - 1
    try:
        for frame in batch.frames:
            sequence += 1
            place, payload, note = frame
            track = find(place)
            if track is None or note:
                _unusual(memory, door, frame, sequence, batch, strangers)
                continue
            try:
                counter, t_ms, values = track.open(payload)
            except ValueError:
                _unusual(memory, door, frame, sequence, batch, strangers)
                continue
            if not isinstance(values, Values) or not track.sane(values) or values.flags is not None:
                _unusual(memory, door, frame, sequence, batch, strangers)
                continue
            key = 0
            if counter >= 0:
                if counter != track.counter + 1:
                    _unusual(memory, door, frame, sequence, batch, strangers)
                    continue
            elif t_ms >= 0:
                key = t_ms << 22 ^ crc32(payload)
            if t_ms < 0:
                t_ms = now_ms
            if not (track.last_ms < t_ms < track.usual_until and fresh_ms < t_ms) and not _goes_on(
                memory, track, t_ms, now_ms
            ):
                _unusual(memory, door, frame, sequence, batch, strangers)
                continue
            track.frames += 1
            track.last_ms = t_ms
            track.seen_ms = log_ms
            if key:
                at = track.key_at
                ring[at] = key
                at += 1
                track.key_at = at if at % REMEMBERED else at - REMEMBERED
            elif counter >= 0:
                track.counter = counter
            else:
                door.recent.append(crc32(payload))
            for watch, value in zip(track.watches, track.pick(values)):  # noqa: B905 - pick gives one more, on purpose
                if value is not None:
                    series = watch.series
                    if series is not None:
                        series.sum += round(value * 100)
                        series.count += 1
                    if not watch.low <= value <= watch.high:
                        _judge(memory, watch, value, sequence, batch, frame)
            if writing:
                fields = encode(values).translate(table, drop)
                if fields:
                    add(b"%s%s %d\n" % (track.prefix, fields, t_ms * 1_000_000 + sequence * 8 % 1_000_000))
    except Exception as error:
        raise PoisonError(sequence) from error
    memory.made["readings"] += len(out.lines) - before
    _known(memory, first, batch, strangers, fired=fired)


def _goes_on(memory: Memory, track: Track, t_ms: int, now_ms: int) -> bool:
    """Tell whether the only unusual thing is that time went on: close minutes, and set the next bound."""
    if not track.last_ms < t_ms <= now_ms + FUTURE_MS or t_ms <= now_ms - HISTORY_MS or track.silent or track.skew_ms:
        return False
    track.usual_until = now_ms + FUTURE_MS
    if track.series:
        memory.world.windows.roll(track.series, t_ms)
        track.usual_until = min(track.usual_until, (t_ms // MINUTE_MS + 1) * MINUTE_MS)
    return True


def _judge(
    memory: Memory, watch: Watch, value: float, sequence: int, batch: Batch, frame: Frame, *, late: bool = False
) -> None:
    moment = memory.moment(sequence, batch.at_ms, "reading")
    memory.world.judging.value(
        watch, value, moment,
        lambda: Evidence(sequence=sequence, source=batch.source, place=frame[0], payload=frame[1], why={"value": value}),
        late=late,
    )  # fmt: skip


def _unusual(
    memory: Memory, door: Door, frame: Frame, sequence: int, batch: Batch, strangers: list[tuple[int, str]]
) -> None:
    """Take one frame the careful way."""
    log_ms = batch.at_ms
    track, received = memory.world.reception.receive(door, frame, log_ms + memory.offset_ms, log_ms)
    if isinstance(received, Stranger):
        door.strangers += 1
        strangers.append((sequence, received.address))
    elif isinstance(received, Refusal) and track is not None:
        memory.out.refused.append(Refused(sequence, track.device.id, received.reason, received.detail))
    elif isinstance(received, Facts | Duplicate):
        pass
    elif track is not None and isinstance(received, list):
        if track.seen_ms == log_ms:
            _heard(memory, track, memory.moment(sequence, log_ms, "reading"))
        for index, reading in enumerate(received):
            _reading(memory, track, reading, index, sequence, batch, frame)


def _heard(memory: Memory, track: Track, moment: Moment) -> None:
    """End the silence of a device that speaks again."""
    if not track.silent:
        return
    track.silent = False
    for judge in track.signs:
        last_ms = track.seen_ms
        said = judge.kind.step(judge.memory, Due(moment.at_ms, last_ms), judge.rule.settings, judge.interval_ms)
        memory.world.judging.heed(judge, said, moment)


def _reading(
    memory: Memory, track: Track, reading: Reading, index: int, sequence: int, batch: Batch, frame: Frame
) -> None:
    values, head = reading.values, track.prefix
    now_ms = batch.at_ms + memory.offset_ms
    counts = reading.span == ""
    if reading.span == "minute":  # a station that sends only minute means is judged by them
        counts = now_ms - track.realtime_ms > 15 * MINUTE_MS
    elif counts:
        track.realtime_ms = now_ms
    if counts:
        judged = reading.live or reading.newest
        if track.series:
            _collect(memory, track, reading, now_ms)
        for watch, value in zip(track.watches, track.pick(values)):  # noqa: B905 - pick gives one more, on purpose
            if value is not None and judged and not watch.low <= value <= watch.high:
                _judge(memory, watch, value, sequence, batch, frame, late=not reading.live)
    if not counts or reading.span:
        head = lines.of_span(head, "reported_" + reading.span)
    if memory.world.registry.influx:
        line = lines.careful(head, values, lines.at_ns(reading.t_ms, sequence, index))
        if line:
            memory.out.lines.append(line)


def _collect(memory: Memory, track: Track, reading: Reading, now_ms: int) -> None:
    """Put a reading into the windows: the open minute, the next one, or the one it belongs to."""
    values = [getattr(reading.values, series.quantity) for series in track.series]
    minute = reading.t_ms // MINUTE_MS
    if reading.live and minute > track.series[0].minute:
        memory.world.windows.roll(track.series, reading.t_ms)
    if minute != track.series[0].minute:
        memory.world.windows.add_late(track.series, reading.t_ms, values, now_ms)
        return
    for series, value in zip(track.series, values, strict=True):
        if value is not None:
            series.sum += round(value * 100)
            series.count += 1


def _known(memory: Memory, first: int, batch: Batch, strangers: list[tuple[int, str]], *, fired: bool) -> None:
    """Sort the frames: the journal keeps what is known, in runs of consecutive numbers; the inbox the rest."""
    out = memory.out
    if not strangers:
        out.known.append((first, batch))
        return
    if fired and strangers[0][0] == first:  # what the timers made must be made again in a replay, by this record
        out.known.append((first, Tick(batch.at_ms)))
    start = first
    for sequence, address in [*strangers, (first + len(batch.frames), "")]:
        if sequence > start:
            run = batch.frames[start - first : sequence - first]
            out.known.append((start, Batch(batch.source, batch.at_ms, run)))
        if address:
            out.strangers.append((sequence, batch.source, batch.at_ms, batch.frames[sequence - first], address))
        start = sequence + 1
