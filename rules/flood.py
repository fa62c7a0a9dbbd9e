"""What the control room counts: which events ring. One definition for sound, figures, notifications and flood."""

from rules.records import Event

_RINGING = frozenset({"raised", "reraised", "unshelved", "unsuppressed", "in_service"})


def annunciated(event: Event) -> bool:
    """Tell whether this event asks somebody for attention who was not asked before (ISA-18.2: annunciation).

    So does an alarm that nothing withholds any more, where it is active and unacknowledged.
    """
    return event.kind in _RINGING and event.alarm.state == "UNACK" and not event.alarm.shadow
