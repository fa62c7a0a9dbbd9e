"""The chart of an explanation: inline SVG, no script. Missing is drawn as missing: a hatched gap, never a line across.

Of verdicts on closed periods: each slot or hour as a column with its coverage below, the limit, what is invalid. Of
verdicts on readings: the readings, the limit. Of silence: when frames came, and when none did.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from math import ceil, floor, log10
from zoneinfo import ZoneInfo

from feed.explain import Explanation, PeriodRow
from rules.periods import MINUTE_MS

WIDTH, HEIGHT = 960, 320
LEFT, RIGHT, TOP, BOTTOM = 60, 16, 26, 62
COVER = 16  # height of the band of coverage
_TICKS = 8
_GAP_INTERVALS = 3  # readings that far apart are not joined

Point = tuple[int, float]


class _Frame:
    """Where times and values are on the picture."""

    def __init__(self, begin: int, end: int, values: list[float], zone: ZoneInfo) -> None:
        self.begin, self.end, self.zone = begin, max(end, begin + MINUTE_MS), zone
        low, high = min([0.0, *values]), max([*values, 1.0])
        self.low, self.high = low, high + (high - low) * 0.1
        self.parts: list[str] = []

    def x(self, t_ms: float) -> float:
        inside = min(max(t_ms, self.begin), self.end)
        return round(LEFT + (inside - self.begin) / (self.end - self.begin) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM), 1)

    def rect(self, kind: str, box: tuple[float, float, float, float], title: str = "") -> None:
        """Draw from left, top, right, bottom."""
        left, top, right, bottom = box
        size = f'x="{left}" y="{top}" width="{max(right - left, 0.5):.1f}" height="{max(bottom - top, 0):.1f}"'
        self.parts.append(f'<rect class="{kind}" {size}><title>{escape(title)}</title></rect>')

    def line(self, kind: str, points: list[tuple[float, float]]) -> None:
        path = " ".join(f"{x},{y}" for x, y in points)
        self.parts.append(f'<polyline class="{kind}" points="{path}"/>')

    def text(self, where: tuple[float, float], words: str, kind: str = "", anchor: str = "middle") -> None:
        x, y = where
        self.parts.append(f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>')

    def axes(self, unit: str) -> None:
        if unit:
            step = _step(self.high - self.low)
            for at in range(ceil(self.low / step), floor(self.high / step) + 1):
                self.line("grid", [(LEFT, self.y(at * step)), (WIDTH - RIGHT, self.y(at * step))])
                self.text((LEFT - 6, self.y(at * step) + 4), f"{at * step:g}", anchor="end")
            self.text((LEFT - 6, TOP - 12), unit, anchor="end")
        for at in range(_TICKS + 1):
            t_ms = self.begin + (self.end - self.begin) * at // _TICKS
            moment = datetime.fromtimestamp(t_ms / 1000, UTC).astimezone(self.zone)
            anchor = "start" if at == 0 else "end" if at == _TICKS else "middle"
            self.text((self.x(t_ms), HEIGHT - 22), f"{moment:%H:%M}", anchor=anchor)
            if at in (0, _TICKS):
                self.text((self.x(t_ms), HEIGHT - 6), f"{moment:%Y-%m-%d}", anchor=anchor)


def chart(found: Explanation, w: Callable[[str, str], str]) -> str:
    """Draw what there is to draw; "" = nothing."""
    hours = [row for row in found.periods if row.span == _drawn(found) and not row.series]
    readings = [(row.t_ms, float(row.value)) for row in found.readings if row.value is not None]
    limit = found.limit.value if found.limit else None
    values = [*([limit] if limit is not None else [])]
    zone = ZoneInfo(found.time_zone)
    if hours:
        end = hours[-1].start_ms + _length_ms(hours[-1])
        frame = _Frame(hours[0].start_ms, end, [*values, *(row.mean for row in hours if row.mean is not None)], zone)
        frame.axes(found.alarm.unit or "")
        _steps(frame, hours, w)
    elif readings:
        begin, end = readings[0][0], max(readings[-1][0], found.t_ms)
        frame = _Frame(begin, end, [*values, *(value for _, value in readings)], zone)
        frame.axes(found.alarm.unit or "")
        _readings(frame, found, readings, w)
    elif found.frames:
        return _silence(found, zone, w)
    else:
        return ""
    if limit is not None:
        frame.line("limit", [(LEFT, frame.y(limit)), (WIDTH - RIGHT, frame.y(limit))])
        frame.text((WIDTH - RIGHT, frame.y(limit) - 5), f"{w('限值', 'limit')} {limit:g}", "limit-text", "end")
    return _svg(frame, w("图：数据与限值", "Chart: what was measured, and the limit"))


def _step(width: float) -> float:
    """Return the distance of lines that people can read: 1, 2 or 5 times a power of ten, some five of them."""
    power: float = 10 ** floor(log10(width / 5))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= width / 6)


def _drawn(found: Explanation) -> str:
    """Slots for rules on slots, else hours."""
    return "slot" if any(row.span == "slot" for row in found.periods) else "hour"


def _length_ms(row: PeriodRow) -> int:
    return row.of * MINUTE_MS


def _steps(frame: _Frame, rows: list[PeriodRow], w: Callable[[str, str], str]) -> None:
    """Draw each period as a column; an invalid one as a gap; its coverage below."""
    ground = HEIGHT - BOTTOM
    known = {row.start_ms for row in rows}
    length = _length_ms(rows[0])
    for start in range(rows[0].start_ms, frame.end, length):
        if start not in known:
            frame.rect("gap", (frame.x(start), TOP, frame.x(start + length), ground), w("没有数据", "no data"))
    for row in rows:
        left, right = frame.x(row.start_ms), frame.x(row.start_ms + _length_ms(row))
        if row.mean is None:
            frame.rect("gap", (left, TOP, right, ground), w(f"无效：{row.valid} 分", f"invalid: {row.valid} min"))
        else:
            frame.rect("mean", (left + 0.5, frame.y(row.mean), right - 0.5, frame.y(frame.low)), f"{row.mean:g}")
        covered = COVER * row.valid / row.of
        frame.rect("empty", (left + 0.5, ground + 4, right - 0.5, ground + 4 + COVER), f"{row.valid}/{row.of}")
        frame.rect(
            "cover",
            (left + 0.5, ground + 4 + COVER - covered, right - 0.5, ground + 4 + COVER),
            f"{row.valid}/{row.of}",
        )
    frame.text((LEFT - 6, ground + COVER), w("有效率", "coverage"), anchor="end")


def _readings(frame: _Frame, found: Explanation, points: list[Point], w: Callable[[str, str], str]) -> None:
    """Draw readings as dots, joined where they follow each other; gaps are hatched."""
    interval = (found.device or {}).get("interval_ms") or MINUTE_MS
    truth = any(isinstance(row.value, bool) for row in found.readings)
    run: list[tuple[float, float]] = []
    before = None
    for t_ms, value in points:
        if before is not None and t_ms - before > _GAP_INTERVALS * interval:
            frame.line("trace", run)
            run = []
            box = (frame.x(before), TOP, frame.x(t_ms), HEIGHT - BOTTOM)
            frame.rect("gap", box, w("没有数据", "no data"))
        elif truth and run:
            run.append((frame.x(t_ms), run[-1][1]))  # a truth holds until another is said
        run.append((frame.x(t_ms), frame.y(value)))
        before = t_ms
    frame.line("trace", run)
    for t_ms, value in points[-2000:]:
        frame.parts.append(f'<circle class="dot" cx="{frame.x(t_ms)}" cy="{frame.y(value)}" r="2.5"/>')
    frame.line("event", [(frame.x(found.t_ms), TOP), (frame.x(found.t_ms), HEIGHT - BOTTOM)])


def _silence(found: Explanation, zone: ZoneInfo, w: Callable[[str, str], str]) -> str:
    """Draw when frames came, and the time without any."""
    times = [int(datetime.fromisoformat(each.at).timestamp() * 1000) for each in found.frames]
    frame = _Frame(min(times), max(found.t_ms, times[-1]), [], zone)
    frame.axes("")
    box = (frame.x(max(times)), TOP, frame.x(found.t_ms), HEIGHT - BOTTOM)
    frame.rect("gap", box, w("没有数据", "no data"))
    frame.text(((box[0] + box[2]) / 2, HEIGHT / 2), w("没有数据", "no data"))
    for t_ms in times[-2000:]:
        frame.line("trace", [(frame.x(t_ms), TOP + 60), (frame.x(t_ms), HEIGHT - BOTTOM)])
    frame.line("event", [(frame.x(found.t_ms), TOP), (frame.x(found.t_ms), HEIGHT - BOTTOM)])
    return _svg(frame, w("图：收到数据的时刻", "Chart: when frames came"))


def _svg(frame: _Frame, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse">'
        '<path class="hatch" d="M0,6 L6,0"/></pattern></defs>' + "".join(frame.parts) + "</svg>"
    )
