"""What a report says, as plain data: shapes that page and table are made of, and that are kept to compare versions.

Times are civil, Unix ms. None is unknown, or too little: it is never shown as 0.
"""

from typing import Literal

import msgspec
from msgspec import Struct, json

from feed.kpi import Kpi
from rules.records import Text

ENOUGH_PCT = 75.0
"""Below it a mean is told as 数据不足: of the hours of a day, or the days of a month."""

EXCEEDABLE = frozenset(
    ("pm1_ug_m3", "pm25_ug_m3", "pm10_ug_m3", "tsp_ug_m3", "noise_db", "noise_eq_db", "noise_max_db")
)  # fmt: skip
"""Quantities of the ledger."""

Kind = Literal["day", "month"]


class Span(Struct, frozen=True, kw_only=True):
    """A day or a month of the gateway's zone: `2026-11-23`, `2026-11`. hours: how many whole ones it has."""

    kind: Kind
    name: str
    from_ms: int
    to_ms: int
    hours: int


class Values(Struct, kw_only=True):
    """What is said of a series: of the means of a day's hours, or (mean and p95 of a month) of its valid days.

    valid, parts  valid hours of the hours of a day; valid days of the days of a month
    lowest, highest  among the means of hours; at: when the highest began
    """

    mean: float | None
    p95: float | None
    lowest: float | None
    highest: float | None
    highest_at_ms: int | None
    valid: int
    parts: int

    @property
    def enough(self) -> bool:
        """Whether the mean may be told."""
        return self.parts > 0 and 100 * self.valid >= ENOUGH_PCT * self.parts


class LimitLine(Struct, frozen=True, kw_only=True):
    """A limit that the means of the chart are compared with."""

    value: float
    name: str
    basis: str | None


class Series(Struct, kw_only=True):
    """One quantity of one device.

    starts, means  of the chart: hours of a day, days of a month; None where too little is valid
    readings       in the means; left_out: received, and not in them
    expected       how many there should have been, by the device's interval
    before, year   the same values of the month before, and of the same month of the year before
    revised        periods of the span that were told again with other numbers, by cause
    judged         a rule compares it with a limit: where too little is valid, nobody knows whether that was exceeded
    """

    device: str
    name: str
    quantity: str
    zh: str
    en: str
    unit: str
    values: Values
    starts: list[int]
    means: list[float | None]
    readings: int
    left_out: int
    expected: float
    online_pct: float | None
    valid_pct: float | None
    limits: list[LimitLine] = []
    before: Values | None = None
    year: Values | None = None
    revised: dict[str, int] = {}
    judged: bool = False

    @property
    def doubtful(self) -> bool:
        """Whether it is not known whether a limit was exceeded."""
        return self.judged and not self.values.enough


class Exceedance(Struct, kw_only=True):
    """One time that a limit was exceeded, and what came of it.

    from_ms, to_ms  of the periods that exceeded, or of the alarm where readings are judged; to_ms None: it lasts
    peak            the highest value that is known
    rang_ms         when it called for somebody; None = it was withheld (`withheld`: why)
    by, reply       who acknowledged it, and what was written; minutes: from the ring to the acknowledgement
    turned          a revision says that the limit was not exceeded after all
    """

    alarm: str
    occurrence: int
    device: str
    name: str
    quantity: str
    text: Text
    priority: int
    from_ms: int
    to_ms: int | None
    peak: float | None
    limit: float
    unit: str
    basis: str | None
    rang_ms: int | None
    withheld: list[str] = []
    acked_ms: int | None = None
    by: str = ""
    reply: str = ""
    minutes: float | None = None
    amended: int = 0
    turned: bool = False


class Unit(Struct, kw_only=True):
    """One device. online_pct None: nothing tells it. by: `readings`, or `silence` (alarms that it was not heard)."""

    id: str
    name: str
    model: str
    family: str
    site: str | None
    online_pct: float | None
    by: Literal["readings", "silence", ""]
    alarms: int


class Family(Struct, kw_only=True):
    """Devices of a family: how many, how they could be heard, how alarms were answered. median_s: time to answer."""

    family: str
    devices: int
    online_pct: float | None
    alarms: int
    unanswered: int
    median_s: float | None
    p95_s: float | None


class Ranked(Struct, kw_only=True):
    """A site in the ranking. mean: of the quantity by which it is ranked; None = too little. place: None then too.

    doubtful  of some place too little is valid: there may have been more exceedances
    least     so it is of the quantity by which it is ranked: the highest may have been higher
    """

    site: str
    place: int | None
    mean: float | None
    highest: float | None
    exceedances: int
    online_pct: float | None
    valid_pct: float | None
    doubtful: bool = False
    least: bool = False


class Report(Struct, kw_only=True):
    """Everything that is in a report.

    title     the site, or the city
    version   1, 2 ...; 0 = made by hand, none that is kept
    labels    what all devices of the site have in common: permit number, builder ...
    ranking_by  quantity by which sites are ranked
    now_ms    up to then the book was read; so long answers count
    changed   of devices, since the report before: added, removed, altered; None = there was none to compare with
    revisions what is otherwise than in the version before, in words
    """

    gateway: str
    zone: str
    span: Span
    site: str | None
    title: str
    version: int = 1
    why: str = ""
    now_ms: int
    labels: dict[str, str]
    series: list[Series]
    exceedances: list[Exceedance]
    families: list[Family]
    units: list[Unit]
    kpi: Kpi
    ranking_by: str = ""
    ranking: list[Ranked] = []
    changed: list[Text] | None = None
    revisions: list[Text] = []

    @property
    def watched(self) -> bool:
        """Whether the gateway ran at any time of the span: if not, nothing is known of it."""
        return self.kpi.watched

    def measured(self) -> bytes:
        """Return what a new version is made for when it changes: what was measured and found, not who answered when."""
        found = [(e.device, e.quantity, e.values, e.means, e.readings) for e in self.series]
        found.sort(key=lambda row: row[:2])
        end_ms = self.span.to_ms
        over = [(e.alarm, e.from_ms, min(e.to_ms or end_ms, end_ms), e.limit, e.turned) for e in self.exceedances]
        return json.encode((found, over))


decode = msgspec.json.Decoder(Report).decode
