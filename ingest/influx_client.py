"""influxdb-client without what we never use: the 300 classes of its management API, 11 MB.

Its packages import all of them when any of their modules is imported. So the packages are put in place *bare*, made but
not run; what posts lines imports nothing else. Who queries or deletes (`ledger --verify`, an erased span: seldom) has
the bare packages run, and gets the whole library. The version is pinned, and a test names what it relies on.
"""

import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from influxdb_client.client.influxdb_client import InfluxDBClient

_PACKAGES = (
    "influxdb_client",
    "influxdb_client.domain",
    "influxdb_client.service",
    "influxdb_client.client",
)


def _bare() -> list[ModuleType]:
    """Put the packages in place without running them; those that somebody has run already stay."""
    made = []
    for name in _PACKAGES:
        if name not in sys.modules:
            spec = find_spec(name)
            assert spec is not None  # noqa: S101 - it is installed
            module = sys.modules[name] = module_from_spec(spec)
            parent, _, child = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], child, module)
            made.append(module)
    return made


_waiting = _bare()
if _waiting:
    from influxdb_client.service.signin_service import SigninService
    from influxdb_client.service.signout_service import SignoutService
    from influxdb_client.version import VERSION

    _package: Any = sys.modules["influxdb_client"]  # what the modules below want of it
    _package.SigninService, _package.SignoutService, _package.VERSION = SigninService, SignoutService, VERSION

from influxdb_client._sync.api_client import ApiClient  # noqa: E402 - after the packages
from influxdb_client.configuration import Configuration  # noqa: E402 - likewise
from influxdb_client.rest import ApiException  # noqa: E402 - likewise
from influxdb_client.service.write_service import WriteService  # noqa: E402 - likewise
from urllib3.exceptions import HTTPError  # noqa: E402 - likewise

__all__ = ["ApiException", "Client", "HTTPError", "WriteService"]


class Client:
    """As much of InfluxDBClient as we use, loaded when it is used. One connection, no retries."""

    def __init__(self, url: str, token: str, org: str, timeout_ms: tuple[int, int]) -> None:
        """timeout_ms: to connect, to read."""
        self._whole: InfluxDBClient | None = None
        self._options: dict[str, Any] = {"url": url, "token": token, "org": org, "timeout": timeout_ms}
        configuration: Any = Configuration  # it carries no types, like all of the library
        settings = configuration()
        settings.host, settings.timeout, settings.connection_pool_maxsize = url, timeout_ms, 1
        settings.username = settings.password = None
        api: Any = ApiClient
        self.api_client = api(settings, "Authorization", f"Token {token}", retries=False)

    def query_api(self) -> Any:  # noqa: ANN401 - likewise
        """Make what answers Flux."""
        return self._client().query_api()

    def delete_api(self) -> Any:  # noqa: ANN401 - likewise
        """Make what deletes points."""
        return self._client().delete_api()

    def close(self) -> None:
        """Close the connections."""
        self.api_client.__del__()
        if self._whole is not None:
            whole: Any = self._whole
            whole.close()
            self._whole = None

    def _client(self) -> "InfluxDBClient":
        if self._whole is None:
            _run_what_is_bare()
            from influxdb_client.client.influxdb_client import InfluxDBClient  # noqa: PLC0415 - the whole library

            self._whole = InfluxDBClient(**self._options, retries=False, connection_pool_maxsize=1)
        return self._whole


def _run_what_is_bare() -> None:
    while _waiting:
        module = _waiting.pop()
        assert module.__spec__ is not None  # noqa: S101 - it was made from one
        assert module.__spec__.loader is not None  # noqa: S101 - likewise
        module.__spec__.loader.exec_module(module)
