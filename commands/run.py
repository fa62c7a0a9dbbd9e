"""`cityward run`: the daemon, in the foreground, as systemd starts it."""

import logging
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands import allocator
from config.accepted import Start

if TYPE_CHECKING:
    from commands.daemon import Daemon

SWITCH_S = 0.0005  # p99 of a hand-over beside one busy thread: 22 ms at the default, 2.5 ms so (measured)


@click.command
@click.argument("directory", type=click.Path(path_type=Path), default=Path("/etc/cityward"))
def command(directory: Path) -> None:
    """Run the gateway with the configuration in DIRECTORY until SIGTERM or Ctrl-C; SIGHUP reloads.

    Wrong files do not keep it from running when a configuration was accepted before: then that one goes on, and an
    alarm says so.
    """
    again = threading.Event()
    signal.signal(signal.SIGHUP, lambda *_: again.set())  # one that comes too early waits, it does not kill
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    sys.setswitchinterval(SWITCH_S)
    allocator.keep_little()
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    with _in_a_sentence(directory):
        start = Start(directory)
    # Late, for all the daemon's libraries take half a second: a child compiles meanwhile.
    from commands.daemon import Daemon  # noqa: PLC0415 - as said
    from commands.in_force import reload_unasked  # noqa: PLC0415 - as said
    from feed.http.doors import FeedError  # noqa: PLC0415 - as said
    from ingest.start import StoppedError  # noqa: PLC0415 - as said

    with _in_a_sentence(directory):
        compiled, problems = start.result()
    for problem in problems:
        click.echo(problem, err=True)
    if compiled is None:
        raise click.ClickException(
            f"nothing was ever accepted, and {directory} is wrong: mend it; `cityward check` helps"
        )
    daemon = Daemon(compiled, directory)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    try:
        with _in_a_sentence(compiled.settings.state):
            daemon.start(stop=stop)
    except StoppedError:
        return
    except FeedError as error:
        raise click.ClickException(str(error)) from error
    if problems:
        reload_unasked(daemon, "start")
    else:
        daemon.refuse(bad=False)
    daemon.differ()
    by_signal = partial(reload_unasked, daemon, "signal")
    signal.signal(signal.SIGHUP, lambda *_: _reload(daemon, by_signal))
    if again.is_set():
        by_signal()
    try:
        daemon.wait(stop)
    except BaseException:
        logging.getLogger(__name__).exception("cityward ends; what it acknowledged is on the disk")
        logging.shutdown()
        os._exit(1)  # a thread that hangs must not keep the service from starting again
    if not daemon.stop():
        logging.getLogger(__name__).error("the pipeline hangs; what it acknowledged is on the disk")
        os._exit(1)
    logging.shutdown()
    os._exit(0)  # a question to the ledger that nobody answers any more must not hold up the end


def _reload(daemon: "Daemon", work: Callable[[], None]) -> None:
    """Reload in a thread of its own. What that raises is a defect, and ends the process: half may be in force."""
    may_end = threading.Event()
    may_end.set()
    daemon.crew.hire("reload", work, may_end)


@contextmanager
def _in_a_sentence(where: Path) -> Iterator[None]:
    """End the command with a sentence where the state directory is not what it must be."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise click.ClickException(_sentence(error, where)) from error


def _sentence(error: OSError | sqlite3.Error, where: Path) -> str:
    """Say what keeps the daemon from starting, and what to do."""
    if isinstance(error, sqlite3.OperationalError):
        return f"the book of {where} cannot be opened: {error}; may this user write there?"
    if isinstance(error, sqlite3.Error):
        return (
            f"the book of {where} is damaged: {error}; bring book.sqlite back from a backup, or move the whole state "
            "directory away: the gateway then begins anew"
        )
    what = error.strerror or str(error)
    if isinstance(error, PermissionError):
        what += "; this user must own the state directory"
    elif isinstance(error, FileExistsError | NotADirectoryError):
        what += "; the state directory (`state:` in cityward.yaml) must be a directory"
    return f"{error.filename}: {what}" if error.filename else what
