"""`cityward walk`: an engineer stands beside a device and shows what it can; PASS or FAIL for each thing."""

import time
import uuid
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlencode

import click
import msgspec

from commands.asking import good
from commands.language import Words, language_option, visible
from commands.socket import ask, directory_option
from config.load import socket_of
from config.problems import Language
from devices.walks import Shown, Walk
from feed.frames import FramesPage, FrameView

GRACE_S = 5  # the daemon ends it by itself that much later, should we not


class Trial:
    """One walk: what was heard, what was shown, which alarm rang."""

    def __init__(self, socket: Path, device: str, words: Words, *, quiet: bool) -> None:
        self.socket, self.device, self.words, self.quiet = socket, device, words, quiet
        self._name = str(uuid.uuid4())
        self._target = f"/api/v1/devices/{quote(device, safe='')}"
        self.frames = 0
        self.alarms: list[str] = []
        self._asked_for = ""
        page = msgspec.convert(good(ask(socket, "GET", f"{self._target}/frames"), words), FramesPage)
        self._seen, self.judged = page.position, page.judged
        self.walk = Walk(frozenset(page.quantities))
        self._told = good(ask(socket, "GET", "/api/v1/alarms?limit=1"), words)["position"]

    def commission(self, for_s: int, comment: str = "") -> None:
        """Begin or end it. Ends the command where there is no such device."""
        body = {"for_s": for_s, "comment": comment, "walk": self._name, "command_id": str(uuid.uuid4())}
        good(ask(self.socket, "POST", f"{self._target}/commission", body), self.words)

    def turn(self) -> None:
        """Say what is to be done, hear what has come, and tell it; waits a few seconds for something."""
        self._ask_for()
        status, answer = ask(self.socket, "GET", f"{self._target}/frames?after={self._seen}")
        if status == 404:  # noqa: PLR2004 - not found
            raise click.ClickException(
                self.words(
                    f"{self.device} 已不在配置中：走查期间重新加载的配置里没有它",
                    f"{self.device} is not registered any more: a reload took it away during the walk",
                )
            )
        page = msgspec.convert(good((status, answer), self.words), FramesPage)
        self._seen = page.position
        for frame in page.frames:
            self._hear(frame)
        self._hear_alarms()

    def _hear(self, frame: FrameView) -> None:
        self.frames += not frame.duplicate
        self._say(f"{frame.at[11:19]}  {_told(frame, self.words)}")
        for reading in frame.readings:
            if reading.live:
                for shown in self.walk.hear(reading.values):
                    self._say("   " + _verdict(shown, self.words))

    def _hear_alarms(self) -> None:
        status, page = ask(self.socket, "GET", f"/api/v1/events?{urlencode({'after': self._told})}")
        if status != 200:  # noqa: PLR2004 - OK
            return
        self._told = page["position"]
        for event in page["events"]:
            alarm = event["alarm"]
            if alarm["device"] == self.device and event["kind"] in ("raised", "reraised"):
                self.alarms.append(alarm["id"])
                self._say(
                    "   " + self.words("报警 ", "alarm ") + f"{alarm['id']}: {alarm['text'][self.words.language]}"
                )

    def _ask_for(self) -> None:
        todo = self.walk.next_to_do
        if todo is not None and todo.id != self._asked_for:
            self._asked_for = todo.id
            self._say(click.style("→ " + self.words(todo.do_zh, todo.do_en), bold=True))

    @property
    def rang(self) -> bool | None:
        """Whether a cover that was lifted raised an alarm; None where nothing should."""
        lifted = any(s.expectation.id == "opened" and s.met for s in self.walk.shown)
        return bool(self.alarms) if self.judged and lifted else None

    @property
    def done(self) -> bool:
        """Nothing is left to see."""
        return self.walk.done and self.rang is not False

    def result(self) -> dict[str, bool | None]:
        """Say of each thing whether it was shown."""
        found: dict[str, bool | None] = {each.expectation.id: each.met for each in self.walk.shown}
        return found | ({} if self.rang is None else {"alarm": self.rang})

    def _say(self, line: str) -> None:
        if not self.quiet:
            click.echo(line)


@click.command
@click.argument("device")
@click.option("--timeout", "timeout_s", type=click.IntRange(5, 1500), default=90, show_default=True, help="Seconds.")
@directory_option
@click.option("--json", "as_json", is_flag=True, help="Only the result, as one JSON object.")
@language_option
def command(device: str, directory: Path, timeout_s: int, *, as_json: bool, language: Language | None) -> None:
    """Stand beside DEVICE and show what it can: its frames as they come, PASS or FAIL for each thing.

    Its alarms are marked as commissioning meanwhile, and come back by themselves. The result stays in the audit trail.
    Exit status 0 when everything was shown, else 1.
    """
    words = Words(language)
    trial = Trial(socket_of(directory), device, words, quiet=as_json)
    trial.commission(timeout_s + GRACE_S)
    until = time.monotonic() + timeout_s
    try:
        while not trial.done and time.monotonic() < until:
            trial.turn()
    except KeyboardInterrupt:
        click.echo(words("已中止", "stopped"), err=True)
    finally:
        result = trial.result()
        with suppress(click.ClickException):  # it ends by itself
            trial.commission(0, ", ".join(f"{name} {_word(met)}" for name, met in result.items()))
    passed = bool(result) and all(result.values())
    if as_json:
        click.echo(msgspec.json.encode({"device": device, "frames": trial.frames, "passed": passed, "shown": result}))
    else:
        click.echo("\n".join(_summary(trial, words)))
    raise SystemExit(0 if passed else 1)


def _word(met: bool | None) -> str:  # noqa: FBT001 - three values, one of them None
    return "PASS" if met else "FAIL" if met is False else "not seen"


def _told(frame: FrameView, words: Words) -> str:
    if frame.duplicate:
        return words("重复帧", "a repeat")
    if frame.refused:
        return words("无法解码：", "cannot be read: ") + visible(f"{frame.refused}  {frame.payload_hex}")
    if frame.facts:
        return visible("  ".join(f"{name} {value}" for name, value in frame.facts.items()))
    return "  ".join(
        f"{name} {_shown(value)}" for reading in frame.readings for name, value in reading.values.items()
    ) or words("没有数值", "no values")


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else visible(str(value))


def _verdict(shown: Shown, words: Words) -> str:
    name = words(shown.expectation.zh, shown.expectation.en)
    by = ", ".join(f"{quantity} {_shown(value)}" for quantity, value in shown.by.items())
    color = "green" if shown.met else "red"
    return click.style(f"{_word(shown.met)} {name}", fg=color) + (f"  ({by})" if by else "")


def _summary(trial: Trial, words: Words) -> list[str]:
    shown = trial.walk.shown
    lines = [words(f"{trial.device}：收到 {trial.frames} 帧", f"{trial.device}: {trial.frames} frames")]
    lines += ["  " + _verdict(each, words) if each.met is not None else "  " + _unseen(each, words) for each in shown]
    if trial.rang is not None:
        lines.append("  " + f"{_word(trial.rang)} " + words("报警", "alarm"))
    if not trial.frames:
        lines.append(
            words(
                "没有收到任何帧：请检查供电、网络、topic 和地址；`cityward inbox` 可能已有它",
                "nothing came: look at power, network, topic and address; perhaps `cityward inbox` has it",
            )
        )
    return lines


def _unseen(shown: Shown, words: Words) -> str:
    name = words(shown.expectation.zh, shown.expectation.en)
    return click.style(words("未见", "not seen"), fg="yellow") + f" {name}"
