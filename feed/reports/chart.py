"""Charts of a report as inline SVG: columns, the limit, hatched where too little is valid. No script."""

from html import escape
from math import ceil, floor, log10

from feed.reports.facts import Ranked, Report, Series
from feed.reports.words import Clock, Say, number, short_of_data

WIDTH, HEIGHT = 480, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 26, 24
_TICKS = 4
_MOST_BARS = 30  # sites in the chart of the ranking

DEFS = (
    '<svg class="defs" aria-hidden="true"><defs><pattern id="hatch" width="5" height="5" '
    'patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="5" '
    'class="hatch"/></pattern></defs></svg>'
)
"""Once a page."""


def _step(top: float) -> float:
    """Return a round step that gives about four lines."""
    rough = max(top, 1e-9) / _TICKS
    ten = 10.0 ** floor(log10(rough))
    return next(ten * many for many in (1, 2, 5, 10) if ten * many >= rough)


class _Picture:
    """A picture whose values begin at 0."""

    def __init__(self, highest: float, slots: int) -> None:
        self.step = _step(highest * 1.05 or 1.0)
        self.top = self.step * ceil(max(highest * 1.05, self.step) / self.step)
        self.width = (WIDTH - LEFT - RIGHT) / max(slots, 1)
        self.parts: list[str] = []
        for at in range(round(self.top / self.step) + 1):
            y = self.y(at * self.step)
            self.parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
            self.text(LEFT - 5, y + 3.5, f"{at * self.step:g}", anchor="end")

    def x(self, slot: float) -> float:
        return round(LEFT + slot * self.width, 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM), 1)

    def column(self, slot: int, top: float, kind: str, words: str) -> None:
        gap = self.width * 0.12
        height = round(HEIGHT - BOTTOM - top, 1)
        self.parts.append(
            f'<rect class="{kind}" x="{self.x(slot) + gap:.1f}" y="{top}" width="{self.width - 2 * gap:.1f}" '
            f'height="{height}"><title>{escape(words)}</title></rect>'
        )

    def text(self, x: float, y: float, words: str, *, anchor: str = "middle", kind: str = "") -> None:
        name = f' class="{kind}"' if kind else ""
        self.parts.append(f'<text{name} x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>')

    def svg(self, label: str) -> str:
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label, quote=True)}">'
            + "".join(self.parts)
            + "</svg>"
        )


def chart(series: Series, report: Report, say: Say) -> str:
    """Draw the means of one series."""
    limits = [line.value for line in series.limits]
    known = [mean for mean in series.means if mean is not None]
    picture = _Picture(max([*known, *limits], default=1.0), len(series.means))
    title = f"{series.name} · {say(series.zh, series.en)} {series.unit}"
    picture.text(LEFT, 14, title, anchor="start", kind="title")
    length_ms = 3_600_000 if report.span.kind == "day" else 86_400_000
    clock, least = Clock(report.zone, report.span), min(limits, default=None)
    for slot, (start, mean) in enumerate(zip(series.starts, series.means, strict=True)):
        when = clock.short(start) if report.span.kind == "day" else f"{clock.local(start):%m-%d}"
        if mean is not None:
            kind = "over" if least is not None and mean > least else "bar"
            picture.column(slot, picture.y(mean), kind, f"{when}: {number(mean)} {series.unit}")
        elif start + length_ms <= report.now_ms:
            picture.column(slot, TOP, "gap", f"{when}: {short_of_data(say)}")
        _tick(picture, slot, start, report)
    for line in sorted({(line.value, line.basis) for line in series.limits}, key=str):
        y, reference = picture.y(line[0]), line[1] == "reference"
        picture.parts.append(f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        words = say("参考限值", "reference") if reference else say("限值", "limit")
        picture.text(WIDTH - RIGHT, y - 3, f"{words} {line[0]:g}", anchor="end", kind="limit-text")
    return picture.svg(title)


def _tick(picture: _Picture, slot: int, start: int, report: Report) -> None:
    local = Clock(report.zone).local(start)
    if report.span.kind == "day" and local.hour % 3 == 0:
        picture.text(picture.x(slot), HEIGHT - 8, f"{local.hour}", anchor="middle")
    elif report.span.kind == "month" and (local.day == 1 or local.day % 5 == 0):
        picture.text(picture.x(slot + 0.5), HEIGHT - 8, f"{local.day}")


def ranking(rows: list[Ranked], title: str, say: Say) -> str:
    """Draw the means of sites as bars that lie, the highest first."""
    rows = rows[:_MOST_BARS]
    top = max((each.mean for each in rows if each.mean is not None), default=0.0) or 1.0
    name_px, line_px = 150, 20
    height = line_px * len(rows) + 10
    parts = []
    for at, each in enumerate(rows):
        y = 5 + at * line_px
        short = each.site if len(each.site) <= 14 else f"{each.site[:13]}…"  # noqa: PLR2004 - what fits beside a bar
        parts.append(f'<text x="{name_px - 6}" y="{y + 13}" text-anchor="end">{escape(short)}</text>')
        if each.mean is None:
            parts.append(f'<text x="{name_px}" y="{y + 13}" class="few">{escape(short_of_data(say))}</text>')
            continue
        width = round((WIDTH - name_px - 50) * each.mean / top, 1)
        parts.append(f'<rect class="bar" x="{name_px}" y="{y + 2}" width="{width}" height="{line_px - 6}"/>')
        parts.append(f'<text x="{name_px + width + 5}" y="{y + 13}">{number(each.mean)}</text>')
    label = escape(title, quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
