"""The kinds that a rule may be of, by the name that an engineer writes."""

from rules.kinds import (
    day_budget,
    day_mean,
    hour_mean,
    implausible,
    magnetic,
    peer,
    rate,
    rolling_mean,
    silence,
    slot_mean,
    state,
    stuck,
    tamper,
    threshold,
    tilt,
)
from rules.verdicts import Kind

KINDS: dict[str, Kind] = {
    kind.id: kind
    for kind in (
        state.KIND,
        silence.KIND,
        threshold.KIND,
        rate.KIND,
        slot_mean.KIND,
        hour_mean.KIND,
        day_mean.KIND,
        day_budget.KIND,
        rolling_mean.KIND,
        tilt.KIND,
        tamper.KIND,
        stuck.KIND,
        magnetic.KIND,
        peer.KIND,
        implausible.KIND,
    )
}
