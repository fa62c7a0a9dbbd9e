"""Rules that judge a device by the others of its group; after the rules on single devices, in the same record."""

from collections import defaultdict
from collections.abc import Sequence

from rules.alarms import Moment
from rules.judging import Judge
from rules.kinds.peer import Members, Peer
from rules.records import Evidence, Period
from rules.verdicts import Said
from rules.world import World

Group = tuple[str, str]  # rule, and the name of the site or district


def judge_peers(periods: Sequence[Period], world: World, moment: Moment) -> None:
    """Compare the hours that have closed for the first time, each with those of the same hour."""
    hours: defaultdict[tuple[Group, int], list[tuple[Judge, float | None]]] = defaultdict(list)
    for period in periods:
        if period.span == "hour" and period.revision == 1:
            for judge in world.of_periods.get((period.device, period.quantity), ()):
                if judge.kind.needs == "peers":
                    hours[_group(judge), period.start_ms].append((judge, period.mean))
    for _, members in sorted(hours.items(), key=lambda each: each[0]):
        for judge, mean in sorted(members, key=lambda each: each[0].subject):
            others = {other.subject: value for other, value in members if other is not judge and value is not None}
            _judge(judge, mean, others, world, moment)


def _group(judge: Judge) -> Group:
    settings, device = judge.rule.settings, judge.device
    assert isinstance(settings, Peer)  # noqa: S101 - its kind says so
    assert device is not None  # noqa: S101 - only devices have series
    name = {"all": "", "site": device.site, "district": device.district}[settings.among]
    return judge.rule.id, name or ""


def _judge(judge: Judge, mean: float | None, others: dict[str, float], world: World, moment: Moment) -> None:
    given = Members(mean, tuple(others.values()))
    said: Said = judge.kind.step(judge.memory, given, judge.rule.settings, judge.interval_ms)
    judge.last = said.why.get("z")

    def evidence() -> Evidence:
        """Name the others, so that median and deviation can be worked out again."""
        return Evidence(sequence=moment.sequence, why={**said.why, "others_of_group": others})

    world.judging.heed(judge, said, moment, evidence=evidence)
