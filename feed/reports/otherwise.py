"""What is otherwise than in a report before: of devices, and of the data of a former version. Pure."""

from collections.abc import Sequence

from feed.reports.facts import Report, Series, Unit
from feed.reports.words import DASH, Clock, sayer, short_of_data
from rules.records import Text

FEW = Text(short_of_data(sayer("zh")), short_of_data(sayer("en")))


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
    """Say what a new version says otherwise than the one before."""
    found: list[Text] = []
    former = {(each.device, each.quantity): each for each in old.series}
    for each in new.series:
        was = former.get((each.device, each.quantity))
        if was is None:
            found.append(Text(f"{each.name} {each.zh}：新增", f"{each.name}, {each.en}: added"))
            continue
        for (zh, en, now), (_, _, then) in zip(_figures(each), _figures(was), strict=True):
            if then != now:
                found.append(
                    Text(
                        f"{each.name} {each.zh} {zh}：{then.zh} → {now.zh}",
                        f"{each.name}, {each.en}, {en}: {then.en} → {now.en}",
                    )
                )
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


def _figures(series: Series) -> list[tuple[str, str, Text]]:
    """Return the figures of a series as the report shows them: of too few data no mean is told."""
    values, enough = series.values, series.values.enough
    highest = _shown(values.highest)
    return [
        ("平均", "mean", _shown(values.mean) if enough else FEW),
        ("最大小时均值", "highest hour", highest if enough or values.highest is None else _least(highest)),
        ("最小", "lowest", _shown(values.lowest) if enough else FEW),
        ("95 %", "95 %", _shown(values.p95) if enough else FEW),
        ("有效时段", "valid", _shown(values.valid)),
        ("有效读数", "readings", _shown(series.readings)),
    ]


def _least(text: Text) -> Text:
    return Text(f"≥ {text.zh}", f"≥ {text.en}")


def _shown(value: float | None) -> Text:
    shown = DASH if value is None else f"{value:.1f}".removesuffix(".0")
    return Text(shown, shown)
