"""`cityward explain`: why an alarm is as it is, out of the book alone; works beside the daemon, and without it."""

import sqlite3
import sys
from pathlib import Path

import click
import msgspec

from commands.language import Words, language_option
from config.problems import Language
from config.schema import DEFAULT_STATE
from feed.explain import explain
from feed.explain_page import page
from feed.explain_text import text_of
from store.proofs import ProofReader


@click.command
@click.argument("alarm")
@click.option("--event", type=click.IntRange(min=1), help="An event of it; else the last that judges.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "html"]), default="text", show_default=True,
    help="html: one page that needs nothing else; json: all of it, frames and readings too.",
)  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it into this file.")
@click.option(
    "--state", type=click.Path(path_type=Path), default=DEFAULT_STATE, show_default=True, help="The state directory."
)
@language_option
def command(  # noqa: PLR0913 - options of a command
    *, alarm: str, event: int | None, form: str, output: Path | None, state: Path, language: Language | None
) -> None:
    """Explain ALARM: what was measured, against which limit, of which rule, what was left out, and who did what.

    It is read from the book, where the proof of a verdict is copied within seconds of it, and kept for as long as
    `keep:` of cityward.yaml says.
    """
    words = Words(language)
    try:
        with ProofReader(state / "book.sqlite") as book:
            found = explain(book, alarm, event, payloads=True)
    except sqlite3.OperationalError:
        raise click.ClickException(
            words(
                f"{state} 中没有可读的记录簿；请用 --state 指明状态目录，或用 sudo",
                f"there is no book in {state} that may be read: name the state directory with --state, or use sudo",
            )
        ) from None
    if found is None:
        raise click.ClickException(
            words(
                f"没有报警 {alarm} 的此类事件；编号见 cityward 页面或 /api/v1/events",
                f"no event of alarm {alarm} that judges is kept: /api/v1/events lists what there is",
            )
        )
    if form == "json":
        written = msgspec.json.format(msgspec.json.encode(found), indent=1).decode()
    elif form == "html":
        written = page(found, words.language)
    else:
        written = text_of(found, words.language)
    if output is None:
        sys.stdout.write(written + "\n")
    else:
        output.write_text(written, encoding="utf-8")
