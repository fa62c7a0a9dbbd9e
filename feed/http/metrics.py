"""/metrics: the gateway's counters in Prometheus' text format, read at the moment they are asked for."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from feed.vitals import Latency, Vitals


class _Gateway(Collector):
    def __init__(self, vitals: Callable[[], Vitals], events: Callable[[], int], streams: Callable[[], int]) -> None:
        self._vitals = vitals
        self._events = events
        self._streams = streams

    def describe(self) -> Iterator[Metric]:
        """Say nothing at registration: there may be no pipeline yet to be asked."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        now = self._vitals()
        yield from _doors(now)
        refused = CounterMetricFamily("cityward_refused", "Frames that were not read.", labels=["reason"])
        for reason, count in sorted(now.refused.items()):
            refused.add_metric([reason], count)
        yield refused
        yield CounterMetricFamily("cityward_events", "Events of the feed, since its beginning.", value=self._events())
        if now.latency is not None:
            yield _histogram(now.latency)
        yield from _feeds(now)
        yield GaugeMetricFamily("cityward_journal_bytes", "Journal on the disk.", value=now.journal_bytes)
        if now.backlog_bytes is not None:
            backlog = "Lines that InfluxDB has not taken."
            yield GaugeMetricFamily("cityward_backlog_bytes", backlog, value=now.backlog_bytes)
        yield GaugeMetricFamily("cityward_queue_records", "Records that wait for the pipeline.", value=now.queue)
        proofs = "Proofs in the book that lack frames which the journal no longer had."
        yield GaugeMetricFamily("cityward_proofs_incomplete", proofs, value=now.incomplete)
        yield GaugeMetricFamily("cityward_streams", "Readers of the event stream.", value=self._streams())
        idle = "Seconds since the pipeline last went round."
        yield GaugeMetricFamily("cityward_pipeline_idle_seconds", idle, value=now.idle_s)
        yield GaugeMetricFamily("cityward_ready", "1 = the restart is over.", value=int(now.reconciled))


def _doors(now: Vitals) -> Iterator[Metric]:
    frames = CounterMetricFamily("cityward_frames", "Frames that a source delivered.", labels=["source"])
    others = CounterMetricFamily("cityward_door", "What else a source counts.", labels=["source", "what"])
    for source, counts in sorted(now.sources.items()):
        for what, count in sorted(counts.items()):
            if what == "received":
                frames.add_metric([source], count)
            else:
                others.add_metric([source, what], count)
    yield frames
    yield others


def _feeds(now: Vitals) -> Iterator[Metric]:
    position = "Number of the last event that another system has; behind cityward_events it has to wait."
    positions = GaugeMetricFamily("cityward_feed_position", position, labels=["feed"])
    lost = CounterMetricFamily("cityward_feed_lost", "Events that it will not get.", labels=["feed", "what"])
    for feed, counts in sorted(now.feeds.items()):
        for what, count in sorted(counts.items()):
            if what == "position":
                positions.add_metric([feed], count)
            else:
                lost.add_metric([feed, what], count)
    yield positions
    yield lost


def _histogram(latency: Latency) -> Metric:
    buckets = [("+Inf" if bound == float("inf") else repr(bound), count) for bound, count in latency.buckets]
    text = "From a frame's arrival until what it caused was told."
    return HistogramMetricFamily("cityward_latency_seconds", text, buckets=buckets, sum_value=latency.sum_s)


class Metrics:
    """What /metrics answers.

    vitals   looks at the gateway
    events   number of the last event
    streams  readers of the event stream now
    """

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, vitals: Callable[[], Vitals], events: Callable[[], int], streams: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()  # our own: the library's global one knows nothing of a second gateway
        self._registry.register(_Gateway(vitals, events, streams))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Read all and write them."""
        return generate_latest(self._registry)
