"""A report as one HTML page that needs nothing else: no script, no font, no picture from anywhere; made to be printed.

Both languages are in it. What is shown first is the setting's; the other one stands at a switch, which is a link within
the page, so that it works in a copy that somebody was sent. What is shown is what is printed. The page's own
Content-Security-Policy is in it too.
"""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from typing import Literal

from feed.reports.chart import DEFS, chart, ranking
from feed.reports.facts import Report
from feed.reports.sections import OFF, heading, sections
from feed.reports.table import Section
from feed.reports.words import Language, Say, sayer, short_of_data, title

MOST_CHARTS = 12
LONG = 14  # characters of a cell that may be broken into lines

_STYLE = """
:root { color-scheme: light; }
@page { size: A4; margin: 14mm 12mm 16mm; @bottom-right { content: counter(page) " / " counter(pages); font-size: 9pt; } }
body { margin: 0; background: #d9dadb; color: #1b1d1f;
  font: 14px/1.5 "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", system-ui, sans-serif; }
main { max-width: 980px; margin: 16px auto; padding: 28px 36px; background: #fff; box-sizing: border-box; }
.other { display: none; } .other:target { display: block; } .other:target ~ .first { display: none; }
h1 { font-size: 23px; margin: 0; } h2 { font-size: 16px; margin: 22px 0 4px; padding-bottom: 2px; border-bottom: 1.5px solid #1b1d1f; }
p { margin: 3px 0; overflow-wrap: anywhere; }
nav { float: right; padding: 4px 0 0 12px; } nav a { color: #2a5fa8; }
.version { display: inline-block; margin-left: 10px; padding: 0 7px; border: 1.5px solid #1b1d1f; font-size: 13px; vertical-align: 4px; }
dl { display: grid; grid-template-columns: repeat(2, max-content 1fr); gap: 1px 12px; margin: 10px 0 0; }
dt { color: #4d5256; } dd { margin: 0; overflow-wrap: anywhere; } .off { color: #b00020; font-weight: 600; grid-column: 1; } dd.off { grid-column: 2 / -1; }
table { border-collapse: collapse; width: 100%; margin: 4px 0; font-variant-numeric: tabular-nums; font-size: 13px; line-height: 1.4; }
th { text-align: left; font-weight: 400; color: #4d5256; border-bottom: 1px solid #80868b; vertical-align: bottom; }
th, td { padding: 3px 7px; } td { border-bottom: 1px solid #dfe0e1; vertical-align: top; white-space: nowrap; }
th:first-child, td:first-child { padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
th { word-break: keep-all; } .wide { overflow-x: auto; }
td.long { white-space: normal; overflow-wrap: anywhere; } .n { text-align: right; }
.few { color: #4d5256; fill: #4d5256; font-style: normal; background: #eceded; padding: 0 3px; }
.charts { display: grid; grid-template-columns: 1fr 1fr; gap: 6px 18px; margin: 10px 0 0; }
.charts.one { grid-template-columns: 1fr; max-width: 640px; }
svg { width: 100%; height: auto; display: block; } svg.defs { position: absolute; width: 0; height: 0; }
svg text { font-size: 10.5px; fill: #4d5256; } svg .title { font-size: 12px; fill: #1b1d1f; }
.grid { stroke: #e3e4e5; } .bar { fill: #7f9bb8; } .over { fill: #b00020; } .gap { fill: url(#hatch); }
.hatch { stroke: #9a9da0; stroke-width: 1.4; }
.limit { stroke: #b00020; stroke-dasharray: 6 3; stroke-width: 1.3; }
svg .limit-text { fill: #b00020; stroke: #fff; stroke-width: 3px; paint-order: stroke; }
.kpi table, .families table, .shifts table { max-width: 640px; } .kpi td:nth-child(2) { font-weight: 500; }
.notes { font-size: 12px; color: #4d5256; } .notes h2 { color: #1b1d1f; }
.sign { display: grid; grid-template-columns: repeat(3, 1fr) 170px; gap: 18px; margin-top: 26px; break-inside: avoid; }
.sign div { border-bottom: 1px solid #1b1d1f; height: 56px; color: #4d5256; } .sign .stamp { border: 1px dashed #80868b; height: 110px; padding: 4px 8px; }
@media screen and (max-width: 760px) { td.long { min-width: 12em; } main { margin: 0; padding: 14px; } dl { grid-template-columns: max-content 1fr; }
  .charts { grid-template-columns: 1fr; } .sign { grid-template-columns: 1fr 1fr; } }
@media print { body { background: #fff; font-size: 9.5pt; } nav { display: none; }
  main { max-width: none; margin: 0; padding: 0 1px 0 0; } table { font-size: 8.5pt; } th, td { padding: 2px 5px; }
  .wide { overflow: visible; } h2 { break-after: avoid; } tr, svg, dl { break-inside: avoid; } thead { display: table-header-group; }
  .also { break-before: page; } .bar, .over, .few, .gap { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""  # noqa: E501 - a rule is a line

CSP = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'"
)
"""The page's policy; over HTTP `frame-ancestors 'none'` is added, which a page cannot say of itself."""

Shown = Literal["zh", "en", "both"]


def page(report: Report, shown: Shown) -> str:
    """Make the page."""
    first: Language = "en" if shown == "en" else "zh"
    other: Language = "zh" if shown == "en" else "en"
    if shown == "both":
        mains = _main(report, first, "", link=False) + _main(report, other, "also", link=False)
    else:  # the hidden one comes before, for a rule of CSS can only look ahead
        mains = _main(report, other, "other", link=True) + _main(report, first, "first", link=True)
    name = title(report, sayer(first))
    return (
        f'<!DOCTYPE html><html lang="{"zh-CN" if first == "zh" else "en"}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(CSP)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(f'{name} {report.span.name}')}</title><style>{_STYLE}</style></head><body>{DEFS}{mains}"
        "</body></html>\n"
    )


def _main(report: Report, language: Language, kind: str, *, link: bool) -> str:
    say = sayer(language)
    switch = f'<nav><a href="#{say("en", "zh")}">{say("English", "中文")}</a></nav>' if link else ""
    of_version = say(f"第 {report.version} 版", f"version {report.version}")
    of_version = of_version if report.version else say("手工生成", "by hand")
    version = f'<span class="version">{of_version}</span>'
    facts = "".join(_fact(name, value, off=name == say(*OFF)) for name, value in heading(report, say))
    body = "".join(_parts(report, say))
    name = f"{title(report, say)} {report.span.name}"
    return (
        f'<main id="{language}" class="{kind}" lang="{"zh-CN" if language == "zh" else "en"}">{switch}'
        f"<h1>{escape(name)}{version if report.version != 1 else ''}</h1><dl>{facts}</dl>{body}{_signature(say)}</main>"
    )


def _fact(name: str, value: str, *, off: bool) -> str:
    """Make a line of the heading. off: that the gateway did not run is not to be read past."""
    kind = ' class="off"' if off else ""
    return f"<dt{kind}>{escape(name)}</dt><dd{kind}>{escape(value)}</dd>"


def _parts(report: Report, say: Say) -> Iterator[str]:
    few = short_of_data(say)
    for section in sections(report, say):
        if section.key == "notes":
            lines = "".join(f"<p>{escape(line)}</p>" for line in section.lines)
            yield f'<section class="notes"><h2>{escape(section.title)}</h2>{lines}</section>'
            continue
        yield _section(section, few)
        if section.key == "series" and report.site is not None:
            yield _charts(report, say)
        elif section.key == "ranking" and report.ranking_by:
            yield f'<div class="charts one">{ranking(report.ranking, section.title, say)}</div>'


def _charts(report: Report, say: Say) -> str:
    worth = [each for each in report.series if each.quantity != "wind_speed_m_s" and set(each.means) != {None}]
    drawn = [chart(each, report, say) for each in worth[:MOST_CHARTS]]
    kind = "charts one" if len(drawn) == 1 else "charts"
    return f'<div class="{kind}">{"".join(drawn)}</div>' if drawn else ""


def _section(section: Section, few: str) -> str:
    lines = "".join(f"<p>{escape(line)}</p>" for line in section.lines)
    table = _table(section, few) if section.rows else ""
    return f'<section class="{section.key}"><h2>{escape(section.title)}</h2>{lines}{table}</section>'


def _table(section: Section, few: str) -> str:
    head = "".join(f"<th{_kind(at, '', section)}>{escape(cell)}</th>" for at, cell in enumerate(section.head))
    rows = "".join(f"<tr>{_row(row, few, section)}</tr>" for row in section.rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(row: list[str], few: str, section: Section) -> str:
    return "".join(f"<td{_kind(at, cell, section)}>{_cell(cell, few)}</td>" for at, cell in enumerate(row))


def _kind(at: int, cell: str, section: Section) -> str:
    if at in section.numbers:
        return ' class="n"'
    return ' class="long"' if len(cell) > LONG else ""


def _cell(cell: str, few: str) -> str:
    return f'<span class="few">{escape(cell)}</span>' if cell == few else escape(cell)


def _signature(say: Say) -> str:
    names = (("编制", "Prepared by"), ("审核", "Checked by"), ("批准", "Approved by"))
    boxes = "".join(f"<div>{escape(say(*each))}</div>" for each in names)
    return f'<div class="sign">{boxes}<div class="stamp">{escape(say("盖章", "Stamp"))}</div></div>'
