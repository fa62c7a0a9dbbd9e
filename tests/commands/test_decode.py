"""`cityward decode`: the contract with programs, line by line, and what a person sees."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from commands.decode import answer, command
from devices.hj212 import build_packet
from devices.registers import with_crc


def ask(**line: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return answer(json.dumps(line).encode())


def reading(**line: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    said = ask(**line)
    [one] = said["readings"]
    assert isinstance(one, dict)
    return one


def test_a_binary_frame() -> None:
    assert ask(model="bosch-tps110", fport=2, payload_hex="01FF", direction="unknown members do not matter") == {
        "readings": [{"time": None, "quantities": {"occupied": True, "temperature_c": -1.0}, "flags": []}]
    }


def test_a_response_whose_request_is_an_option() -> None:
    options = {"preset": "500-block", "request_hex": "010301fb000375c6"}
    said = reading(model="modbus-dust", fport=None, payload_hex="0103060005000f03fb9c05", options=options)
    assert said["quantities"] == {"pm25_ug_m3": 5.0, "pm10_ug_m3": 15.0, "pressure_hpa": 1019.0}


def test_json_instead_of_bytes() -> None:
    options = {"fields": {"pm25": "pm25_ug_m3"}, "time": {"field": "t", "unit": "s"}}
    said = reading(model="plain", payload={"pm25": 35.2, "t": 1700000000.5}, options=options)
    assert said == {"time": "2023-11-14T22:13:20.500Z", "quantities": {"pm25_ug_m3": 35.2}, "flags": []}


def test_insane_values_do_not_come_out() -> None:
    said = reading(
        model="plain",
        payload={"pm25": 1e6, "pm10": 7},
        options={"fields": {"pm25": "pm25_ug_m3", "pm10": "pm10_ug_m3"}},
    )
    assert (said["quantities"], said["flags"]) == ({"pm10_ug_m3": 7.0}, ["pm25_ug_m3:range"])


def test_hj212_says_what_the_link_must_know() -> None:
    from devices.hj212 import build_packet  # noqa: PLC0415 - this test's own tool

    frame = build_packet(
        qn="20180821142509123", st="22", cn="2011", mn="690000D5800028F889221AC0", flag=5,
        cp="DataTime=20180821142509;a34004-Rtd=92,a34004-Flag=N;LA-Rtd=57.9,LA-Flag=D",
    )  # fmt: skip
    said = ask(model="hj212-dust", payload_hex=frame.hex(), options={"pm_unit": "ug_m3"})
    assert said["link"] == {
        "mn": "690000D5800028F889221AC0", "cn": "2011", "qn": "20180821142509123", "st": "22", "flag": 5,
        "pno": None, "pnum": None, "data_time": "20180821142509", "answer": "9014",
    }  # fmt: skip
    assert said["readings"] == [
        {"time": "2018-08-21T06:25:09.000Z", "quantities": {"pm25_ug_m3": 92.0}, "flags": ["noise_db:D"]}
    ]


def test_a_platforms_message() -> None:
    message = {"deviceInfo": {"devEui": "0101010101010101"}, "time": "2022-07-18T09:34:15.775023242+00:00", "fPort": 1}
    message |= {"data": "qg==", "rxInfo": [{"rssi": -36, "snr": 10.5}]}
    topic = "application/17c82e96/device/0101010101010101/event/up"
    assert ask(topic=topic, payload=message) == {
        "uplink": {
            "address": "0101010101010101", "fport": 1, "payload_hex": "aa", "frame_counter": 0,
            "time": "2022-07-18T09:34:15.775Z", "event": "up", "rssi_dbm": -36.0, "snr_db": 10.5,
        }
    }  # fmt: skip
    del message["data"]
    assert ask(topic=topic.replace("up", "join"), payload=message) == {"uplink": None, "event": "join"}


def test_a_platform_that_sends_values() -> None:
    message = {"messageType": "dataReport", "deviceId": "DF5B", "serviceId": 4, "timestamp": 1602745069687}
    message |= {"payload": {"lean_angle": 82, "battery_value": 90}}
    assert ask(topic=None, payload=message) == {
        "uplink": {"address": "df5b", "time": "2020-10-15T06:57:49.687Z", "event": "up", "values": message["payload"]}
    }
    assert reading(model="ctwing-manhole", payload=message)["quantities"] == {"tilt_deg": 82.0, "battery_pct": 90.0}
    assert ask(payload={**message, "messageType": "commandResponse", "payload": None}) == {
        "uplink": None,
        "event": "commandResponse",
    }
    said = reading(model="plain", payload=message, options={"fields": {"lean_angle": "tilt_deg"}})
    assert said["quantities"] == {"tilt_deg": 82.0}


def test_a_frame_in_a_platforms_value() -> None:
    frame = "800001021106a400160100000000010081"
    message = {"msg": {"type": 1, "dev_id": 7, "ds_id": "raw", "value": frame, "at": 1602745069687}}
    assert reading(model="dingtek-dc41x", payload=message)["quantities"]["distance_mm"] == 1700.0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "truncated"),
        (b"[]", "Expected `object`"),
        (b'{"model":"bosch-tsp110","payload_hex":"01"}', "no model 'bosch-tsp110'; did you mean bosch-tps110?"),
        (b'{"model":"bosch-tps110","payload_hex":"0x"}', "hexadecimal"),
        (b'{"model":"bosch-tps110","payload_hex":"01","fport":1,"options":{"variant":"x"}}', "unknown field `variant`"),
        (b'{"model":"hj212-dust","payload_hex":"01"}', "missing required field `pm_unit`"),
        (b'{"model":"bosch-tps110","payload_hex":"01","fport":85}', "FPort 85 is not of 1 to 6"),
        (b'{"payload":{"devEui":"01"}}', "no message of a platform that we know"),
        (b'{"payload":' + b"[" * 10_000, "recursion"),
    ],
)
def test_every_line_has_an_answer(line: bytes, said: str) -> None:
    assert said in answer(line)["refused"]


def test_facts_are_no_readings() -> None:
    said = ask(model="dingtek-dc41x", fport=3, payload_hex="80000103190302063c1e4b1401010100000000000000000081")
    assert said["readings"] == []
    assert said["facts"]["tilt_threshold_deg"] == 20


def test_each_line_is_answered_before_the_next_is_read(root: Path) -> None:
    run = [sys.executable, str(root / "run_daemon.py"), "decode", "--stdin"]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for payload, occupied in (("01", True), ("00", False)):
            process.stdin.write(b'{"model":"bosch-tps110","fport":1,"payload_hex":"%s"}\n' % payload.encode())
            process.stdin.flush()
            said = json.loads(process.stdout.readline())
            assert said["readings"][0]["quantities"] == {"occupied": occupied}
        process.stdin.close()
        assert process.wait(10) == 0


def test_it_starts_without_what_it_does_not_need(root: Path) -> None:
    """A decoder that waits for a web server, numpy or a broker's library to be imported is no tool for a pipe."""
    script = (
        "import sys, commands.decode; "
        "print(sorted({'numpy', 'pydantic', 'fastapi', 'paho', 'serial', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ------------------------------------------------------------------------------------------------- published vectors


@pytest.mark.parametrize("file", ["devices.json", "envelopes.json", "hj212.json"])
def test_published_vectors(file: str, root: Path, shared: Path) -> None:
    """The acceptance of all decoders and envelopes; what is left out, and why, is listed in ../shared/accept."""
    accept = shared / "accept" / "vectors.py"
    run = f"{sys.executable} {root / 'run_daemon.py'} decode --stdin"
    done = subprocess.run(
        [sys.executable, str(accept), str(shared / "vectors" / file), "--run", run, "--verbose"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


# ---------------------------------------------------------------------------------------------------------- by hand


def by_hand(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, arguments)
    return done.exit_code, done.output


def test_a_person_reads_names_units_and_both_languages() -> None:
    code, shown = by_hand("--model", "dingtek-dc41x", "--fport", "3", "80000102110064 00fb 00 14 10 11 0002 00 81")
    assert code == 0
    assert "tilt_deg                20 °                倾角 / tilt" in shown
    assert "moved                   true                移动 / moved" in shown
    assert "temperature_c           -5 °C" in shown


def test_a_person_writes_options() -> None:
    code, shown = by_hand("--model", "plantower-pms", "--option", "variant=pms3003", "424d00140051")
    assert code == 1
    assert "refused: 6 bytes, not the 24 of pms3003" in shown
    code, shown = by_hand("--model", "plain", "--option", 'fields={"a":"pm25_ug_m3"}', '{"a": 7}')
    assert (code, "pm25_ug_m3              7 µg/m³" in shown) == (0, True)


def test_a_person_pastes_a_packet_of_hj212() -> None:
    packet = "##0087QN=20160801085857223;ST=91;CN=9014;PW=123456;MN=010000A8900016F000169DC0;Flag=4;CP=&&&&3240"
    code, shown = by_hand("--model", "hj212-dust", "--option", "pm_unit=ug_m3", packet)
    assert code == 0
    assert "mn                      010000A8900016F000169DC0" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--model and a frame are needed"),
        (["--model", "bosch"], "--model and a frame are needed"),
        (["--model", "bosch", "01"], "no model 'bosch'; did you mean bosch-tps110?"),
        (["--model", "bosch-tps110", "hello"], "hello: neither hex nor JSON nor HJ 212"),
        (["--model", "hj212-dust", "01"], "Object missing required field `pm_unit`"),
        (["--model", "plantower-pms", "--option", "variant", "01"], "write NAME=VALUE"),
        (["--model", "plain", "--option", "fields={", "01"], "options of plain"),
    ],
)
def test_a_person_is_told_what_to_write(arguments: list[str], said: str) -> None:
    code, shown = by_hand(*arguments)
    assert code == 2
    assert said in " ".join(shown.split())


def test_what_points_to_wrong_options_is_said() -> None:
    frame = with_crc(bytes.fromhex("010306007f00470023")).hex()
    options = {"preset": "aqyc-v2", "request_hex": "01030000000305cb"}
    said = ask(model="modbus-dust", payload_hex=frame, options=options)
    assert "preset aqyc-v2" in said["hints"][0][1]
    packet = build_packet(qn="1", st="39", cn="2011", mn="X1", cp="a34002-Rtd=0.160,a34002-Flag=N")
    said = ask(model="hj212-dust", payload_hex=packet.hex(), options={"pm_unit": "ug_m3"})
    assert said["readings"][0]["quantities"] == {"pm10_ug_m3": 0.16}, "here nothing is held back"
    assert "mg_m3: 160" in said["hints"][0][1]
