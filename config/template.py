"""A device of one model as YAML to be filled in: what must be written as `<PLACEHOLDERS>`, all else as comments."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin

import yaml
from msgspec import NODEFAULT, UNSET, structs

from config.problems import Language
from config.schema import DeviceSettings
from config.schemas import path_of
from config.words import words_of
from devices.models import Model
from devices.models.hj212_dust import Hj212Options
from devices.quantities import QUANTITIES
from devices.registers import PRESETS
from devices.talkers import TALKERS

ADDRESSES: Mapping[str, tuple[str, str, str]] = MappingProxyType({
    "eui": ("eui:24e124126a148401", "LoRaWAN：DevEUI，16 位十六进制", "LoRaWAN: its DevEUI, 16 hexadecimal digits"),
    "imei": ("imei:863703030668235", "NB-IoT：IMEI，15 位数字", "NB-IoT: its IMEI, 15 digits"),
    "device": ("device:PLATFORM_NUMBER", "CTWing、华为、OneNET 上的设备编号", "its number on CTWing, Huawei, OneNET"),
    "mn": ("mn:A110000_0001", "HJ 212：站点的 MN", "HJ 212: the station's MN"),
    "modbus": ("modbus:gate/3", "串口线 gate 上的 3 号从站", "slave 3 on the serial line `gate`"),
    "line": ("line:kiosk", "独占串口线 kiosk 的模块", "the module on the serial line `kiosk`"),
    "topic": ("topic:lora/7", "数据源 lora 主题中的地址 7", "the address 7 in the topics of source `lora`"),
})  # fmt: skip
"""Scheme -> an example, and what it is."""

_EXAMPLES = {
    "name": "文化路12号 污水井盖", "site": "云龙湖二期", "district": "鼓楼区", "crs": "wgs84",
    "at": "[117.1859, 34.2610]", "labels": "{owner: 排水处}", "tags": "[owner]",
}  # fmt: skip
_REQUIRED = {"preset": "<PRESET>", "fields": "{<MEMBER>: <QUANTITY>}"}
"""How options are written for which there is no one word; a map is needed too, though a preset has a default."""
_LISTED = 40  # quantities that are explained one by one


def schemes_of(model: Model) -> tuple[str, ...]:
    """Return the schemes of addresses that fit a model, the usual one first."""
    if hasattr(model.options, "map"):
        return ("modbus",)
    if model.id in TALKERS:
        return ("line",)
    if model.options is Hj212Options:
        return ("mn",)
    if model.id == "plain":
        return "topic", "eui", "imei", "device"
    return ("device", "imei") if model.id.startswith("ctwing-") else ("eui", "imei", "device")


def template(model: Model, language: Language) -> str:
    """Return the text of a file for devices.d/."""
    return "\n".join([*_head(model, language), *_device(model, language), *_options(model, language)]) + "\n"


def _head(model: Model, language: Language) -> Iterator[str]:
    chinese = language == "zh"
    yield f"# yaml-language-server: $schema={path_of('devices')}"
    yield "#"
    yield f"# {model.id}: {model.title}"
    yield f"# {'类别' if chinese else 'family'}: {model.family}"
    quantities = [name for name in model.values.__struct_fields__ if name in QUANTITIES and name[:4] not in _RADIO]
    if not quantities or len(quantities) > _LISTED:
        yield "# 读数取决于产品或选项" if chinese else "# What it measures depends on the product or the options"
    for name in quantities[:_LISTED]:
        kind = QUANTITIES[name]
        yield f"#   {name}  {kind.zh if chinese else kind.en}{f' ({kind.unit})' if kind.unit else ''}"
    yield "#"
    yield (
        "# 存为 devices.d/名称.yaml，填好 <…>，然后 cityward check、cityward reload。"
        if chinese
        else "# Save it as devices.d/NAME.yaml, fill in what stands in <…>; then `cityward check`, `cityward reload`."
    )


_RADIO = ("rssi", "snr_")


def _device(model: Model, language: Language) -> Iterator[str]:
    index = ("zh", "en").index(language)
    said = {name: _sentence(DeviceSettings, name, index) for name in DeviceSettings.model_fields}
    yield "devices:"
    yield f"  - id: <ID>  # {said['id']}"
    yield f"    model: {model.id}"
    for scheme in schemes_of(model):
        example, *meanings = ADDRESSES[scheme]
        yield f"    # {example}  {meanings[index]}"
    yield "    address: <ADDRESS>"
    yield f"    interval: <INTERVAL>  # {said['interval']}"
    for name, example in _EXAMPLES.items():
        yield f"    # {name}: {example}  # {said[name]}"


def _options(model: Model, language: Language) -> Iterator[str]:
    index = ("zh", "en").index(language)
    fields = structs.fields(model.options)
    if not fields:
        return
    needed = [field for field in fields if field.required or field.name in _REQUIRED]
    yield "    options:" if needed else "    # options:"
    for field in sorted(fields, key=lambda field: field not in needed):
        said = _sentence(model.options, field.name, index)
        choices = list(PRESETS) if field.name == "preset" else _choices(field.type)
        listed = " | ".join(map(str, choices))
        said += (f"（{listed}）" if language == "zh" else f" ({listed})") if choices else ""
        if field in needed:
            yield f"      {field.name}: {_REQUIRED.get(field.name, f'<{field.name.upper()}>')}  # {said}"
        else:
            yield f"    #   {field.name}: {_example(field, choices)}  # {said}"


def _sentence(kind: type[Any], key: str, index: int) -> str:
    words = words_of(kind, key)
    return words[index] if words else key


def _example(field: structs.FieldInfo, choices: list[Any]) -> str:
    default = field.default
    if default in (None, NODEFAULT, UNSET, ()) or isinstance(default, tuple):
        return str(choices[0]) if choices else "…"
    return yaml.safe_dump(default, allow_unicode=True).splitlines()[0]


def _choices(kind: Any) -> list[Any]:  # noqa: ANN401 - any annotation
    """Return the values of a Literal, also inside `| None` and Annotated."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [value for part in get_args(kind) for value in _choices(part)]
