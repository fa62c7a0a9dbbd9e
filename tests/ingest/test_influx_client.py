"""What of influxdb-client is loaded, and when. The version is pinned; another one may need another list."""

import subprocess
import sys
from pathlib import Path

LOOK = """
import sys
from ingest.influx_client import Client
client = Client("http://127.0.0.1:9", "token", "org", (100, 100))
print(len([name for name in sys.modules if name.startswith(("influxdb_client", "reactivex"))]))
assert client.query_api() and client.delete_api()
import influxdb_client.domain
print(influxdb_client.domain.Bucket.__name__, influxdb_client.InfluxDBClient.__name__)
client.close()
"""


def test_posting_lines_loads_no_management_api_and_asking_loads_it_whole(root: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", LOOK], cwd=root, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    count, whole = ended.stdout.splitlines()
    assert int(count) < 25
    assert whole == "Bucket InfluxDBClient"
