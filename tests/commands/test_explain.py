"""A station's day is over its limit, late data turn that, somebody acknowledges: what can be said of it in a year."""

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from commands import evidence, history
from commands.daemon import Daemon
from commands.explain import command
from config.check import load
from devices.frames import Batch
from feed.explain import _Case, explain
from feed.explain_sections import number
from feed.explain_text import text_of
from feed.explain_words import asked
from ingest.sources.replay import Replay
from rules.records import Command
from store.proofs import ProofReader
from tests.servers import free_port, until

MINUTE, HOUR = 60_000, 3_600_000
ALARM = "pm10-day@gate"
CONFIGURATION = {
    "cityward.yaml": """gateway: {{id: xz-01, time_zone: Asia/Shanghai}}
state: {state}
http: {{listen: 127.0.0.1:{port}}}
sources:
  mqtt: [{{name: lora, url: mqtt://127.0.0.1:{mqtt}, topics: [{{filter: "air/+", envelope: plain, address: topic 2}}]}}]
""",
    "devices.d/all.yaml": """devices:
  - id: gate
    name: 东门 <b>扬尘</b>
    model: plain
    address: topic:lora/gate
    interval: 1 min
    options: {family: dust, time: {field: t, unit: s}, fields: {pm10: pm10_ug_m3, bat: battery_v}}
  - id: city
    model: plain
    address: topic:lora/city
    interval: 1 min
    options: {family: air, time: {field: t, unit: s}, fields: {pm10: pm10_ug_m3, bat: battery_v}}
""",
    "rules.d/all.yaml": """rules:
  - id: pm10-day
    kind: day_mean
    for: {family: dust}
    quantity: pm10_ug_m3
    standard: gb3095-2026-class2
    basis: reference
    priority: 3
    text: {zh: "日均 {value} 超过 {limit}", en: "day mean {value}, over {limit}"}
    cause: {zh: 土方, en: earthworks}
    consequence: {zh: 扬尘, en: dust}
    action: {zh: 喷淋, en: spray}
    respond_within: 2 h
  - id: pm10-slot
    kind: slot_mean
    for: {family: dust}
    quantity: pm10_ug_m3
    limit: 300
    basis: reference
    background: {device: city, quantity: pm10_ug_m3}
    priority: 2
    text: {zh: "日均 {value} 超过 {limit}", en: "day mean {value}, over {limit}"}
    cause: {zh: 土方, en: earthworks}
    consequence: {zh: 扬尘, en: dust}
    action: {zh: 喷淋, en: spray}
    respond_within: 2 h
""",
}


def midnight_ms() -> int:
    """Return when the day before yesterday began in Shanghai."""
    today = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((today - timedelta(days=2)).timestamp() * 1000)


def frame(t_ms: int, pm10: float, device: bytes = b"gate") -> tuple[bytes, bytes, bytes]:
    return b"air/" + device, json.dumps({"t": t_ms // 1000, "pm10": pm10, "bat": 3.5}).encode(), b""


def past(begins_ms: int) -> Iterator[Batch]:
    """Tell a day of 121 µg/m³, its hours 10 and 11 not sent; at 02:00 of the next day these come: 60 µg/m³.

    From 20:00 to 20:15 there are 400 µg/m³. In the city it is 30 all day.
    """
    late = range(begins_ms + 10 * HOUR, begins_ms + 12 * HOUR, MINUTE)
    for at_ms in range(begins_ms, begins_ms + 27 * HOUR, MINUTE):
        minute = (at_ms - begins_ms) // MINUTE
        if at_ms in late:
            continue
        pm10 = 10**6 if minute in (300, 301) else 400.0 if 1200 <= minute < 1215 else 121.0 + minute % 2
        yield Batch("lora", at_ms, [frame(at_ms, pm10), frame(at_ms, 30.0, b"city")])
        if minute == 26 * 60:
            yield Batch("lora", at_ms, [frame(t_ms, 60.0) for t_ms in late])


def made(folder: Path) -> Daemon:
    """Make a gateway of the configuration."""
    for name, text in CONFIGURATION.items():
        path = folder / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        given = {"state": folder / "state", "port": free_port(), "mqtt": free_port()}
        path.write_text(text.format(**given) if name == "cityward.yaml" else text, encoding="utf-8")
    loaded = load(folder / "etc")
    assert loaded.compiled is not None, [problem.text("en") for problem in loaded.problems]
    return Daemon(loaded.compiled, None)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("explain")
    daemon = made(folder)
    begins_ms = midnight_ms()
    daemon.start(Replay(past(begins_ms), begins_ms))
    try:
        with ProofReader(folder / "state/book.sqlite") as book:
            (raised, *_) = [event for event in book.events_of(ALARM) if event.kind == "raised"]
            seen = Command(
                at_ms=0,
                id="1",
                kind="ack",
                alarm=ALARM,
                occurrence=raised.alarm.occurrence,
                user="张三",
                comment="已喷淋",
            )
            assert daemon.pipeline.submit(seen).result(10).status == 200
            until(lambda: book.proven_to() == book.last_event, what="all is proven")
        yield daemon
    finally:
        daemon.stop()


def explained(gateway: Daemon, *words: str) -> Result:
    return CliRunner().invoke(command, [ALARM, "--state", str(gateway.settings.state), *words], catch_exceptions=False)


def first(gateway: Daemon) -> str:
    """Return the number of the event that the day was told with."""
    with ProofReader(gateway.settings.state / "book.sqlite") as book:
        return str(next(event.number for event in book.events_of(ALARM) if event.kind == "raised"))


def test_the_day_can_be_worked_out_by_hand(gateway: Daemon) -> None:
    found = json.loads(explained(gateway, "--format", "json", "--event", first(gateway)).output)
    assert (found["state"], found["kind"], found["alarm"]["value"]) == ("proven", "raised", 125)
    hours = [row for row in found["periods"] if row["span"] == "hour"]
    assert [row["of"] for row in hours] == [60] * len(hours)
    valid = [row["mean"] for row in hours if row["mean"] is not None]
    assert len(valid) == found["why"]["hours"] == 22
    assert round(sum(valid) / len(valid), 6) == found["day"]["mean"]
    assert found["day"]["mean"] == pytest.approx(found["why"]["mean"], abs=1.5e-6)
    gaps = [row for row in hours if row["mean"] is None]
    assert [(row["valid"], row["gap_min"]) for row in gaps] == [(0, 60), (0, 60)]


def test_each_hour_comes_out_again_from_the_frames(gateway: Daemon) -> None:
    found = json.loads(explained(gateway, "--format", "json", "--event", first(gateway)).output)
    hours = [row for row in found["periods"] if row["span"] == "hour"]
    assert len(hours) == 24
    assert [row["recomputed"] for row in hours] == [row["mean"] for row in hours]
    assert found["frames_in_span"] == found["frames_kept"] == len(found["frames"])
    for row in hours:  # and by the hand of somebody who has never seen the code
        cells = {}
        for reading in found["readings"]:
            if row["start_ms"] <= reading["t_ms"] < row["start_ms"] + HOUR and not reading["left_out"]:
                cells[reading["t_ms"] // MINUTE] = reading["value"]
        if row["mean"] is not None and len(cells) == 60:
            assert round(sum(cells.values()) / 60, 6) == row["mean"]


def test_what_is_left_out_has_its_reason(gateway: Daemon) -> None:
    found = json.loads(explained(gateway, "--format", "json", "--event", first(gateway)).output)
    fifth = [row for row in found["periods"] if row["span"] == "hour"][5]
    assert (fifth["valid"], fifth["left_out"]) == (58, {"range": 2})
    told = explained(gateway, "--event", first(gateway), "--lang", "en").output
    part = told[told.index("What was left out, and why") :]
    assert part[: part.index("\n\n")].count("| range |") == 2


def test_a_background_that_was_subtracted_is_shown(gateway: Daemon) -> None:
    done = CliRunner().invoke(
        command, ["pm10-slot@gate", "--state", str(gateway.settings.state), "--format", "json"], catch_exceptions=False
    )
    found = json.loads(done.output)
    why = found["why"]
    assert (why["mean"], why["background"], why["value"], found["alarm"]["value"]) == (400.0, 30.0, 370.0, 370.0)
    slots = [row for row in found["periods"] if row["span"] == "slot" and row["start_ms"] == why["start_ms"]]
    assert [(row["series"], row["mean"], row["valid"]) for row in slots] == [
        ("", 400.0, 15),
        ("city pm10_ug_m3", 30.0, 15),
    ]
    assert slots[0]["recomputed"] == 400.0
    _, page = ask(gateway, "?format=html&lang=en", "pm10-slot@gate")
    assert "Background subtracted: 30 (measured 30)." in page


def test_a_verdict_on_a_slot_shows_the_slot_and_not_the_day(gateway: Daemon) -> None:
    with ProofReader(gateway.settings.state / "book.sqlite") as book:
        event = next(each for each in book.events_of("pm10-slot@gate") if each.kind == "raised")
        proof = book.proof(event.number)
    assert proof is not None
    slot = next(each for each in proof.periods if each.span == "slot" and each.device == "gate")
    # where data come late, the day has closed with the slot, and is in the proof
    proof.periods.append(structs.replace(slot, span="day", start_ms=midnight_ms(), mean=125.0, valid=22))
    found = _Case(book, event, [event], {event.number: proof}).explanation(payloads=False)
    assert [row.span for row in found.periods if not row.series].count("day") == 1
    assert found.period is not None
    assert (found.day, found.period.span, found.period.mean, found.period.recomputed) == (None, "slot", 400.0, 400.0)
    told = text_of(found, "en")
    date = datetime.fromtimestamp(midnight_ms() / 1000, ZoneInfo("Asia/Shanghai"))
    assert f"The 15 min that is judged: {date:%Y-%m-%d} 20:00–20:15 (Asia/Shanghai)" in told
    assert "Its mean = sum of its valid minutes ÷ their number = 6000 ÷ 15 = 400 µg/m³" in told
    assert "Mean of the day" not in told
    assert "last digit" not in told


def test_a_real_difference_is_no_last_digit(gateway: Daemon) -> None:
    with ProofReader(gateway.settings.state / "book.sqlite") as book:
        found = explain(book, ALARM, int(first(gateway)))
    assert found is not None
    assert found.day is not None
    found.why["mean"] = found.day["mean"] + 1e-6
    assert "the last digit may differ" in text_of(found, "en")
    found.why["mean"] = found.day["mean"] + 67.5
    told = text_of(found, "en")
    assert "last digit" not in told
    assert "which the hours below do not give" in told


def test_late_data_amend_and_the_first_telling_stays(gateway: Daemon) -> None:
    found = json.loads(explained(gateway, "--format", "json").output)
    assert (found["kind"], found["amends"]) == ("amended", found["alarm"]["occurrence"])
    day = next(row for row in found["periods"] if row["span"] == "day")
    assert (day["revision"], day["cause"], day["valid"]) == (2, "late", 24)
    assert [(each["revision"], each["valid"]) for each in day["former"]] == [(1, 22)]
    late = [row for row in found["periods"] if row["span"] == "hour" and row["former"]]
    assert [row["mean"] for row in late] == [row["recomputed"] for row in late] == [60.0, 60.0]
    assert [each["mean"] for row in late for each in row["former"]] == [None, None]
    told = explained(gateway, "--lang", "en").output
    assert re.search(r"Compared: 11\d ≤ limit 120 µg/m³", told)
    assert "what was told then stays" in told


def test_most_devices_fell_silent_says_what_was_asked() -> None:
    rule = {"id": "many-silent", "kind": "state", "settings": {"quantity": "", "on_delay_ms": 0}}
    [line] = asked(rule, 0, lambda _, en: en, number)
    assert "at least 60% of its devices were not heard for more than 1.5 of their intervals" in line


def test_who_did_what_and_what_it_rests_on(gateway: Daemon) -> None:
    told = explained(gateway, "--event", first(gateway), "--lang", "zh").output
    for words in (
        "GB 3095-2026 二级 过渡 表1（V1：已与标准原文核对），2026-03-01 至 2030-12-31 有效", "参考限值，非执法依据",
        "张三 | 已喷淋", "规则的 SHA-256", "配置第 1 版", "battery_v | 3.5", "四舍六入五成双", "上报间隔 | 60 s",
    ):  # fmt: skip
        assert words in told
    no = CliRunner().invoke(command, ["nothing@gate", "--state", str(gateway.settings.state), "--lang", "en"])
    assert (no.exit_code, "no event of alarm nothing@gate" in no.output) == (1, True)
    nowhere = CliRunner().invoke(command, [ALARM, "--state", "/nonexistent", "--lang", "en"])
    assert (nowhere.exit_code, "there is no book" in nowhere.output) == (1, True)


def ask(gateway: Daemon, query: str, alarm: str = ALARM) -> tuple[http.client.HTTPResponse, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", gateway.feed.port, timeout=10)) as connection:
        connection.request("GET", f"/api/v1/alarms/{alarm}/explain{query}")
        answer = connection.getresponse()
        return answer, answer.read().decode()


def test_the_page_needs_nothing_and_runs_nothing(gateway: Daemon) -> None:
    answer, page = ask(gateway, "?format=html&lang=zh")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert "东门 &lt;b&gt;扬尘&lt;/b&gt;" in page  # an engineer's words are words
    assert not re.search(r"<script|<img|<link|https?://|\bon\w+=|style=", page)
    assert page.count('class="mean"') == 24
    assert '<polyline class="limit"' in page
    _, raised = ask(gateway, f"?format=html&event={first(gateway)}")
    assert (raised.count('class="mean"'), raised.count('class="gap"')) == (22, 2)  # what is missing is no line across


def test_over_tcp_the_bytes_of_frames_stay_inside(gateway: Daemon) -> None:
    _, body = ask(gateway, "")
    found = json.loads(body)
    assert {frame["payload_hex"] for frame in found["frames"]} == {None}
    assert all(re.fullmatch("[0-9a-f]{64}", frame["sha256"]) for frame in found["frames"])
    inside = json.loads(explained(gateway, "--format", "json").output)
    assert len(inside["frames"]) == len(found["frames"])
    assert all(frame["payload_hex"] for frame in inside["frames"])
    answer, _ = ask(gateway, "?event=999")
    assert answer.status == 404


def test_a_file_is_written(gateway: Daemon, tmp_path: Path) -> None:
    assert explained(gateway, "--format", "html", "--output", str(tmp_path / "x.html")).exit_code == 0
    assert (tmp_path / "x.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_child_that_always_dies_costs_the_frames_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_RUN", "raise SystemExit(9)")
    monkeypatch.setattr(evidence, "RETRY_S", 0.01)
    monkeypatch.setattr(evidence, "SETTLE_S", 0.01)
    daemon = made(tmp_path)
    begins_ms = midnight_ms()
    daemon.start(Replay(takewhile(lambda batch: batch.at_ms < begins_ms + 21 * HOUR, past(begins_ms)), begins_ms))
    try:
        with ProofReader(tmp_path / "state/book.sqlite") as book:
            until(lambda: book.proven_to() == book.last_event > 0, what="what can be proven is")
            found = explain(book, "pm10-slot@gate")
            assert book.incomplete() > 0
    finally:
        daemon.stop()
    assert found is not None
    assert (found.state, found.missing, found.frames) == ("proven", "unreadable", [])
    assert (found.rule["id"], found.why["value"], found.periods[0].recomputed) == ("pm10-slot", 370.0, None)
