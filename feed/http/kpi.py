"""How good the alarm system is: the figures of ISA-18.2 for a span."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Query
from starlette.responses import Response

from feed.http import openapi
from feed.http.answer import answer
from feed.http.beside import Once
from feed.http.gateway import Gateway
from feed.http.problems import Problem, ProblemError
from feed.http.times import Instant, milliseconds
from feed.kpi import Asked
from feed.kpi_view import picture
from feed.shifts import shifts_of
from rules.records import Text

LONGEST_MS = 366 * 86_400_000
_DAY_MS = 86_400_000
LATEST_MS = 253_370_764_800_000  # 9999-01-01: later there is no day behind it, in whatever zone


def add(app: FastAPI, gateway: Gateway) -> None:
    """Add the endpoint."""
    hub, behind = gateway.hub, gateway.behind
    children = Once(1, "feed-kpi")  # the others wait: each reads the book from the begin of its span

    @app.get("/api/v1/kpi", responses=openapi.answers("KpiView", 422, 503))
    async def kpi(from_: Annotated[Instant | None, Query(alias="from")] = None, to: Instant | None = None) -> Response:
        """Give the figures from one time to another (RFC 3339); of the last 24 hours if nothing is said."""
        now_ms = behind.civil_ms()
        to_ms = now_ms if to is None else milliseconds(to)
        from_ms = to_ms - _DAY_MS if from_ is None else milliseconds(from_)
        if not 0 <= from_ms < to_ms <= min(from_ms + LONGEST_MS, LATEST_MS):
            raise ProblemError(_no_span())
        shifts = shifts_of(behind.console.shifts, ZoneInfo(behind.time_zone), from_ms, to_ms)
        asked = Asked(from_ms=from_ms, to_ms=to_ms, now_ms=now_ms, shifts=shifts)

        def work() -> bytes:
            if behind.kpi is None:
                return picture(hub.book, gateway.desk.path, hub.gateway, asked)
            return behind.kpi(asked)

        try:
            return answer(await children.once((from_ms, to_ms), work))
        except ValueError as error:
            raise ProblemError(_uncounted(str(error))) from None


def _uncounted(why: str) -> Problem:
    text = Text(zh=f"指标未算完，请重试：{why}", en=f"the figures were not worked out, try again: {why}")
    return Problem(status=503, word="not-counted", text=text)


def _no_span() -> Problem:
    text = Text(zh="from 须早于 to，且相距不超过 366 天", en="`from` must lie before `to`, by 366 days at the most")
    return Problem(status=422, word="no-span", text=text)
