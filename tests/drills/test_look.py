"""The running daemon shows a device, its trend, an alarm: what the fold, the book and a child that looks back say."""

import json
from pathlib import Path

import pytest

from tests.drills.gateway import Gateway
from tests.drills.test_kill import RULES, SOURCES, devices
from tests.load import Publisher
from tests.servers import mosquitto, until


@pytest.mark.timeout(60)
def test_what_the_console_asks_of_a_daemon(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        gateway = Gateway(tmp_path / "gateway", SOURCES.format(port=broker.port), devices(), RULES)
        gateway.start()
        try:
            gateway.wait_ready()
            broker.wait_subscribed("cityward-drill-lora", "dust/+")
            with Publisher(broker.port) as publisher:
                publisher.publish(
                    (b"dust/%d" % device, json.dumps({"n": turn, "pm10": 500.5 if device == 7 else 40.5}).encode())
                    for turn in range(3)
                    for device in range(200)
                )
            until(lambda: "high@d7" in gateway.alarms(), what="it rings")
            until(lambda: gateway.get("/api/v1/ledger")["frames"]["received"] == 600, what="all is taken")

            device = gateway.get("/api/v1/devices/d7")
            assert device["last_frame"]["values"] == {"pm10_ug_m3": 500.5}
            assert device["last_frame"]["place"] == "dust/7"
            assert device["counted"]["frames"] == 3
            assert {one["rule"]: one["verdict"] for one in device["verdicts"]} == {
                "high": "violated", "silent": "normal",
            }  # fmt: skip
            assert gateway.get("/api/v1/devices/d900")["last_frame"] is None

            trend = gateway.get("/api/v1/devices/d7/trend?quantity=pm10_ug_m3&minutes=5")
            assert {value for value in trend["values"] if value is not None} == {500.5}
            assert [(one["rule"], one["value"], one["of"]) for one in trend["limits"]] == [("high", 400.0, "value")]

            alarm = gateway.get("/api/v1/alarms/high@d7")
            assert alarm["alarm"]["state"] == "UNACK"
            assert alarm["guidance"]["respond_within_s"] == 7_200
            assert alarm["rule"]["limits"][0]["value"] == 400.0
            (event,) = gateway.get("/api/v1/alarms/high@d7/history")["events"]
            assert gateway.get("/api/v1/journal?device=d7&kind=raised")["events"] == [event]
            summary = gateway.get("/api/v1/summary")
            assert summary["standing"]["p2"] == {"unacked": 1, "total": 1}
            assert gateway.get("/api/v1/console")["gateway_name"] == "drill"
        finally:
            gateway.end()
