"""What an engineer may set about sources and InfluxDB (`sources:` and `influxdb:` of cityward.yaml).

Every scalar comes as text, as it stands in the file; the types here give it meaning. What is wrong is told by a code
and its parameters; the sentences, Chinese and English, are in `config/texts.py`.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError as Wrong

from devices.units import DURATION_MS, SIZE_BYTES, TooMuchError, duration_ms, size_bytes

T = TypeVar("T")


def _duration(value: object) -> int:
    if isinstance(value, int):
        return value
    try:
        return duration_ms(str(value))
    except TooMuchError:
        raise Wrong("too_much", "{value}", {"value": str(value), "limit": "3650 d"}) from None
    except ValueError:
        raise Wrong("duration", "{value}: {units}", {"value": str(value), "units": ", ".join(DURATION_MS)}) from None


def _size(value: object) -> int:
    if isinstance(value, int):
        return value
    try:
        return size_bytes(str(value))
    except TooMuchError:
        raise Wrong("too_much", "{value}", {"value": str(value), "limit": "1024 TiB"}) from None
    except ValueError:
        raise Wrong("size", "{value}: {units}", {"value": str(value), "units": ", ".join(SIZE_BYTES)}) from None


Duration = Annotated[int, BeforeValidator(_duration, json_schema_input_type=str)]
"""Milliseconds, written `60 s`, `6 h`."""
Size = Annotated[int, BeforeValidator(_size, json_schema_input_type=str)]
"""Bytes, written `4 GiB`."""


def matches(pattern: str, code: str) -> AfterValidator:
    """Make a check of a text; what does not match is told by `code`."""

    def check(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise Wrong(code, "{value}", {"value": text})
        return text

    return AfterValidator(check)


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise Wrong("path", "{value}", {"value": str(path), "guess": f"/{path}"})
    return path


def _some(entries: tuple[T, ...]) -> tuple[T, ...]:
    if not entries:
        raise Wrong("empty_list", "empty")
    return entries


NOT_EMPTY = AfterValidator(_some)
"""At least one entry. pydantic's own limit also calls a list too short whose entries are wrong."""

AbsolutePath = Annotated[Path, AfterValidator(_absolute)]


def _switch(value: object) -> bool:
    truth = {"true": True, "false": False}.get(str(value).lower())
    if truth is None:
        raise Wrong("truth", "{value}", {"value": str(value)})
    return truth


Switch = Annotated[bool, BeforeValidator(_switch, json_schema_input_type=bool)]
"""On or off, written `true` or `false`."""


class Settings(BaseModel):
    """What all settings have in common: nothing unknown, nothing changed afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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


class Secret(Settings):
    """Where a password or token is, never the thing itself.

    credential  name of a systemd credential (`LoadCredential=`)
    file        path of a file that holds nothing else
    """

    credential: Annotated[str, matches(r"[A-Za-z0-9._-]+", "credential_name")] | None = None
    file: AbsolutePath | None = None

    @model_validator(mode="before")
    @classmethod
    def _never_in_clear(cls, value: object) -> object:
        if not isinstance(value, dict | cls):
            raise Wrong("secret_in_clear", "a secret in clear")
        return value

    @model_validator(mode="after")
    def _one_place(self) -> "Secret":
        if (self.credential is None) == (self.file is None):
            raise Wrong("secret_place", "credential or file")
        return self

    @property
    def path(self) -> Path:
        """Where it is read. Raises FileNotFoundError when systemd gave no credentials to this process."""
        if self.file is not None:
            return self.file
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if folder is None:
            raise FileNotFoundError(
                f"credential {self.credential}: $CREDENTIALS_DIRECTORY is not set; "
                "start by systemd with LoadCredential=, or name a file instead"
            )
        alone = Path(folder) / str(self.credential)
        of_folder = Path(folder) / f"cityward_{self.credential}"  # how systemd names the files of a folder
        return of_folder if of_folder.exists() else alone

    def read(self) -> str:
        """Return the secret without the newline that editors add. Raises OSError when it cannot be read."""
        return self.path.read_text(encoding="utf-8").rstrip("\r\n")


NAME = r"[a-z0-9][a-z0-9_-]{0,62}"
Name = Annotated[str, matches(NAME, "source_name")]
"""What sources are called: it becomes part of addresses, metrics and file names."""


class Endpoint(NamedTuple):
    """A host and a port."""

    host: str
    port: int


def endpoint(text: str) -> Endpoint:
    """Take `0.0.0.0:9212` or `[::1]:9212` apart. Raises ValueError when it is neither."""
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})", text)
    if match is None or int(match[2]) > 65_535:  # noqa: PLR2004 - the highest port
        raise ValueError(f"{text!r}: not HOST:PORT")
    return Endpoint(match[1].strip("[]"), int(match[2]))


def _listen(text: str) -> str:
    try:
        endpoint(text)
    except ValueError:
        raise Wrong("listen", "{value}", {"value": text}) from None
    return text


Listen = Annotated[str, AfterValidator(_listen)]
"""Where to listen, `127.0.0.1:8480`; see `endpoint`."""

_SCHEMES = {"tcp": "mqtt", "ssl": "mqtts", "tls": "mqtts", "mqtt+ssl": "mqtts", "ws": "mqtt", "wss": "mqtts"}
_TLS_PORT = 8883


def _split(text: str, schemes: tuple[str, ...], meant: dict[str, str]) -> SplitResult:
    try:
        url = urlsplit(text)
        good = bool(url.hostname) and url.port != 0
    except ValueError:  # urlsplit's own word for a port or an IPv6 address that is none
        raise Wrong("url_host", "{value}", {"value": text}) from None
    if url.scheme not in schemes:
        guess = meant.get(url.scheme, schemes[0])
        rest = text.split("://", 1)[-1]
        context = {"value": text, "schemes": ", ".join(f"{s}://" for s in schemes), "guess": f"{guess}://{rest}"}
        raise Wrong("url_scheme", "{value}: {schemes}", context)
    if not good:
        raise Wrong("url_host", "{value}", {"value": text})
    if url.password is not None:
        raise Wrong("url_password", "a password in a url")
    return url


def _mqtt_url(text: str) -> str:
    url = _split(text, ("mqtt", "mqtts"), _SCHEMES)
    if url.scheme == "mqtt" and url.port == _TLS_PORT:
        raise Wrong("url_tls_port", "{value}", {"value": text, "guess": text.replace("mqtt://", "mqtts://", 1)})
    if url.username is not None or url.path not in ("", "/"):
        raise Wrong("url_host", "{value}", {"value": text})
    return text


def _http_url(text: str) -> str:
    _split(text, ("http", "https"), {})
    return text.rstrip("/")


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
    url: Annotated[str, AfterValidator(_mqtt_url)]
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
        url = urlsplit(self.url)
        return Endpoint(str(url.hostname), url.port or (_TLS_PORT if self.tls else 1883))


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

    url: Annotated[str, AfterValidator(_http_url)]
    org: Annotated[str, Field(min_length=1)]
    bucket: Annotated[str, Field(min_length=1)]
    token: Secret
