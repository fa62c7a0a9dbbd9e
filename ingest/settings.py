"""What an engineer may set about sources and InfluxDB (`sources:` and `influxdb:` of cityward.yaml).

Every scalar comes as text, as it stands in the file; the types here give it meaning. What is wrong is told by a code
and its parameters; the sentences, Chinese and English, are in `config/texts.py`.
"""

import re
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError as Wrong

from store.settings import (
    NOT_EMPTY,
    AbsolutePath,
    Duration,
    Endpoint,
    HttpUrl,
    Listen,
    MqttUrl,
    Name,
    Secret,
    Settings,
    Switch,
    broker_of,
    endpoint,
    matches,
)

_DAY_MS = 86_400_000


def _a_month(kept_ms: int) -> int:
    if kept_ms < 31 * _DAY_MS:
        raise Wrong("keep", "less than a month")
    return kept_ms


Kept = Annotated[Duration, AfterValidator(_a_month)]


class KeepSettings(Settings):
    """How long the book keeps what, ms. events: with their proofs; periods: slots, hours and days."""

    events: Kept = 731 * _DAY_MS  # 24 months: a dispute may come in the year after
    periods: Kept = 397 * _DAY_MS  # 13 months: what a yearly report looks back to


def mqtt_filter(text: str) -> str:
    """MQTT 5.0 §4.7.1: `+` and `#` fill a level; `#` is the last. Raises Wrong.

    A shared subscription (§4.8.2) would give some of the messages to somebody else.
    """
    shared = re.fullmatch(r"(?:\$share/[^/]*|\$queue)/(.*)", text)
    if shared is not None:
        raise Wrong("topic_shared", "{value}", {"value": text, "guess": shared[1]})
    levels = text.split("/")
    wild = [level for level in levels if len(level) > 1 and ("+" in level or "#" in level)]
    if not text or wild or "#" in levels[:-1]:
        raise Wrong("topic_filter", "{value}", {"value": text})
    return text


class TopicSettings(Settings):
    """Which topics a broker is asked for, and what opens them.

    envelope  id of an envelope in the catalogue
    address   where the device's address stands when the envelope does not know: `topic 2`, `field NAME`
    """

    filter: Annotated[str, AfterValidator(mqtt_filter)]
    envelope: str
    address: Annotated[str, matches(r"topic [1-9][0-9]?|field [^\s]+", "topic_address")] | None = None


class MqttSettings(Settings):
    """One broker.

    protocol  5, or 3.1.1 for brokers that know no better
    inflight  3.1.1 only: how many unacknowledged messages the broker sends (its `max_inflight_messages`); a group
              closes when that many wait, for nothing more would come
    ca_file   PEM of the authority that signed the broker's certificate; None = the system's
    """

    name: Name
    url: MqttUrl
    username: str | None = None
    password: Secret | None = None
    protocol: Literal["5", "3.1.1"] = "5"
    inflight: Annotated[int, Field(ge=1, le=65_535)] = 20
    topics: Annotated[tuple[TopicSettings, ...], NOT_EMPTY]
    ca_file: AbsolutePath | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> "MqttSettings":
        if "inflight" in self.model_fields_set and self.protocol == "5":
            raise Wrong("inflight_with_5", "inflight", {"at": "inflight"})
        if self.ca_file is not None and not self.tls:
            guess = self.url.replace("mqtt://", "mqtts://", 1)
            raise Wrong("ca_without_tls", "ca_file", {"at": "url", "guess": guess})
        if self.password is not None and self.username is None:
            raise Wrong("password_without_username", "username", {"at": "password"})
        return self

    @property
    def tls(self) -> bool:
        """Whether the link is encrypted."""
        return self.url.startswith("mqtts://")

    @property
    def broker(self) -> Endpoint:
        """Host and port; the port is 1883, with TLS 8883, unless it is written."""
        return broker_of(self.url)


class Line(NamedTuple):
    """How a serial line is set: 4800 8N1."""

    baud: int
    data_bits: int
    parity: str  # N, E, O
    stop_bits: int


def line(text: str) -> Line:
    """Take `4800 8N1` apart. Raises ValueError when it is not that."""
    match = re.fullmatch(r"([0-9]{3,7}) ([5-8])([NEO])([12])", text)
    if match is None:
        raise ValueError(f"{text!r}: not BAUD and format, as in 4800 8N1")
    return Line(int(match[1]), int(match[2]), match[3], int(match[4]))


def _line(text: str) -> str:
    try:
        line(text)
    except ValueError:
        raise Wrong("serial_line", "{value}", {"value": text}) from None
    return text


class SerialSettings(Settings):
    """One serial line.

    port      the device file; `/dev/serial/by-id/…` keeps its name when adapters are replugged
    line      see `line`
    protocol  modbus-rtu: we ask the slaves in turn; hj212: a logger sends; else one PM module, which sends or is asked
    poll      how often every slave, or the module, is asked, ms; None = it talks by itself
    set_clocks  hj212 only: see `Hj212Settings`
    """

    name: Name
    port: Annotated[str, matches(r"/.+", "device_file")]
    line: Annotated[str, AfterValidator(_line)]
    protocol: Literal["modbus-rtu", "plantower-pms", "nova-sds", "sensirion-sps30", "honeywell-hpma", "hj212"]
    poll: Duration | None = None
    set_clocks: Switch = False

    @model_validator(mode="after")
    def _polled_or_not(self) -> "SerialSettings":
        if self.poll is None and self.protocol in ("modbus-rtu", "sensirion-sps30"):
            raise Wrong("poll_missing", "poll", {"at": "protocol", "protocol": self.protocol})
        if self.poll is not None and self.protocol == "hj212":
            raise Wrong("poll_not_asked", "poll", {"at": "poll", "protocol": self.protocol})
        if self.set_clocks and self.protocol != "hj212":
            raise Wrong("clocks_not_set", "set_clocks", {"at": "set_clocks", "protocol": self.protocol})
        return self

    @property
    def setting(self) -> Line:
        """The line's baud rate and format."""
        return line(self.line)


class Hj212Settings(Settings):
    """HJ 212 over TCP.

    listen      the port to which stations connect
    connect     or a logger that waits to be called, `HOST:PORT`
    set_clocks  a station that asks for the time is sent it (1012), as long as our own clock is trusted
    """

    name: Name
    listen: Listen | None = None
    connect: Listen | None = None
    set_clocks: Switch = False

    @model_validator(mode="after")
    def _one_way(self) -> "Hj212Settings":
        if (self.listen is None) == (self.connect is None):
            at = "listen" if self.connect is None else "connect"
            raise Wrong("one_of", "one", {"at": at, "names": "listen, connect"})
        return self

    @property
    def endpoint(self) -> Endpoint:
        """Where to listen, or whom to call."""
        return endpoint(self.listen or self.connect or "")


class InfluxSettings(Settings):
    """The InfluxDB 2 that lines are written to."""

    url: HttpUrl
    org: Annotated[str, Field(min_length=1)]
    bucket: Annotated[str, Field(min_length=1)]
    token: Secret
