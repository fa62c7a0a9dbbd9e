"""That reports are ready is told by the channels of notify: once, however often it is put in."""

from pathlib import Path

from commands.report_child import address
from commands.report_telling import teller
from feed.notify.outbox import Outbox
from feed.reports.sending import Said
from rules.records import Text
from tests.feed.streets import City

NOTIFY = """
reports: {daily: "07:30", send: [office, robot]}
notify:
  people:
    - {name: 李四, email: li@example.com}
  channels:
    - {kind: smtp, name: office, server: mail.example:465, from: gw@example.com, people: [李四]}
    - {kind: webhook, name: robot, url: https://robot.example/in, secret: {file: /etc/hostname}}
  routes:
    - {name: all, channel: robot}
"""


def said(key: str) -> Said:
    return Said(key=key, text=Text("日报已生成", "the report is ready"), t_ms=1_795_476_600_000, reports=("day-1",))


def test_each_channel_gets_a_message_once(tmp_path: Path) -> None:
    city = City(tmp_path, reports=NOTIFY)
    tell = teller(city.compiled.settings)
    assert tell is not None
    tell([said("report/day/2026-11-23/1-1")])
    tell([said("report/day/2026-11-23/1-1"), said("report/day/2026-11-23/2")])
    box = Outbox(city.state / "desk.sqlite")
    waiting = {name: box.waiting(name, 1_795_476_600_000) for name in ("office", "robot")}
    box.close()
    assert {name: len(rows) for name, rows in waiting.items()} == {"office": 2, "robot": 2}
    row = waiting["office"][0]
    assert (row.notice.kind, row.notice.priority, row.notice.text.zh) == ("said", 4, "日报已生成")
    assert [person.email for person in row.people] == ["li@example.com"]


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_the_message_says_where_the_report_is(tmp_path: Path) -> None:
    console = NOTIFY.replace("notify:\n", "notify:\n  console: https://gw.example:8443/\n")
    assert address(City(made(tmp_path / "a"), reports=console).compiled.settings) == "https://gw.example:8443"
    assert (
        address(City(made(tmp_path / "b"), reports=NOTIFY).compiled.settings) == ""
    )  # nobody has said what it is called


def test_where_nobody_is_to_be_told_there_is_nothing(tmp_path: Path) -> None:
    assert teller(City(tmp_path).compiled.settings) is None
