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
        assert (found["gateway"], found["positions"], len(found["periods"])) == ("drill", 1, 145)
        assert gateway.get("/api/v1/reports") == {"gateway": "drill", "reports": []}
        compiled = load(gateway.configuration).compiled
        assert compiled is not None
        settings = compiled.settings
        assert settings.reports is not None
        now_ms = 1_795_476_600_000
        task = Task(
            str(gateway.state), settings.reports.model_dump_json(), settings.console.model_dump_json(by_alias=True), now_ms
        )  # fmt: skip
        made = run(
            task
        )  # what the daemon's child does at its hour, beside the daemon that writes the book and the desk
        listed = gateway.get("/api/v1/reports")["reports"]
        assert {each["id"] for each in listed} == {each.id for each in made}
        assert {each["kind"] for each in listed} == {"day", "month"}
        assert gateway.get("/api/v1/reports?kind=month&limit=1")["reports"][0]["span"] == "2026-10"
    finally:
        gateway.stop()
