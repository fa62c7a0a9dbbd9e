"""The columns of an installer's list: what they are called, and how what stands in them becomes what stands in YAML."""

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from config.addresses import SCHEMES

COLUMNS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType({
    "id": ("编号", ("设备编号", "deviceid")),
    "model": ("型号", ("设备型号",)),
    "address": ("地址", ("设备地址",)),
    "eui": ("EUI", ("deveui",)),
    "imei": ("IMEI", ("imei号",)),
    "mn": ("MN", ("mn号",)),
    "name": ("名称", ("设备名称", "安装位置", "安装地址")),
    "longitude": ("经度", ("lon", "lng")),
    "latitude": ("纬度", ("lat",)),
    "crs": ("坐标系", ()),
    "site": ("工地", ("场地", "所属工地")),
    "district": ("区", ("区县", "行政区")),
    "interval": ("周期", ("上报周期",)),
    "tags": ("标签", ()),
})  # fmt: skip
"""Key -> its header in Chinese, and other headers; in English the key itself. Spaces and capitals do not count."""

GROUPS = MappingProxyType({"labels": ("标签", "label", "labels"), "options": ("选项", "option", "options")})
"""Columns of which there are many: `标签.owner` or `labels.owner`; `选项.variant` or `options.variant`."""

ADDRESSES = ("address", "eui", "imei", "mn")
PLACE = ("longitude", "latitude", "crs")

_CRS = MappingProxyType({
    "高德": "gcj02", "高德地图": "gcj02", "腾讯": "gcj02", "腾讯地图": "gcj02", "火星坐标": "gcj02", "百度": "bd09",
    "百度地图": "bd09", "国家2000": "cgcs2000", "2000国家大地坐标系": "cgcs2000",
})  # fmt: skip
_UNITS = MappingProxyType({
    "秒": "s", "分": "min", "分钟": "min", "小时": "h", "时": "h", "天": "d", "日": "d", "minutes": "min", "hours": "h",
    "hour": "h",
})  # fmt: skip

_GUARDED = re.compile(r"[=+\-@'\t]|0[0-9]|[0-9]{12,}$|[0-9]+[-/.eE][0-9]")
"""What a spreadsheet would compute, shorten or take for a date."""

Column = tuple[str, str]
"""A key of COLUMNS and ""; or a group and the name in it."""


def column_of(header: str) -> Column | None:
    """Tell what a header means; None = that is not known."""
    text = re.sub(r"\(.*?\)", "", unicodedata.normalize("NFKC", header)).strip()
    group, dot, name = (part.strip() for part in re.match(r"([^.:]*)([.:]?)(.*)", text, re.DOTALL).groups())  # type: ignore[union-attr]  # it matches anything
    if dot and name:
        found = next((key for key, names in GROUPS.items() if group.lower() in names), None)
        return (found, name) if found else None
    word = re.sub(r"[\s_-]", "", text).lower()
    for key, (chinese, others) in COLUMNS.items():
        if word in (key, chinese.lower(), *others):
            return key, ""
    return None


def header_of(column: Column, *, chinese: bool) -> str:
    """Name a column."""
    key, name = column
    if name:
        return f"{GROUPS[key][0] if chinese else key}.{name}"
    return COLUMNS[key][0] if chinese else key


def destroyed(text: str) -> bool:
    """Tell whether a spreadsheet has shortened a long number: `8.61E+14`."""
    return re.fullmatch(r"[0-9]+(\.[0-9]+[eE]\+?|[eE]\+)[0-9]+", text) is not None


def plain(text: str) -> str:
    """Take away what was put before a text so that a spreadsheet leaves it alone."""
    text = text.strip()
    return text[1:] if text[:1] == "'" and _GUARDED.match(text[1:]) else text


def guarded(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would not leave as it is."""
    return f"'{text}" if _GUARDED.match(text) else text


def address(key: str, text: str) -> str:
    """Return an address as it stands in YAML. key: of the column; `address` takes all schemes, and bare numbers."""
    text = unicodedata.normalize("NFKC", text).strip()
    scheme, colon, number = text.partition(":")
    if key != "address":
        scheme, number = key, number.strip() if colon and scheme.strip().lower() == key else text
    elif not colon or scheme.strip().lower() not in SCHEMES:
        bare = _bare(text)
        if re.fullmatch(r"[0-9a-f]{16}", bare):
            scheme, number = "eui", bare
        elif re.fullmatch(r"[0-9]{15}", bare):
            scheme, number = "imei", bare
        else:
            return text
    scheme = scheme.strip().lower()
    return f"{scheme}:{_bare(number) if scheme in ('eui', 'imei') else number.strip()}"


def _bare(number: str) -> str:
    return re.sub(r"[:\-\s.]", "", number).lower()


def coordinate(text: str) -> str | None:
    """Return a longitude or latitude in degrees as it stands in YAML; None = it is none."""
    text = unicodedata.normalize("NFKC", text).strip().upper()
    text = re.sub(r"^[EN]|[EN]$", "", text.replace("°", "")).strip()
    return text if re.fullmatch(r"[+-]?[0-9]{1,12}(\.[0-9]{1,15})?", text) else None


def crs(text: str) -> str:
    """Return a coordinate system as it stands in YAML: `WGS-84`, `高德` and the like are known."""
    word = re.sub(r"[\s_-]", "", unicodedata.normalize("NFKC", text)).lower()
    return _CRS.get(word, word)


def interval(text: str) -> str:
    """Return a duration as it stands in YAML: `6小时` is known."""
    text = unicodedata.normalize("NFKC", text).strip()
    match = re.fullmatch(r"([0-9.]+)\s*([^0-9.\s]+)", text)
    return f"{match[1]} {_UNITS.get(match[2].lower(), match[2])}" if match else text
