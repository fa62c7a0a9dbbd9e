"""What is otherwise than in a report before: of devices, and of the data of a former version. Pure."""

from collections.abc import Sequence

from feed.reports.facts import Report, Unit
from feed.reports.sections import ranking_table, series_table
from feed.reports.words import DASH, Clock, Say, percent, sayer
from rules.records import Text


def changes(units: Sequence[Unit], before: Sequence[Unit]) -> list[Text]:
    """Say how devices differ from those of the report before."""
    old, new = {unit.id: unit for unit in before}, {unit.id: unit for unit in units}
    found = [Text(f"新增 {new[i].name}（{i}，{new[i].model}）", f"added {new[i].name} ({i}, {new[i].model})")
             for i in sorted(new.keys() - old.keys())]  # fmt: skip
    found += [
        Text(f"移除 {old[i].name}（{i}）", f"removed {old[i].name} ({i})") for i in sorted(old.keys() - new.keys())
    ]
    for name in sorted(new.keys() & old.keys()):
        one, was = new[name], old[name]
        for zh, en, now, then in (("型号", "model", one.model, was.model), ("名称", "name", one.name, was.name),
                                  ("场所", "site", one.site or "–", was.site or "–")):  # fmt: skip
            if now != then:
                found.append(Text(f"{name} {zh}：{then} → {now}", f"{name} {en}: {then} → {now}"))
    return found


def revisions(new: Report, old: Report) -> list[Text]:
    """Say what a new version shows otherwise than the one before: figures of stations, sites, devices; exceedances."""
    found: list[Text] = []
    of_now, of_then = (_shown(each, sayer("zh")) for each in (new, old))
    of_now_en, of_then_en = (_shown(each, sayer("en")) for each in (new, old))
    for key, (name, cells) in of_now.items():
        name_en, cells_en = of_now_en[key]
        if key not in of_then:
            found.append(Text(f"{name}：新增", f"{name_en}: added"))
            continue
        then, then_en = of_then[key][1], of_then_en[key][1]
        found += [
            Text(
                f"{name} {head}：{then.get(head, DASH)} → {cell}",
                f"{name_en}, {en}: {then_en.get(en, DASH)} → {cell_en}",
            )
            for (head, cell), (en, cell_en) in zip(cells.items(), cells_en.items(), strict=True)
            if then.get(head, DASH) != cell
        ]
    return found + _exceedances(new, old)


def _shown(report: Report, say: Say) -> dict[tuple[str, ...], tuple[str, dict[str, str]]]:
    """Return the figures as the page shows them: of what -> its name, and cells by the heads of their columns."""
    found: dict[tuple[str, ...], tuple[str, dict[str, str]]] = {}
    table = series_table(report, say)
    for each, row in zip(report.series, table.rows, strict=True):
        name = say(f"{each.name} {each.zh}", f"{each.name}, {each.en}")
        found["series", each.device, each.quantity] = name, dict(zip(table.head[2:], row[2:], strict=True))
    table = ranking_table(report, say)
    for site, row in zip(report.ranking, table.rows, strict=True):
        cells = dict(zip(table.head, row, strict=True))
        del cells[table.head[1]]
        found["site", site.site] = site.site, cells
    for unit in report.units:
        if unit.by == "silence":  # of the others it stands at their series
            found["unit", unit.id] = unit.name, {say("在线率", "online"): percent(unit.online_pct)}
    return found


def _exceedances(new: Report, old: Report) -> list[Text]:
    found: list[Text] = []
    clock = Clock(new.zone, new.span)
    keys = {(e.alarm, e.from_ms): e for e in old.exceedances}
    for over in new.exceedances:
        then_over = keys.pop((over.alarm, over.from_ms), None)
        zh = f"{clock.short(over.from_ms)} {over.name} {over.text.zh}"
        en = f"{clock.short(over.from_ms)} {over.name} {over.text.en}"
        if then_over is None:
            found.append(Text(f"新增超标：{zh}", f"new exceedance: {en}"))
        elif over.turned and not then_over.turned:
            found.append(Text(f"经修订未超标：{zh}", f"not exceeded after all: {en}"))
    found += [Text(f"不再列出：{e.name} {e.text.zh}", f"no longer listed: {e.name} {e.text.en}") for e in keys.values()]
    return found
