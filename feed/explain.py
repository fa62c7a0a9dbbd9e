"""An explanation of a verdict: everything that it rests on, out of the book alone, with each mean worked out again.

The facts are here, as JSON gives them; feed.explain_sections puts them into words, feed.explain_page makes the page.
"""

from hashlib import sha256
from typing import Any

import numpy as np
from msgspec import Struct

from devices.instants import rfc3339
from feed.wire import AlarmView, alarm_view
from rules.kinds.table import KINDS
from rules.packs import EVER
from rules.periods import HOUR_MIN, LONGEST_REACH_MIN, MINUTE_MS, SLOT_MIN, Calendar, hour_slots, reach_min, told
from rules.records import Event, Period
from rules.spans import judges
from store.proofs import Digest, KeptFrame, Proof, ProofReader

LEAST = {"slot": 12, "hour": 45}
"""Valid minutes without which a period has no mean."""
_OF_DAYS = ("day", "day_hours")
"""What a rule on days judges; one on slots, hours or the last 24 hours says nothing of the mean of a day."""


class Former(Struct, kw_only=True):
    """An earlier revision of a period, as it was told then."""

    revision: int
    mean: float | None
    valid: int
    cause: str


class PeriodRow(Struct, kw_only=True):
    """A slot, hour or day that the verdict rests on, as rules.records.Period says it.

    series      device and quantity of another series that the rule looks at (a background); "" = the alarm's own
    of          minutes that a slot or hour has; hours that a day has
    recomputed  the mean worked out again from the frames of this proof; None = they are not all here
    """

    series: str
    span: str
    start_ms: int
    start: str
    mean: float | None
    valid: int
    of: int
    gap_min: int
    count: int
    left_out: dict[str, int]
    marked: dict[str, int]
    revision: int
    cause: str
    former: list[Former]
    recomputed: float | None = None


class ReadingRow(Struct, kw_only=True):
    """A value of the alarm's quantity. left_out: why it is in no mean; "" = it is in one."""

    t_ms: int
    time: str
    sequence: int
    value: float | bool | None
    flags: str
    left_out: str


class FrameRow(Struct, kw_only=True):
    """A frame as it came. payload_hex: None where it is not shown; sha256: of the payload."""

    sequence: int
    at: str
    source: str
    place: str
    what: str
    sha256: str
    payload_hex: str | None


class LifeRow(Struct, kw_only=True):
    """An event of the same occurrence: what happened to the alarm, and what people did."""

    number: int
    time: str
    kind: str
    cause: str
    state: str
    user: str | None
    comment: str | None
    value: float | bool | None
    proof: bool


class Limit(Struct, kw_only=True):
    """What the value was compared with, and where that number comes from.

    mark   how certain that is: V1, V2, V3, C, E, M (rules.ruleset.Cited)
    basis  compliance or reference; None where no legal limit is meant
    """

    value: float
    document: str
    clause: str
    mark: str
    from_date: str | None
    to_date: str | None
    basis: str | None


class Explanation(Struct, kw_only=True):
    """Why an event is as it is.

    state    proven; pending: the proof is being made; unproven: this event was told before there were proofs, or its
             proof is no longer kept
    day      of a verdict on a day: the valid hours, their sum, the sum divided by their number
    period   of a verdict on a slot or an hour: that slot or hour; None also where it is not in the proof
    missing  why frames may be missing that came before missing_to
    """

    gateway: str
    time_zone: str
    state: str
    event: int
    kind: str
    cause: str
    time: str
    t_ms: int
    sequence: int
    amends: int | None
    alarm: AlarmView
    why: dict[str, Any]
    limit: Limit | None
    rule: dict[str, Any]
    rule_hash: str
    config: str
    version: int
    device: dict[str, Any] | None
    facts: dict[str, Any]
    periods: list[PeriodRow]
    day: dict[str, float] | None
    period: PeriodRow | None
    readings: list[ReadingRow]
    frames: list[FrameRow]
    record: dict[str, Any] | None
    first: int
    last: int
    frames_in_span: int
    frames_kept: int
    span_from: str
    digests: list[Digest]
    missing: str
    missing_to: str | None
    life: list[LifeRow]


def explain(book: ProofReader, alarm: str, number: int | None = None, *, payloads: bool = False) -> Explanation | None:
    """Explain an event of an alarm, the last that judges where no number is given; None where there is no such.

    payloads  the bytes of frames are shown (there may be passwords of stations among them)
    """
    events = book.events_of(alarm)
    judged = [event for event in events if judges(event) and number in (None, event.number)]
    if not judged:
        return None
    event = judged[-1]
    occurrence = event.amends or event.alarm.occurrence
    life = [each for each in events if occurrence in (each.amends, each.alarm.occurrence)]
    proofs = {each.number: proof for each in life if (proof := book.proof(each.number)) is not None}
    return _Case(book, event, life, proofs).explanation(payloads=payloads)


class _Case:
    """One event, the life of its occurrence, the proofs of that."""

    def __init__(self, book: ProofReader, event: Event, life: list[Event], proofs: dict[int, Proof]) -> None:
        self.event, self.life, self.proofs = event, life, proofs
        self.proof = proofs.get(event.number)
        self.pending = self.proof is None and event.number > book.proven_to()
        self.why = event.evidence.why if event.evidence else {}
        earlier = [proof for number, proof in sorted(proofs.items()) if number <= event.number]
        frames = {frame.sequence: frame for proof in earlier for frame in proof.unpacked()}
        self.frames = [frames[sequence] for sequence in sorted(frames)]
        self.spans = earlier
        self.whole = bool(earlier) and not any(proof.missing or proof.digests for proof in earlier)
        self.calendar = Calendar(self.proof.time_zone if self.proof else "UTC")

    def explanation(self, *, payloads: bool) -> Explanation:
        """Put it together."""
        event, proof = self.event, self.proof
        readings = self._readings()
        periods = self._periods(readings)
        return Explanation(
            gateway=proof.gateway if proof else "", time_zone=self.calendar.zone,
            state="proven" if proof else "pending" if self.pending else "unproven",
            event=event.number, kind=event.kind, cause=event.cause, time=rfc3339(event.t_ms), t_ms=event.t_ms,
            sequence=event.sequence, amends=event.amends, alarm=alarm_view(event.alarm, event.number), why=self.why,
            limit=self._limit(), rule=proof.rule if proof else {}, rule_hash=proof.rule_hash if proof else "",
            config=event.evidence.config if event.evidence else "", version=proof.version if proof else 0,
            device=proof.device if proof else None, facts=proof.facts if proof else {}, periods=periods,
            day=_day_of(periods) if self._needs() in _OF_DAYS else None,
            period=self._judged(periods), readings=readings,
            frames=[_frame(each, self._offset(), payloads) for each in self.frames],
            record=proof.record if proof else None, first=min((p.first for p in self.spans if p.first), default=0),
            last=max((p.last for p in self.spans), default=0), frames_in_span=sum(p.frames for p in self.spans),
            frames_kept=sum(p.kept for p in self.spans),
            span_from=rfc3339(min((p.from_ms for p in self.spans), default=event.t_ms)),
            digests=[digest for p in self.spans for digest in p.digests],
            missing=next((p.missing for p in self.spans if p.missing), ""),
            missing_to=rfc3339(to) if (to := max((p.missing_to_ms for p in self.spans), default=0)) else None,
            life=[self._life(each) for each in self.life],
        )  # fmt: skip

    def _needs(self) -> str:
        """Tell what the rule judges: a slot, an hour, a day, readings."""
        kind = KINDS.get(self.proof.rule["kind"]) if self.proof and self.proof.rule else None
        return kind.needs if kind else ""

    def _judged(self, periods: list[PeriodRow]) -> PeriodRow | None:
        """Find the slot or the hour that the verdict is on."""
        judged = (self._needs(), self.why.get("start_ms"), "")
        return next((row for row in periods if (row.span, row.start_ms, row.series) == judged), None)

    def _offset(self) -> int:
        return self.event.t_ms - self.event.at_ms

    def _life(self, event: Event) -> LifeRow:
        return LifeRow(
            number=event.number, time=rfc3339(event.t_ms), kind=event.kind, cause=event.cause, state=event.alarm.state,
            user=event.user or None, comment=event.comment or None,
            value=(event.evidence.why.get("value") if event.evidence else None), proof=event.number in self.proofs,
        )  # fmt: skip

    def _limit(self) -> Limit | None:
        alarm = self.event.alarm
        value = self.why.get("limit", alarm.limit)
        if value is None:
            return None
        rule: dict[str, Any] = self.proof.rule if self.proof else {}
        date = str(self.why.get("date", ""))
        dated: dict[str, Any] = next(
            (
                limit
                for limit in rule.get("settings", {}).get("limits") or ()
                if date and limit["from_date"] <= date <= (limit["to_date"] or "9999")
            ),
            {},
        )
        begins = dated.get("from_date")
        names = {f"limit {begins}", "limit", "above", "below"}
        # number, value, document, clause, mark
        cited = next((each for each in rule.get("sources") or () if each[0] in names), ["", "", "", "", ""])
        return Limit(
            value=float(value), document=cited[2] or dated.get("name") or str(self.why.get("standard", "")),
            clause=cited[3] or dated.get("source") or str(self.why.get("source", "")), mark=cited[4],
            from_date=None if begins == EVER else begins, to_date=dated.get("to_date"), basis=alarm.basis,
        )  # fmt: skip

    def _readings(self) -> list[ReadingRow]:
        quantity = self.event.alarm.quantity or ""
        said = [(frame, each) for frame in self.frames for each in frame.said]
        moments = any(each.span == "" for _, each in said)  # a station that sends only minute means is judged by them
        rows = []
        for frame, each in said:
            reason = next(
                (flag.partition(":")[2] for flag in each.flags.split() if flag.startswith(f"{quantity}:")), ""
            )
            if each.span not in ("", "history") and (moments or each.span != "minute"):
                reason = f"mean:{each.span}"  # a mean that the device made itself stands beside ours
            rows.append(
                ReadingRow(
                    t_ms=each.t_ms, time=rfc3339(each.t_ms), sequence=frame.sequence, value=each.value,
                    flags=each.flags, left_out=reason,
                )
            )  # fmt: skip
        return sorted(rows, key=lambda row: (row.t_ms, row.sequence))

    def _periods(self, readings: list[ReadingRow]) -> list[PeriodRow]:
        found: dict[tuple[int, str, str], list[Period]] = {}
        alarm = self.event.alarm
        for proof in self.spans:
            for period in proof.periods:
                own = (period.device, period.quantity) == (alarm.device, alarm.quantity)
                series = "" if own else f"{period.device} {period.quantity}"
                of = found.setdefault((period.start_ms, period.span, series), [])
                if all(each.revision != period.revision for each in of):
                    of.append(period)
        minutes = self._minutes(readings)
        rows = []
        for (start_ms, span, series), of in sorted(found.items()):
            *former, last = sorted(of, key=lambda period: period.revision)
            length = self._length(span, start_ms)
            rows.append(
                PeriodRow(
                    series=series, span=span, start_ms=start_ms, start=rfc3339(start_ms), mean=last.mean,
                    valid=last.valid, of=length, gap_min=last.gap_min, count=last.count, left_out=last.left_out,
                    marked=last.marked,
                    revision=last.revision, cause=last.cause,
                    former=[Former(revision=f.revision, mean=f.mean, valid=f.valid, cause=f.cause) for f in former],
                    recomputed=None if series else self._again(span, start_ms, length, minutes),
                )
            )  # fmt: skip
        return rows

    def _length(self, span: str, start_ms: int) -> int:
        if span == "day":
            return self.calendar.day(start_ms // MINUTE_MS).hours
        return SLOT_MIN if span == "slot" else HOUR_MIN

    def _minutes(self, readings: list[ReadingRow]) -> dict[int, tuple[int, int]]:
        """Put readings into minutes, as the windows do: sum in 0.01 of the unit, count; (1, 0) = it spoke of others."""
        minutes: dict[int, tuple[int, int]] = {}
        for row in readings:
            if isinstance(row.value, bool) or row.left_out.startswith("mean:"):
                continue
            total, count = minutes.get(row.t_ms // MINUTE_MS, (0, 0))
            if row.value is not None and not row.left_out:
                total, count = total * (count > 0) + round(row.value * 100), count + 1
            elif not count:
                total = 1
            minutes[row.t_ms // MINUTE_MS] = (total, count)
        return minutes

    def _again(self, span: str, start_ms: int, length: int, minutes: dict[int, tuple[int, int]]) -> float | None:
        """Work the mean of a slot or an hour out again, by the very rule of the windows."""
        if span == "day" or not self.whole or self.proof is None or self.proof.device is None:
            return None
        first = start_ms // MINUTE_MS
        cells = [minutes.get(first + at, (0, 0)) for at in range(length + LONGEST_REACH_MIN)]
        sums, counts = (np.array([[cell[which]] for cell in cells], np.int64) for which in (0, 1))
        reach = np.array([reach_min(self.proof.device["interval_ms"])], np.int64)
        slots = hour_slots(sums, counts, reach, length=length, least=LEAST[span])
        return float(told(slots.mean)[0]) if slots.valid[0] >= LEAST[span] else None


def _day_of(periods: list[PeriodRow]) -> dict[str, float] | None:
    """Add the valid hours of the day up."""
    if not any(row.span == "day" for row in periods):
        return None
    own = [row for row in periods if row.span == "hour" and not row.series]
    means = [row.mean for row in own if row.mean is not None]
    return {"hours": len(means), "sum": round(sum(means), 6), "mean": round(sum(means) / max(len(means), 1), 6)}


def _frame(frame: KeptFrame, offset_ms: int, payloads: bool) -> FrameRow:  # noqa: FBT001 - of one caller
    return FrameRow(
        sequence=frame.sequence, at=rfc3339(frame.at_ms + offset_ms), source=frame.source,
        place=frame.place.decode("utf-8", "backslashreplace"), what=frame.what,
        sha256=sha256(frame.payload).hexdigest(),
        payload_hex=frame.payload.hex() if payloads else None,
    )  # fmt: skip
