"""Which devices a rule judges."""

from devices.registry import Device
from rules.ruleset import Scope


def in_scope(scope: Scope, device: Device) -> bool:
    """All that the scope names must hold."""
    return (
        (scope.family is None or scope.family == device.family)
        and (not scope.devices or device.id in scope.devices)
        and (scope.site is None or scope.site == device.site)
        and all(device.labels.get(label) == value for label, value in scope.labels.items())
    )
