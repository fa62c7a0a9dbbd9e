"""Reports and figures over HTTP: what is listed, shown, refused; figures of 90 days do not hold the others up."""

import statistics
import threading
import time
from pathlib import Path

import pytest

from feed.reports.make import Maker
from feed.reports.settings import ReportsSettings
from tests.feed.room import NOW_MS, Room, tilted
from tests.feed.streets import MINUTE, City


@pytest.fixture
def shown(tmp_path: Path) -> Room:
    """Make the reports of a day in the state directory of a room."""
    city = City(tmp_path)
    city.live("2026-11-23 00:04", "2026-11-24 00:00", ["dust-07"], lambda *_: {"pm10": 90.0}, every_ms=5 * MINUTE)
    city.wait("2026-11-24 07:30")
    settings = ReportsSettings(daily="07:30", city="徐州市鼓楼区")
    maker = Maker(book=city.state / "book.sqlite", registry=city.registry, ruleset=city.ruleset, settings=settings)
    maker.run(city.state, city.ms("2026-11-24 07:30"))
    city.book.close()
    return Room(city.state)


def test_reports_are_listed_and_opened(shown: Room) -> None:
    with shown as room:
        listed = room.get("/api/v1/reports?kind=day").json["reports"]
        assert [(each["site"], each["version"]) for each in listed] == [(None, 1), ("云龙湖二期", 1), ("老东门", 1)]
        assert room.get("/api/v1/reports?site=%E8%80%81%E4%B8%9C%E9%97%A8").json["reports"] == listed[2:]
        assert room.get("/api/v1/reports?kind=month").json["reports"] == []
        opened = room.get(listed[1]["html"])
        assert opened.status == 200
        assert opened.headers["content-type"] == "text/html; charset=utf-8"
        policy = opened.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert policy.endswith("frame-ancestors 'none'")
        assert "云龙湖二期 监测日报" in opened.body.decode()
        table = room.get(listed[1]["csv"])
        assert table.body.startswith(b"\xef\xbb\xbf")
        assert table.headers["content-disposition"].startswith('attachment; filename="day-2026-11-23-s')


@pytest.mark.parametrize(
    "path",
    [
        "day-2026-11-23-city-v1.json",
        "day-2026-11-23-city-v2.html",
        "..%2Fdesk.sqlite",
        "x.html",
        "day-2026-11-23-city-v1",
    ],
)
def test_nothing_else_is_opened(path: str, shown: Room) -> None:
    with shown as room:
        assert room.get(f"/api/v1/reports/{path}").status == 404


def test_where_no_report_was_ever_made_the_list_is_empty(room: Room) -> None:
    assert room.get("/api/v1/reports").json["reports"] == []
    assert room.get("/api/v1/reports?kind=week").status == 400


def test_figures_of_a_span(room: Room) -> None:
    for at in range(12):
        room.tell(tilted(f"mh-{at}"))
    answer = room.get("/api/v1/kpi?from=2026-11-24T00:00:00Z&to=2026-11-25T00:00:00Z")
    assert answer.status == 200
    found = answer.json
    assert (found["from"], found["alarms"], found["per_10_min_most"]) == ("2026-11-24T00:00:00.000Z", 12, 12)
    assert found["by_priority"] == {"1": 12}
    assert len(found["top"]) == 10
    assert found["to_acknowledge"] == {"count": 0, "open": 12, "median_s": None, "p95_s": None}
    assert found["targets"]["per_10_min_mean"] == [1.0, 2.0]
    assert room.get("/api/v1/kpi?from=yesterday").problem == "wrong-request"
    end_of_time = "from=9999-12-31T23:59:59%2B00:00&to=9999-12-31T23:59:59-14:00"
    for wrong in ("from=2026-11-24T00:00:00Z&to=2026-11-23T00:00:00Z", "from=1970-01-01T00:00:00Z", end_of_time):
        assert room.get(f"/api/v1/kpi?{wrong}").problem == "no-span"


def test_figures_of_a_long_span_keep_nobody_waiting(room: Room) -> None:
    """20,000 events are counted meanwhile; others are answered at once."""
    alarms = []
    for at in range(20_000):
        alarm = tilted(f"mh-{at % 500}", occurrence=at + 1, since_ms=NOW_MS + at)
        alarms.append(alarm)
    room.tell(*alarms)
    took: list[float] = []
    answers: list[int] = []
    span = "from=2026-11-01T00:00:00Z&to=2027-01-01T00:00:00Z"
    counting = threading.Thread(target=lambda: answers.append(room.get(f"/api/v1/kpi?{span}").status))
    counting.start()
    while counting.is_alive():
        began = time.monotonic()
        assert room.get("/healthz").status == 200
        took.append(time.monotonic() - began)
    counting.join()
    assert answers == [200]
    assert len(took) > 3
    assert statistics.median(took) < 0.5, took
