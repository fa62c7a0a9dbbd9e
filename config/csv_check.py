"""Whether a list of devices is right, beside what is registered already.

The same checks as for files that were written by hand tell it: the YAML is laid beside those for a moment, in a
directory of its own, and what they say of its lines is said of the list's rows.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import structs

from config import csv_columns as columns
from config.apart import FOLDERS, MAIN
from config.check import load
from config.csv_list import Fault, Read
from config.problems import Language, Problem


def check(found: Read, directory: Path, name: str, head: str) -> str:
    """Check the devices beside the files of a directory, and add what is wrong; return the text of the new file."""
    text = head + "\n".join(found.lines) + "\n"
    first = head.count("\n") + 1
    for problem in _problems(directory, name, text):
        if problem.file.startswith("new/"):
            _add(found, problem, first)
        elif not problem.warning:
            found.fault(0, "", problem.text("zh"), problem.text("en"))
    if found.faults:  # what is wrong in itself hides what is wrong with the options
        for problem in _problems(directory, name, head + "\n".join(_mended(found)) + "\n"):
            if problem.file.startswith("new/") and _place(found, problem, first)[1].startswith("options"):
                _add(found, problem, first)
    order = list(found.headers.values())
    found.faults.sort(key=lambda fault: (fault.row, order.index(fault.column) if fault.column in order else -1))
    return text


def _mended(found: Read) -> Iterator[str]:
    """Yield the lines with something harmless in the place of cells that are wrong."""
    wrong = {(fault.row, fault.column) for fault in found.faults}
    for line, (row, key) in zip(found.lines, found.places, strict=True):
        if (row, found.headers.get(key, key)) not in wrong or key not in _HARMLESS:
            yield line
        else:
            yield line[:4] + _HARMLESS[key].format(row=row)


_HARMLESS = {"id": "id: row-{row}", "interval": "interval: 1 d", "longitude": "#", "crs": "crs: wgs84"}


def _problems(directory: Path, name: str, text: str) -> list[Problem]:
    """Check a text beside the files of a directory; problems of it are in the file `new/…`."""
    with TemporaryDirectory(prefix="cityward-") as folder:
        beside = Path(folder) / "etc"
        new = _lay_out(directory, beside, text)

        def renamed(text: str) -> str:
            return text.replace(str(new), f"new/{name}.yaml").replace(str(beside), str(directory))

        return [
            structs.replace(
                problem,
                file=renamed(problem.file),
                parameters={key: renamed(value) if isinstance(value, str) else value
                            for key, value in problem.parameters.items()},
            )
            for problem in load(beside).problems
        ]  # fmt: skip


def _lay_out(directory: Path, beside: Path, text: str) -> Path:
    """Link all that there is, and lay the new file beside it: as the last, so that it is what takes an id twice."""
    beside.mkdir()
    for folder in (MAIN, FOLDERS[1]):
        if (directory / folder).exists():
            (beside / folder).symlink_to((directory / folder).absolute())
    devices = beside / FOLDERS[0]
    devices.mkdir()
    if (directory / FOLDERS[0]).is_dir():
        for path in (directory / FOLDERS[0]).iterdir():
            (devices / path.name).symlink_to(path.absolute())
    new = devices / "\U0010ffff.yaml"
    new.write_text(text, encoding="utf-8")
    return new


def _place(found: Read, problem: Problem, first: int) -> tuple[int, str]:
    """Return row and key of a problem; first: number of the first device's line."""
    at = problem.line - first
    row, key = found.places[at] if 0 <= at < len(found.places) else (0, "")
    return row, str(problem.parameters.get("key", key)) if problem.code == "missing" else key


def _add(found: Read, problem: Problem, first: int) -> None:
    """Say a problem of a line of YAML by row and column; not where the same cell was wrong already."""
    row, key = _place(found, problem, first)
    header = found.headers.get(key) or found.headers.get(f"options.{key}") or key
    same = columns.ADDRESSES if key in columns.ADDRESSES else columns.PLACE if problem.code == "crs_alone" else ()
    names = {header, *(found.headers.get(name, name) for name in same)}
    if any(name in fault.column.split("、") for fault in found.faults if fault.row == row for name in names):
        return

    def said(language: Language) -> str:
        def row_of(match: re.Match[str]) -> str:
            at = int(match[1]) - first
            number = found.places[at][0] if 0 <= at < len(found.places) else 0
            return f"第 {number} 行" if language == "zh" else f"row {number}"

        return re.sub(re.escape(problem.file) + r":(\d+)", row_of, problem.sentence(language))

    found.faults.append(Fault(row, header, said("zh"), said("en"), warning=problem.warning))
