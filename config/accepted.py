"""What was accepted last, kept so that the next start need not compile it again.

The state directory holds `accepted/settings.json`: the settings that are in force, the hash under which the book has
registry and rule set, and the fingerprint of the files that they came from. The same fingerprint again: nothing is
compiled. Wrong files: the daemon goes on with this.
"""

from pathlib import Path
from subprocess import Popen

from msgspec import DecodeError, Raw, Struct, json

from config import apart, blob
from config.apart import Found
from config.compiled import Compiled
from config.schema import DEFAULT_STATE, CitywardSettings
from store.book import BookReader
from store.fs import Fs, OsFs, read_whole, replace

_FOLDER, _FILE = "accepted", "settings.json"


class _Kept(Struct):
    fingerprint: str
    hash: str
    settings: Raw


def keep(fs: Fs, state: Path, compiled: Compiled) -> None:
    """Note what is in force; the book has accepted it."""
    settings = compiled.settings.model_dump_json(by_alias=True, exclude_unset=True)
    content = json.encode(_Kept(compiled.fingerprint, compiled.hash, Raw(settings.encode())))
    fs.make_dir(state / _FOLDER)
    if read_whole(fs, state / _FOLDER / _FILE) != content:
        replace(fs, state / _FOLDER / _FILE, [content])


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
            return compiled_of(found), []
        return _last_accepted(found, self._directory), [problem.en for problem in found.errors]

    def _unchanged(self) -> Compiled | None:
        """Return what was accepted last if the files are still the same."""
        state = apart.state_at_first_sight(self._directory) or DEFAULT_STATE
        kept = _read(state)
        if kept is None or not kept.fingerprint or kept.fingerprint != apart.fingerprint(self._directory):
            return None
        settings = CitywardSettings.model_validate_json(bytes(kept.settings))
        accepted = _from_book(state) if settings.state == state else None
        if accepted is None or accepted[0] != kept.hash:
            return None
        return Compiled(settings, *blob.decode(accepted[1]), kept.hash, kept.fingerprint)


def compiled_of(found: Found) -> Compiled:
    """Return what a child has compiled without an error."""
    settings = CitywardSettings.model_validate_json(found.settings)
    return Compiled(settings, *blob.decode(found.blob), found.hash, found.fingerprint)


def _last_accepted(found: Found, directory: Path) -> Compiled | None:
    state = Path(found.state) if found.state else apart.state_at_first_sight(directory) or DEFAULT_STATE
    kept, accepted = _read(state), _from_book(state)
    settings = found.settings or (bytes(kept.settings) if kept else "")
    if not settings or accepted is None:
        return None
    return Compiled(CitywardSettings.model_validate_json(settings), *blob.decode(accepted[1]), accepted[0])


def _read(state: Path) -> _Kept | None:
    try:
        content = read_whole(OsFs(), state / _FOLDER / _FILE)
        return None if content is None else json.decode(content, type=_Kept)
    except (OSError, DecodeError):
        return None  # as if it were not there: then the files are compiled


def _from_book(state: Path) -> tuple[str, bytes] | None:
    book = state / "book.sqlite"
    if not book.exists():
        return None
    with BookReader(book) as reader:
        return reader.accepted()
