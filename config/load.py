"""Reads a directory of configuration: cityward.yaml, devices.d/*.yaml, rules.d/*.yaml.

Every entry is kept with its place and, where it is right in itself, with its settings: one wrong device hides nothing
that is wrong elsewhere.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct, field
from pydantic import BaseModel, TypeAdapter, ValidationError

from config import yaml
from config.apart import FOLDERS, MAIN, NoFilesError, state_at_first_sight
from config.explain import of_pydantic
from config.problems import Problem, closest
from config.quotes import unquoted
from config.scalars import TimeZone
from config.schema import (
    DEFAULT_STATE,
    AnyRule,
    ChangeSettings,
    CitywardSettings,
    DefaultSettings,
    DeviceSettings,
    DevicesFile,
    PackFile,
    RulesFile,
)
from config.yaml import Document
from feed.settings import HttpSettings
from ingest.push_settings import HttpPushSettings
from ingest.settings import Hj212Settings, MqttSettings, SerialSettings

SOURCE_KINDS: dict[str, type[MqttSettings | SerialSettings | Hj212Settings | HttpPushSettings]] = {
    "mqtt": MqttSettings,
    "serial": SerialSettings,
    "hj212": Hj212Settings,
    "http": HttpPushSettings,
}


USUAL = Path("/etc/cityward")

T = TypeVar("T", bound=BaseModel)
Path_ = tuple[str | int, ...]


class InPack(Struct):
    """The pack that a rule comes from, and where it was chosen."""

    name: str
    accepted: bool
    document: Document
    path: Path_

    def problem(self, code: str, parameters: dict[str, Any], *, warning: bool = False) -> Problem:
        """Make a problem of the choice."""
        return self.document.problem(self.path, code, parameters, warning=warning)


class Entry(Struct):
    """One source, device or rule as it stands in a file.

    raw       its keys as text, for what must be known of it even when it is wrong
    settings  None when it is wrong in itself
    defaults  of a device's file
    pack      of a rule that comes with Cityward
    aimed     the engineer himself says for which devices it is
    """

    document: Document
    path: Path_
    raw: dict[str, Any]
    settings: Any = None
    defaults: DefaultSettings = DefaultSettings()
    pack: InPack | None = None
    aimed: bool = True

    def word(self, key: str) -> str | None:
        """Return a key's text, if there is one."""
        value = self.raw.get(key)
        return value if isinstance(value, str) else None

    def place(self, key: str) -> str:
        """Return `file:line` of a key."""
        return f"{self.document.file}:{self.document.node((*self.path, key)).line}"

    def problem(self, path: Path_, code: str, parameters: dict[str, Any], *, warning: bool = False) -> Problem:
        """Make a problem of what stands below the entry."""
        return self.document.problem((*self.path, *path), code, parameters, warning=warning)


class Files(Struct):
    """Everything that was read.

    settings    None when cityward.yaml is wrong
    main        cityward.yaml as it stands there; None where it cannot be read
    sources     by kind
    changes     of rules of packs
    incomplete  a file could not be read at all: what seems to be missing may stand there
    """

    settings: CitywardSettings | None = None
    main: Document | None = None
    sources: dict[str, list[Entry]] = field(default_factory=lambda: {kind: [] for kind in SOURCE_KINDS})
    devices: list[Entry] = field(default_factory=list)
    rules: list[Entry] = field(default_factory=list)
    changes: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    incomplete: bool = False


def read_files(directory: Path) -> Files:
    """Read everything in a directory; what is wrong is in the problems."""
    files = Files()
    names = _names(files, directory, "no_directory")
    if files.problems:
        return files
    if MAIN in names:
        for document in _read(files, directory / MAIN):
            files.main = document
            files.settings = _validated(files, document, CitywardSettings)
            _read_gateway(files, document)
            _read_sources(files, document)
    else:
        files.problems.append(_whole_file(directory / MAIN, "no_file"))
    for name in names:
        if name not in (MAIN, *FOLDERS) and name.endswith((".yaml", ".yml", ".d")):
            guess = closest(name, (MAIN, *FOLDERS))
            files.problems.append(_whole_file(directory / name, "not_part", guess=guess))
    for folder, read in zip(FOLDERS, (_read_devices, _read_rules), strict=True):
        for document in _read_all(files, directory / folder) if folder in names else ():
            read(files, document)
    return files


def _names(files: Files, directory: Path, code: str = "unreadable") -> list[str]:
    """List a directory without its hidden files. One that cannot be listed must not pass for an empty one."""
    try:
        return sorted(path.name for path in directory.iterdir() if not path.name.startswith("."))
    except OSError as error:
        absent = isinstance(error, FileNotFoundError | NotADirectoryError)
        files.problems.append(
            _whole_file(directory, code if absent else "unreadable", why=error.strerror or str(error))
        )
        files.incomplete = True
        return []


def _read_all(files: Files, directory: Path) -> Iterator[Document]:
    for name in _names(files, directory):
        path = directory / name
        if path.suffix == ".yaml":
            yield from _read(files, path)
        elif path.is_dir():
            files.problems.append(_whole_file(path, "folder_not_read"))
        elif path.suffix.lower() in (".yml", ".yaml"):
            files.problems.append(_whole_file(path, "not_read", guess=path.with_suffix(".yaml").name))


def _read(files: Files, path: Path) -> Iterator[Document]:
    """Yield the document of a file; nothing when it cannot be read or is no YAML."""
    try:
        document = yaml.read(path)
    except OSError as error:
        files.problems.append(_whole_file(path, "unreadable", why=error.strerror or str(error)))
        files.incomplete = True
        return
    files.problems += document.problems
    if document.data is None and document.problems:
        files.incomplete = True
        return
    if document.data is None:
        document.data = {}  # an empty file says nothing, which is allowed
    yield document


def _whole_file(path: Path, code: str, **parameters: str) -> Problem:
    warning = code in ("not_read", "not_part", "folder_not_read")
    return Problem(file=str(path), line=1, column=1, code=code, parameters=dict(parameters), warning=warning)


def _validated(files: Files, document: Document, kind: type[T]) -> T | None:
    try:
        return kind.model_validate(document.data)
    except ValidationError as error:
        files.problems += of_pydantic(document, (), kind, error)
        return None


def right(kind: TypeAdapter[Any], raw: object) -> Any:  # noqa: ANN401 - what the adapter makes
    """Return what is right in itself; what is wrong has been told already, and is None."""
    try:
        return kind.validate_python(raw)
    except ValidationError:
        return None


def _entries(document: Document, path: Path_) -> list[Entry]:
    data: Any = document.data
    for step in path:
        data = data.get(step) if isinstance(data, dict) else None
    if not isinstance(data, list):
        return []
    return [Entry(document, (*path, index), raw) for index, raw in enumerate(data) if isinstance(raw, dict)]


def _read_gateway(files: Files, document: Document) -> None:
    """Look at the gateway's id, also where something else in the file is wrong."""
    gateway = document.data.get("gateway") if isinstance(document.data, dict) else None
    name = gateway.get("id") if isinstance(gateway, dict) else None
    quotes = unquoted(document, ("gateway", "id"), name) if isinstance(name, str) else None
    if quotes is not None:
        files.problems.append(quotes)


def _read_sources(files: Files, document: Document) -> None:
    for name, kind in SOURCE_KINDS.items():
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        entries = _entries(document, ("sources", name))
        for entry in entries:
            entry.settings = right(adapter, entry.raw)
        files.sources[name] += entries


def _read_devices(files: Files, document: Document) -> None:
    whole = _validated(files, document, DevicesFile)
    entries = _entries(document, ("devices",))
    if whole is not None:
        for entry, settings in zip(entries, whole.devices, strict=True):
            entry.settings, entry.defaults = settings, whole.defaults
    else:
        raw = document.data.get("defaults", {}) if isinstance(document.data, dict) else {}
        defaults = right(TypeAdapter(DefaultSettings), raw) or DefaultSettings()
        adapter = TypeAdapter(DeviceSettings)
        for entry in entries:
            entry.settings, entry.defaults = right(adapter, entry.raw), defaults
    files.devices += entries


def _read_rules(files: Files, document: Document) -> None:
    read_rules_and_changes(files, document, RulesFile)


def read_rules_and_changes(files: Files, document: Document, kind: type[RulesFile]) -> None:
    """Read a document that holds rules, and changes to rules of packs."""
    files.rules += read_rules(files, document, kind)
    changes = _entries(document, ("changes",))
    adapter: TypeAdapter[Any] = TypeAdapter(ChangeSettings)
    for entry in changes:
        entry.settings = right(adapter, entry.raw)
    files.changes += changes


def read_rules(files: Files, document: Document, kind: type[RulesFile | PackFile]) -> list[Entry]:
    """Read the rules of a document; what is wrong goes into the files' problems."""
    whole = _validated(files, document, kind)
    entries = _entries(document, ("rules",))
    adapter: TypeAdapter[Any] = TypeAdapter(AnyRule)
    for index, entry in enumerate(entries):
        entry.settings = whole.rules[index] if whole is not None else right(adapter, entry.raw)
    return entries


def state_of(directory: Path) -> Path:
    """Find the state directory: where cityward.yaml says, as far as it is understood, else where it usually is."""
    state = _said(directory).get("state")
    return Path(state) if isinstance(state, str) else state_at_first_sight(directory) or DEFAULT_STATE


def socket_of(directory: Path) -> Path:
    """Find the daemon's Unix socket: where cityward.yaml says, as far as it is understood, else where it usually is.

    Raises NoFilesError for a directory without that file: what usually is there would be another daemon's.
    """
    if directory != USUAL and not (directory / MAIN).exists():
        raise NoFilesError(f"there is no {MAIN} in {directory}: name the directory that the daemon runs with")
    http = right(TypeAdapter(HttpSettings), _said(directory).get("http") or {}) or HttpSettings()
    return http.socket_path(state_of(directory))


def zone_of(directory: Path) -> ZoneInfo:
    """Find the gateway's time zone: where cityward.yaml says, as far as it is understood, else UTC."""
    gateway = _said(directory).get("gateway")
    zone = gateway.get("time_zone") if isinstance(gateway, dict) else None
    return ZoneInfo(right(TypeAdapter(TimeZone), zone) or "UTC")


def _said(directory: Path) -> dict[str, Any]:
    main = directory / MAIN
    try:
        data: Any = yaml.read(main).data
    except OSError:
        data = None
    return data if isinstance(data, dict) else {}
