"""Something does not work: the doctor says what, and what to do. Real broker, real InfluxDB, real files."""

import json
import os
import pty
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands import checkup, doctor
from ingest.settings import InfluxSettings, MqttSettings, SerialSettings, TopicSettings
from store.settings import Secret
from tests.influxd import running, why_not
from tests.load import Publisher, publish_packet
from tests.servers import Mosquitto, free_port, mosquitto


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    folder = tmp_path_factory.mktemp("broker")
    acl = folder / "acl"
    acl.write_text("topic read open/#\ntopic write open/#\ntopic read $SYS/#\n")
    with mosquitto(folder, extra=f"acl_file {acl}\n") as found:
        yield found


def settings(port: int, *filters: str, **other: object) -> MqttSettings:
    topics = tuple(TopicSettings(filter=name, envelope="plain") for name in filters)
    return MqttSettings(name="lora", url=f"mqtt://127.0.0.1:{port}", topics=topics, **other)


@contextmanager
def talking(port: int, packet: bytes) -> Iterator[None]:
    """Publish the same again and again."""
    stop = threading.Event()

    def talk() -> None:
        with Publisher(port, client_id="talker") as publisher:
            while not stop.wait(0.1):
                publisher._sock.sendall(packet)  # the publisher itself knows only QoS 1

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def words(findings: Iterator[checkup.Finding]) -> list[tuple[str, str]]:
    return [(finding.state, finding.en) for finding in findings]


def test_a_broker_that_is_not_there() -> None:
    [finding] = checkup.broker(settings(free_port(), "open/#"), 0)
    assert finding.state == "wrong"
    assert "connection refused" in finding.en
    assert "连接被拒绝" in finding.zh


def test_publishers_with_qos_0_and_silent_filters(broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "DROP_IN", Path("/nonexistent"))
    with talking(broker.port, publish_packet(b"open/7", b"{}", 1, flags=0)):
        found = words(checkup.broker(settings(broker.port, "open/+", "open/silent/#"), 2))
    assert found[0][0] == "ok"
    assert "mosquitto" in found[0][1]
    assert ("warning", "published with QoS 0: open/7. They are lost while a link is down") in found
    assert ("warning", "nothing came within 2 s on open/silent/#") in found
    assert not any(state == "wrong" for state, _ in found)


@pytest.mark.parametrize(("limit", "told"), [("max_queued_messages 100\n", "keeps 100"), ("", "keeps 1000")])
def test_a_broker_that_keeps_little(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, told: str
) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "mine.conf").write_text(limit)
    monkeypatch.setattr(checkup, "DROP_IN", folder)
    found = words(checkup.broker(settings(broker.port, "open/#"), 0))
    assert any(told in text and str(folder) in text for _, text in found)
    if not limit:
        (tmp_path / "mosquitto.conf").write_text("max_queued_messages 0\n")  # all of them
        assert not any("keeps" in text for _, text in words(checkup.broker(settings(broker.port, "open/#"), 0)))
    (folder / "zz.conf").write_text("max_queued_messages 100000\n")
    assert not any("keeps" in text for _, text in words(checkup.broker(settings(broker.port, "open/#"), 0)))


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")
def test_what_influxdb_says(tmp_path: Path) -> None:
    with running(tmp_path / "influxd") as server:
        right = server.settings()
        assert words(checkup.influx(right)) == [("ok", f"{server.url} can be written")]
        [finding] = checkup.influx(right.model_copy(update={"bucket": "nowhere"}))
        assert (finding.state, finding.fix_en) == (
            "wrong", "make org city and bucket nowhere, or correct their names",
        )  # fmt: skip
        (tmp_path / "token").write_text("wrong")
        [finding] = checkup.influx(right.model_copy(update={"token": Secret(file=tmp_path / "token")}))
        assert finding.fix_en == "look at the token: it must be right"
    [finding] = checkup.influx(InfluxSettings(url=server.url, org="o", bucket="b", token=right.token))
    assert finding.state == "wrong"


def test_serial_ports() -> None:
    [finding] = checkup.serial(SerialSettings(name="gate", port="/dev/ttyUSB77", line="9600 8N1", protocol="nova-sds"))
    assert (finding.about, finding.state, finding.en) == ("line:gate", "wrong", "there is no /dev/ttyUSB77")
    ours, theirs = pty.openpty()
    try:
        port = os.ttyname(theirs)
        [finding] = checkup.serial(SerialSettings(name="gate", port=port, line="9600 8N1", protocol="nova-sds"))
        assert finding.state == "ok"
    finally:
        os.close(ours)
        os.close(theirs)


def test_the_whole_command_without_a_gateway(tmp_path: Path) -> None:
    (tmp_path / "cityward.yaml").write_text(
        f"gateway: {{id: gw, time_zone: Asia/Shanghai}}\nstate: {tmp_path}/state\n"
        "sources:\n  serial:\n    - {name: gate, port: /dev/ttyUSB77, line: 9600 8N1, protocol: nova-sds}\n"
    )
    done = CliRunner().invoke(doctor.command, ["--directory", str(tmp_path), "--json"])
    found = {finding["about"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert done.exit_code == 1
    assert found["daemon"]["state"] == "wrong"
    assert found["line:gate"]["fix_zh"].startswith("插好转换器")
    assert found["disk"]["state"] in ("ok", "warning")
    told = CliRunner().invoke(doctor.command, ["--directory", str(tmp_path), "--lang", "zh"])
    assert "✗ daemon: 服务没有运行" in told.stdout


def test_a_wrong_configuration_is_said_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "cityward.yaml").write_text("gateway: {id: gw}\n")
    done = CliRunner().invoke(doctor.command, ["--directory", str(tmp_path), "--lang", "en"])
    assert done.exit_code == 1
    assert "cityward.yaml:1:10" in done.stdout
    assert "cityward check" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to a group that has no name")
def test_a_port_of_a_group_that_has_no_name(tmp_path: Path) -> None:
    port = tmp_path / "port"
    port.touch(mode=0o600)
    os.chown(port, 54_320, 54_321)
    line = SerialSettings(name="gate", port=str(port), line="9600 8N1", protocol="nova-sds")
    [finding] = checkup.serial(line)
    assert finding.state == "ok" or "54321" in finding.fix_en  # by whether this machine has the service's user
