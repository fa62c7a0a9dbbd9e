"""The row of the audit trail that tells of a command, the same by whichever way the command came."""

from feed.desk import Audited
from rules.records import Command


def audited(command: Command, status: int, answer: str) -> Audited:
    """Make the row of a command, with what it was told."""
    key = key_of(command.via)
    return Audited(
        who=command.user, via=command.via, what=command.kind, target=command.target,
        command=command.id.removeprefix(f"{key}:") if key else command.id, comment=command.comment,
        status=status, answer=answer,
    )  # fmt: skip


def key_of(via: str) -> str:
    """Give the key of what came by MQTT (feed.mqtt_commands), or "": `id` of such a Command begins with it."""
    return via.rpartition(" key ")[2] if via.startswith("mqtt ") and " key " in via else ""
