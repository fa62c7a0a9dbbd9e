"""A right configuration, as the daemon holds it. Light: who runs one need not import what compiles one."""

from msgspec import Struct

from config.schema import CitywardSettings
from devices.registry import Registry
from rules.ruleset import RuleSet

AT_START = (
    "gateway", "state", "budgets", "keep", "archive", "http", "console", "influxdb", "feeds", "reports", "notify",
)  # fmt: skip
"""Parts of cityward.yaml that are looked at when the daemon starts, and not at a reload."""


class Compiled(Struct, frozen=True):
    """A right configuration.

    settings  for the daemon's own parts; secrets are only named in it
    registry, ruleset  for the fold
    hash      of registry and rule set: what a Config record names
    fingerprint  of the files, and of the program that compiled them; "" = not known, or not of these files
    undone    fingerprint of the files alone, when they were taken back (`reload --undo`): as long as they stay as they
              are, this is in force instead of them. "" = the files are in force
    """

    settings: CitywardSettings
    registry: Registry
    ruleset: RuleSet
    hash: str
    fingerprint: str = ""
    undone: str = ""
