"""A real InfluxDB 2.7 for tests, and a proxy before it that can fail on demand.

InfluxDB comes from `../shared/servers/build influxd`, which keeps what it has built in the user's cache. Where that
folder or Go is absent, VictoriaMetrics from Debian stands in, and `why_not` says so: it answers 204 to everything.
"""

import csv
import gzip
import http.client
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import urlencode

from ingest.settings import InfluxSettings
from store.settings import Secret

BUILD = Path(__file__).resolve().parent.parent.parent / "shared" / "servers" / "build"
ORG, BUCKET, TOKEN = "city", "sensing", "a token of no worth"
START_S = 20.0


@cache
def influxd() -> Path | None:
    """Return the program, built now if it must be (minutes); None where it cannot be built here."""
    if why_not():
        return None
    built = subprocess.run([str(BUILD), "influxd"], check=True, capture_output=True, text=True)
    return Path(built.stdout.strip())


def why_not() -> str:
    """Say why there is no InfluxDB here; "" where there is."""
    if not BUILD.exists():
        return "no ../shared/servers here: VictoriaMetrics stands in for InfluxDB"
    if not shutil.which("go"):
        return "no Go here to build InfluxDB: VictoriaMetrics stands in for it"
    return ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server that lines are written to; its data outlive it. `influx`: it is InfluxDB itself, not the stand-in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.influx = influxd() is not None
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        binary = influxd()
        if binary:
            paths = {"bolt": "i.bolt", "engine": "engine", "sqlite": "i.sqlite"}
            command = [str(binary), *(f"--{name}-path={self.folder / path}" for name, path in paths.items())]
            command += [f"--http-bind-address=127.0.0.1:{self.port}", "--reporting-disabled", "--log-level=error"]
        else:
            program = shutil.which("victoria-metrics") or "victoria-metrics"
            command = [program, f"-storageDataPath={self.folder}", f"-httpListenAddr=127.0.0.1:{self.port}"]
            command += ["-retentionPeriod=100y", "-dedup.minScrapeInterval=1ms"]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while not self._healthy():
            assert self.process.poll() is None, (self.folder / "server.log").read_text()
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.02)
        if self.influx and not (self.folder / "set-up").exists():
            user = {"username": "city", "password": "not a secret", "org": ORG, "bucket": BUCKET, "token": TOKEN}
            self.ask("POST", "/api/v2/setup", json.dumps(user).encode())
            (self.folder / "set-up").touch()

    def _healthy(self) -> bool:
        try:
            self.ask("GET", "/health")
        except (OSError, http.client.HTTPException):
            return False
        return True

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> str:
        head = {"Authorization": f"Token {TOKEN}", "Content-Type": kind}
        request = urllib.request.Request(self.url + path, body, head, method=method)  # noqa: S310 - our own server
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return str(answer.read().decode())

    def kill(self) -> None:
        if self.process:
            if self.influx:
                self.process.kill()
            else:
                self.process.terminate()  # VictoriaMetrics keeps what it has said 204 to in memory for seconds
            self.process.wait()
            self.process = None

    def pause(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def settings(self, url: str | None = None) -> InfluxSettings:
        """Say how to write to it, or to what stands before it."""
        token = self.folder / "token"
        token.write_text(TOKEN)
        return InfluxSettings(url=url or self.url, org=ORG, bucket=BUCKET, token=Secret(file=token))

    def numbers(self, measurement: str, field: str = "n") -> list[int]:
        """Return the values of one whole-numbered field, of all series, in order of time."""
        if not self.influx:
            return self._settled_numbers(measurement, field)
        flux = (
            f'from(bucket: "{BUCKET}") |> range(start: 1970-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)'
            f' |> filter(fn: (r) => r._measurement == "{measurement}" and r._field == "{field}")'
            ' |> keep(columns: ["_time", "_value"]) |> group() |> sort(columns: ["_time"]) |> keep(columns: ["_value"])'
        )
        table = self.ask("POST", f"/api/v2/query?org={ORG}", flux.encode(), "application/vnd.flux")
        rows = csv.DictReader(line for line in table.splitlines() if line)
        return [int(float(row["_value"])) for row in rows]

    def _settled_numbers(self, measurement: str, field: str) -> list[int]:
        """Read VictoriaMetrics until nothing new comes for a second: so long it takes to show a new series."""
        query = urlencode({"match[]": f"{measurement}_{field}", "start": 0})
        last: list[tuple[int, int]] = []
        same_since = time.monotonic()
        while time.monotonic() < same_since + 1:
            self.ask("GET", "/internal/force_flush")
            series = [json.loads(line) for line in self.ask("GET", f"/api/v1/export?{query}").splitlines()]
            points = sorted(p for one in series for p in zip(one["timestamps"], one["values"], strict=True))
            if points != last:
                last, same_since = points, time.monotonic()
            time.sleep(0.1)
        return [int(value) for _, value in last]


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Start a server and end it afterwards."""
    server = Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()


Fault = tuple[int, dict[str, str], bytes] | None
"""Status, headers, body to answer in the server's place; None = ask the server."""


class Proxy:
    """Stands before a server, tells what went by, and fails as it is told.

    fault    (lines of a body) -> what to answer instead
    breaks   the server is asked, and its answer thrown away: the connection breaks in the middle
    writes   (status, lines) of every write that was answered
    """

    def __init__(self, server: Server) -> None:
        self.fault: Callable[[list[bytes]], Fault] = lambda _lines: None
        self.breaks = False
        self.writes: list[tuple[int, list[bytes]]] = []
        self.sizes: list[int] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with suppress(ConnectionError):  # a writer that was killed
                    super().handle()

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                proxy._write(self, raw, server)

            def log_message(self, *_args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    def _write(self, handler: BaseHTTPRequestHandler, raw: bytes, server: Server) -> None:
        lines = []
        if not handler.path.startswith(("/api/v2/query", "/api/v2/delete")):
            assert handler.headers["Content-Encoding"] == "gzip"
            lines = gzip.decompress(raw).splitlines(keepends=True)
            self.sizes.append(len(raw))
        status, headers, body = self.fault(lines) or _forward(handler, raw, server)
        if lines:
            self.writes.append((status, lines))
        if self.breaks:
            handler.close_connection = True
            return
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if status != http.client.NO_CONTENT:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def written(self) -> list[bytes]:
        """Return the lines of all bodies that were written whole, in order."""
        return [line for status, lines in self.writes if status == http.client.NO_CONTENT for line in lines]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _forward(handler: BaseHTTPRequestHandler, raw: bytes, server: Server) -> tuple[int, dict[str, str], bytes]:
    names = ("Authorization", "Content-Encoding", "Content-Type")
    head = {name: value for name in names if (value := handler.headers[name]) is not None}
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        link.request("POST", handler.path, raw, head)
        answer = link.getresponse()
        return answer.status, {}, answer.read()
    except OSError:
        return 502, {}, b"bad gateway"
    finally:
        link.close()


def influx_error(status: int, code: str, message: str, **headers: str) -> Callable[[list[bytes]], Fault]:
    """Make a fault that answers as InfluxDB would."""
    body = json.dumps({"code": code, "message": message}).encode()
    return lambda _lines: (status, {"Content-Type": "application/json", **headers}, body)
