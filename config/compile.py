"""From entries that are right in themselves to the plain data of the core: registry and rule set.

What only shows when entries are put together (a name that nothing has, a number that somebody else has) is told here.
"""

from typing import Any

import msgspec
from pydantic_core import PydanticCustomError as Wrong

from config import crs
from config.addresses import Carriers, carried_by, carriers
from config.explain import of_msgspec
from config.load import Entry, Files, Path_
from config.problems import Problem, closest, listed
from config.quotes import unquoted
from config.schema import CitywardSettings, DefaultSettings, DeviceSettings
from devices import catalogue
from devices.models import Model
from devices.registry import Device, Registry, Route, Source
from feed.reports.settings import REPORTED

_OF_LINES = {"modbus-rtu": "modbus", "hj212": "hj212"}
"""Protocol of a serial line -> envelope, where it is not `line`."""


def sources(settings: CitywardSettings) -> tuple[Source, ...]:
    """Compile what the core must know of the sources; links and secrets stay outside."""
    found = settings.sources
    return (
        *(
            Source(
                name=broker.name,
                kind="mqtt",
                subject=f"broker:{broker.name}",
                routes=tuple(
                    Route(filter=topic.filter, envelope=topic.envelope, address=topic.address or "")
                    for topic in broker.topics
                ),
            )
            for broker in found.mqtt
        ),
        *(
            Source(
                name=line.name,
                kind="serial",
                subject=f"line:{line.name}",
                routes=(Route(filter="", envelope=_OF_LINES.get(line.protocol, "line")),),
            )
            for line in found.serial
        ),
        *(
            Source(
                name=listener.name,
                kind="hj212",
                subject=f"hj212:{listener.name}",
                routes=(Route(filter="", envelope="hj212"),),
            )
            for listener in found.hj212
        ),
        *(
            Source(
                name=listener.name,
                kind="http",
                subject=f"http:{listener.name}",
                routes=tuple(
                    Route(filter=path.path, envelope=path.envelope, address=path.address or "")
                    for path in listener.paths
                ),
            )
            for listener in found.http
        ),
    )


class Registrar:
    """Compiles devices one by one; what is wrong goes into the files' problems."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.carriers: Carriers = carriers(files)
        self.ids: dict[str, Entry] = {}
        self.addresses: dict[str, Entry] = {}
        self.told: set[tuple[str, int, int, str]] = set()

    def device(self, entry: Entry) -> Device | None:
        """Compile one device; None when something is wrong with it, which has been told."""
        before = len(self.files.problems)
        self._unique_id(entry)
        address, via = self._address(entry)
        own: DeviceSettings | None = entry.settings
        base = entry.defaults
        model = self._model(entry, base)  # also where something else of the device is wrong in itself
        if own is None:
            return None
        options = self._options(entry, model, own, base) if model is not None else None
        if model is not None and address and not _speaks(model, address, self.carriers):
            scheme = address.partition(":")[0]
            self._problem(entry, ("address",), "model_address", {"model": model.id, "scheme": scheme})
        interval_ms = own.interval or base.interval
        if interval_ms is None:
            self._absent(entry, "interval")
        at = self._point(entry, own, own.crs or base.crs)
        if len(self.files.problems) > before or model is None or options is None or interval_ms is None:
            return None
        return Device(
            id=own.id,
            model=model.id,
            family=model.family_for(options),
            address=address,
            name=own.name or "",
            at=at,
            site=own.site or base.site,
            district=own.district or base.district,
            labels={**base.labels, **own.labels},
            tags=tuple(sorted({*base.tags, *own.tags})),
            interval_ms=interval_ms,
            options=options,
            via=via,
        )

    def _problem(self, entry: Entry, path: Path_, code: str, parameters: dict[str, Any]) -> None:
        self.files.problems.append(entry.problem(path, code, parameters))

    def _once(self, problem: Problem) -> None:
        """Tell what is wrong at a place once: in a file's defaults it is wrong for every device."""
        place = (problem.file, problem.line, problem.column, problem.code)
        if place not in self.told:
            self.told.add(place)
            self.files.problems.append(problem)

    def _absent(self, entry: Entry, key: str, code: str = "missing") -> None:
        """Tell that neither the device nor its defaults have a key; not when the key is there, but wrong."""
        defaults = entry.document.data.get("defaults")
        if not isinstance(defaults, dict) or key not in defaults:
            path = ("at",) if code == "crs_missing" else ()
            self._problem(entry, path, code, {"key": key})

    def _unique_id(self, entry: Entry) -> None:
        name = entry.word("id")
        if name is None:
            return
        quotes = unquoted(entry.document, (*entry.path, "id"), name)
        if quotes is not None:
            self.files.problems.append(quotes)
        first = self.ids.setdefault(name, entry)
        if first is not entry:
            self._problem(entry, ("id",), "device_twice", {"value": name, "first": first.place("id")})

    def _address(self, entry: Entry) -> tuple[str, tuple[str, ...]]:
        word = entry.word("address")
        if word is None:
            return "", ()
        try:
            address, via = carried_by(word, self.carriers)
        except Wrong as wrong:
            self._problem(entry, ("address",), wrong.type, dict(wrong.context or {}))
            return "", ()
        first = self.addresses.setdefault(address, entry)
        if first is not entry:
            parameters = {"value": address, "other": first.word("id") or "?", "first": first.place("address")}
            self._problem(entry, ("address",), "address_twice", parameters)
        return address, via

    def _model(self, entry: Entry, base: DefaultSettings) -> Model | None:
        own = entry.word("model")
        name = own or base.model
        if name is None:
            if entry.settings is not None:  # else its key may be misspelt, which has been told
                self._absent(entry, "model")
            return None
        model = catalogue.MODELS.get(name)
        if model is None:
            parameters = {
                "value": name,
                "guess": closest(name, catalogue.MODELS),
                "known": listed(catalogue.MODELS),
            }
            path = (*entry.path, "model") if own else ("defaults", "model")
            self._once(entry.document.problem(path, "model", parameters))
        return model

    def _options(self, entry: Entry, model: Model, own: DeviceSettings, base: DefaultSettings) -> Any:  # noqa: ANN401 - the model's own struct
        try:
            return msgspec.convert({**base.options, **own.options}, model.options, strict=False)
        except msgspec.ValidationError as error:
            path = (*entry.path, "options") if own.options or not base.options else ("defaults", "options")
            self._once(of_msgspec(entry.document, path, model.options, str(error)))
            return None

    def _point(self, entry: Entry, own: DeviceSettings, system: str | None) -> tuple[float, float] | None:
        if own.at is None:
            return None
        if system is None:
            self._absent(entry, "crs", "crs_missing")
            return None
        longitude, latitude = own.at
        if not crs.in_china(own.at):
            if crs.in_china((latitude, longitude)):
                self._problem(entry, ("at",), "point_swapped", {"guess": f"[{latitude:g}, {longitude:g}]"})
                return None
            if system != "wgs84":
                self._problem(entry, ("at",), "point_abroad", {"crs": system})
                return None
        x, y = crs.to_wgs84(own.at, system)
        return round(x, 7), round(y, 7)


def _speaks(model: Model, address: str, known: Carriers) -> bool:
    """Whether a model can be at an address: a slave has a register map; a line that talks by itself has one kind."""
    scheme, _, number = address.partition(":")
    if scheme == "modbus":
        return hasattr(model.options, "map")
    line = known.lines.get(number) if scheme == "line" else None
    return line is None or line.protocol == model.id


def registry(files: Files) -> tuple[list[Device], Carriers]:
    """Compile all devices that are right, in the order of their ids; tell what is wrong with the others."""
    registrar = Registrar(files)
    devices = [device for entry in files.devices if (device := registrar.device(entry)) is not None]
    devices.sort(key=lambda device: device.id)
    return devices, registrar.carriers


def assemble(settings: CitywardSettings, devices: list[Device]) -> Registry:
    """Put the registry together."""
    return Registry(
        gateway=settings.gateway.id,
        time_zone=settings.gateway.time_zone,
        sources=sources(settings),
        devices=tuple(devices),
        influx=settings.influxdb is not None,
        reported=REPORTED if settings.reports is not None else (),
    )
