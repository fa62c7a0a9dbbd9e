"""A table with a title, and all of a report's as CSV that Excel opens: UTF-8 with a BOM, no cell a formula."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

BOM = "\ufeff"
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*( %)?")


class Section(Struct, kw_only=True):
    """One part of a report.

    key      names it for the page: series, ledger ...
    lines    sentences before the table
    head     of the table; rows: its cells
    numbers  columns that hold numbers: they are aligned to the right
    """

    key: str
    title: str
    lines: list[str] = []
    head: list[str] = []
    rows: list[list[str]] = []
    numbers: Sequence[int] = ()


def csv_of(heading: Iterable[Sequence[str]], sections: Iterable[Section]) -> str:
    """Write facts, then each section: its title, head, rows; an empty line between them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for row in heading:
        writer.writerow([harmless(cell) for cell in row])
    for section in sections:
        writer.writerow([])
        writer.writerow([harmless(section.title)])
        for line in section.lines:
            writer.writerow([harmless(line)])
        if section.rows:
            writer.writerow([harmless(cell) for cell in section.head])
            for row in section.rows:
                writer.writerow([harmless(cell) for cell in row])
    return BOM + out.getvalue()


def harmless(cell: str) -> str:
    """Keep a spreadsheet from calculating what is a name: a text that begins like a formula gets an apostrophe."""
    return "'" + cell if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell
