"""`cityward decode`: what a frame says, without registry, journal or network.

By hand one frame, for people; with --stdin JSON lines, for programs: one object in, one object out, in order.
"""

import sys
from typing import Any

import click
from msgspec import DecodeError, Struct, convert, json

from devices import catalogue, hj212
from devices.envelopes import Uplink, said_by
from devices.instants import rfc3339
from devices.models import Model, hj212_dust
from devices.quantities import QUANTITIES
from devices.readings import Decoded, Facts, Refusal, Values, without_insane


class Question(Struct):
    """One line: a frame for a model, or, without one, a platform's message. payload: JSON instead of bytes."""

    model: str | None = None
    fport: int | None = None
    payload_hex: str | None = None
    payload: Any = None
    topic: str | None = None
    options: dict[str, Any] = {}


# ----------------------------------------------------------------------------------------------------- JSON lines


def answer(line: bytes) -> dict[str, Any]:
    """Answer one line; what cannot be read is `refused` with its reason."""
    try:
        asked = json.decode(line, type=Question)
        payload = _payload(asked)
        if asked.model is None:
            return _uplink((asked.topic or "").encode(), payload)
        model = catalogue.model(asked.model)
        options = convert(asked.options, model.options, strict=False)
    except KeyError as error:
        return {"refused": error.args[0]}
    except (ValueError, RecursionError) as error:
        return {"refused": str(error)}
    if isinstance(options, hj212_dust.Hj212Options):
        return _packet(payload, options)
    return _readings(_decoded(asked, model, payload, options), model, options)


def _payload(asked: Question) -> bytes:
    if asked.payload_hex is not None:
        return bytes.fromhex(asked.payload_hex)
    return asked.payload.encode() if isinstance(asked.payload, str) else json.encode(asked.payload)


def _uplink(topic: bytes, payload: bytes) -> dict[str, Any]:
    found = catalogue.opened(topic, payload)
    said = found[1] if found else Refusal("not_mine", "no message of a platform that we know")
    if isinstance(said, Refusal):
        return {"refused": said.detail}
    if isinstance(said, Facts):
        return {"uplink": None, **said.facts}
    shown: dict[str, Any] = {"address": said.address, "time": _time(said.time_ms), "event": "up"}
    if said.values is not None:
        return {"uplink": {**shown, "values": said.values}}
    frame = b"" if said.payload is None else said.payload
    shown |= {"fport": said.port, "payload_hex": frame.hex(), "frame_counter": said.counter}
    return {"uplink": {**shown, "rssi_dbm": said.rssi_dbm, "snr_db": said.snr_db}}


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None or at_ms < 0 else rfc3339(at_ms)


def _decoded(asked: Question, model: Model, payload: bytes, options: Any) -> Decoded:  # noqa: ANN401 - of the model
    """Read a frame; a whole message of a platform, which is JSON, is opened where the model does not read it itself."""
    said = model.decode(payload, asked.fport, options)
    if asked.payload_hex is not None or not isinstance(said, Refusal):
        return said
    found = catalogue.opened((asked.topic or "").encode(), payload)
    if found is None:
        return said
    opened = found[1]
    return said_by(model, opened, options) if isinstance(opened, Uplink) else opened


def _packet(payload: bytes, options: hj212_dust.Hj212Options) -> dict[str, Any]:
    packet = hj212.parse(payload, options.crc)
    if isinstance(packet, Refusal):
        return {"refused": packet.detail}
    link = {
        "mn": packet.mn,
        "cn": packet.cn,
        "qn": packet.qn,
        "st": packet.st,
        "flag": packet.flag,
        "pno": packet.pno,
        "pnum": packet.pnum,
        "data_time": packet.data_time,
        "answer": hj212.answer_cn(packet),
    }
    return {**_readings(hj212_dust.read(packet, options), hj212_dust.MODEL, options), "link": link}


def _readings(said: Decoded, model: Model, options: Any) -> dict[str, Any]:  # noqa: ANN401 - of the model
    """hints: what is probably wrong with the options, Chinese and English; not there when nothing is."""
    if isinstance(said, Refusal):
        return {"refused": said.detail}
    if isinstance(said, Facts):
        return {"readings": [], "facts": said.facts}
    entries = [(-1, said, "")] if isinstance(said, Values) else said
    readings = []
    hints = [hint for _, values, _ in entries if model.hint is not None and (hint := model.hint(values, options))]
    for time_ms, values, span in entries:
        flags = (values.flags or "").split() + [f"{name}:range" for name in without_insane(values)]
        reading = {"time": _time(time_ms), "quantities": _quantities(values), "flags": flags}
        readings.append(reading | ({"span": span} if span else {}))
    return {"readings": readings} | ({"hints": hints} if hints else {})


def _quantities(values: Values) -> dict[str, Any]:
    found = ((name, getattr(values, name)) for name in values.__struct_fields__ if name != "flags")
    return {name: value for name, value in found if value is not None}


# -------------------------------------------------------------------------------------------------------- by hand


def _options(model: Model, pairs: tuple[str, ...]) -> Struct:
    given: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise click.UsageError(f"--option {pair}: write NAME=VALUE")
        given[name] = text
    try:
        given = {name: json.decode(text) if text[:1] in ("{", "[") else text for name, text in given.items()}
        return convert(given, model.options, strict=False)
    except DecodeError as error:
        names = ", ".join(model.options.__struct_fields__) or "none"
        raise click.UsageError(f"options of {model.id} ({names}): {error}") from error


def _frame(text: str) -> bytes:
    """Read hex with or without blanks; JSON and HJ 212 may stand as they are."""
    if text.startswith("{"):
        return text.encode()
    if text.startswith("##"):
        return text.encode() + b"\r\n"
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise click.UsageError(f"{text:.40}: neither hex nor JSON nor HJ 212 ({error})") from error


def _show(said: dict[str, Any]) -> None:
    if "refused" in said:
        raise click.ClickException(f"refused: {said['refused']}")
    for name, value in {**said.get("link", {}), **said.get("facts", {})}.items():
        click.echo(f"{name:24}{_shown(value)}")
    for reading in said["readings"]:
        about = [text for text in (reading["time"], reading.get("span"), *reading["flags"]) if text]
        if about:
            click.echo("  ".join(about))
        for name, value in reading["quantities"].items():
            known = QUANTITIES[name]
            click.echo(f"{name:24}{_shown(value)} {known.unit}".rstrip().ljust(44) + f"{known.zh} / {known.en}")
    for zh, en in said.get("hints", ()):
        click.echo(f"{zh}\n{en}")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else "-" if value is None else str(value)


@click.command()
@click.option("--stdin", is_flag=True, help="Answer JSON lines from standard input, one each.")
@click.option("--model", "model_id", metavar="MODEL", help="Which device sent it: bosch-tps110, dingtek-dc41x, ...")
@click.option("--fport", type=int, metavar="N", help="LoRaWAN FPort.")
@click.option("--option", "pairs", multiple=True, metavar="NAME=VALUE", help="Option of the model: variant=pms5003t")
@click.argument("frame", nargs=-1)
def command(
    *, stdin: bool, model_id: str | None, fport: int | None, pairs: tuple[str, ...], frame: tuple[str, ...]
) -> None:
    """Decode one FRAME by hand, or JSON lines.

    \b
    cityward decode --model bosch-tps110 --fport 1 01
    cityward decode --model modbus-dust --option preset=500-block
        --option request_hex=010301fb000375c6 0103060005000f03fb9c05
    """
    if stdin:
        for line in sys.stdin.buffer:
            sys.stdout.buffer.write(json.encode(answer(line)) + b"\n")
            sys.stdout.buffer.flush()
        return
    if model_id is None or not frame:
        raise click.UsageError(f"--model and a frame are needed; models: {', '.join(catalogue.MODELS)}")
    try:
        model = catalogue.model(model_id)
    except KeyError as error:
        raise click.UsageError(error.args[0]) from error
    options = _options(model, pairs)
    payload = _frame(" ".join(frame))
    if isinstance(options, hj212_dust.Hj212Options):
        _show(_packet(payload, options))
    else:
        _show(_readings(model.decode(payload, fport, options), model, options))
