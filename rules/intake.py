"""From a batch of frames to readings, windows and rules.

The usual message stays in one loop (`take`), and nothing on its way is an object but the decoded struct. Whatever is
unusual, a new minute excepted, leaves that loop for a function that is written to be read.
"""

from binascii import crc32
from functools import partial

from msgspec import Struct

from devices.frames import Batch, Frame
from devices.met import REMEMBERED
from devices.plausible import HUMID, HUMID_PCT
from devices.readings import Refusal, Values
from devices.reception import FUTURE_MS, HISTORY_MS, Reading, Stranger
from devices.registry import Device
from devices.tracks import Door, Track
from rules import lines, reported
from rules.alarms import Moment
from rules.judging import quieten
from rules.memory import Memory
from rules.packs.gateway import CONDITIONS, LINK
from rules.records import Evidence, Refused, Tick

MINUTE_MS = 60_000
REALTIME_MS = 15 * MINUTE_MS  # a station that was heard in real time that lately is not judged by its minute means


class PoisonError(Exception):
    """Judging a record raised: a defect. The record is named so that it can be set aside."""

    def __init__(self, sequence: int) -> None:
        super().__init__(f"record {sequence} cannot be judged")
        self.sequence = sequence


class Arrival(Struct, frozen=True, gc=False):
    """One frame in its record."""

    sequence: int
    batch: Batch
    frame: Frame


def take(memory: Memory, first: int, batch: Batch, *, fired: bool) -> None:
    """Take the frames of one receive; fired: timers were due before them."""
    door = memory.world.reception.doors.get(batch.source)
    if door is None:
        nobody = f"source:{batch.source}"
        _keep(memory, first, batch, [(first + i, nobody) for i in range(len(batch.frames))], fired=fired)
        return
    if not door.listening:
        _listen(memory, door, first, batch)
    door.received += len(batch.frames)
    before = len(memory.out.lines)
    strangers = _frames(memory, door, first, batch)
    if len(strangers) < len(batch.frames):
        memory.parents.heard_ms[batch.source] = batch.at_ms
    memory.made["readings"] += len(memory.out.lines) - before
    _keep(memory, first, batch, strangers, fired=fired)


def _listen(memory: Memory, door: Door, first: int, batch: Batch) -> None:
    """Hear a source with the first frame of a registered device, which is proof that its link is up.

    Strangers change nothing.
    """
    for sequence, (place, payload, _) in enumerate(batch.frames, first):
        if place in door.tracks or memory.world.reception.find(door, place, payload)[0] is not None:
            open_door(memory, door, memory.moment(sequence, batch.at_ms, "reading"))
            return


def open_door(memory: Memory, door: Door, moment: Moment) -> None:
    """From now on something is heard through a source; its link is up."""
    memory.hear(door, moment)
    memory.links.built_in(LINK, door.source.subject, memory.world, moment, holds=False, words={"why": ""})


def _frames(memory: Memory, door: Door, first: int, batch: Batch) -> list[tuple[int, str]]:  # noqa: C901, PLR0912, PLR0915 - the hot loop: a call for each step would cost more than the step
    """Take all frames; return the sequence numbers and addresses of strangers."""
    log_ms = batch.at_ms
    now_ms = log_ms + memory.offset_ms
    fresh_ms = now_ms - HISTORY_MS
    find = door.tracks.get
    met = memory.world.reception.met
    keys = met.keys
    writing = memory.world.registry.influx
    add = memory.out.lines.append
    encode, table, drop = lines.encode, lines.TO_LINE, lines.DROP
    strangers: list[tuple[int, str]] = []
    sequence = first
    try:
        for sequence, frame in enumerate(batch.frames, first):
            place, payload, note = frame
            track = find(place)
            if track is None and not note:
                memory.world.reception.find(door, place, payload)  # the first of its place: from now on it is known
                track = find(place)
            if track is None or note:
                _unusual(memory, door, Arrival(sequence, batch, frame), strangers)
                continue
            try:
                counter, t_ms, values = track.open(payload)
            except ValueError:
                _unusual(memory, door, Arrival(sequence, batch, frame), strangers)
                continue
            usual = track.usual
            if (values.flags is not None) if usual is None else not usual(values):
                _unusual(memory, door, Arrival(sequence, batch, frame), strangers)
                continue
            key = 0
            if counter >= 0:
                if counter != track.counter + 1:
                    _unusual(memory, door, Arrival(sequence, batch, frame), strangers)
                    continue
            elif t_ms >= 0:
                key = t_ms << 22 ^ crc32(payload)
            if t_ms < 0:
                t_ms = now_ms
            if not (track.last_ms < t_ms < track.usual_until and fresh_ms < t_ms) and not goes_on(
                memory, track, t_ms, now_ms
            ):
                _unusual(memory, door, Arrival(sequence, batch, frame), strangers)
                continue
            track.frames += 1
            track.last_ms = t_ms
            track.seen_ms = log_ms
            if key:
                at = track.key_at
                if at < 0:
                    at = met.begin(track)
                keys[at] = key
                at += 1
                track.key_at = at if at % REMEMBERED else at - REMEMBERED
            elif counter >= 0:
                track.counter = counter
            else:
                door.recent.append(crc32(payload, crc32(place)))
            doubt = b""
            if track.damp and (humidity := values.humidity_pct) is not None and humidity >= HUMID_PCT:
                doubt = lines.HUMID
                memory.world.windows.mark(track.series, t_ms, values)
            if not track.quiet(values, track.bands):
                judge(memory, track, values, Arrival(sequence, batch, frame))
            if track.series:
                for series, value in zip(track.series, track.gather(values)):  # noqa: B905 - gather gives one more
                    if value is not None:
                        series.sum += round(value * 100)
                        series.count += 1
            if writing:
                fields = encode(values).translate(table, drop)
                if fields:
                    add(b"%s%s%s %d\n" % (track.prefix, doubt, fields, t_ms * 1_000_000 + sequence * 8 % 1_000_000))
    except Exception as error:
        raise PoisonError(sequence) from error
    return strangers


def goes_on(memory: Memory, track: Track, t_ms: int, now_ms: int) -> bool:
    """Tell whether the only unusual thing is that time went on: close minutes, and set the next bound."""
    if not track.last_ms < t_ms <= now_ms + FUTURE_MS or t_ms <= now_ms - HISTORY_MS or track.silent or track.skew_ms:
        return False
    track.usual_until = now_ms + FUTURE_MS
    if track.series:
        memory.world.windows.roll(track.series, t_ms, now_ms)
        track.usual_until = min(track.usual_until, (t_ms // MINUTE_MS + 1) * MINUTE_MS)
    return True


def judge(memory: Memory, track: Track, values: Values, arrival: Arrival, *, late: bool = False) -> None:
    """Let the rules judge what is not in their quiet bands."""
    sequence, batch = arrival.sequence, arrival.batch
    moment = memory.moment(sequence, batch.at_ms, "reading")
    for judge, value in zip(track.watches, track.pick(values)):  # noqa: B905 - pick gives one more
        if value is not None and not judge.low <= value <= judge.high:
            memory.world.judging.value(
                judge, value, values, track, moment, partial(_evidence, arrival, value), late=late
            )
    quieten(track)


def _evidence(arrival: Arrival, value: float) -> Evidence:
    """Copy what an event rests on, for the journal forgets."""
    place, payload, _ = arrival.frame
    why = {"value": value}
    return Evidence(sequence=arrival.sequence, source=arrival.batch.source, place=place, payload=payload, why=why)


def _unusual(memory: Memory, door: Door, arrival: Arrival, strangers: list[tuple[int, str]]) -> None:
    """Take one frame the careful way."""
    sequence, batch, frame = arrival.sequence, arrival.batch, arrival.frame
    log_ms = batch.at_ms
    track, received = memory.world.reception.receive(door, frame, log_ms + memory.offset_ms, log_ms)
    if isinstance(received, Stranger):
        door.strangers += 1
        strangers.append((sequence, received.address))
    elif isinstance(received, Refusal) and track is not None:
        memory.out.refused.append(Refused(sequence, track.device.id, received.reason, received.detail))
    elif track is not None and isinstance(received, list):
        if track.silent and track.seen_ms == log_ms:
            speak_again(memory, track, memory.moment(sequence, log_ms, "reading"))
        if track.model.hint is not None:
            doubt = memory.world.reception.stations.doubt(track.device, track.model.hint, [r.values for r in received])
            _ask(memory, track.device, doubt, memory.moment(sequence, log_ms, "reading"))
        for index, reading in enumerate(received):
            heed(memory, track, reading, index, arrival)


def speak_again(memory: Memory, track: Track, moment: Moment) -> None:
    """End the silence of a device."""
    track.silent = False
    memory.parents.spoke(track, memory, moment)
    for sign in track.signs:
        memory.look_for_signs(sign, track, moment)


def _ask(memory: Memory, device: Device, doubt: tuple[str, ...] | None, moment: Moment) -> None:
    """Ask for options that are probably wrong, by an alarm; it ends when what the device says makes sense."""
    rule, judging = CONDITIONS["setup-doubtful"], memory.world.judging
    judge = judging.judges.get((rule.id, device.id))
    if doubt is None or (not doubt and judge is None):
        return
    zh, en = doubt or ("", "")
    name = device.name or device.id
    words = {"why_zh": f"{name}（{device.id}）：{zh}", "why_en": f"{name} ({device.id}): {en}"}
    alarm = judging.alarms.by_id.get(judge.id) if judge else None
    if judge is not None and judge.words and alarm is not None and alarm.active:
        words = judge.words  # not told anew for each number
    memory.links.built_in(rule, device.id, memory.world, moment, holds=bool(doubt), words=words)


def counts(track: Track, reading: Reading, log_ms: int) -> bool:
    """Tell whether windows and rules heed it: a station that sends only minute means is judged by them."""
    if reading.span == "minute":
        return log_ms - track.realtime_ms > REALTIME_MS
    if reading.span == "" and (track.envelope is None or track.envelope.bind is None):  # the quick loop knows no means
        track.realtime_ms = log_ms
    return reading.span == ""


def without_doubted(track: Track, values: Values) -> list[float | None]:
    """Return what the windows of a device take of a reading, a place for each series.

    A value with a doubt of its own (`pm10_ug_m3:T`, over the instrument's range) is judged, but enters no mean
    (HJ 212-2017 table 8: only N is normal).
    """
    doubted = {flag.partition(":")[0] for flag in (values.flags or "").split() if ":" in flag}
    return [None if s.quantity in doubted else getattr(values, s.quantity) for s in track.series]


def note_doubts(memory: Memory, track: Track, values: Values, t_ms: int) -> None:
    """Count what of a reading enters no mean, by the word of its flag, and what does although it is in doubt."""
    windows = memory.world.windows
    if values.flags is None or not windows.takes(t_ms):
        return
    minute = t_ms // MINUTE_MS
    for flag in values.flags.split():
        quantity, _, reason = flag.partition(":")
        for series in track.series:
            if reason and series.quantity == quantity:
                windows.left_out.add(minute, series.index, reason)
        if flag == HUMID:
            windows.mark(track.series, t_ms, values)


def heed(memory: Memory, track: Track, reading: Reading, index: int, arrival: Arrival) -> None:
    """Let windows and rules heed a reading, and write its line."""
    sequence, batch = arrival.sequence, arrival.batch
    if counts(track, reading, batch.at_ms):
        if track.series:
            _collect(memory, track, reading, batch.at_ms + memory.offset_ms)
        if reading.live or reading.newest:
            judge(memory, track, reading.values, arrival, late=not reading.live)
    elif reading.span in ("hour", "day") and track.series:
        moment = memory.moment(sequence, batch.at_ms, "reading")
        reported.hear(memory, track.series, reading, moment)
    if memory.world.registry.influx:
        head = lines.of_span(track.prefix, "reported_" + reading.span) if reading.span else track.prefix
        line = lines.careful(head, reading.values, lines.at_ns(reading.t_ms, sequence, index))
        if line:
            if memory.unusual is not None:
                memory.unusual[len(memory.out.lines)] = reading
            memory.out.lines.append(line)


def _collect(memory: Memory, track: Track, reading: Reading, now_ms: int) -> None:
    """Put a reading into the windows: the open minute, the next one, or the one it belongs to."""
    values = without_doubted(track, reading.values)
    minute = reading.t_ms // MINUTE_MS
    if reading.live and minute > track.series[0].minute and reading.t_ms > now_ms - HISTORY_MS:
        memory.world.windows.roll(track.series, reading.t_ms, now_ms)
    if minute != track.series[0].minute:
        memory.world.windows.add_late(track.series, reading.t_ms, values, now_ms)
        note_doubts(memory, track, reading.values, reading.t_ms)
        return
    note_doubts(memory, track, reading.values, reading.t_ms)
    for series, value in zip(track.series, values, strict=True):
        if value is not None:
            series.sum += round(value * 100)
            series.count += 1


def _keep(memory: Memory, first: int, batch: Batch, strangers: list[tuple[int, str]], *, fired: bool) -> None:
    """Sort the frames: the journal keeps what is known, in runs of consecutive numbers; the inbox the rest."""
    known = memory.out.known
    before = len(known)
    if fired and strangers and strangers[0][0] == first:
        known.append((first, Tick(batch.at_ms)))  # what the timers made a replay must make again, by this record
    start = first
    for sequence, address in strangers:
        if sequence > start:
            known.append((start, Batch(batch.source, batch.at_ms, batch.frames[start - first : sequence - first])))
        frame = batch.frames[sequence - first]
        memory.out.strangers.append((sequence, batch.source, batch.at_ms, frame, address))
        start = sequence + 1
    if start < first + len(batch.frames):
        rest = Batch(batch.source, batch.at_ms, batch.frames[start - first :]) if strangers else batch
        known.append((start, rest))
    if len(known) > before:
        memory.log_ms = batch.at_ms
