"""`cityward probe`: who is on a serial line, and the YAML for it."""

import errno
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from commands import new_file
from commands.language import Words, language_option, visible
from config.problems import Language
from ingest.sources.serial_probe import SLAVES, Doing, Found, OtherMasterError, probe, written
from store.settings import NAME

NOTHING, NOT_OPENED = 1, 2
LONGEST = 32  # characters of a name that we make; slave or MN are added to it
_BY_ID = Path("/dev/serial/by-id")


def _numbers(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[int, ...]:
    """Read `1-247` or `3,7,20-30`."""
    if value is None:
        return SLAVES
    numbers: list[int] = []
    for part in value.split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            raise click.BadParameter(f"{value}: write 1-247, or 3,7,20-30")
        numbers += range(int(first), int(last or first) + 1)
    if not numbers or not 1 <= min(numbers) <= max(numbers) <= 247:  # noqa: PLR2004 - Modbus over Serial Line 2.2
        raise click.BadParameter(f"{value}: slaves are 1 to 247")
    return tuple(numbers)


def _name(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Take what may be the name of a source, and so of a file."""
    if value is not None and re.fullmatch(NAME, value) is None:
        raise click.BadParameter(f"{value}: small letters, digits, - and _, 63 at the most: dust-line")
    return value


@click.command
@click.argument("port", type=click.Path(path_type=Path))
@click.option("--name", callback=_name, help="What the source is to be called; else by the port: ttyusb0.")
@click.option("--listen", "listen_s", type=click.FloatRange(0.1, 600), default=6.0, show_default=True, help="Seconds.")
@click.option("--slaves", callback=_numbers, help="Asked at every baud rate, as 1-247; if unsaid 1-16 and 35.")
@click.option(
    "--write", "directory", type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Write the devices into a new file in DIR/devices.d.", metavar="DIR",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@language_option
def command(  # noqa: PLR0913 - what may be said of a line
    port: Path,
    name: str | None,
    listen_s: float,
    slaves: tuple[int, ...],
    directory: Path | None,
    *,
    as_json: bool,
    language: Language | None,
) -> None:
    """Find out who is on a serial line: baud rate, Modbus slaves and their preset, a PM module, an HJ 212 logger.

    Prints the YAML for it. It listens, then asks, only to read: no setting of any device is changed. About a minute and
    a half at the most; an HJ 212 logger may speak once a minute only: --listen 90.

    Exit code: 0 = somebody was found, 1 = nobody, 2 = the port cannot be opened, or somebody else asks on it.
    """
    words = Words(language)
    source = name or re.sub(r"[^a-z0-9_-]", "", port.name.lower()).lstrip("_-")[:LONGEST] or "line"
    path = None if directory is None else new_file.path_of(directory, source, "--name", words)

    def tell(doing: Doing, setting: Any, seconds: float) -> None:  # noqa: ANN401 - a Line
        click.echo(_DOING[words.language][doing].format(line=written(setting), seconds=seconds), err=True)

    try:
        found = probe(str(port), tell, listen_s=listen_s, slaves=slaves)
    except OtherMasterError as error:
        _end(NOT_OPENED, words(
            f"{port}：已有别的主站在此线上轮询（{error}），没有再问。请先停掉它",
            f"{port}: another master asks on this line ({error}), so nothing was asked. Stop it first",
        ))  # fmt: skip
    except OSError as error:
        _end(NOT_OPENED, _why_not(port, error, words))
    files = _yaml(found, source, _steady(port))
    if as_json:
        click.echo(msgspec.json.encode({"port": str(port), "found": found, **files}))
    elif found:
        click.echo("\n".join(_shown(found, words)))
        click.echo(f"\n# cityward.yaml\n{files['source']}")
        click.echo(f"# devices.d/{source}.yaml\n{files['devices']}", nl=False)
    if not found:
        _end(NOTHING, words(
            f"{port}：没有听到，也没有应答。请检查 A/B 线、供电、地址；HJ 212 数采仪可能每分钟才发一次：--listen 90；"
            "地址较大的 Modbus 从站：--slaves 1-247",
            f"{port}: nobody talks, nobody answers. Check A and B, the power, the address; an HJ 212 logger may speak "
            "once a minute only: --listen 90; Modbus slaves with great addresses: --slaves 1-247",
        ))  # fmt: skip
    if path is not None:
        _write(path, files["devices"], words)


_DOING: dict[str, dict[Doing, str]] = {
    "zh": {
        "listen": "{line}：听 {seconds:.3g} 秒…",
        "ask modules": "{line}：向颗粒物模块各要一次读数（最多 {seconds:.3g} 秒）…",
        "ask slaves": "{line}：问 Modbus 从站，只读寄存器 0 和 500（最多 {seconds:.3g} 秒）…",
        "ask all slaves": "{line}：有应答；再问其余地址（最多 {seconds:.3g} 秒）…",
        "read maps": "{line}：按各预设读寄存器（最多 {seconds:.3g} 秒）…",
    },
    "en": {
        "listen": "{line}: listening for {seconds:.3g} s ...",
        "ask modules": "{line}: asking PM modules for one measurement each (at most {seconds:.3g} s) ...",
        "ask slaves": "{line}: asking Modbus slaves, reading registers 0 and 500 only (at most {seconds:.3g} s) ...",
        "ask all slaves": "{line}: somebody answers; asking all other addresses (at most {seconds:.3g} s) ...",
        "read maps": "{line}: reading registers by each preset (at most {seconds:.3g} s) ...",
    },
}


def _end(code: int, sentence: str) -> NoReturn:
    click.echo(sentence, err=True)
    sys.exit(code)


def _why_not(port: Path, error: OSError, words: Words) -> str:
    """Say why a port cannot be opened, and what to do."""
    number = error.errno or next((each for each in (errno.EAGAIN,) if "exclusively lock" in str(error)), 0)
    if number == errno.ENOENT:
        there = ", ".join(str(path) for path in sorted([*Path("/dev").glob("ttyUSB*"), *Path("/dev").glob("ttyACM*")]))
        return words(
            f"{port} 不存在。现有：{there or '没有 USB 串口；适配器插好了吗？'}",
            f"{port} is not there. There is: {there or 'no USB adapter; is it plugged in?'}",
        )
    if number in (errno.EACCES, errno.EPERM):
        return words(
            f"无权打开 {port}。请用 sudo，或加入其用户组：sudo usermod -aG dialout $USER，然后重新登录",
            f"{port} may not be opened by this user. Use sudo, or join its group: sudo usermod -aG dialout $USER, and "
            "log in again",
        )
    if number in (errno.EAGAIN, errno.EBUSY):
        return words(
            f"{port} 正被占用，多半是网关本身。请先停服务（sudo systemctl stop cityward），"
            "或从 cityward.yaml 删去该线并 reload",
            f"{port} is in use, probably by the gateway itself. Stop it first (sudo systemctl stop cityward), or take "
            "the line out of cityward.yaml and reload",
        )
    return words(f"{port}：{error}。请检查适配器", f"{port}: {error}. Check the adapter")


def _steady(port: Path) -> str:
    """Name a port so that it keeps its name when adapters are replugged."""
    links = sorted(_BY_ID.iterdir()) if _BY_ID.is_dir() else []
    return next((str(link) for link in links if link.resolve() == port.resolve()), str(port))


# ------------------------------------------------------------------------------------------------------------- what is


def _shown(found: list[Found], words: Words) -> Iterator[str]:
    for each in found:
        who = {"modbus-rtu": f" slave {each.slave}", "hj212": f" MN {visible(each.mn)}"}.get(each.protocol, "")
        chosen = " ".join(f"{key}={value}" for key, value in each.options.items())
        yield click.style(f"{each.protocol}{who}", bold=True) + f"  {each.line}  {chosen}"
        if each.values:
            yield "  " + ", ".join(f"{name} {value:g}" for name, value in each.values.items())
        for place, numbers in each.registers.items():
            yield f"  {place}: {' '.join(map(str, numbers))}"
        if each.others:
            also = ", ".join(each.others)
            yield words(
                f"  {also} 也读得通：请对照显示屏或说明书核对数值",
                f"  {also} would fit, too: compare the values with its display or sheet",
            )
        if each.protocol == "modbus-rtu" and not each.options:
            yield words(
                "  没有合适的预设：请按说明书写 options: {registers: […]}",
                "  no preset fits: write options: {registers: [...]} from its sheet",
            )
        if each.protocol == "hj212":
            yield words("  pm_unit 是按数值猜的，请核对", "  pm_unit was guessed by its numbers: check it")


_MODELS = {"modbus-rtu": "modbus-dust", "hj212": "hj212-dust"}


def _yaml(found: list[Found], source: str, port: str) -> dict[str, str]:
    """Write the entries: `source` of cityward.yaml, `devices` of a file in devices.d."""
    if not found:
        return {"source": "", "devices": ""}
    first = found[0]
    poll = ", poll: 60 s" if first.asked else ""
    entry = f"{{name: {source}, port: {port}, line: {first.line}, protocol: {first.protocol}{poll}}}"
    devices = [_device(each, source) for each in found]
    head = "devices:" if any(each.options or each.protocol != "modbus-rtu" for each in found) else "devices: []"
    return {"source": f"sources:\n  serial:\n    - {entry}\n", "devices": "\n".join([head, *devices]) + "\n"}


def _device(found: Found, source: str) -> str:
    address, name = f"line:{source}", source
    if found.protocol == "modbus-rtu":
        address, name = f"modbus:{source}/{found.slave}", f"{source}-{found.slave}"
    elif found.protocol == "hj212":
        address = "mn:" + found.mn.replace("'", "''")  # a stranger's word, between single quotes
        name = f"{source}-{re.sub(r'[^a-z0-9]', '', found.mn.lower())[-8:]}"
    chosen = "".join(f", options: {{{key}: {value}}}" for key, value in found.options.items())
    model = _MODELS.get(found.protocol, found.protocol)
    entry = f"{{id: {name}, model: {model}, address: '{address}'{chosen}, interval: 1 min}}"
    whole = found.protocol != "modbus-rtu" or found.options
    return f"  - {entry}" if whole else f"  # - {entry}  # options: {{registers: [...]}}"


def _write(path: Path, text: str, words: Words) -> None:
    new_file.write(path, text, "--name", words)
    click.echo(
        words(
            f"已写入 {path}。请把上面的 sources 加入 {path.parent.parent / 'cityward.yaml'}，然后 cityward check",
            f"{path} is written. Add the source above to {path.parent.parent / 'cityward.yaml'}, then: cityward check",
        ),
        err=True,
    )
