"""From settings to sources: the one place that knows all kinds.

A kind is imported when a source of it is opened, for it brings its library along: paho, pymodbus, pyserial.
"""
# ruff: noqa: PLC0415 - as said

from config.compiled import Compiled
from devices.registry import Registry
from devices.talkers import TALKERS
from ingest.settings import Hj212Settings, MqttSettings, SerialSettings
from ingest.sources import Report, Source

SourceSettings = MqttSettings | SerialSettings | Hj212Settings


def all_sources(compiled: Compiled) -> list[SourceSettings]:
    """Return the settings of all sources that the registry knows: it may be older, when the files are wrong."""
    wanted = compiled.settings.sources
    known = {source.name for source in compiled.registry.sources}
    every: list[SourceSettings] = [*wanted.mqtt, *wanted.serial, *wanted.hj212]
    return [each for each in every if each.name in known]


def make_source(settings: SourceSettings, registry: Registry, report: Report, dropped_before: int | None) -> Source:
    """Make the source that the settings describe; dropped_before: what a broker's drop counter said last."""
    if isinstance(settings, MqttSettings):
        from ingest.sources.mqtt import MqttSource

        return MqttSource(settings, registry.gateway, report, dropped_before=dropped_before)
    if isinstance(settings, Hj212Settings):
        from ingest.sources.hj212_tcp import Hj212Listener

        return Hj212Listener(settings.name, settings.endpoint.host, settings.endpoint.port, report)
    poll_s = None if settings.poll is None else settings.poll / 1000
    if settings.protocol == "modbus-rtu":
        from ingest.sources.modbus_rtu import ModbusLine, polls_of

        polls = polls_of(registry.devices, settings.name)
        return ModbusLine(settings.name, settings.port, settings.setting, report, polls=polls, poll_s=poll_s or 60.0)
    from ingest.sources.serial_line import TalkerLine

    talker = TALKERS[settings.protocol]
    return TalkerLine(settings.name, settings.port, settings.setting, report, talker=talker, poll_s=poll_s)


def tell_of_devices(source: Source, settings: SourceSettings, registry: Registry) -> None:
    """Give a source that stays open the devices of another registry: a Modbus line asks them."""
    if isinstance(settings, SerialSettings) and settings.protocol == "modbus-rtu":
        from ingest.sources.modbus_rtu import ModbusLine, polls_of

        assert isinstance(source, ModbusLine)  # noqa: S101 - made above
        source.set_polls(polls_of(registry.devices, settings.name))
