"""`cityward devices`: how it stands with them; those that are silent, low on battery, or hardly heard."""

from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import Struct

from commands.asking import in_force, pages
from commands.devices_files import export_list, import_list
from commands.language import Words, language_option
from commands.newest import Look, Newest
from commands.socket import directory_option
from config.load import socket_of
from config.problems import Language
from devices.fitness import LOW_PCT, WEAK_DB, WEAK_DBM, WEAK_RSRP_DBM, battery_is_low, weak
from devices.instants import rfc3339

LOOK_S = 10.0  # at the journal, at the most


class Row(Struct, frozen=True, kw_only=True):
    """A device; the three judgements are null where nobody can know."""

    id: str
    model: str
    name: str | None
    site: str | None
    state: str
    last_heard: str | None
    battery: Newest
    silent: bool | None
    battery_is_low: bool | None
    weak: bool | None


@click.group(invoke_without_command=True)
@directory_option
@click.option("--silent", is_flag=True, help="Only those that are silent, or were never heard.")
@click.option("--battery", is_flag=True, help=f"Only those low on battery: they say so, or have {LOW_PCT:g} % or less.")
@click.option(
    "--weak",
    is_flag=True,
    help=f"Only those hardly heard: under {WEAK_DBM:g} dBm, SNR {WEAK_DB:g} dB, RSRP {WEAK_RSRP_DBM:g} dBm.",
)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@language_option
@click.pass_context
def command(  # noqa: PLR0913 - what may be said
    ctx: click.Context, directory: Path, *, silent: bool, battery: bool, weak: bool, as_json: bool,
    language: Language | None,
) -> None:  # fmt: skip
    """List the registered devices: state, when last heard, battery, radio; `import` and `export` lists of them.

    Several filters together show what any of them shows. What cannot be known is never left out without a word: it is
    counted below. Battery and radio are those of the newest frames in the journal.
    """
    if ctx.invoked_subcommand is not None:
        return
    words = Words(language)
    socket = socket_of(directory)
    compiled, _ = in_force(socket, words)
    devices = list(pages(socket, "devices", words))
    look = Look(compiled.registry, {each["id"] for each in devices if each["last_heard"]})
    if battery or weak or not silent:
        try:
            look.read(compiled.settings.state / "journal", LOOK_S)
        except OSError as error:
            look.complete = False
            why = f"{error.filename}: {error.strerror}"
            click.echo(
                words(f"数据日志无法读取（{why}）：电量和信号未知", f"the journal cannot be read ({why})"), err=True
            )
    rows = [_row(each, look.found.get(each["id"], Newest())) for each in devices]
    filters = [name for name, on in (("silent", silent), ("battery_is_low", battery), ("weak", weak)) if on]
    shown = [row for row in rows if not filters or any(getattr(row, name) for name in filters)]
    if as_json:
        since = None if look.since_ms is None else rfc3339(look.since_ms)
        unknown = {name: sum(getattr(row, name) is None for row in rows) for name in filters}
        click.echo(msgspec.json.encode(
            {"devices": shown, "all": len(rows), "unknown": unknown, "looked_back_to": since, "complete": look.complete}
        ))  # fmt: skip
        return
    for row in shown:
        click.echo(_line(row, words))
    for line in (words(f"{len(shown)} / {len(rows)} 台设备", f"{len(shown)} of {len(rows)} devices"),
                 *_unknown(rows, filters, look, words)):  # fmt: skip
        click.echo(line, err=True)


def _row(device: dict[str, Any], newest: Newest) -> Row:
    state = device["state"]
    return Row(
        id=device["id"], model=device["model"], name=device["name"], site=device["site"], state=state,
        last_heard=device["last_heard"], battery=newest,
        battery_is_low=battery_is_low(low=newest.battery_low, pct=newest.battery_pct),
        weak=weak(rssi_dbm=newest.rssi_dbm, snr_db=newest.snr_db, rsrp_dbm=newest.rsrp_dbm),
        silent=None if state == "cut_off" else state in ("silent", "unheard"),
    )  # fmt: skip


_STATES = {
    "heard": ("正常", "heard"),
    "silent": ("失联", "silent"),
    "cut_off": ("链路中断", "cut off"),
    "unheard": ("从未收到", "never heard"),
}


def _line(row: Row, words: Words) -> str:
    said = row.battery
    battery = [f"{said.battery_v:g} V"] if said.battery_v is not None else []
    battery += [f"{said.battery_pct:g} %"] if said.battery_pct is not None else []
    battery += [words("电量低", "low")] if row.battery_is_low else []
    radio = [
        f"{value:g} {unit}" for value, unit in ((said.rssi_dbm, "dBm"), (said.snr_db, "dB SNR")) if value is not None
    ]
    radio += [] if said.rsrp_dbm is None else [f"RSRP {said.rsrp_dbm:g} dBm"]
    radio += [words("信号弱", "weak")] if row.weak else []
    state = words(*_STATES[row.state])
    colour = "red" if row.silent else "yellow" if row.battery_is_low or row.weak or row.silent is None else None
    parts = (row.last_heard or "", " ".join(battery), " ".join(radio), row.site or "", row.name or "")
    return click.style(f"{row.id}  {state}", fg=colour) + "  " + "  ".join(filter(None, parts))


def _unknown(rows: list[Row], filters: list[str], look: Look, words: Words) -> list[str]:
    """Say of how many the filters know nothing, and why."""
    said = []
    counts = {name: sum(getattr(row, name) is None for row in rows) for name in filters}
    if counts.get("silent"):
        said.append(words(
            f"另有 {counts['silent']} 台的链路中断，是否失联无法判断",
            f"{counts['silent']} more are cut off: what carries them is down, and nobody can know",
        ))  # fmt: skip
    if counts.get("battery_is_low"):
        volts = sorted(
            (row.battery.battery_v, row.id) for row in rows
            if row.battery_is_low is None and row.battery.battery_v is not None
        )  # fmt: skip
        none = counts["battery_is_low"] - len(volts)
        if none:
            said.append(words(f"另有 {none} 台的电量未知", f"of {none} more the battery is not known"))
        if volts:
            lowest = ", ".join(f"{name} {value:g} V" for value, name in volts[:10])
            said.append(words(
                f"另有 {len(volts)} 台只报电压，无法判断；最低的：{lowest}",
                f"{len(volts)} more say volts only, which are not judged; the lowest: {lowest}",
            ))  # fmt: skip
    if counts.get("weak"):
        said.append(
            words(f"另有 {counts['weak']} 台的信号未知", f"of {counts['weak']} more the radio quality is not known")
        )
    if not look.complete and look.since_ms is not None:
        since = rfc3339(look.since_ms)
        said.append(words(f"数据日志只回查到 {since}", f"the journal was looked at back to {since} only"))
    return said


command.add_command(import_list, "import")
command.add_command(export_list, "export")
