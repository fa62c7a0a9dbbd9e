"""Rules on devices and their instruments as the core knows them."""

from msgspec import Struct

from config.schema_instruments import ImplausibleRule, MagneticRule, PeerRule, StuckRule, TamperRule, TiltRule
from config.schema_rule import RuleSettings
from rules.kinds.implausible import Implausible
from rules.kinds.magnetic import Magnetic
from rules.kinds.peer import Peer
from rules.kinds.stuck import Stuck
from rules.kinds.tamper import Tamper
from rules.kinds.tilt import Tilt


def settings(own: RuleSettings) -> Struct:
    """Make the settings of such a rule."""
    match own:
        case StuckRule():
            return Stuck(
                quantity=own.quantity, after_ms=own.after, tolerance=own.tolerance or 0.0, ignore_up_to=own.ignore_up_to
            )
        case TiltRule():
            return Tilt(
                quantity=own.quantity, above=own.above, clear=own.clear, at_least=own.at_least.n, of=own.at_least.m,
                once=own.once_above, on_delay_ms=own.after, off_delay_ms=own.clear_after,
            )  # fmt: skip
        case ImplausibleRule():
            return Implausible(
                quantity=own.quantity, low=own.low, high=own.high, spike=own.spike, at_most=own.at_most, unit=own.unit
            )
        case TamperRule():
            return Tamper(quantity=own.quantity, limit=own.plateau_under, water=own.water, gaps=own.gaps)
        case MagneticRule():
            return Magnetic(quantity=own.quantity, vehicle=own.vehicle, drift=own.drift, full_scale=own.full_scale)
        case PeerRule():
            return Peer(quantity=own.quantity, z=own.z, hours=own.hours, members=own.members, among=own.among)
    raise TypeError(f"no kind of rule: {own!r}")
