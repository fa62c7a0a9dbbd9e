"""The row of the audit trail that tells of a command, the same by whichever way the command came."""

from devices.instants import rfc3339
from feed.desk import Audited
from feed.wire import json_of
from rules.records import Answer, Command, Standing

REPEAT = "a repeat of the same command: it was not carried out again"


def audited(command: Command, answer: Answer, note: str = "") -> Audited:
    """Make the row of a command, with what it was told; of one that changed an alarm, how it stood before and after.

    note: what there is to be said beside the answer
    """
    key = key_of(command.via)
    before = None if answer.repeat else answer.before
    after = answer.alarm.standing if before and answer.alarm else None
    words = (answer.detail, REPEAT if answer.repeat else "", note)
    return Audited(
        who=command.user, via=command.via, what=command.kind, target=command.target,
        command=command.id.removeprefix(f"{key}:") if key else command.id, comment=command.comment,
        before=_told(before), after=_told(after), status=answer.status,
        answer="; ".join(word for word in words if word),
    )  # fmt: skip


def _told(standing: Standing | None) -> str:
    """Write how an alarm stands, as JSON: its state, and what else there is to be said of it."""
    if standing is None:
        return ""
    told = {
        "state": standing.state,
        "suppressed": standing.suppressed,
        "shelved_until": standing.shelved_until_ms and rfc3339(standing.shelved_until_ms),
        "one_shot": standing.one_shot,
        "out_until": standing.out_until_ms and rfc3339(standing.out_until_ms),
    }
    return json_of({name: value for name, value in told.items() if value}).decode()


def key_of(via: str) -> str:
    """Give the key of what came by MQTT (feed.mqtt_commands), or "": `id` of such a Command begins with it."""
    return via.rpartition(" key ")[2] if via.startswith("mqtt ") and " key " in via else ""
