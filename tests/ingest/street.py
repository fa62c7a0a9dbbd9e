"""Groups of numbered lines, the same whenever they are made again; also a process that can be killed while it writes.

python -m tests.ingest.street FOLDER URL TOKEN_FILE GROUPS    tells every group that is safe, ends when all are
"""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from ingest.influx import Influx
from ingest.influx_trouble import Trouble
from ingest.influx_writer import InfluxWriter
from ingest.settings import InfluxSettings
from rules.records import Outcome
from store.fs import OsFs
from store.settings import Secret
from tests.influxd import BUCKET, ORG

T_NS = 1_750_000_000_000_000_000
GROUP_LINES = 400


def lines(first: int, count: int, measurement: str = "street") -> list[bytes]:
    return [
        b"%s,device=d%02d,model=plain n=%d.0,pm10_ug_m3=57.5 %d\n"
        % (measurement.encode(), n % 40, n, T_NS + n * 1_000_000)
        for n in range(first, first + count)
    ]


def groups(count: int, size: int = GROUP_LINES, measurement: str = "street") -> Iterator[Outcome]:
    """Outcomes from sequence 1 on; every fifth group makes no lines."""
    made = 0
    for number in range(count):
        first = 1 + number * 1000
        made_now = [] if number % 5 == 4 else lines(made, size, measurement)
        made += len(made_now)
        yield Outcome(first=first, last=first + 999, lines=made_now)


def made(count: int, size: int = GROUP_LINES) -> int:
    """How many lines that many groups make."""
    return (count - count // 5) * size


def main(folder: str, url: str, token: str, count: str) -> None:
    settings = InfluxSettings(url=url, org=ORG, bucket=BUCKET, token=Secret(file=Path(token)))
    trouble = Trouble(lambda _kind, _data: None, pause_s=(0.01, 0.05))
    influx = Influx(settings, connect_s=1, read_s=2)
    writer = InfluxWriter(influx, Path(folder), trouble, OsFs(), budget_bytes=64 << 20)
    writer.open()
    stop = threading.Event()
    thread = threading.Thread(target=writer.run, args=(stop,))
    thread.start()
    last = 0
    for outcome in groups(int(count)):  # a replay from the beginning, as without a snapshot
        writer.take([], outcome)
        last = outcome.last
        if outcome.first > writer.position():
            time.sleep(0.002)
        if last % 7000 == 0:
            writer.settle(last, 1)
            print("safe", writer.position(), flush=True)
    while writer.counts().waiting:
        time.sleep(0.01)
    stop.set()
    thread.join()
    print("all", writer.counts().written, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
