"""The page of a backtest: one HTML file with its charts inside, no script, nothing fetched."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from commands.backtest_numbers import Numbers
from commands.backtest_table import rows, times
from commands.language import Words

if TYPE_CHECKING:
    from commands.backtest import Report

LISTED = 500
_WIDTH, _HEIGHT, _FOOT = 900, 180, 40
_STYLE = """
body { font: 15px/1.5 system-ui, "Noto Sans SC", sans-serif; margin: 2rem auto; max-width: 60rem; color: #1b1f23 }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .15rem .8rem; text-align: right; border-bottom: 1px solid #d8dee4 }
td:first-child, th:first-child { text-align: left } h2 { margin-top: 2rem } .over { fill: #c62828 } .mine { fill: #1f6feb }
.other { fill: #9aa4af } text { font-size: 11px; fill: #57606a } line { stroke: #d8dee4 } .bad { color: #c62828 }
"""  # noqa: E501 - CSS


def page(report: "Report", words: Words) -> str:
    """Write the page in one language."""
    title = words("规则回测", "Backtest of rules")
    return (
        f'<!doctype html>\n<html lang="{"zh-CN" if words.language == "zh" else "en"}"><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style>\n<h1>{title}</h1>\n" + "\n".join(_parts(report, words))
    )


def _parts(report: "Report", words: Words) -> Iterator[str]:
    zone = ZoneInfo(report.zone)
    begin, end = times([report.from_ms, report.to_ms], zone)
    yield f"<p>{begin} – {end} ({escape(report.zone)}), {escape(report.source)}, "
    yield f"{report.readings:,} {words('条读数', 'readings')}</p>"
    yield _numbers(report, words)
    yield f"<h2>{words('每天的报警', 'Alarms of each day')}</h2>"
    yield _bars(report.rules.by_day, report.against.by_day if report.against else None)
    yield f"<h2>{words('每班的报警', 'Alarms of each shift')}</h2>"
    yield _bars(report.rules.by_shift, report.against.by_shift if report.against else None)
    yield f"<h2>{words('按规则', 'By rule')}</h2>"
    yield _counts(report.rules.by_rule, report.against.by_rule if report.against else None, words("规则", "rule"))
    yield f"<h2>{words('最多的报警', 'The most active alarms')}</h2>"
    yield _counts(report.rules.most_active, None, words("报警", "alarm"))
    yield from _troubles(report.rules, words, zone)
    yield from _differences(report, words, zone)
    yield f"<h2>{words('全部报警', 'All activations')}</h2>"
    yield _listed(
        [words("开始", "from"), words("结束", "to"), words("报警", "alarm"), words("内容", "text")],
        [
            (*times([each.from_ms], zone), *(times([each.to_ms], zone) if each.to_ms else ["–"]), each.alarm,
             getattr(each.text, words.language))
            for each in report.activations
        ],
        words,
    )  # fmt: skip


def _numbers(report: "Report", words: Words) -> str:
    mine, other = rows(report.rules, words), rows(report.against, words) if report.against else None
    head = ["", "--rules", *(["--against"] if other else []), words("目标（ISA-18.2）", "target (ISA-18.2)")]
    return _table(
        head,
        [(what, number, *([other[at][1]] if other else []), target) for at, (what, number, target) in enumerate(mine)],
    )


def _counts(mine: dict[str, int], other: dict[str, int] | None, title: str) -> str:
    names = sorted({*mine, *(other or {})}, key=lambda name: (-mine.get(name, 0), name))
    head = [title, "--rules", *(["--against"] if other is not None else [])]
    return _table(head, [(n, mine.get(n, 0), *([other.get(n, 0)] if other is not None else [])) for n in names])


def _troubles(found: Numbers, words: Words, zone: ZoneInfo) -> Iterator[str]:
    if found.floods:
        yield f"<h2>{words('报警泛滥', 'Floods')}</h2>"
        yield _table(
            [words("开始", "from"), words("结束", "to"), words("报警", "alarms")],
            [(*times([each.from_ms, each.to_ms], zone), each.alarms) for each in found.floods],
        )
    if found.chatter:
        yield f"<h2>{words('抖动（60 秒内至少 3 次）', 'Chatter (3 or more in 60 s)')}</h2>"
        yield _table([words("报警", "alarm"), words("60 秒内最多", "most in 60 s")], list(found.chatter.items()))


def _differences(report: "Report", words: Words, zone: ZoneInfo) -> Iterator[str]:
    found = report.difference
    if found is None:
        return
    yield f"<h2>{words('差别', 'Differences')}</h2>"
    yield f"<p>{words('相同', 'the same')}: {found.same}</p>"
    for title, activations in (
        (words("新增", "added"), found.added),
        (words("减少", "removed"), found.removed),
    ):
        yield f"<h3>{title}: {len(activations)}</h3>"
        yield _listed(
            [words("开始", "from"), words("报警", "alarm"), words("内容", "text")],
            [(*times([e.from_ms], zone), e.alarm, getattr(e.text, words.language)) for e in activations],
            words,
        )
    for title, moves in ((words("提前", "earlier"), found.earlier), (words("推迟", "later"), found.later)):
        yield f"<h3>{title}: {len(moves)}</h3>"
        yield _listed(
            [words("开始", "from"), words("报警", "alarm"), "min"],
            [(*times([move.from_ms], zone), move.alarm, f"{move.by_ms / 60_000:+.1f}") for move in moves],
            words,
        )


def _listed(head: Sequence[str], found: Sequence[Sequence[object]], words: Words) -> str:
    more = len(found) - LISTED
    rest = f"<p>… {more} {words('行未列出，见 --json', 'more: see --json')}</p>" if more > 0 else ""
    return _table(head, found[:LISTED]) + rest if found else ""


def _table(head: Sequence[str], found: Sequence[Sequence[object]]) -> str:
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in found)
    return f"<table><tr>{titles}</tr>{lines}</table>"


def _bars(mine: dict[str, int], other: dict[str, int] | None) -> str:
    """Draw a bar for each; beside it that of the other rules."""
    names = list(mine)
    most = max([*mine.values(), *(other or {}).values(), 1])
    step = _WIDTH / max(len(names), 1)
    wide = step * (0.4 if other is not None else 0.8)
    drawn = []
    for at, name in enumerate(names):
        for part, (kind, counts) in enumerate((("mine", mine), ("other", other or {}))):
            count = counts.get(name, 0)
            tall = count / most * _HEIGHT
            if count:
                drawn.append(
                    f'<rect class="{kind}" x="{at * step + part * wide:.1f}" y="{_HEIGHT - tall:.1f}" '
                    f'width="{wide:.1f}" height="{tall:.1f}"><title>{escape(name)}: {count}</title></rect>'
                )
        if at % max(1, len(names) // 10) == 0:
            drawn.append(f'<text x="{at * step:.1f}" y="{_HEIGHT + 15}">{escape(name[5:])}</text>')
    return (
        f'<svg viewBox="0 -12 {_WIDTH} {_HEIGHT + _FOOT}" width="100%" role="img">'
        f'<line x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}"/><text x="0" y="-2">{most}</text>'
        + "".join(drawn)
        + "</svg>"
    )
