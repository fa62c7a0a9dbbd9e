"""An explanation as one HTML page that needs nothing else: no script, no font, no picture from anywhere.

Its own Content-Security-Policy is in the page too, so that it holds for a copy that somebody sends on.
"""

from base64 import b64encode
from hashlib import sha256
from html import escape

from feed.explain import Explanation
from feed.explain_chart import chart
from feed.explain_sections import Language, Section, sections

LONG = 40  # characters of a cell that is broken into lines

_STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 1040px; padding: 20px; background: #fff; color: #1b1d1f;
  font: 15px/1.5 "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", system-ui, sans-serif; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 26px 0 6px; border-bottom: 1px solid #b9bbbd; }
p { margin: 3px 0; overflow-wrap: anywhere; } .sub { color: #4d5256; }
table { border-collapse: collapse; width: 100%; margin: 6px 0; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 400; color: #4d5256; }
th, td { padding: 3px 8px; border-bottom: 1px solid #dfe0e1; vertical-align: top; white-space: nowrap; }
td.long { white-space: normal; overflow-wrap: anywhere; min-width: 15em; }
figure { margin: 0; }
summary { cursor: pointer; color: #2a5fa8; padding: 4px 0; }
svg { width: 100%; height: auto; margin: 10px 0; } svg text { font-size: 12px; fill: #4d5256; }
.grid { stroke: #e3e4e5; fill: none; } .mean { fill: #8fa9c4; } .empty { fill: #e3e4e5; } .cover { fill: #4d7a4f; }
.gap { fill: url(#hatch); } .hatch { stroke: #9a9da0; fill: none; } .trace { stroke: #2a5fa8; fill: none; }
.dot { fill: #2a5fa8; } .limit { stroke: #b00020; stroke-dasharray: 7 4; stroke-width: 1.6; fill: none; }
svg .limit-text { fill: #b00020; stroke: #fff; stroke-width: 3px; paint-order: stroke; }
.event { stroke: #1b1d1f; stroke-dasharray: 2 3; fill: none; }
@media print { details { display: block; } body { font-size: 11px; } }
"""

CSP = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'"
)
"""The page's policy; over HTTP `frame-ancestors 'none'` is added, which a page cannot say of itself."""


def page(found: Explanation, language: Language) -> str:
    """Make the page."""

    def w(zh: str, en: str) -> str:
        return zh if language == "zh" else en

    alarm = found.alarm
    text = alarm.text.zh if language == "zh" else alarm.text.en
    title = w("报警说明", "Explanation of an alarm")
    who = " · ".join(filter(None, (alarm.name or alarm.subject, alarm.site, found.gateway)))
    parts = sections(found, language)
    body = "".join(
        _section(part) + (f"<figure>{chart(found, w)}</figure>" if not at else "") for at, part in enumerate(parts)
    )
    lang = "zh-CN" if language == "zh" else "en"
    return (
        f'<!DOCTYPE html><html lang="{lang}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(CSP)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(f'{title}: {alarm.id}')}</title><style>{_STYLE}</style></head><body>"
        f'<h1>{escape(text)}</h1><p class="sub">{escape(who)}</p>{body}</body></html>'
    )


def _section(part: Section) -> str:
    lines = "".join(f"<p>{escape(line)}</p>" for line in part.lines)
    table = _table(part) if part.rows else ""
    if part.folded:
        return f"<details><summary>{escape(part.title)}</summary>{lines}{table}</details>"
    return f"<h2>{escape(part.title)}</h2>{lines}{table}"


def _table(part: Section) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in part.head)
    rows = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in part.rows)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{rows}</tbody></table>"


def _cell(text: str) -> str:
    return f"<td{' class=long' if len(text) > LONG else ''}>{escape(text)}</td>"
