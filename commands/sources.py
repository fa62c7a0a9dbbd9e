"""From settings to sources: the one place that knows all kinds."""

from config.compiled import Compiled
from devices.registry import Registry
from devices.talkers import TALKERS
from ingest.settings import Hj212Settings, MqttSettings, SerialSettings
from ingest.sources import Report, Source
from ingest.sources.hj212_tcp import Hj212Listener
from ingest.sources.modbus_rtu import ModbusLine, polls_of
from ingest.sources.mqtt import MqttSource
from ingest.sources.serial_line import TalkerLine

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
        return MqttSource(settings, registry.gateway, report, dropped_before=dropped_before)
    if isinstance(settings, Hj212Settings):
        return Hj212Listener(settings.name, settings.endpoint.host, settings.endpoint.port, report)
    poll_s = None if settings.poll is None else settings.poll / 1000
    if settings.protocol == "modbus-rtu":
        polls = polls_of(registry.devices, settings.name)
        return ModbusLine(settings.name, settings.port, settings.setting, report, polls=polls, poll_s=poll_s or 60.0)
    talker = TALKERS[settings.protocol]
    return TalkerLine(settings.name, settings.port, settings.setting, report, talker=talker, poll_s=poll_s)
