"""`cityward inbox`: who spoke without being registered; `cityward inbox adopt` registers one of them."""

from pathlib import Path

import click
import msgspec

from commands import adopt
from commands.language import Words, language_option, visible
from commands.socket import directory_option
from commands.strangers import inbox_of
from config.problems import Language
from devices.guesses import Guess
from feed.strangers import StrangerView


@click.group(invoke_without_command=True)
@directory_option
@click.option("--address", help="Only this one.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@language_option
@click.pass_context
def command(
    ctx: click.Context, directory: Path, address: str | None, *, as_json: bool, language: Language | None
) -> None:
    """Show who spoke without being registered, the last one first; `inbox adopt` registers one.

    For each: address, how it comes, since when, how many frames, radio quality, which models read its frames.
    """
    if ctx.invoked_subcommand is not None:
        return
    words = Words(language)
    page = inbox_of(directory, address, words)
    if as_json:
        click.echo(msgspec.json.encode(page))
        return
    if not page.strangers:
        click.echo(words("收件箱为空：发来数据的设备都已登记。", "Nobody: all that speak are registered."))
    for stranger in page.strangers:
        click.echo("\n".join(_told(stranger, words)) + "\n")
    if page.next is not None:
        rest = page.addresses - len(page.strangers)
        click.echo(
            words(f"另有 {rest} 个地址；用 --address 查看。", f"{rest} more addresses: see them with --address.")
        )
    if page.refused:
        click.echo(words(f"因已满未保存 {page.refused} 帧。", f"{page.refused} frames were not kept: it is full."))


def _told(stranger: StrangerView, words: Words) -> list[str]:
    radio = "" if stranger.rssi_dbm is None else f"  {stranger.rssi_dbm:g} dBm"
    radio += "" if stranger.snr_db is None else f"  SNR {stranger.snr_db:g} dB"
    way = " ".join(filter(None, (stranger.transport, stranger.source, stranger.platform)))
    lines = [
        click.style(visible(stranger.address), bold=True) + f"  {way}{radio}",
        words(
            f"  {stranger.frames} 帧，{stranger.first} 至 {stranger.last}",
            f"  {stranger.frames} frames from {stranger.first} to {stranger.last}",
        ),
    ]
    for guess in stranger.guesses:
        values = ", ".join(f"{name} {visible(_shown(value))}" for name, value in list(guess.values.items())[:4])
        lines.append(
            f"  ? {_named(guess)}: "
            + words(
                f"{guess.frames} 帧中读懂 {guess.readings + guess.facts} 帧",
                f"reads {guess.readings + guess.facts} of {guess.frames}",
            )
            + (f"  {values}" if values else "")
        )
    if not stranger.guesses:
        lines.append(words("  没有型号能读懂这些帧", "  no model reads these frames"))
    frame = stranger.newest[-1]
    lines.append(visible(f"  {frame.at} {frame.place}  {(frame.text or frame.payload_hex):.120}"))
    return lines


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _named(guess: Guess) -> str:
    return " ".join((guess.model, *(f"{name}={value}" for name, value in guess.options.items() if name != "fields")))


command.add_command(adopt.adopt, "adopt")
