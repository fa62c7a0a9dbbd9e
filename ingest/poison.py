"""Frames that are set aside, for judging them has ended two processes: what of a batch is sound, who is to blame."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from devices.frames import Batch
from rules.intake import PoisonError
from rules.records import Record

Poison = AbstractSet[tuple[str, bytes, bytes]]
"""Source, place and payload of frames that are set aside."""


def holds_poison(batch: Batch, poison: Poison) -> bool:
    """Tell whether a frame of a batch is set aside."""
    return any((batch.source, place, payload) in poison for place, payload, _ in batch.frames) if poison else False


def sound_frames(first: int, batch: Batch, poison: Poison) -> Iterator[tuple[int, Batch]]:
    """Take a batch apart, without what is set aside; by the fold's law it is judged the same."""
    for index, frame in enumerate(batch.frames):
        if (batch.source, *frame[:2]) not in poison:
            yield first + index, Batch(batch.source, batch.at_ms, [frame])


def blamed(error: PoisonError, record: Record) -> tuple[int, str, str]:
    """Say which sequence is to blame, why, and of which source it is."""
    return error.sequence, repr(error.__cause__), record.source if isinstance(record, Batch) else ""
