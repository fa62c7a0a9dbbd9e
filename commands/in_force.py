"""What is in force, for those who ask; and the way back to what was in force before."""

from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec import Raw

from config import accepted, blob
from feed import audit_configuration
from feed.behind import InForce, Reloaded
from feed.desk import Audited
from feed.wire import json_of

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


def configured(daemon: "Daemon") -> str:
    """Tell the audit trail which configuration is in force, as JSON.

    hash of devices and rules, settings: SHA-256 of those of cityward.yaml, and how many devices and rules there are.
    """
    compiled = daemon.compiled
    settings = compiled.settings.model_dump_json(by_alias=True, exclude_unset=True)
    told = {
        "hash": compiled.hash, "settings": sha256(settings.encode()).hexdigest(),
        "devices": len(compiled.registry.devices), "rules": len(compiled.ruleset.rules),
    }  # fmt: skip
    return json_of(told).decode()


def tell_of_start(daemon: "Daemon", in_journal: str) -> None:
    """Tell the audit trail what is in force from this start on. in_journal: hash of what was before it."""
    audit_configuration.complete(daemon.stores.directory / "desk.sqlite", in_journal, configured(daemon))


def reload_unasked(daemon: "Daemon", via: str) -> None:
    """Reload when nobody asks for it over HTTP, who would be named; the audit trail is told. via: signal, start."""
    entry = Audited(who="", via=via, what="reload", status=0)
    desk = daemon.stores.directory / "desk.sqlite"
    audit_configuration.changed(desk, entry, lambda: configured(daemon), daemon.reload, daemon.pipeline.civil_ms)


def undo(daemon: "Daemon") -> Reloaded | None:
    """Put the configuration in force that was in force before; None = there is none.

    The files stay as they are. What was in force until now is then what was before: undone twice is done again.
    """
    with daemon.reloading:
        if daemon.directory is None:
            return None
        found = accepted.before(daemon.stores.directory, daemon.directory)
        return None if found is None else daemon.put_in_force(*found, [])
