"""How the gateway is, as the feed must know it for /healthz, /readyz, /metrics and the heartbeat. Plain data."""

from msgspec import Struct, field

ALIVE_S = 30.0  # a pipeline that has not gone round for so long hangs: it is idle for half a second at the most


class Latency(Struct, frozen=True, kw_only=True):
    """From a frame's arrival until what it caused was told, since the start.

    buckets  (upper bound in seconds, so many took no longer), rising and cumulative; the last bound is infinity
    sum_s    of all
    """

    buckets: tuple[tuple[float, int], ...]
    sum_s: float


class Vitals(Struct, frozen=True, kw_only=True):
    """One look at the running gateway.

    idle_s         seconds since the pipeline last went round
    reconciled     the restart is over: alarms are as the world is, as far as the gateway can know
    sources        `Source.counts()` of each source, by name
    refused        frames that were not read, by reason
    journal_bytes  on the disk
    backlog_bytes  lines that InfluxDB has not taken; None = no InfluxDB
    queue          records that wait for the pipeline
    feeds          `Feed.counts()` of each feed to another system, by name
    incomplete     proofs of which the journal no longer had all frames
    """

    idle_s: float
    reconciled: bool
    sources: dict[str, dict[str, int]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    latency: Latency | None = None
    journal_bytes: int = 0
    backlog_bytes: int | None = None
    queue: int = 0
    incomplete: int = 0
    feeds: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        """Whether the pipeline makes progress."""
        return self.idle_s < ALIVE_S
