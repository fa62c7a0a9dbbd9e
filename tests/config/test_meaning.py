"""What the files mean once they are right, and what a wrong one does not hide."""

from itertools import product
from pathlib import Path

import pytest

from config.check import load
from config.check_sources import overlap
from config.compiled import Compiled
from devices.registry import Device
from devices.tracks import topic_matches
from store.settings import Secret

GATEWAY = "gateway: {id: gw-1, time_zone: Asia/Shanghai}\n"
LORA = """sources:
  mqtt:
    - name: lora
      url: mqtts://broker.example
      topics: [{filter: application/+/device/+/event/up, envelope: chirpstack-v4}]
"""
LEVELS = """    - name: wells
      url: mqtts://wells.example
      topics: [{filter: wells/+, envelope: plain, address: topic 2}]
"""
GUIDANCE = """    text: {zh: 报警, en: Alarm}
    cause: {zh: 断电, en: No power}
    consequence: {zh: 状态未知, en: State unknown}
    action: {zh: 检查供电, en: Check the power}
    respond_within: 24 h
"""


def write(directory: Path, *, cityward: str = GATEWAY + LORA, devices: str = "", rules: str = "") -> Path:
    for name, text in (("cityward.yaml", cityward), ("devices.d/a.yaml", devices), ("rules.d/a.yaml", rules)):
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    return directory


def right(directory: Path) -> Compiled:
    loaded = load(directory)
    assert [problem.text("en") for problem in loaded.errors] == []
    assert loaded.compiled is not None
    return loaded.compiled


def wrong(directory: Path) -> list[tuple[str, int, str]]:
    return [(Path(one.file).name, one.line, one.code) for one in load(directory).problems]


def one_device(directory: Path, text: str, cityward: str = GATEWAY + LORA) -> Device:
    return right(write(directory, devices=f"devices:\n  - {text}\n", cityward=cityward)).registry.devices[0]


def test_text_is_text_whatever_it_looks_like(tmp_path: Path) -> None:
    device = one_device(
        tmp_path,
        '{id: "00012345", model: bosch-tps110, address: "eui:24e124126a148401", interval: 1 h, '
        "name: 12:30, site: no, district: 1e3, labels: {code: 0203, open: yes, at: 2026-01-01}}",
    )
    assert (device.id, device.name, device.site, device.district) == ("00012345", "12:30", "no", "1e3")
    assert device.labels == {"code": "0203", "open": "yes", "at": "2026-01-01"}


def test_an_empty_directory_needs_only_a_gateway(tmp_path: Path) -> None:
    (tmp_path / "cityward.yaml").write_text(GATEWAY)
    compiled = right(tmp_path)
    assert compiled.registry.devices == ()
    assert not compiled.registry.influx
    assert compiled.settings.http.socket_path(compiled.settings.state) == Path("/var/lib/cityward/run/cityward.sock")


def test_a_device_s_own_words_go_before_its_file_s_defaults(tmp_path: Path) -> None:
    text = """
defaults: {model: dingtek-dc41x, interval: 6 h, district: 鼓楼区, labels: {owner: 排水处, class: a}, tags: [owner]}
devices:
  - {id: a, address: "eui:24e124126a148401"}
  - {id: b, address: "eui:24e124126a148402", interval: 1 h, labels: {owner: 供电局}, tags: [class], model: bosch-tps110}
"""
    first, second = right(write(tmp_path, devices=text)).registry.devices
    assert (first.model, first.interval_ms, first.labels) == (
        "dingtek-dc41x", 21_600_000, {"owner": "排水处", "class": "a"},
    )  # fmt: skip
    assert (second.model, second.interval_ms, second.district) == ("bosch-tps110", 3_600_000, "鼓楼区")
    assert second.labels == {"owner": "供电局", "class": "a"}
    assert (first.tags, second.tags) == (("owner",), ("class", "owner"))


@pytest.mark.parametrize(
    ("sources", "address", "via"),
    [
        (LORA, "eui:24e124126a148401", ("lora",)),
        (LORA + LEVELS, "eui:24e124126a148401", ("lora",)),
        (LORA + LEVELS, "topic:wells/7", ("wells",)),
        (LORA + LEVELS, "imei:863703030668235", ("wells",)),
        (LORA + LEVELS, "mn:A110000_0001", ("wells",)),
        (LORA + "  hj212: [{name: sites, listen: '0.0.0.0:9212'}]\n", "mn:A110000_0001", ("sites",)),
    ],
)
def test_which_sources_may_carry_a_device(tmp_path: Path, sources: str, address: str, via: tuple[str, ...]) -> None:
    text = f'{{id: a, model: bosch-tps110, address: "{address}", interval: 1 h}}'
    assert one_device(tmp_path, text, GATEWAY + sources).via == via


@pytest.mark.parametrize(
    ("sources", "address", "code"),
    [
        ("", "eui:24e124126a148401", "no_carrier"),
        (LORA, "imei:863703030668235", "no_carrier"),
        (LORA, "mn:A110000_0001", "no_listener"),
        (LORA, "line:kiosk", "no_line"),
        (LORA, "topic:wells/7", "no_broker"),
    ],
)
def test_an_address_that_nothing_carries(tmp_path: Path, sources: str, address: str, code: str) -> None:
    text = f'devices:\n  - {{id: a, model: bosch-tps110, address: "{address}", interval: 1 h}}\n'
    assert wrong(write(tmp_path, cityward=GATEWAY + sources, devices=text)) == [("a.yaml", 2, code)]


def test_a_wrong_source_is_not_also_a_missing_one(tmp_path: Path) -> None:
    """What a wrong entry would explain is not told as a second fault; what it does not explain is."""
    cityward = GATEWAY + LORA.replace("mqtts://", "tcp://")
    text = """devices:
  - {id: a, model: bosch-tps110, address: "eui:24e124126a148401", interval: 1 h}
  - {id: a, model: bosch-tps111, address: "eui:24e124126a148401", interval: 1 h}
"""
    assert wrong(write(tmp_path, cityward=cityward, devices=text)) == [
        ("cityward.yaml", 5, "url_scheme"), ("a.yaml", 3, "device_twice"), ("a.yaml", 3, "model"),
        ("a.yaml", 3, "address_twice"),
    ]  # fmt: skip


def test_a_wrong_device_is_not_also_a_missing_one(tmp_path: Path) -> None:
    devices = 'devices:\n  - {id: a, model: bosch-tps110, address: "eui:24e124126a148401", interval: 1, site: 甲}\n'
    rules = (
        f"rules:\n  - id: r\n    kind: silence\n    for: {{devices: [a], site: 甲}}\n    priority: 3\n{GUIDANCE}"
        f"  - id: s\n    kind: state\n    for: {{family: parking}}\n    quantity: occupied\n    is: true\n"
        f"    priority: 3\n{GUIDANCE}"
    )
    assert wrong(write(tmp_path, devices=devices, rules=rules)) == [("a.yaml", 2, "duration_bare")]


def test_wrong_defaults_are_told_once(tmp_path: Path) -> None:
    devices = (
        "defaults: {model: modbus-dust, interval: 1, options: {preset: x}}\n"
        'devices:\n  - {id: a, address: "eui:24e124126a148401"}\n  - {id: b, address: "eui:24e124126a148402"}\n'
    )
    assert wrong(write(tmp_path, devices=devices)) == [("a.yaml", 1, "duration_bare")]
    devices = devices.replace("interval: 1,", "interval: 1 h,")
    assert wrong(write(tmp_path, devices=devices)) == [("a.yaml", 1, "option")]


def test_a_file_that_cannot_be_read_makes_no_other_wrong(tmp_path: Path) -> None:
    rules = f"rules:\n  - id: r\n    kind: silence\n    for: {{devices: [a]}}\n    priority: 3\n{GUIDANCE}"
    assert wrong(write(tmp_path, devices="devices:\n  - id: [a\n", rules=rules)) == [("a.yaml", 3, "syntax")]


def test_a_folder_that_cannot_be_listed_is_not_an_empty_one(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "devices.d" / "a.yaml").unlink()
    (tmp_path / "devices.d").rmdir()
    (tmp_path / "devices.d").write_text("")
    assert wrong(tmp_path) == [("devices.d", 1, "unreadable")]


def test_what_is_called_otherwise_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "devices.d").rename(tmp_path / "device.d")
    (tmp_path / "rules.yaml").write_text("")
    (tmp_path / ".git.d").mkdir()
    loaded = load(tmp_path)
    assert [(Path(one.file).name, one.code, one.parameters["guess"]) for one in loaded.problems] == [
        ("device.d", "not_part", "devices.d"), ("rules.yaml", "not_part", "rules.d"),
    ]  # fmt: skip
    assert loaded.compiled is not None


def test_secrets_are_read_where_they_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert Secret(file=tmp_path / "token").read() == "s3cret"
    with pytest.raises(FileNotFoundError, match="LoadCredential"):
        Secret(credential="token").read()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert Secret(credential="token").read() == "s3cret"
    assert "s3cret" not in repr(Secret(credential="token"))


FILTERS = ["/".join(levels) for length in (1, 2, 3) for levels in product(("a", "b", "+", "$x"), repeat=length)]
FILTERS += ["#", *(f"{pattern}/#" for pattern in FILTERS if pattern.count("/") < 2)]
TOPICS = ["/".join(levels) for length in (1, 2, 3, 4) for levels in product(("a", "b", "$x"), repeat=length)]


def delivered(pattern: str, topic: str) -> bool:
    """Say what a broker does: topics of its own, which begin with $, need their first level written out."""
    return topic_matches(pattern, topic) and topic.startswith("$") == pattern.startswith("$")


def test_filters_overlap_when_a_topic_fits_both() -> None:
    """All pairs of filters of up to three levels, against all topics of up to four."""
    fits = {pattern: {topic for topic in TOPICS if delivered(pattern, topic)} for pattern in FILTERS}
    for one in FILTERS:
        for other in FILTERS:
            assert overlap(one, other) == bool(fits[one] & fits[other]), (one, other)


def test_what_lies_in_a_folder_of_its_own_is_not_read_and_that_is_said(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "devices.d" / "sub").mkdir()
    (tmp_path / "devices.d" / "sub" / "b.yaml").write_text("devices: [{}]\n")
    (tmp_path / "devices.d" / ".git").mkdir()
    loaded = load(tmp_path)
    assert [(Path(one.file).name, one.code, one.warning) for one in loaded.problems] == [
        ("sub", "folder_not_read", True)
    ]


def test_a_certificate_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Perhaps this is another machine: a warning."""
    cityward = GATEWAY + LORA.replace(
        "url: mqtts://broker.example", f"url: mqtts://b.example\n      ca_file: {tmp_path}/ca"
    )
    loaded = load(write(tmp_path, cityward=cityward))
    assert [(one.line, one.code, one.warning) for one in loaded.problems] == [(6, "file_absent", True)]
    (tmp_path / "ca").write_text("")
    assert load(tmp_path).problems == []


@pytest.mark.parametrize("text", ["no", "nO", "mh-1", "1e5", "1.5", "12345", "007", "2026-11-24"])
def test_quotes_make_every_id_a_text(tmp_path: Path, text: str) -> None:
    assert (
        one_device(
            tmp_path, f'{{id: "{text}", model: bosch-tps110, address: "eui:24e124126a148401", interval: 1 h}}'
        ).id
        == text
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("{}", "`preset` 和 `registers` 须写且只写一个"),
        ("{preset: x}", "没有 preset `x`"),
        ("{preset: [1]}", "应为"),
    ],
)
def test_what_is_wrong_with_options_is_said_in_chinese(tmp_path: Path, options: str, told: str) -> None:
    head = "devices:\n  - {id: a, model: modbus-dust, address: 'eui:24e124126a148401', interval: 1 h, options: "
    problems = load(write(tmp_path, devices=f"{head}{options}}}\n")).problems
    assert [told in problem.text("zh") for problem in problems if problem.code == "option"] == [True]
