"""Rules as data: what YAML is compiled to. Each kind's own settings are declared in its file under `rules/kinds`."""

from typing import Any, Literal

from msgspec import Struct, field

from rules.records import Text


class Scope(Struct, frozen=True, kw_only=True):
    """Which devices a rule judges; all that is given must hold."""

    family: str | None = None
    devices: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    site: str | None = None


class Cited(Struct, frozen=True, array_like=True):
    """Where a number of a rule comes from.

    number    the key under which it stands: `limit`, `above`; of a limit by date also its first day
    value     it, as it was written
    document  standard, page or study; clause: where in it
    mark      V1 read in the standard, V2 in a secondary page, V3 in public code; C computed of such; E engineers'
              choice; M from memory, with how sure that is: `M 0.9`
    """

    number: str
    value: str
    document: str
    clause: str
    mark: str


class Cause(Struct, frozen=True, kw_only=True):
    """The rule that names the cause of another's alarms, and where: at the same device, or anywhere at its site."""

    rule: str
    where: Literal["device", "site"] = "device"


class Rule(Struct, frozen=True, kw_only=True):
    """A named condition.

    settings  a frozen msgspec struct of its kind
    mode      shadow: it judges, and rings nobody; what it would have done is counted (`Outcome.shadows`)
    text      may hold {value}, {limit}, {name}
    maintenance  its alarms are work to be planned: they ring nobody and need no acknowledgement
    ack_required  False: what has gone needs nobody to acknowledge it
    re_alarm_ms   how long after an acknowledgement it asks again while it is active; 0 = never
    suppressed_by  while that alarm is active, this one's is suppressed by design
    basis     compliance: this limit binds here; reference: it is only compared with (参考限值，非执法依据)
    """

    id: str
    kind: str
    scope: Scope
    settings: Any
    priority: Literal[1, 2, 3, 4]
    latch: bool = False
    maintenance: bool = False
    ack_required: bool = True
    re_alarm_ms: int = 0
    suppressed_by: Cause | None = None
    mode: Literal["live", "shadow"] = "live"
    basis: Literal["compliance", "reference"] | None = None
    text: Text
    cause: Text
    consequence: Text
    action: Text
    respond_within_ms: int
    pack: str = ""
    sources: tuple[Cited, ...] = ()

    @property
    def unverified(self) -> bool:
        """Whether one of its numbers is from memory: its alarms say so."""
        return any(cited.mark.startswith("M") for cited in self.sources)


class RuleSet(Struct, frozen=True):
    """All rules, in the order of their ids."""

    rules: tuple[Rule, ...] = ()
