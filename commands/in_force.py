"""What is in force, for those who ask; and the way back to what was in force before."""

from typing import TYPE_CHECKING

from msgspec import Raw

from config import accepted, blob
from feed.behind import InForce, Reloaded

if TYPE_CHECKING:
    from commands.daemon import Daemon


def in_force(daemon: "Daemon") -> InForce:
    """Show the configuration; see `feed.behind.InForce`."""
    compiled = daemon.compiled
    settings = daemon.settings.model_copy(update={"sources": compiled.settings.sources})
    return InForce(
        gateway=daemon.settings.gateway.id,
        hash=compiled.hash,
        before=accepted.hash_before(daemon.stores.directory),
        differs=bool(compiled.undone),
        settings=Raw(settings.model_dump_json(by_alias=True, exclude_unset=True).encode()),
        content=blob.encode(compiled.registry, compiled.ruleset),
    )


def undo(daemon: "Daemon") -> Reloaded | None:
    """Put the configuration in force that was in force before; None = there is none.

    The files stay as they are. What was in force until now is then what was before: undone twice is done again.
    """
    with daemon.reloading:
        if daemon.directory is None:
            return None
        found = accepted.before(daemon.stores.directory, daemon.directory)
        return None if found is None else daemon.put_in_force(*found, [])
