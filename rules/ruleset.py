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


class Rule(Struct, frozen=True, kw_only=True):
    """A named condition.

    settings  a frozen msgspec struct of its kind
    text      may hold {value}, {limit}, {name}
    basis     compliance: this limit binds here; reference: it is only compared with (参考限值，非执法依据)
    """

    id: str
    kind: str
    scope: Scope
    settings: Any
    priority: Literal[1, 2, 3, 4]
    latch: bool = False
    basis: Literal["compliance", "reference"] | None = None
    text: Text
    cause: Text
    consequence: Text
    action: Text
    respond_within_ms: int


class RuleSet(Struct, frozen=True):
    """All rules, in the order of their ids."""

    rules: tuple[Rule, ...] = ()
