"""What was accepted last, kept so that the next start need not compile it again.

The state directory holds `accepted/settings.json`: the settings that are in force, the hash under which the book has
registry and rule set, and the fingerprint of the files that they came from. The same fingerprint again: nothing is
compiled. Wrong files: the daemon goes on with this. `accepted/before.json` is the one that was in force before it, for
`cityward reload --undo`.
"""

from pathlib import Path
from subprocess import Popen

from msgspec import DecodeError, Raw, Struct, json, structs

from config import apart, blob
from config.apart import Found, Told
from config.compiled import Compiled
from config.schema import DEFAULT_STATE, CitywardSettings
from devices.registry import Registry
from store.book import BookReader
from store.fs import Fs, OsFs, read_whole, replace

FEW = 10
_FOLDER, _FILE, _BEFORE = "accepted", "settings.json", "before.json"


class _Kept(Struct):
    fingerprint: str
    hash: str
    settings: Raw
    undone: str = ""

    @property
    def what(self) -> tuple[str, bytes]:
        """What it is, apart from where it came from."""
        return self.hash, bytes(self.settings)


def keep(fs: Fs, state: Path, compiled: Compiled) -> None:
    """Note what is in force; the book has accepted it. What was in force before is kept beside it."""
    settings = compiled.settings.model_dump_json(by_alias=True, exclude_unset=True)
    kept = _Kept(compiled.fingerprint, compiled.hash, Raw(settings.encode()), compiled.undone)
    fs.make_dir(state / _FOLDER)
    old = _read(state)
    if old is not None and old.what != kept.what:
        replace(fs, state / _FOLDER / _BEFORE, [json.encode(structs.replace(old, undone=""))])
    content = json.encode(kept)
    if read_whole(fs, state / _FOLDER / _FILE) != content:
        replace(fs, state / _FOLDER / _FILE, [content])


def hash_before(state: Path) -> str | None:
    """Return the hash of the configuration that was in force before this one; None = there was none."""
    kept = _read(state, _BEFORE)
    return None if kept is None else kept.hash


def before(state: Path, directory: Path) -> tuple[Compiled, bytes] | None:
    """Return the configuration that was in force before this one, and its blob; None = there is none that still works.

    directory: where the files are; they are in force again when they are those that it came from.
    """
    kept = _read(state, _BEFORE)
    if kept is None:
        return None
    with BookReader(state / "book.sqlite") as book:
        content = book.configuration(kept.hash)
    try:
        settings = CitywardSettings.model_validate_json(bytes(kept.settings))
        registry, ruleset = blob.decode(content or b"")
    except (ValueError, DecodeError):
        return None  # of another version of the program, which knew other things
    now = apart.fingerprint(directory)
    own = bool(now) and now == kept.fingerprint
    undone = "" if own else apart.fingerprint_of_files(directory) or "unreadable"
    return Compiled(settings, registry, ruleset, kept.hash, now if own else "", undone), content or b""


class Start:
    """A start of the daemon: what it is to begin with. A child compiles, where that is needed, until `result` waits."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._same = self._unchanged()
        self._child: Popen[bytes] | None = None if self._same else apart.begin(directory)

    def result(self) -> tuple[Compiled | None, list[str]]:
        """Return what to start with, and what is wrong with the files.

        The files where they are right; else what was accepted last. None when nothing was ever accepted.
        """
        if self._child is None:
            return self._same, []
        found = apart.finish(self._child)
        if found.blob:
            compiled = compiled_of(found)
            last = None if compiled.registry.devices else _from_book(compiled.settings.state)
            told = vanished(self._directory, blob.decode(last[1])[0], compiled.registry) if last else None
            return (compiled, []) if told is None else (_last_accepted(found, self._directory), [told.en])
        return _last_accepted(found, self._directory), [problem.en for problem in found.errors]

    def _unchanged(self) -> Compiled | None:
        """Return what was accepted last if the files are still the same."""
        state = apart.state_at_first_sight(self._directory) or DEFAULT_STATE
        kept = _read(state)
        if kept is None or not self._as_accepted(kept):
            return None
        try:
            settings = CitywardSettings.model_validate_json(bytes(kept.settings))
            accepted = _from_book(state) if settings.state == state else None
            if accepted is None or accepted[0] != kept.hash:
                return None
            return Compiled(settings, *blob.decode(accepted[1]), kept.hash, kept.fingerprint, kept.undone)
        except (ValueError, DecodeError):
            return None  # of another version of the program: then the files count

    def _as_accepted(self, kept: _Kept) -> bool:
        """Tell whether the files are as they were when this was accepted; or still those that were taken back."""
        if kept.undone:
            return kept.undone == apart.fingerprint_of_files(self._directory)
        return bool(kept.fingerprint) and kept.fingerprint == apart.fingerprint(self._directory)


def vanished(directory: Path, before: Registry, now: Registry) -> Told | None:
    """Say that all devices have gone with their files: a mount or a copy that went wrong, and no wish of anybody."""
    if now.devices or not before.devices or apart.has_devices(directory):
        return None
    count, folder = len(before.devices), directory / apart.FOLDERS[0]
    return Told(
        f"{folder} 中没有任何设备文件，而现有 {count} 台设备在用：是否未挂载或未复制？"
        "确要全部去掉，请放入内容为 `devices: []` 的文件。",
        f"{folder} has no file of devices, but {count} devices are in force: was it not mounted, or not copied? "
        "To take all of them away, put a file there that says `devices: []`.",
        warning=False,
    )


def fewer(before: Registry, now: Registry) -> list[str]:
    """Warn when more than half of the devices have gone, and there were more than ten."""
    gone = {device.id for device in before.devices} - {device.id for device in now.devices}
    if len(before.devices) <= FEW or len(gone) * 2 <= len(before.devices):
        return []
    return [f"Warning: {len(gone)} of {len(before.devices)} devices are not in the files any more; their alarms end."]


def compiled_of(found: Found) -> Compiled:
    """Return what a child has compiled without an error."""
    settings = CitywardSettings.model_validate_json(found.settings)
    return Compiled(settings, *blob.decode(found.blob), found.hash, found.fingerprint)


def _last_accepted(found: Found, directory: Path) -> Compiled | None:
    """Return what was accepted last, settings and all: what is refused is not in force in any part of it."""
    state = Path(found.state) if found.state else apart.state_at_first_sight(directory) or DEFAULT_STATE
    kept, accepted = _read(state), _from_book(state)
    if accepted is None:
        return None
    settings = None if kept is None else _settings_of(kept)
    if kept is None or settings is None or settings.state != state or kept.hash != accepted[0]:
        # They were brought here from another directory or version, or the process died between book and settings.
        settings = CitywardSettings.model_validate_json(found.settings) if found.settings else settings
    return None if settings is None else Compiled(settings, *blob.decode(accepted[1]), accepted[0])


def _settings_of(kept: _Kept) -> CitywardSettings | None:
    try:
        return CitywardSettings.model_validate_json(bytes(kept.settings))
    except ValueError:
        return None  # of another version of the program, which knew other things


def _read(state: Path, name: str = _FILE) -> _Kept | None:
    try:
        content = read_whole(OsFs(), state / _FOLDER / name)
        return None if content is None else json.decode(content, type=_Kept)
    except (OSError, DecodeError):
        return None  # as if it were not there: then the files are compiled


def _from_book(state: Path) -> tuple[str, bytes] | None:
    book = state / "book.sqlite"
    if not book.exists():
        return None
    with BookReader(book) as reader:
        return reader.accepted()
