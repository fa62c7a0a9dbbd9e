"""Figures and reports of the real daemon: its child answers /kpi, and makes what is due, as its own user sees it."""

import time
from pathlib import Path

from commands.report_child import Task, run
from config.check import load
from feed.reports.shelf import Kept
from tests.drills.gateway import Gateway
from tests.drills.test_kill import RULES, SOURCES, devices

DAY_MS = 86_400_000


def test_a_daemon_counts_its_alarms_and_lists_its_reports(tmp_path: Path) -> None:
    sources = SOURCES.format(port=1) + 'reports: {daily: "07:30", monthly: "1 08:00"}\n'
    gateway = Gateway(tmp_path, sources, devices(), RULES)
    gateway.start()
    try:
        gateway.wait_ready()
        found = gateway.get("/api/v1/kpi")
        assert found["gateway"] == "drill"
        assert len(found["periods"]) in {144, 145}
        assert gateway.get("/api/v1/reports") == {"gateway": "drill", "reports": []}
        compiled = load(gateway.configuration).compiled
        assert compiled is not None
        settings = compiled.settings
        assert settings.reports is not None
        reports, console = settings.reports.model_dump_json(), settings.console.model_dump_json(by_alias=True)
        now_ms = time.time_ns() // 1_000_000

        def made_by(at_ms: int) -> list[Kept]:
            """Make what is due, as the daemon's child does, beside the daemon that writes book and desk."""
            return run(Task(str(gateway.state), reports, console, at_ms))

        assert made_by(now_ms) == [], "of what was before the gateway there is no report"
        made = made_by(now_ms + 40 * DAY_MS)
        listed = gateway.get("/api/v1/reports")["reports"]
        assert {each["id"] for each in listed} == {each.id for each in made}
        assert {each["kind"] for each in listed} == {"day", "month"}
        assert len(gateway.get("/api/v1/reports?kind=month")["reports"]) in {1, 2}
    finally:
        gateway.stop()
