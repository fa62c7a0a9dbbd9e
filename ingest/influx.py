"""InfluxDB 2 as we talk to it: one body of lines in, one answer out; and a count of what it holds.

influxdb-client does the HTTP, synchronously and without retries of its own, for its batching gives lines up (measured:
a 400 drops the whole batch, and a dead server makes memory grow without bound). We compress, for its gzip is level 9,
ten times the cost of all the rest of a write.

What InfluxDB 2.7.12 was seen to answer to `POST /api/v2/write`: 204 all written; 400 a line cannot be parsed and
*nothing* is written; 413 too large; 422 a field has another type, or a point is older than the bucket keeps,
`dropped=N` of them, while the others are written; 401 a wrong token, 403 one that may not; 404 no such bucket or
organisation. The same series and time again overwrites, so a line that is written twice does no harm.
"""

import json
import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from ingest.settings import InfluxSettings
from rules.lines import ERASE, is_reading
from store.settings import without_query

if TYPE_CHECKING:
    from ingest.influx_client import ApiException, Client

try:
    from isal import isal_zlib
except ImportError:  # no wheel for this processor: the same format, slower
    isal_zlib = None  # type: ignore[assignment]

CONNECT_S = 5.0
READ_S = 30.0
GZIP = 31  # zlib's wbits for the gzip format

NO_ANSWER = 0
NO_CONTENT = 204
TOO_LARGE = 413
LAST_NS = (1 << 63) - 2  # the latest time that InfluxDB takes, 2262-04-11
TRY_AGAIN = (NO_ANSWER, 408, 429)
SERVER_ERRORS = 500

Meaning = Literal["written", "bad", "partly", "too_large", "refused", "down"]
"""What an answer means for the lines of its body.

written    all are there
bad        one or more cannot be parsed; none was written
partly     those that fit were written
too_large  as one body it is refused; in parts it may pass
refused    none was written, and none will be before a person changes something: token, bucket, address
down       try again later
"""

_ABOUT_LINES: dict[int, tuple[str, Meaning]] = {400: ("invalid", "bad"), 422: ("unprocessable entity", "partly")}


class Answer(Struct, frozen=True):
    """What came back for one body.

    status         of HTTP; 0 = none came
    detail         InfluxDB's sentence, or what the network said
    code           InfluxDB's own word for the kind of error; "" where something else has answered
    blamed         lines that InfluxDB says are at fault; there may be more, for it hears only one of its shards
    retry_after_s  how long the server asks us to wait; None = it does not say
    erased         points that an order to erase has taken back, by device
    """

    status: int
    detail: str = ""
    code: str = ""
    blamed: int = 0
    retry_after_s: float | None = None
    erased: dict[str, int] = {}

    @property
    def meaning(self) -> Meaning:
        """See `Meaning`. Lines are to blame only if InfluxDB says so itself: a proxy's 400 is not about them."""
        if self.status == NO_CONTENT:
            return "written"
        if self.status == TOO_LARGE:
            return "too_large"
        if self.status in TRY_AGAIN or self.status >= SERVER_ERRORS:
            return "down"
        code, meaning = _ABOUT_LINES.get(self.status, ("", "refused"))
        return meaning if code == self.code else "refused"


class Influx:
    """One InfluxDB; every thread has its own. Nothing is read or connected before the first call."""

    def __init__(self, settings: InfluxSettings, *, connect_s: float = CONNECT_S, read_s: float = READ_S) -> None:
        self.settings = settings
        self._timeout_ms = (int(connect_s * 1000), int(read_s * 1000))
        self._client: Client | None = None
        # Late: other modules want our answers only, and without InfluxDB its library is not loaded.
        from ingest import influx_client  # noqa: PLC0415 - as said

        self._library = influx_client

    def write(self, text: bytes) -> Answer:
        """Post one body of lines, or carry out one order to erase (rules.lines.erase), which comes alone.

        Never raises for what server, network or token do: that is the answer.
        """
        try:
            client = self._connected()
        except OSError as error:
            return Answer(401, f"the token cannot be read: {error}")
        try:
            if text.startswith(ERASE):
                return self._erase(client, msgspec.json.decode(text.removeprefix(ERASE), type=_Erase))
            write_service: Any = self._library.WriteService  # it carries no types
            service = write_service(client.api_client)
            _, status, _ = service.post_write_with_http_info(
                org=self.settings.org,
                bucket=self.settings.bucket,
                body=gzipped(text),
                precision="ns",
                content_encoding="gzip",
                content_type="text/plain; charset=utf-8",
            )
        except self._library.ApiException as error:
            answer = _read(error)
            if answer.meaning == "refused":
                self.close()  # the token is read anew next time: it may have been put right
            return answer
        except (self._library.HTTPError, OSError, UnicodeDecodeError) as error:
            self.close()
            return Answer(NO_ANSWER, f"{type(error).__name__}: {error}")
        return Answer(status, "" if status == NO_CONTENT else "no answer of InfluxDB: what is at this address?")

    def _erase(self, client: "Client", order: "_Erase") -> Answer:
        """Count, then delete, what a device has in a span. Raises as the client does.

        What is at this address may know no deletion, as VictoriaMetrics does: then the order is set aside.
        """
        start, stop = _rfc3339_ns(order.from_ms), _rfc3339_ns(order.to_ms, -1)
        delete: Any = client.delete_api()  # it carries no types
        erased = 0
        try:
            found = self._rows(order.from_ms, order.to_ms, _measurements(order.device))
            readings = sorted(name for row in found if is_reading(name := row["_value"]))
            for each in readings:
                rows = self._rows(order.from_ms, order.to_ms, _one_by_one(each, order.device))
                erased += sum(row["_value"] for row in rows)
            for each in readings:
                predicate = f"_measurement={json.dumps(each)} AND device={json.dumps(order.device, ensure_ascii=False)}"
                delete.delete(start, stop, predicate, self.settings.bucket, self.settings.org)
        except self._library.ApiException as error:
            answer = _read(error)
            if answer.meaning == "refused" and not answer.code:
                return Answer(400, f"it cannot erase: {answer.detail}", "invalid", 1)
            raise
        return Answer(NO_CONTENT, erased={order.device: erased})

    def points(self, until_ms: int) -> dict[tuple[str, str], int]:
        """Count the points of all series that have a device: (measurement, device) -> the most that one field has.

        It is the number of points where one field is in all of them, else less: then ask `points_of`.
        Raises OSError when InfluxDB cannot be asked.
        """
        rows = self._query(
            until_ms,
            'filter(fn: (r) => exists r.device) |> group(columns: ["_measurement", "device", "_field"]) |> count()'
            ' |> group(columns: ["_measurement", "device"]) |> max()',
        )
        return {(row["_measurement"], row["device"]): row["_value"] for row in rows}

    def points_of(self, measurement: str, device: str, until_ms: int) -> int:
        """Count the points of one device, one by one. Raises OSError when InfluxDB cannot be asked."""
        return sum(row["_value"] for row in self._query(until_ms, _one_by_one(measurement, device)))

    def _query(self, until_ms: int, rest: str) -> list[dict[str, Any]]:
        try:
            return self._rows(0, until_ms, rest)
        except (self._library.ApiException, self._library.HTTPError) as error:
            detail = _read(error).detail if isinstance(error, self._library.ApiException) else str(error)
            raise OSError(f"{without_query(self.settings.url)}: {detail}") from error

    def _rows(self, from_ms: int, until_ms: int, rest: str) -> list[dict[str, Any]]:
        span = f"range(start: {_rfc3339_ns(from_ms)}, stop: {_rfc3339_ns(until_ms)})"
        flux = f"from(bucket: {_flux(self.settings.bucket)}) |> {span} |> {rest}"
        tables = self._connected().query_api().query(flux, org=self.settings.org)
        return [record.values for table in tables for record in table.records]

    def _connected(self) -> "Client":
        """Raise OSError when the token cannot be read."""
        if self._client is None:
            settings = self.settings
            self._client = self._library.Client(settings.url, settings.token.read(), settings.org, self._timeout_ms)
        return self._client

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._client is not None:
            self._client.close()
            self._client = None


def gzipped(text: bytes) -> bytes:
    """Compress a body at the level that costs least time (0.09 µs a line of 130 bytes, to an eighth)."""
    return zlib.compress(text, 1, GZIP) if isal_zlib is None else isal_zlib.compress(text, 1, GZIP)


def seconds_to(retry_after: str | None, now: datetime) -> float | None:
    """Read Retry-After (RFC 9110 §10.2.3): seconds, or a date; None where it says nothing sensible."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max((parsedate_to_datetime(retry_after) - now).total_seconds(), 0.0)
    except (TypeError, ValueError):  # no date, or one without a zone
        return None


def _read(error: "ApiException") -> Answer:
    body = error.body.decode("utf-8", "replace") if isinstance(error.body, bytes) else error.body
    text = str(body or error.reason or "")
    try:
        said = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        said = {}
    message = str(said.get("message", text))
    headers = {name.lower(): value for name, value in dict(error.headers or {}).items()}
    return Answer(
        status=error.status or NO_ANSWER,
        detail=message[:500],
        code=str(said.get("code", "")),
        blamed=_blamed(message),
        retry_after_s=seconds_to(headers.get("retry-after"), datetime.now(UTC)),
    )


def _blamed(message: str) -> int:
    """Count the lines that an answer is about: a 400 tells each in a line of its own, a 422 ends in their number."""
    dropped = message.rpartition("dropped=")[2].strip()
    if dropped.isdecimal():
        return int(dropped)
    return sum(line.startswith("unable to parse '") for line in message.split("\n"))


def _measurements(device: str) -> str:
    """Write the rest of a query that names the measurements in which a device has points."""
    return (
        f"filter(fn: (r) => r.device == {_flux(device)}) |> first()"
        ' |> keep(columns: ["_measurement"]) |> group() |> distinct(column: "_measurement")'
    )


def _one_by_one(measurement: str, device: str) -> str:
    """Write the rest of a query that counts the points of one device, however their fields differ."""
    return (
        f"filter(fn: (r) => r._measurement == {_flux(measurement)} and r.device == {_flux(device)})"
        " |> map(fn: (r) => ({_value: int(v: r._time)})) |> group() |> distinct() |> count()"
    )


class _Erase(Struct):
    """As `rules.lines.erase` writes it."""

    device: str
    from_ms: int
    to_ms: int


def _rfc3339_ns(t_ms: int, ns: int = 0) -> str:
    """Write an instant, so many ns after a ms, with all its digits; later than InfluxDB's last (2262) is that."""
    at_ns = min(t_ms * 1_000_000 + ns, LAST_NS)
    second = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{second}.{at_ns % 1_000_000_000:09d}Z"


def _flux(text: str) -> str:
    """Quote a text for Flux, where `${` would begin an expression."""
    return json.dumps(text, ensure_ascii=False).replace("${", "\\${")
