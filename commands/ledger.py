"""`cityward ledger`: every frame and every line accounted for, from the door to InfluxDB."""

import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import click
import msgspec

from commands.socket import ask
from config.load import socket_of
from feed.settings import HttpSettings
from store.ledger import Ledger, SourceCounts

TRIES = 4  # a frame that is between two counters when they are read is in both a moment later
PAUSE_S = 0.5
LONG_S = 900.0  # InfluxDB counts all its points

_COUNTED = {
    "counter-gap": "frames, as the counters of devices tell",
    "broker-dropped": "messages that a broker dropped",
    "session-lost": "sessions that a broker lost, each with nobody knows how many messages",
    "noise_bytes": "bytes of noise on lines and links",
    "no_answer": "polls without an answer",
    "links": "links that were turned away",
    "journal lost": "records that the journal has lost",
}
"""Cause -> what is counted; a cause that is not here says it itself."""


@click.command
@click.option("--json", "as_json", is_flag=True, help="All of it as one JSON object.")
@click.option("--devices", is_flag=True, help="Every device, and not only the sums.")
@click.option("--verify", is_flag=True, help="Ask InfluxDB how many readings it holds, and compare.")
@click.option("--state", type=click.Path(path_type=Path), help="The state directory; else as /etc/cityward says.")
def command(state: Path | None, *, as_json: bool, devices: bool, verify: bool) -> None:
    """Account for every frame and every line, from the door to InfluxDB.

    The running daemon is asked, for only it knows what is on its way (`cityward journal` reads the files, and needs
    none). Exit status 1 and the places when something is unaccounted for, or when --verify finds readings missing or
    cannot compare.
    """
    path = socket_of(Path("/etc/cityward")) if state is None else HttpSettings().socket_path(state)
    for attempt in range(TRIES):
        time.sleep(PAUSE_S if attempt else 0)
        ledger = _ask(path, devices=devices, verify=verify)
        if not ledger.unaccounted:
            break
    if as_json:
        unaccounted = sum(map(abs, ledger.unaccounted.values()))
        click.echo(
            msgspec.json.encode(
                {**msgspec.to_builtins(ledger), "unaccounted": unaccounted, "where": ledger.unaccounted}
            )
        )
    else:
        click.echo("\n".join(_told(ledger)))
    found = ledger.verified
    sys.exit(1 if ledger.unaccounted or (found and (found.missing or found.problem)) else 0)


def _ask(path: Path, *, devices: bool, verify: bool) -> Ledger:
    wanted = {name: "true" for name, is_wanted in (("devices", devices), ("verify", verify)) if is_wanted}
    target = "/api/v1/ledger" + (f"?{urlencode(wanted)}" if wanted else "")
    status, answer = ask(path, "GET", target, timeout_s=LONG_S)
    if status != 200:  # noqa: PLR2004 - OK
        raise click.ClickException(f"the daemon answers {status}: {answer.get('detail', answer)}")
    return msgspec.convert(answer, Ledger)


def _told(ledger: Ledger) -> list[str]:
    """Write the ledger out for people."""
    frames, lines = ledger.frames, ledger.lines
    return [
        *_sum("frames received, or refiled", frames.received + frames.refiled, {
            "decoded": frames.decoded, "duplicates": frames.duplicates, "facts": frames.facts, "held": frames.held,
            **{f"refused: {reason}": count for reason, count in frames.refused.items()},
            "strangers": frames.strangers, "set aside": frames.set_aside,
        }),
        *_sum("lines made", sum(lines.made.values()), {
            "written": lines.written, "waiting": lines.waiting,
            **{f"set aside: {reason}": count for reason, count in lines.set_aside.items()}, "expired": lines.expired,
        }),
        f"{ledger.readings:>14,}  readings; no line was asked for of {lines.not_asked:,}",
        *_missed(ledger.missed),
        *(_source(name, source) for name, source in ledger.sources.items()),
        *(
            f"{each.frames:>14,}  frames of {name}: {each.decoded:,} decoded, {each.readings:,} readings, "
            f"{each.duplicates:,} duplicates, {sum(each.refused.values()):,} refused, {each.missed:,} missed, "
            f"lines: {each.lines_set_aside:,} set aside, {each.lines_expired:,} expired"
            for name, each in (ledger.devices or {}).items()
        ),
        *_verified(ledger),
        f"{sum(map(abs, ledger.unaccounted.values())):>14,}  unaccounted"
        + "".join(f"\n{count:>14,}    {place}" for place, count in ledger.unaccounted.items()),
    ]  # fmt: skip


def _sum(title: str, total: int, parts: dict[str, int]) -> list[str]:
    return [f"{total:>14,}  {title}", *(f"{count:>14,}    {name}" for name, count in parts.items() if count)]


def _missed(missed: dict[str, int]) -> list[str]:
    """Say what never came in; each cause counts its own things, so that there is no sum."""
    if not any(missed.values()):
        return [f"{0:>14,}  known to be missed"]
    return [
        f"{'':>14}  known to be missed, beside the sums:",
        *(f"{count:>14,}    {_COUNTED.get(cause, cause)}" for cause, count in missed.items() if count),
    ]


def _source(name: str, source: SourceCounts) -> str:
    """Compare what a source delivered with what was made durable of it, both since the daemon's start."""
    if source.delivered is None:
        return f"{source.kept:>14,}  frames of {name} kept since the daemon's start; the source is not open"
    more = ", with those replayed or come meanwhile" if source.kept > source.delivered else ""
    return (
        f"{source.delivered:>14,}  frames delivered by {name} since the daemon's start; "
        f"journal and inbox hold {source.kept:,}{more}"
    )


def _verified(ledger: Ledger) -> list[str]:
    found = ledger.verified
    if found is None:
        return []
    if found.problem:
        return [f"not verified: {found.problem}"]
    return [
        f"{found.held:>14,}  readings of registered devices in InfluxDB, at least {found.expected:,} expected",
        *(f"{count:>14,}    missing of {name}" for name, count in found.missing.items()),
        *(f"{count:>14,}    of {name} are not of our count" for name, count in found.more.items()),
    ]
