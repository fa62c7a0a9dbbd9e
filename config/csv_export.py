"""Devices as a list that a spreadsheet opens, and that can be imported again."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from msgspec import Struct, structs

from config.csv_columns import COLUMNS, Column, guarded, header_of
from devices.registry import Device
from devices.units import DURATION_MS

MARK = b"\xef\xbb\xbf"  # without it Excel in China takes UTF-8 for GBK
_KEYS = [key for key in COLUMNS if key not in ("eui", "imei", "mn")]


def written(devices: Iterable[Device], *, chinese: bool) -> bytes:
    """Return a list of devices: UTF-8 with a mark, places in WGS 84, options only where they are not the usual ones."""
    rows = [_cells(device) for device in devices]
    more = sorted({column for row in rows for column in row if column[1]})
    columns: list[Column] = [*((key, "") for key in _KEYS), *more]
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(header_of(column, chinese=chinese) for column in columns)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return MARK + file.getvalue().encode()


def duration(ms: int) -> str:
    """Write a duration in its largest whole unit: 6 h."""
    unit = next(unit for unit in reversed(DURATION_MS) if ms % DURATION_MS[unit] == 0)
    return f"{ms // DURATION_MS[unit]} {unit}"


def _cells(device: Device) -> dict[Column, str]:
    texts = {
        "id": device.id, "model": device.model, "address": device.address, "name": device.name,
        "site": device.site or "", "district": device.district or "", "interval": duration(device.interval_ms),
        "tags": " ".join(device.tags),
    }  # fmt: skip
    cells: dict[Column, str] = {(key, ""): guarded(text) for key, text in texts.items()}
    if device.at is not None:
        cells |= {
            ("longitude", ""): _degrees(device.at[0]), ("latitude", ""): _degrees(device.at[1]), ("crs", ""): "wgs84"
        }  # fmt: skip
    cells |= {("labels", name): guarded(value) for name, value in device.labels.items()}
    return cells | {("options", name): guarded(value) for name, value in _options(device.options).items()}


def _degrees(number: float) -> str:
    return f"{number:.7f}".rstrip("0").rstrip(".")


def _options(options: Any) -> dict[str, str]:  # noqa: ANN401 - of any model
    usual = {each.name: each.default for each in structs.fields(options)} if options is not None else {}
    said = {name: getattr(options, name) for name in usual if getattr(options, name) != usual[name]}
    return {name: _text(_shortened(value)) for name, value in said.items()}


def _shortened(value: Any) -> Any:  # noqa: ANN401 - any part of a model's options
    """Return plain data, without what is as usual."""
    if isinstance(value, Struct):
        fields = [(each.name, getattr(value, each.name), each.default) for each in structs.fields(value)]
        return {name: _shortened(own) for name, own, usual in fields if own != usual}
    if isinstance(value, dict):
        return {name: _shortened(one) for name, one in value.items()}
    return [_shortened(one) for one in value] if isinstance(value, list | tuple) else value


def _text(value: Any) -> str:  # noqa: ANN401 - plain data
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
