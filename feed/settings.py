"""What an engineer may set about the feed (`http:` of cityward.yaml)."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError as Wrong

from store.settings import AbsolutePath, Endpoint, Listen, Secret, Settings, endpoint, matches


def _listen(text: str) -> str:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})", text)
    if match is None or int(match[2]) > 65_535:  # noqa: PLR2004 - the highest port
        raise Wrong("listen", "{value}", {"value": text})
    host = match[1].strip("[]")
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise Wrong("listen_open", "{value}", {"value": text, "guess": f"127.0.0.1:{match[2]}"})
    return text


HostName = Annotated[str, matches(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}", "host_name")]


class ConsoleDoorSettings(Settings):
    """The door for other desks: TLS always, login always.

    names        by which browsers call it: names and addresses; its own host name and addresses are known anyway
    certificate  PEM, with what stands between it and its authority; None = one that it signs itself
    key          of the certificate, PEM without a password
    """

    listen: Listen = "0.0.0.0:8443"
    names: tuple[HostName, ...] = ()
    certificate: AbsolutePath | None = None
    key: Secret | None = None

    @model_validator(mode="after")
    def _both(self) -> "ConsoleDoorSettings":
        if (self.certificate is None) != (self.key is None):
            raise Wrong("certificate_and_key", "both or none", {"at": "certificate" if self.certificate else "key"})
        return self

    @property
    def at(self) -> Endpoint:
        """Where to listen."""
        return endpoint(self.listen)


class HttpSettings(BaseModel):
    """Where the feed answers.

    listen   TCP, loopback only: there is no login here
    socket   the Unix socket of the command line; None = `run/cityward.sock` under the state directory
    console  where people log in, from other desks; None = nowhere
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8480"
    socket: Path | None = None
    console: ConsoleDoorSettings | None = None

    @property
    def host(self) -> str:
        """The address without brackets."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The TCP port; 0 = any."""
        return int(self.listen.rpartition(":")[2])

    def socket_path(self, state: Path) -> Path:
        """Where the Unix socket is, given the state directory."""
        return self.socket or state / "run" / "cityward.sock"
