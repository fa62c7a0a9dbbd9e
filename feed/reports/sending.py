"""What people are told when reports are ready: one message for all of a day or month, with a link, not one for each."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from feed.reports.facts import Report
from feed.reports.shelf import Kept, ShelfReader
from feed.reports.words import Say, lasted, sayer
from rules.records import Text


class Said(Struct, frozen=True, kw_only=True):
    """One message. key: the same one is never sent twice; reports: that it is about, their ids."""

    key: str
    text: Text
    t_ms: int
    reports: tuple[str, ...]


def messages(shelf: ShelfReader, waiting: Sequence[Kept], city: str, address: str = "") -> Iterator[Said]:
    """Say what is ready, the oldest span first. address: of the console, `https://gateway.example:8443`; "" = none."""
    spans: dict[tuple[str, str, bool], list[Kept]] = {}
    for each in sorted(waiting, key=lambda one: (one.from_ms, one.version)):
        spans.setdefault((each.kind, each.span, each.version > 1), []).append(each)
    for (kind, span, amended), some in spans.items():
        where = f" {address}/#/reports" if address else ""
        what = Text("日报", "daily report") if kind == "day" else Text("月报", "monthly report")
        sites = [each.site for each in some if each.site]
        state = Text("有修订", "was amended") if amended else Text("已生成", "is ready")
        found = _summary(shelf, some)
        zh = f"{city} {span} {what.zh}{state.zh}（{len(sites)} 个场所）。{found.zh}{where}"
        en = f"{city}: the {what.en} of {span} {state.en} ({len(sites)} sites). {found.en}{where}"
        versions = "-".join(str(each.version) for each in some)
        yield Said(
            key=f"report/{kind}/{span}/{versions}", text=Text(zh.strip(), en.strip()),
            t_ms=max(each.made_ms for each in some), reports=tuple(each.id for each in some),
        )  # fmt: skip


def _summary(shelf: ShelfReader, some: Sequence[Kept]) -> Text:
    """Say what the report of the city holds: exceedances, where too little was measured, how long nobody watched."""
    report = next((shelf.report(each) for each in some if not each.site), None)
    if report is None:
        return Text("", "")
    over = sum(not each.turned for each in report.exceedances)
    few = sum(not each.values.enough for each in report.series)
    zh = f"超标 {over} 次，{few} 项数据不足。" if few else f"超标 {over} 次。"
    en = f"Exceedances: {over}; not enough data: {few}." if few else f"Exceedances: {over}."
    return Text(_off(report, sayer("zh")) + zh, _off(report, sayer("en")) + en)


def _off(report: Report, say: Say) -> str:
    off_ms = sum(each.to_ms - each.from_ms for each in report.kpi.unwatched)
    long = say("整个时段", "all the time") if not report.watched else lasted(off_ms / 1000, say)
    return say(f"网关未运行：{long}。", f"Gateway off: {long}. ") if off_ms else ""
