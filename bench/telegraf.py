"""Telegraf, set up for the same work as well as we can: what it reads goes to InfluxDB, then it is acknowledged."""

import subprocess
import time
from pathlib import Path

from tests.influxd import BUCKET, BUILD, ORG, TOKEN, Server

AGENT = """[agent]
  interval = "1s"
  flush_interval = "1s"
  metric_batch_size = 5000
  metric_buffer_limit = 200000
  omit_hostname = true
  quiet = true
[[inputs.internal]]
  collect_memstats = false
[[outputs.file]]
  files = ["{told}"]
  namepass = ["internal_write"]
[[outputs.influxdb_v2]]
  urls = ["{url}"]
  token = "{token}"
  organization = "{org}"
  bucket = "{bucket}"
  content_encoding = "gzip"
  namedrop = ["internal*"]
[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{port}"]
  qos = 1
  persistent_session = true
  client_id = "telegraf"
  max_undelivered_messages = 5000
"""

# The device's time is the point's, as with us; text members are left out by this parser.
PLAIN = """  topics = ["air/+/up"]
  data_format = "json"
  json_time_key = "t"
  json_time_format = "unix"
"""

CHIRPSTACK = """  topics = ["application/+/device/+/event/up"]
  topic_tag = ""
  data_format = "json_v2"
  [[inputs.mqtt_consumer.json_v2]]
    measurement_name = "manhole"
    timestamp_path = "time"
    timestamp_format = "2006-01-02T15:04:05.999999999Z07:00"
    [[inputs.mqtt_consumer.json_v2.tag]]
      path = "deviceInfo.devEui"
      rename = "device"
    [[inputs.mqtt_consumer.json_v2.field]]
      path = "data"
      type = "string"
    [[inputs.mqtt_consumer.json_v2.field]]
      path = "rxInfo.0.rssi"
      rename = "rssi_dbm"
      type = "float"
    [[inputs.mqtt_consumer.json_v2.field]]
      path = "rxInfo.0.snr"
      rename = "snr_db"
      type = "float"
[[processors.starlark]]
  namepass = ["manhole"]
  source = '''
SCRIPT'''
"""

# There is no base64 in its Starlark. As a person writes it: the bytes, then the vendor's byte map.
BYTES = """
V = {c: i for i, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=".elems())}

def apply(metric):
    v = [V[c] for c in metric.fields.pop("data").elems()]
    b = []
    for i in range(0, len(v), 4):
        n = v[i] << 18 | v[i + 1] << 12 | (v[i + 2] & 63) << 6 | v[i + 3] & 63
        b.extend([n >> 16, n >> 8 & 255, n & 255])
    metric.fields["distance_mm"] = float(b[5] << 8 | b[6])
    metric.fields["temperature_c"] = float((b[8] ^ 128) - 128)
    metric.fields["tilt_deg"] = float(b[10]) if b[9] & 15 == 0 else -float(b[10])
    metric.fields["level_alarm"] = b[11] >= 16
    metric.fields["moved"] = b[12] >= 16
    metric.fields["battery_low"] = b[12] & 15 > 0
    return metric
"""

# As fast as we could make it: only the characters that hold what is wanted.
CHARACTERS = """
V = {c: i for i, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".elems())}

def apply(metric):
    v = [V[c] for c in metric.fields.pop("data")[6:18].elems()]
    angle = (v[7] & 15) << 4 | v[8] >> 2
    state = v[10] << 2 | v[11] >> 4
    metric.fields["distance_mm"] = float((((v[0] & 3) << 6 | v[1]) << 8) | v[2] << 2 | v[3] >> 4)
    metric.fields["temperature_c"] = float(((v[4] & 3) << 6 | v[5]) ^ 128) - 128.0
    metric.fields["tilt_deg"] = float(angle) if (v[6] << 2 | v[7] >> 4) & 15 == 0 else -float(angle)
    metric.fields["level_alarm"] = ((v[8] & 3) << 6 | v[9]) >= 16
    metric.fields["moved"] = state >= 16
    metric.fields["battery_low"] = state & 15 > 0
    return metric
"""

READS = {
    "plain": PLAIN,
    "chirpstack": CHIRPSTACK.replace("SCRIPT", BYTES),
    "chirpstack-fast": CHIRPSTACK.replace("SCRIPT", CHARACTERS),
}


class Telegraf:
    """One process of it. kind: plain, chirpstack, or chirpstack-fast."""

    def __init__(self, folder: Path, kind: str, mqtt: int, server: Server) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._told, self._log, self._file = folder / "told", folder / "log", folder / "telegraf.conf"
        agent = AGENT.format(told=self._told, url=server.url, token=TOKEN, org=ORG, bucket=BUCKET, port=mqtt)
        self._file.write_text(agent + READS[kind])

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([program(), "--config", str(self._file)], stdout=log, stderr=log)
        time.sleep(0.5)
        assert self._process.poll() is None, self._log.read_text()

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)

    def written(self) -> int:
        """Return how many points InfluxDB has taken."""
        lines = self._told.read_text().splitlines() if self._told.exists() else []
        for line in reversed(lines):
            head, fields, _ = line.rsplit(" ", 2)
            if "output=influxdb_v2" in head:
                count = next(field for field in fields.split(",") if field.startswith("metrics_written="))
                return int(count.split("=")[1].rstrip("i"))
        return 0


def program() -> str:
    """Return the program, built now if it must be (minutes)."""
    built = subprocess.run([str(BUILD), "telegraf"], check=True, capture_output=True, text=True)
    return built.stdout.strip()
