"""Children of ours: this program once more, for work whose memory must not stay in the daemon."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

NICE = 10  # whoever takes in frames goes first
_ROOT = Path(__file__).resolve().parent.parent


def start(code: str, *arguments: str, stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
    """Have a process of its own run a line of Python that knows our modules; its standard output is a pipe."""
    return subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", code, *arguments],
        stdin=stdin,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), *filter(None, sys.path)])},
        process_group=0,  # Ctrl-C in a terminal is for the daemon
    )


def give_way() -> None:
    """Let everything else on this machine go first."""
    with suppress(PermissionError):  # the service's unit forbids to change priorities, also one's own
        os.nice(NICE)
