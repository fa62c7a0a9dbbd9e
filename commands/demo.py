"""`cityward demo`: a district of its own, its last 72 hours, and what happens in the next minute."""

import contextlib
import logging
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from commands.daemon import Daemon
from commands.district import broker, files, street
from commands.district.city import PAST_MS, City
from commands.district.wire import Wire
from config.check import load
from feed.http.doors import FeedError
from ingest.sources.replay import Replay
from ingest.start import StoppedError
from store.fs import OsFs
from store.log import InUseError

PAST_BATCHES = PAST_MS // 60_000 * 3.75  # about; the bar need not be exact

HELLO = """
[bold]浏览器打开  http://127.0.0.1:{port}/[/bold]   open it in a browser

从过去 72 小时 from the past 72 hours:
  泊位 07 已占用 26 小时 · 和平路北侧扬尘有一日超过限值 · 南侧扬尘站 5 小时无数据
  a bay occupied for 26 h, a day over the daily limit, a silent station
一分钟之内 within the next minute:
  15 s  文化路 05 号井盖倾斜（LoRaWAN · MQTT）   a cover tilts
  20 s  云龙湖二期 PM10 骤升（Modbus 串口）、和平路北侧 PM10 骤升（HJ 212）   PM10 jumps on both lines

配置 configuration: {folder}
停止：Ctrl-C   stop: Ctrl-C
"""


@click.command
@click.option("--port", type=click.IntRange(1, 65535), default=8480, show_default=True, help="Port of the page.")
@click.option("--state", type=click.Path(path_type=Path), help="Keep everything there; else it goes with the demo.")
def command(port: int, state: Path | None) -> None:
    """Run a simulated district with its alarms: nothing need be installed, nothing is left running.

    A broker, two serial lines (pseudo-terminals), an HJ 212 listener and the daemon, on this machine only.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    sys.setswitchinterval(0.0005)
    console = Console(highlight=False)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda *_: stop.set())
    try:
        with contextlib.ExitStack() as stack:
            own = tempfile.TemporaryDirectory(prefix="cityward-demo-", ignore_cleanup_errors=True)
            folder = state or Path(stack.enter_context(own))
            folder.mkdir(parents=True, exist_ok=True)
            _own(stack, folder)
            _run(stack, console, folder.resolve(), port, stop)
            console.print("\n正在停止 stopping …")
    except StoppedError:
        return
    except FeedError as error:
        advice = (
            "\n端口被占用时可换一个 try another port: cityward demo --port 8490" if "http.listen" in str(error) else ""
        )
        raise click.ClickException(f"{error}{advice}") from error
    except (InUseError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error


def _own(stack: contextlib.ExitStack, folder: Path) -> None:
    """Own the folder before anything in it is written: what stands there may be what another demo lives by."""
    try:
        owner = OsFs().lock(folder)
    except BlockingIOError:
        raise click.ClickException(
            f"{folder}: 这里已有一个演示在运行；请先停止它，或换一个目录\n"
            f"a demo runs here already: stop it, or take another folder: cityward demo --state DIR --port 8490"
        ) from None
    stack.callback(OsFs().close, owner)


def _run(stack: contextlib.ExitStack, console: Console, folder: Path, port: int, stop: threading.Event) -> None:
    mqtt, hj212 = broker.free_port(), broker.free_port()
    stack.enter_context(_broker(folder, mqtt))
    gate = stack.enter_context(Wire.pseudo_terminal(folder / "gate"))
    kiosk = stack.enter_context(Wire.pseudo_terminal(folder / "kiosk"))
    files.write(
        folder / "etc", folder / "state", http=port, mqtt=mqtt, hj212=hj212,
        gate=folder / "gate", kiosk=folder / "kiosk", v5=broker.mosquitto() is not None,
    )  # fmt: skip
    loaded = load(folder / "etc")
    if loaded.compiled is None:
        raise click.ClickException("\n".join(problem.text("zh") for problem in loaded.errors))
    city = City(street.now_ms())
    daemon = Daemon(loaded.compiled, folder / "etc")
    lived_before = (folder / "state" / "book.sqlite").exists()
    with _progress(console) as progress:
        task = progress.add_task("过去 72 小时 the past 72 hours", total=PAST_BATCHES)
        told = takewhile(lambda _: not stop.is_set(), city.past())
        past = Replay(told, city.begins_ms - PAST_MS, lambda done: progress.update(task, completed=done))
        daemon.start(None if lived_before else past, stop)
        progress.update(task, completed=PAST_BATCHES)
    stack.callback(daemon.stop)
    city.begins_ms = street.now_ms()
    ends = threading.Event()
    stack.callback(ends.set)
    street.Lora(city, "127.0.0.1", mqtt, ends).start()
    street.hj212(city, "127.0.0.1", hj212, ends)
    street.serial(city, gate, kiosk, ends)
    console.print(HELLO.format(port=port, folder=folder / "etc"))
    daemon.wait(stop)


@contextlib.contextmanager
def _broker(folder: Path, port: int) -> Iterator[None]:
    process = broker.start(folder, port)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), console=console
    )
