"""`cityward doctor`: looks at everything that a gateway needs, and says what is wrong and what to do."""

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from commands import checkup
from commands.checkup import Finding
from commands.language import Words, language_option
from commands.socket import ask, directory_option
from config import accepted, apart
from config.load import socket_of
from config.problems import Language

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "wrong": ("✗", "red")}


@click.command
@directory_option
@click.option(
    "--listen", "listen_s", type=click.FloatRange(0, 600), default=5, show_default=True, help="Seconds at each broker."
)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@language_option
def command(directory: Path, listen_s: float, *, as_json: bool, language: Language | None) -> None:
    """Look at configuration, service, clock, disk, serial ports, brokers and InfluxDB; each finding with its fix.

    It changes nothing. Run it as root or as a member of the group cityward, so that it may read the secrets.
    Exit status 1 when something is wrong.
    """
    words = Words(language)
    found = []
    for finding in _all(directory, listen_s):
        found.append(finding)
        if not as_json:
            click.echo(_told(finding, words))
    if as_json:
        click.echo(msgspec.json.encode({"findings": found}))
    raise SystemExit(1 if any(finding.state == "wrong" for finding in found) else 0)


def _all(directory: Path, listen_s: float) -> Iterator[Finding]:
    files = apart.finish(apart.begin(directory))
    yield from checkup.configuration(files)
    try:
        status, detail = ask(socket_of(directory), "GET", "/readyz")[0], ""
    except click.ClickException as error:
        status, detail = 0, error.message
    yield from checkup.daemon(status, detail)
    yield from checkup.clock()
    if files.blob:
        yield from checkup.all_of(accepted.compiled_of(files).settings, listen_s)


def _told(finding: Finding, words: Words) -> str:
    mark, color = _MARKS[finding.state]
    line = click.style(mark, fg=color, bold=True) + f" {finding.about}: {words(finding.zh, finding.en)}"
    fix = words(finding.fix_zh, finding.fix_en)
    return line + (f"\n    → {fix}" if fix else "")
