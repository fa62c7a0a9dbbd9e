"""What settings of several rooms have in common: durations, sizes, names, addresses, and where secrets are.

Every scalar comes as text, as it stands in the file; the types here give it meaning. What is wrong is told by a code
and its parameters; the sentences, Chinese and English, are in `config/texts.py`.
"""

import os
import re
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator
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
TLS_PORT = 8883


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
    if url.scheme == "mqtt" and url.port == TLS_PORT:
        raise Wrong("url_tls_port", "{value}", {"value": text, "guess": text.replace("mqtt://", "mqtts://", 1)})
    if url.username is not None or url.path not in ("", "/"):
        raise Wrong("url_host", "{value}", {"value": text})
    return text


_SECRET = re.compile(
    r"token|secret|passw|pwd|credential|signature|key$|^(sign?|auth|authorization|code)$", re.IGNORECASE
)
"""What parameters of a URL are called that hold a secret: access_token, apikey, sig, and code at Azure."""


def _http_url(text: str) -> str:
    url = _split(text, ("http", "https"), {})
    if url.username is not None:
        raise Wrong("url_password", "a password in a url")
    for name, _ in parse_qsl(url.query, keep_blank_values=True):
        if _SECRET.search(name):
            raise Wrong("url_secret", "{value}", {"value": name})
    return text.rstrip("/")


def without_query(url: str) -> str:
    """Shorten a URL for logs: what stands behind `?` may be a secret by any name."""
    return url.partition("?")[0]


MqttUrl = Annotated[str, AfterValidator(_mqtt_url)]
"""`mqtt://HOST:PORT` or `mqtts://HOST:PORT`; the port may be left out."""
HttpUrl = Annotated[str, AfterValidator(_http_url)]
"""`http://…` or `https://…`, without a password or token."""


def broker_of(url: str) -> Endpoint:
    """Host and port of a broker; the port is 1883, with TLS 8883, unless it is written."""
    parts = urlsplit(url)
    return Endpoint(str(parts.hostname), parts.port or (TLS_PORT if parts.scheme == "mqtts" else 1883))
