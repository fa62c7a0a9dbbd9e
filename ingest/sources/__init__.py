"""What delivers frames: MQTT brokers, serial lines, HJ 212 links, a replay. One file a kind, one thread a source."""

import threading
from collections.abc import Callable
from typing import Any, Protocol

from devices.frames import Batch

Acknowledge = Callable[[], None]
"""Tell the sender that its frames are on the disk. Called once, after the commit, from the pipeline's thread.

It never raises and hardly blocks: a sender that is gone by then delivers again, and that is his acknowledgement.
"""

Deliver = Callable[[Batch, Acknowledge], None]
"""Hand over a batch and the way to acknowledge it. Leave `at_ms` 0: the pipeline gives the log time."""

Report = Callable[[str, dict[str, Any]], None]
"""(kind, data): what a source notices about itself; becomes a `rules.records.Status` on the source's own subject.

Kinds and their data stand there: `link`, `drops`, `missed`, `condition`. Callable from any thread.
"""


class Source(Protocol):
    """A thing that delivers frames; made with its settings and a `Report`.

    window  at most so many frames are delivered and not yet acknowledged, for then the sender waits: a group that
            holds that many closes at once. None = the sender waits for nobody
    waits   its senders wait for an answer (9014, HTTP): a group that holds a frame of it closes 20 ms later
    """

    @property
    def window(self) -> int | None:
        """The most frames that may wait for their acknowledgement, or None."""

    @property
    def waits(self) -> bool:
        """Whether senders wait for an answer to every frame."""

    def run(self, deliver: Deliver, stop: threading.Event) -> None:
        """Deliver until `stop` is set; connect, lose and connect again meanwhile.

        What the outside does to a source is reported and healed in here. What is raised is a defect, and ends the
        process: nobody else would notice a source that has died.
        """

    def counts(self) -> dict[str, int]:
        """Count at the door, since the start: `received` frames delivered, and what else the kind has to tell."""
