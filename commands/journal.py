"""`cityward journal`: what the gateway has accepted, as far back as its journal goes. Reads only, beside the daemon."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from config.schema import DEFAULT_STATE
from devices.frames import Batch
from rules.records import Record
from store import segment
from store.fs import OsFs
from store.journal import OvertakenError, Span, autonomy_hours, budget_of, bytes_per_hour, read
from store.segment import Segment

Line = dict[str, Any]
"""One frame, or one record that is no batch, as `--json` prints it."""

_SHOWN_BYTES = 60
_WIDTH = 110  # of the table; a narrower terminal breaks its lines
_THOUSAND = 1000
_BREAKS = str.maketrans("\t\n\r", "   ")
"""What may stand in a text, though it cannot be printed."""


@click.group(invoke_without_command=True)
@click.option(
    "--state", type=click.Path(path_type=Path), default=DEFAULT_STATE, show_default=True, help="The state directory."
)
@click.pass_context
def command(context: click.Context, state: Path) -> None:
    """Look into the journal: every frame, command, configuration and status that the gateway has accepted."""
    context.obj = state / "journal"
    if context.invoked_subcommand is None:
        context.invoke(list_segments)


def _look(directory: Path) -> None:
    """End the command with a message when there is no journal to be read."""
    try:
        if not segment.numbers(OsFs(), directory):
            raise click.ClickException(
                f"there is no journal in {directory}; name the state directory: cityward journal --state DIR ..."
            )
    except NotADirectoryError:
        raise click.ClickException(f"{directory.parent} is no state directory, but a file") from None
    except PermissionError:
        raise click.ClickException(
            f"{directory} may not be read by this user; use sudo or join the group of the service"
        ) from None


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a segment, then one with the sums.")
@click.pass_obj
def list_segments(directory: Path, *, as_json: bool = False) -> None:
    """List the segments with their ranges, and for how long the budget lasts. The default."""
    _look(directory)
    segments = segment.listing(OsFs(), directory)
    sums = _sums(segments, budget_of(OsFs(), directory))
    if as_json:
        for each in segments:
            click.echo(msgspec.json.encode(each))
        click.echo(msgspec.json.encode(sums))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("segment", "first", "last", "from", "to", "records", "frames", "MB", ""):
        table.add_column(title, justify="left" if title in {"from", "to", ""} else "right", no_wrap=True)
    for each in segments:
        remark = f"{each.bad} damaged places" if each.bad else "being written" if each is segments[-1] else ""
        table.add_row(
            str(each.number),
            str(each.first),
            str(each.last),
            _time(each.from_ms),
            _time(each.to_ms),
            str(each.records),
            str(each.items),
            f"{each.end / 1e6:.2f}",
            remark,
        )
    console = Console()
    console.width = max(console.width, _WIDTH)
    console.print(table)
    click.echo(_autonomy(sums))


@command.command("print")
@click.option("--after", type=click.IntRange(0), default=0, help="Begin behind this sequence number.")
@click.option("--limit", type=click.IntRange(1), help="Print no more than this; else everything, to the end.")
@click.option("--address", help="Only frames of this place: topic, MN, LINE/SLAVE, or a part of it such as an EUI.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def print_records(directory: Path, after: int, limit: int | None, address: str | None, *, as_json: bool) -> None:
    """Print frames and other records, oldest first, to the end of the journal."""
    _look(directory)
    show = _as_json if as_json else _as_text
    printed, last = 0, after
    try:
        for line in _told(directory, after, address):
            if printed == limit:
                click.echo(f"There is more: go on with --after {last}.", err=True)
                break
            click.echo(show(line))
            printed, last = printed + 1, line["sequence"]
    except OvertakenError as error:
        raise click.ClickException(f"the daemon writes faster than this command reads: {error}") from None
    if not printed:
        where = f" of {address}" if address else ""
        click.echo(f"The journal holds nothing{where} after {after}.", err=True)


def _told(directory: Path, after: int, address: str | None) -> Iterator[Line]:
    for sequence, record in _found(directory, after, address):
        yield from _lines(sequence, record, after)


def _found(directory: Path, after: int, address: str | None) -> Iterator[tuple[int, Record]]:
    """Read what was asked for; a place is looked up in the indexes first, and where none is equal, all are compared."""
    if address is None:
        lost: list[Span] = []
        for each in read(OsFs(), directory, after, lost=lost):
            for first, last in lost:
                click.echo(f"{first} to {last} are not in the journal any more, or damaged.", err=True)
            lost.clear()
            yield each
        return
    wanted = re.sub(r"^[a-z]+:", "", address).encode()
    found = False
    for each in read(OsFs(), directory, after, address=wanted):
        found = True
        yield each
    if found:
        return
    wanted = wanted.lower()
    for sequence, record in read(OsFs(), directory, after):
        if isinstance(record, Batch):
            for at, frame in enumerate(record.frames, sequence):
                if wanted in frame[0].lower():
                    yield at, Batch(record.source, record.at_ms, [frame])


def _lines(sequence: int, record: Record, after: int) -> Iterator[Line]:
    """Take a record apart into what is printed as a line each."""
    time = {"time": datetime.fromtimestamp(record.at_ms / 1000, UTC).isoformat(timespec="milliseconds")}
    if not isinstance(record, Batch):
        yield {"sequence": sequence, **time, **msgspec.to_builtins(record)}
        return
    for at, (place, payload, note) in enumerate(record.frames, sequence):
        if at > after:
            words = _text_of(payload)
            yield {
                "sequence": at,
                **time,
                "type": "frame",
                "source": record.source,
                "place": place.decode("utf-8", "backslashreplace"),
                "payload_hex": payload.hex(),
                **({} if words is None else {"payload": words}),
                **({"note": note.decode("ascii", "backslashreplace")} if note else {}),
            }


def _text_of(payload: bytes) -> str | None:
    """Return a payload as text where it is text."""
    try:
        words = payload.decode()
    except UnicodeDecodeError:
        return None
    return words if words.translate(_BREAKS).isprintable() else None


def _as_json(line: Line) -> bytes:
    return msgspec.json.encode(line)


def _as_text(line: Line) -> str:
    head = f"{line['sequence']:>10}  {_local(datetime.fromisoformat(line['time']))}  {line['type']:<7}"
    if line["type"] != "frame":
        rest = {name: value for name, value in line.items() if name not in {"sequence", "time", "type", "at_ms"}}
        return f"{head} " + "  ".join(f"{name}={value}" for name, value in rest.items())
    payload = " ".join(str(line.get("payload", line["payload_hex"])).split())
    cut = payload if len(payload) <= _SHOWN_BYTES else payload[:_SHOWN_BYTES] + "…"
    return f"{head} {line['source']}  {line['place']}  {cut}"


def _sums(segments: list[Segment], budget_bytes: int) -> dict[str, Any]:
    rate = bytes_per_hour(segments)
    left = max(budget_bytes - sum(each.size for each in segments[:-1]) - segments[-1].end, 0)
    return {
        "records": sum(each.records for each in segments),
        "frames": sum(each.items for each in segments),
        "bytes": sum(each.end for each in segments),
        "budget_bytes": budget_bytes,
        "forgotten_upto": segments[0].first - 1,
        "bytes_per_hour": rate,
        "autonomy_hours": autonomy_hours(segments, budget_bytes),
        "hours_until_the_oldest_goes": left / rate if rate else None,
    }


def _autonomy(sums: dict[str, Any]) -> str:
    """Say in words how long the journal lasts."""
    head = (
        f"{sums['records']} records, {sums['frames']} frames, {_size(sums['bytes'])} of {_size(sums['budget_bytes'])}."
    )
    rate = sums["bytes_per_hour"]
    if rate is None:
        return f"{head} The rate is not known yet."
    autonomy, left = sums["autonomy_hours"], sums["hours_until_the_oldest_goes"]
    return (
        f"{head} Autonomy at the present rate of {_size(rate)}/h: {autonomy:.1f} h; "
        f"{left:.1f} h are left until the oldest records give way."
    )


def _size(value: float) -> str:
    """Say bytes as people read them."""
    for unit in ("B", "kB", "MB"):
        if value < _THOUSAND:
            return f"{value:.3g} {unit}"
        value /= _THOUSAND
    return f"{value:.1f} GB"


def _time(at_ms: int) -> str:
    return _local(datetime.fromtimestamp(at_ms / 1000, UTC))


def _local(time: datetime) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")
