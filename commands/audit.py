"""`cityward audit`: the audit trail, read beside the daemon; it may run or not."""

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from commands.language import Words, language_option, visible
from commands.socket import directory_option
from config.load import state_of
from config.problems import Language
from devices.instants import rfc3339
from feed import audit_export
from feed.desk import read_desk, rows_of

_SHOWN = ("who", "via", "what", "target", "status", "comment", "answer")


@click.group(name="audit")
def command() -> None:
    """Read the audit trail: what people and programs have changed, or tried to; for root and the service's own user."""


@command.command(name="list")
@click.option("--last", "count", type=click.IntRange(1), default=50, show_default=True, help="So many rows.")
@directory_option
@language_option
def listed(count: int, directory: Path, language: Language | None) -> None:
    """List the newest rows, the last one last."""
    state = state_of(directory)
    with _in_a_sentence(state, Words(language)):
        db = read_desk(state / "desk.sqlite")
        (newest,) = db.execute("SELECT coalesce(max(number), 0) FROM audit").fetchone()
        for row, own in rows_of(db, max(0, newest - count)):
            named = json.loads(audit_export.line_of(row, own))
            said = "  ".join(visible(str(named[key])) for key in _SHOWN if named[key] != "")
            click.echo(f"{named['number']}  {rfc3339(named['t_ms'])}  {said}")
        db.close()


@command.command
@directory_option
@language_option
def verify(directory: Path, language: Language | None) -> None:
    """Tell whether the chain is whole and holds all that was exported; else where it breaks, and exit with 1."""
    words, state = Words(language), state_of(directory)
    with _in_a_sentence(state, words):
        found = audit_export.verify(state)
    for each in found.breaks:
        click.echo(each)
    told = f"{found.rows} rows, {found.exports} exports, head {found.head}"
    if found.breaks:
        raise click.ClickException(words(f"审计记录不完整（{told}）", f"the audit trail is broken ({told})"))
    click.echo(words(f"审计记录完整：{told}", f"The audit trail is whole: {told}"))


@command.command
@click.option("--after", type=click.IntRange(0), default=0, show_default=True, help="Rows with a higher number.")
@directory_option
@language_option
def export(after: int, directory: Path, language: Language | None) -> None:
    """Write the trail to standard output, one JSON object a line, at last the chain's head."""
    state = state_of(directory)
    with _in_a_sentence(state, Words(language)):
        db = read_desk(state / "desk.sqlite")
        head = None
        for row, own in rows_of(db, after):
            sys.stdout.write(f"{audit_export.line_of(row, own)}\n")
            head = {"head": own, "number": row[0]}
        db.close()
        if head is not None:
            sys.stdout.write(f"{json.dumps(head)}\n")


@contextmanager
def _in_a_sentence(state: Path, words: Words) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        told = words(f"读不到 {state} 的审计记录：{error}", f"the audit trail of {state} cannot be read: {error}")
        raise click.ClickException(told) from None
