"""Figures and reports of the real daemon: its child answers /kpi, and makes what is due, as its own user sees it."""

from pathlib import Path

from commands.report_child import Task, run
from config.check import load
from tests.drills.gateway import Gateway
from tests.drills.test_kill import RULES, SOURCES, devices


def test_a_daemon_counts_its_alarms_and_lists_its_reports(tmp_path: Path) -> None:
    sources = SOURCES.format(port=1) + 'reports: {daily: "07:30", monthly: "1 08:00"}\n'
    gateway = Gateway(tmp_path, sources, devices(), RULES)
    gateway.start()
    try:
        gateway.wait_ready()
        found = gateway.get("/api/v1/kpi")
        assert (found["gateway"], found["positions"]) == ("drill", 1)
        assert len(found["periods"]) in {144, 145}
        assert gateway.get("/api/v1/reports") == {"gateway": "drill", "reports": []}
        compiled = load(gateway.configuration).compiled
        assert compiled is not None
        settings = compiled.settings
        assert settings.reports is not None
        now_ms = 1_795_476_600_000
        console = settings.console.model_dump_json(by_alias=True)
        task = Task(str(gateway.state), settings.reports.model_dump_json(), console, now_ms)
        made = run(task)  # as the daemon's child does, beside the daemon that writes book and desk
        listed = gateway.get("/api/v1/reports")["reports"]
        assert {each["id"] for each in listed} == {each.id for each in made}
        assert {each["kind"] for each in listed} == {"day", "month"}
        assert gateway.get("/api/v1/reports?kind=month&limit=1")["reports"][0]["span"] == "2026-10"
    finally:
        gateway.stop()
