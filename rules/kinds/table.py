"""The kinds that a rule may be of, by the name that an engineer writes."""

from rules.kinds import day_mean, rolling_mean, silence, state, threshold
from rules.verdicts import Kind

KINDS: dict[str, Kind] = {
    kind.id: kind for kind in (state.KIND, silence.KIND, threshold.KIND, day_mean.KIND, rolling_mean.KIND)
}
