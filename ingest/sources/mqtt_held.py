"""What a broker's session of ours may hold: filters stay in it for days, also those that the configuration has no more.

No broker lists the subscriptions of a session. Left alone, an old filter goes on delivering: strangers, or, where it
overlaps with a new one, every message twice. So what was asked for is kept in a file, and taken back when it is no
longer wanted.
"""

import json
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from store.fs import OsFs, replace


class Held:
    """The filters in one session. path: its file, made where it is not there; None = nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def known(self) -> bool:
        """Tell whether there ever was a session."""
        return bool(self._read())

    def begin(self, wanted: Collection[str], *, kept: bool) -> list[str]:
        """Note what is about to be subscribed, and return what the session has beyond that.

        kept  the broker still has the session
        """
        held = self._read() if kept else set()
        self._write(held | set(wanted))
        return sorted(held - set(wanted))

    def ended(self, wanted: Collection[str]) -> None:
        """Note that the session has nothing else any more."""
        self._write(set(wanted))

    def _read(self) -> set[str]:
        if self._path is None:
            return set()
        try:
            found = json.loads(self._path.read_bytes())
        except (OSError, ValueError):  # not there yet; or damaged, and then what was in it cannot be known
            return set()
        return {each for each in found if isinstance(each, str)} if isinstance(found, list) else set()

    def _write(self, filters: set[str]) -> None:
        if self._path is None or self._read() == filters:
            return
        with suppress(OSError):  # a full disk must not keep a source from connecting: an old filter may stay then
            fs = OsFs()
            fs.make_dir(self._path.parent)
            replace(fs, self._path, [json.dumps(sorted(filters), ensure_ascii=False).encode()])
