"""An installer's list of devices: a CSV file, as Excel in China or anything else saves it, and YAML made of it.

Every fault is known by row and column, as a spreadsheet counts and names them. Here are only those of the file and of
its cells; what is wrong with a device is found by `config.csv_check`.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct, field

from config import csv_columns as columns
from config.csv_columns import Column, column_of
from config.problems import Language, closest

HEAD_ROWS = 5  # a list may have its title above the headers
MOST_ROWS = 200_000


class Fault(Struct, frozen=True):
    """What is wrong in a list. row: 1 is the first; 0 = the file as a whole; column: its header, "" = the row."""

    row: int
    column: str
    zh: str
    en: str
    warning: bool = False

    def text(self, language: Language) -> str:
        """Say it with its place."""
        what = self.zh if language == "zh" else self.en
        if language == "zh":
            place = f"第 {self.row} 行" + (f"“{self.column}”" if self.column else "")
            return f"{place}：{'警告：' if self.warning else ''}{what}" if self.row else what
        place = f"row {self.row}" + (f", {self.column}" if self.column else "")
        return f"{place}: {'warning: ' if self.warning else ''}{what}" if self.row else what


class Read(Struct):
    """What a list says.

    lines  of YAML, without what belongs around them; places: of each line, its row and key
    """

    devices: int = 0
    lines: list[str] = field(default_factory=list)
    places: list[tuple[int, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, row: int, column: str, zh: str, en: str) -> None:
        """Note what is wrong."""
        self.faults.append(Fault(row, column, zh, en))

    def write(self, row: int, key: str, line: str) -> None:
        """Add a line of YAML."""
        self.lines.append(line)
        self.places.append((row, key))


# --------------------------------------------------------------------------------------------------- the file


def read(content: bytes) -> Read:
    """Read a list: UTF-8, with or without a mark, or GB 18030."""
    found = Read()
    text = _text(found, content)
    if text is None:
        return found
    rows = _rows(found, text)
    head = next((at for at, row in enumerate(rows[:HEAD_ROWS]) if sum(map(bool, map(column_of, row))) > 1), None)
    if head is None:
        if not found.faults:
            found.fault(
                0, "",
                f"前 {HEAD_ROWS} 行中没有表头。表头如：编号、型号、地址、名称、经度、纬度、坐标系、周期。",
                f"None of the first {HEAD_ROWS} rows has headers. Write for example: "
                "id, model, address, name, longitude, latitude, crs, interval.",
            )  # fmt: skip
        return found
    known = _headers(found, head + 1, rows[head])
    for number, row in enumerate(rows[head + 1 :], head + 2):
        if any(cell.strip() for cell in row):
            found.devices += 1
            _device(found, number, row, known)
    if not found.devices and not found.faults:
        found.fault(head + 1, "", "表头之后没有设备。", "There are no devices below the headers.")
    return found


def _text(found: Read, content: bytes) -> str | None:
    if content[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0") or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        found.fault(
            0, "", "这不是 CSV 文件。请在 Excel 中另存为“CSV UTF-8（逗号分隔）”。",
            'This is no CSV file. Save it in Excel as "CSV UTF-8 (comma delimited)".',
        )  # fmt: skip
        return None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            pass
    found.fault(
        0,
        "",
        "既不是 UTF-8 也不是 GB 18030 编码。请另存为 UTF-8。",
        "This is neither UTF-8 nor GB 18030. Save it as UTF-8.",
    )
    return None


def _rows(found: Read, text: str) -> list[list[str]]:
    lines = text.splitlines()[:HEAD_ROWS]
    sign = max(",;\t", key=lambda each: sum(line.count(each) for line in lines))
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True):
            rows.append(row)
            if len(rows) > MOST_ROWS:
                found.fault(0, "", f"超过 {MOST_ROWS} 行。请拆分。", f"More than {MOST_ROWS} rows: split the list.")
                return []
    except csv.Error as error:
        zh = f"引号不配对（{error}），从这一行起无法读取。请补上引号。"
        found.fault(len(rows) + 1, "", zh, f"The quotes do not match ({error}): nothing can be read from here on.")
    return rows


def _headers(found: Read, row: int, headers: Sequence[str]) -> dict[int, Column]:
    known: dict[int, Column] = {}
    taken: dict[Column, str] = {}
    for at, header in enumerate(headers):
        if not header.strip():
            continue
        known[at] = ("", header)  # its cells are passed over: that the column is unknown is told once
        column = column_of(header)
        if column is None:
            names = [name for key, (chinese, others) in columns.COLUMNS.items() for name in (key, chinese, *others)]
            guess = closest(header.strip(), names)
            zh = (
                f"是不是想写 `{guess}`？"
                if guess
                else f"自定义的标签请写作 `标签.{header.strip()}`；不需要的列请删除。"
            )
            en = (
                f"Did you mean `{guess}`?"
                if guess
                else f"Call labels of your own `labels.{header.strip()}`; else delete the column."
            )
            found.fault(row, header.strip(), f"不认识这一列。{zh}", f"This column is unknown. {en}")
        elif column in taken:
            found.fault(
                row,
                header.strip(),
                f"与“{taken[column]}”重复。请只留一列。",
                f"This is the same as {taken[column]}: keep one.",
            )
        else:
            known[at] = column
            taken[column] = found.headers[".".join(filter(None, column))] = header.strip()
    return known


# -------------------------------------------------------------------------------------------------- one device


def _device(found: Read, row: int, cells: Sequence[str], known: dict[int, Column]) -> None:
    said: dict[Column, str] = {}
    for at, cell in enumerate(cells):
        text = columns.plain(cell)
        if not text:
            continue
        if at not in known:
            found.fault(row, "", f"`{text[:40]}` 不在任何列之下。", f"`{text[:40]}` stands under no header.")
            continue
        if known[at][0] and _whole(found, row, known[at], text):
            said[known[at]] = text
    keys = [key for key in columns.ADDRESSES if said.get((key, ""))]
    if len(keys) > 1:
        names = "、".join(found.headers[key] for key in keys)
        found.fault(row, names, "一台设备只能有一个地址。请只留一个。", "A device has one address: keep one of them.")
    point = _point(found, row, said)
    lines = list(_lines(said, keys[:1], point))
    for at, (key, text) in enumerate(lines):
        found.write(row, key, ("    " if at else "  - ") + text)
    if not lines:
        found.write(row, "", "  - {}")


def _whole(found: Read, row: int, column: Column, text: str) -> bool:
    """Tell whether a cell is as it was typed; say what has become of it otherwise."""
    wrong = _wrong(column[0], text)
    if wrong is not None:
        found.fault(row, found.headers[".".join(filter(None, column))], *wrong)
    return wrong is None


def _wrong(group: str, text: str) -> tuple[str, str] | None:
    if columns.destroyed(text):
        return (
            f"`{text}` 是被 Excel 改坏的长数字，原来的数字已丢失。请把这一列设为“文本”格式，再按设备铭牌重新填写。",
            f"Excel has shortened a long number to `{text}`: its digits are lost. "  # noqa: ISC004 - one sentence
            "Format the column as text, then type it again from the device's label.",
        )
    if re.fullmatch(r"#+|#[A-Z/0!?]+", text):
        return f"`{text}` 是 Excel 的错误值。请重新填写。", f"`{text}` is an error of Excel. Type it again."
    if not text.isprintable():
        return "含有换行或控制字符。请删除。", "There is a line break or a control character in it: delete it."
    if _is_json(group, text):
        try:
            json.loads(text)
        except ValueError as error:
            return f"不是正确的 JSON（{error}）。请改正。", f"This is no JSON ({error}). Correct it."
    return None


def _point(found: Read, row: int, said: dict[Column, str]) -> str:
    texts = [said.get((key, ""), "") for key in ("longitude", "latitude")]
    if not any(texts):
        return ""
    numbers = [columns.coordinate(text) for text in texts]
    for key, text, number in zip(("longitude", "latitude"), texts, numbers, strict=True):
        header = found.headers.get(key, key)
        if not text:
            found.fault(
                row, header, "经度和纬度须一起填写。请补上。", "Longitude and latitude belong together. Add it."
            )
        elif number is None:
            example = "117.1859" if key == "longitude" else "34.2610"
            found.fault(
                row, header, f"`{text}` 不是以度为单位的小数。请写例如 `{example}`。",
                f"`{text}` is no number of degrees. Write for example `{example}`.",
            )  # fmt: skip
    return f"[{numbers[0]}, {numbers[1]}]" if all(numbers) else ""


def _lines(said: dict[Column, str], addresses: Sequence[str], point: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of one device, each with its key."""
    ready = {key: _READY.get(key, str)(text) for (key, name), text in said.items() if text and not name}
    if addresses:
        ready["address"] = columns.address(addresses[0], said[addresses[0], ""])
    for key in ("id", "model", "address", "name", "site", "district", "crs", "interval"):
        if key in ready:
            yield (addresses[0] if key == "address" else key), f"{key}: {scalar(ready[key])}"
    if point:
        yield "longitude", f"at: {point}"
    if "tags" in ready:
        tags = filter(None, re.split(r"[\s,;，、；]+", ready["tags"]))
        yield "tags", f"tags: [{', '.join(map(scalar, tags))}]"
    for group in columns.GROUPS:
        named = {name: text for (key, name), text in said.items() if key == group and text}
        if named:
            yield group, f"{group}:"
        for name, text in named.items():
            yield f"{group}.{name}", f"  {scalar(name)}: {text if _is_json(group, text) else scalar(text)}"


_READY: dict[str, Callable[[str], str]] = {"crs": columns.crs, "interval": columns.interval}


def _is_json(group: str, text: str) -> bool:
    return group == "options" and text[:1] in "{["


def scalar(text: str) -> str:
    """Write a text as a scalar of YAML: plain where all programs read it the same way."""
    word = re.fullmatch(r"[A-Za-z\u4e00-\u9fff](?:[\w./+():-]| (?![#:\s]))*", text)
    if word and not re.search(r":(\s|$)|\s$", text) and text.lower() not in _SPECIAL:
        return text
    return json.dumps(text, ensure_ascii=False)


_SPECIAL = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
