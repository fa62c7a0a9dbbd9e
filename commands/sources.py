"""From settings to sources: the one place that knows all kinds.

A kind is imported when a source of it is opened, for it brings its library along: paho, pymodbus, pyserial.
"""
# ruff: noqa: PLC0415 - as said

from pathlib import Path
from typing import TYPE_CHECKING

from config.compiled import Compiled
from devices.registry import Registry
from devices.talkers import TALKERS
from ingest.push_settings import HttpPushSettings
from ingest.settings import Hj212Settings, MqttSettings, SerialSettings
from ingest.sources import Report, Source

if TYPE_CHECKING:
    from ingest.sources.hj212_desk import Desk

SourceSettings = MqttSettings | SerialSettings | Hj212Settings | HttpPushSettings


def all_sources(compiled: Compiled) -> list[SourceSettings]:
    """Return the settings of all sources that the registry knows: it may be older, when the files are wrong."""
    wanted = compiled.settings.sources
    known = {source.name for source in compiled.registry.sources}
    every: list[SourceSettings] = [*wanted.mqtt, *wanted.serial, *wanted.hj212, *wanted.http]
    return [each for each in every if each.name in known]


def make_source(
    settings: SourceSettings, registry: Registry, report: Report, dropped_before: int | None, state: Path
) -> Source:
    """Make the source that the settings describe.

    dropped_before  what a broker's drop counter said last
    state           the daemon's state directory
    """
    if isinstance(settings, MqttSettings):
        from ingest.sources.mqtt import MqttSource

        kept_in = state / "mqtt"
        return MqttSource(settings, registry.gateway, report, dropped_before=dropped_before, kept_in=kept_in)
    if isinstance(settings, Hj212Settings):
        from ingest.sources.hj212_tcp import Hj212Client, Hj212Listener

        kind = Hj212Listener if settings.listen is not None else Hj212Client
        desk = _desk(settings, registry, report)
        return kind(settings.name, settings.endpoint.host, settings.endpoint.port, report, desk=desk)
    if isinstance(settings, HttpPushSettings):
        from ingest.sources.http_push import HttpPush

        return HttpPush(settings, report)
    poll_s = None if settings.poll is None else settings.poll / 1000
    if settings.protocol == "modbus-rtu":
        from ingest.sources.modbus_rtu import ModbusLine, polls_of

        polls = polls_of(registry.devices, settings.name)
        return ModbusLine(settings.name, settings.port, settings.setting, report, polls=polls, poll_s=poll_s or 60.0)
    if settings.protocol == "hj212":
        from ingest.sources.hj212_serial import Hj212Line

        desk = _desk(settings, registry, report)
        return Hj212Line(settings.name, settings.port, settings.setting, report, desk=desk)
    from ingest.sources.serial_line import TalkerLine

    talker = TALKERS[settings.protocol]
    return TalkerLine(settings.name, settings.port, settings.setting, report, talker=talker, poll_s=poll_s)


def _desk(settings: SerialSettings | Hj212Settings, registry: Registry, report: Report) -> "Desk":
    from ingest.sources.hj212_desk import Desk

    desk = Desk(report, set_clocks=settings.set_clocks)
    desk.set_stations(registry.devices)
    return desk


def tell_of_devices(source: Source, settings: SourceSettings, registry: Registry) -> None:
    """Give a source that stays open the devices of another registry: a Modbus line asks them, HJ 212 answers them."""
    if isinstance(settings, SerialSettings) and settings.protocol == "modbus-rtu":
        from ingest.sources.modbus_rtu import ModbusLine, polls_of

        assert isinstance(source, ModbusLine)  # noqa: S101 - made above
        source.set_polls(polls_of(registry.devices, settings.name))
    desk = getattr(source, "desk", None)
    if desk is not None:
        desk.set_stations(registry.devices)
