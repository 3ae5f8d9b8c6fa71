"""
The measures of the daemon, shown by prometheus-client.

Every metric is declared here, once, with its labels and what it means. Code below counts
through `IMeter` by name; a name that isn't declared is a mistake of ours, and raises.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from functools import partial
from typing import Final

from attrs import frozen
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as Shown
from prometheus_client.registry import Collector
from zope.interface import implementer

from mudserver.interfaces.meter import IMeter
from mudserver.telemetry.series import Amount, Distribution, Families, Family

#: What all names begin with.
PREFIX: Final = "mud_"

_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_PAUSES: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 6.0, 10.0, 30.0, 60.0, 120.0, 600.0)
_AMOUNTS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 10_000.0)
_BYTES: Final = (64.0, 128.0, 256.0, 512.0, 1_024.0, 2_048.0, 4_096.0, 8_192.0, 16_384.0, 32_768.0)


class Kind(Enum):
    """How a metric behaves."""

    COUNTER = "counter"
    GAUGE = "gauge"
    SECONDS = "histogram of seconds"
    PAUSES = "histogram of pauses in seconds"
    AMOUNTS = "histogram of amounts"
    BYTES = "histogram of bytes"


_BUCKETS: Final = {
    Kind.SECONDS: _SECONDS,
    Kind.PAUSES: _PAUSES,
    Kind.AMOUNTS: _AMOUNTS,
    Kind.BYTES: _BYTES,
}


@frozen
class Metric:
    """
    One metric.

    Attributes:
        name: Without the prefix.
        kind: How it behaves.
        doc: What it means.
        labels: What it is divided by.
    """

    name: str
    kind: Kind
    doc: str
    labels: tuple[str, ...] = ()


METRICS: Final = (
    Metric("connections", Kind.COUNTER, "Connections opened.", ("transport",)),
    Metric("accepting", Kind.GAUGE, "1 while connections are accepted, else 0."),
    Metric("arrivals_delayed", Kind.COUNTER, "Connections that waited for their turn."),
    Metric("accept_pauses", Kind.COUNTER, "Times that file descriptors ran short."),
    Metric("closes", Kind.COUNTER, "Connections ended, by close code.", ("transport", "code")),
    Metric("inbound_messages", Kind.COUNTER, "Messages of WebSocket clients.", ("type",)),
    Metric("refusals", Kind.COUNTER, "What was refused, by reason.", ("reason",)),
    Metric("heartbeat_seconds", Kind.SECONDS, "Time to a probe's answer.", ("transport",)),
    Metric("outbox_overflows", Kind.COUNTER, "Readers found too slow.", ("transport",)),
    Metric("view_bytes", Kind.BYTES, "Views rendered, by their size as JSON.", ("type",)),
    Metric("frames", Kind.COUNTER, "Wire forms made of views; each serves all who share it."),
    Metric("fanout_bytes", Kind.COUNTER, "Bytes shown to sessions, in their wire form."),
    Metric("world_present", Kind.GAUGE, "1 while a world responds, else 0."),
    Metric("world_pause_seconds", Kind.PAUSES, "Time for which sessions had no world."),
    Metric(
        "reattachments",
        Kind.COUNTER,
        "Sessions named to a world: went_on, ended, or failed and named again.",
        ("outcome",),
    ),
    Metric("gaps", Kind.COUNTER, "Sessions that may have missed something on the bus."),
    Metric("inputs_repeated", Kind.COUNTER, "Inputs sent again, not being settled."),
    Metric("messages_outdated", Kind.COUNTER, "Messages dropped, a later world being there."),
    Metric(
        "showings_repeated", Kind.COUNTER, "Showings left out, an earlier world having done it."
    ),
    Metric("resumes", Kind.COUNTER, "Sessions that clients asked to resume.", ("outcome",)),
    Metric("http_requests", Kind.COUNTER, "HTTP requests answered.", ("method", "status")),
    Metric("sessions", Kind.GAUGE, "Characters in the world, the link-dead included."),
    Metric("attachments", Kind.COUNTER, "Connections let into the world.", ("outcome",)),
    Metric("logins", Kind.COUNTER, "Log-ins by name and password.", ("outcome",)),
    Metric(
        "login_history_dropped",
        Kind.COUNTER,
        "Log-ins that could not be written down.",
    ),
    Metric("failed_logins_dropped", Kind.COUNTER, "Failed log-ins that a restart would forget."),
    Metric(
        "expiries", Kind.COUNTER, "Tokens of sessions that end, by what came of it.", ("outcome",)
    ),
    Metric("registrations", Kind.COUNTER, "Accounts made."),
    Metric("hash_queue", Kind.GAUGE, "Passwords being hashed or waiting for it."),
    Metric("requests", Kind.COUNTER, "What gateways asked of the world.", ("kind", "outcome")),
    Metric("messages_unknown", Kind.COUNTER, "Messages that the world can't read.", ("kind",)),
    Metric("inputs_dropped", Kind.COUNTER, "Inputs not carried out.", ("reason",)),
    Metric("words_repeated", Kind.COUNTER, "Words of an earlier world that were said again."),
    Metric("inputs_wanted", Kind.COUNTER, "Requests for inputs that did not arrive."),
    Metric("commands", Kind.COUNTER, "Commands carried out or refused.", ("outcome",)),
    Metric("command_seconds", Kind.SECONDS, "Time from a command's arrival to its output."),
    Metric("loop_work", Kind.GAUGE, "Pieces of work in the game loop's queue."),
    Metric("loop_turn_seconds", Kind.SECONDS, "Time of one turn of the game loop."),
    Metric("loop_failures", Kind.COUNTER, "Pieces of work that failed by our fault."),
    Metric("loop_refusals", Kind.COUNTER, "Pieces of work refused, the queue being full."),
    Metric("reactions_dropped", Kind.COUNTER, "Reactions of inhabitants beyond the bound."),
    Metric("fanout_recipients", Kind.AMOUNTS, "Sessions that one event was shown to."),
    Metric("journal_dirty", Kind.GAUGE, "Changed entities not yet committed."),
    Metric("journal_waiting", Kind.GAUGE, "Inputs waiting for their commit."),
    Metric("journal_riders", Kind.GAUGE, "Notes of inputs that ride along with the next flush."),
    Metric("journal_answers_dropped", Kind.COUNTER, "Such notes forgotten, being too many."),
    Metric("journal_lines", Kind.GAUGE, "Lines said that are not yet written down."),
    Metric("journal_lines_dropped", Kind.COUNTER, "Lines said that are not kept, being too many."),
    Metric("history_upkeep_failures", Kind.COUNTER, "Upkeep of the days of history put off."),
    Metric("journal_age_seconds", Kind.GAUGE, "Age of the oldest change not yet committed."),
    Metric("journal_pressure", Kind.GAUGE, "0 none, 1 alarm, 2 no log-ins, 3 no changes."),
    Metric("journal_epoch", Kind.GAUGE, "The epoch of our lease."),
    Metric("journal_dead_letters", Kind.COUNTER, "Changes refused for good.", ("kind",)),
    Metric("commit_seconds", Kind.SECONDS, "Time of one flush of the journal."),
    Metric("flush_entities", Kind.AMOUNTS, "Entities in one flush."),
    Metric("flush_retries", Kind.COUNTER, "Flushes put off, the database being away."),
    Metric("flushes_refused", Kind.COUNTER, "Flushes that the database refused for good."),
    Metric("held", Kind.GAUGE, "What the gateway holds: connections, sessions, timers.", ("what",)),
    Metric("reactor_tick_seconds", Kind.SECONDS, "Bounds of the reactor's ticks; 50 ms when idle."),
    Metric("background_tasks", Kind.GAUGE, "Background tasks in flight.", ("name",)),
    Metric("background_failures", Kind.COUNTER, "Background tasks that failed.", ("name",)),
    Metric("hub_peers", Kind.GAUGE, "Peers that have joined our hub of the bus.", ("role",)),
    Metric("hub_joins_refused", Kind.COUNTER, "Connections to the hub that did not join."),
    Metric("hub_heard", Kind.COUNTER, "What peers said to the hub.", ("kind",)),
    Metric("hub_said", Kind.COUNTER, "What the hub had to say to peers.", ("kind",)),
    Metric("hub_shed", Kind.COUNTER, "Lossy messages dropped at the hub for peers too slow."),
    Metric("hub_refused", Kind.COUNTER, "What peers said and may not.", ("role", "kind")),
    Metric("hub_strays", Kind.COUNTER, "What came to the hub too late, by kind.", ("kind",)),
    Metric("hub_unsendable", Kind.COUNTER, "What the hub could not send, being too large."),
    Metric("hub_questions", Kind.GAUGE, "Questions that wait at the hub for their answers."),
    Metric("hub_unconfirmed", Kind.GAUGE, "Durable messages that wait for their receipts."),
    Metric("hub_queue_bytes", Kind.GAUGE, "Bytes that wait at the hub for its links."),
    Metric("database_connections", Kind.GAUGE, "Connections to the database.", ("state",)),
    Metric("database_waiters", Kind.GAUGE, "Callers waiting for a connection."),
    Metric("database_acquire_seconds", Kind.SECONDS, "Time until a connection was free."),
    Metric("database_acquire_refusals", Kind.COUNTER, "Callers left without.", ("reason",)),
    Metric("database_queries", Kind.COUNTER, "Queries and transactions.", ("outcome",)),
    Metric("database_query_seconds", Kind.SECONDS, "Time of one query or transaction."),
    Metric("database_batch_keys", Kind.AMOUNTS, "Keys in one batched query.", ("batch",)),
    Metric("database_replacements", Kind.COUNTER, "Broken connections replaced."),
    Metric(
        "bus_certificate_seconds",
        Kind.GAUGE,
        "Seconds for which our certificate for the bus is good; below 0 it has ended.",
    ),
    Metric(
        "bus_certificate_spoiled",
        Kind.GAUGE,
        "1 while the files of our certificate for the bus can't be used, or others would not take"
        " what they hold, else 0.",
    ),
    Metric("bus_unlinked", Kind.GAUGE, "1 while a process has no link to the hub, and wants one."),
    Metric(
        "bus_messages",
        Kind.COUNTER,
        "What crossed the bus: lossy and durable messages, requests, replies.",
        ("direction", "kind"),
    ),
    Metric("bus_shed", Kind.COUNTER, "Lossy messages dropped, since the hub takes too few."),
    Metric("bus_unlinked_drops", Kind.COUNTER, "Lossy messages dropped for want of a link."),
    Metric("bus_unsendable", Kind.COUNTER, "Messages that can't be written, or are too large."),
    Metric("bus_garbled", Kind.COUNTER, "Messages that arrived and can't be understood."),
    Metric("bus_gaps", Kind.COUNTER, "Times that messages of others were found missing."),
    Metric("bus_duplicates", Kind.COUNTER, "Messages that arrived again, dropped.", ("kind",)),
    Metric("bus_unconfirmed", Kind.GAUGE, "Durable messages that are not confirmed."),
    Metric("bus_retries", Kind.COUNTER, "Durable messages sent again, by why.", ("reason",)),
    Metric(
        "bus_breakers",
        Kind.GAUGE,
        "Destinations left alone for a while, by the first word of their subject.",
        ("destination", "state"),
    ),
    Metric(
        "bus_breaker_transitions",
        Kind.COUNTER,
        "Changes of such breakers, by the state that they came into.",
        ("destination", "state"),
    ),
    Metric(
        "bus_dead_letters", Kind.COUNTER, "Messages that can't be delivered, by why.", ("reason",)
    ),
    Metric("bus_dead_letters_lost", Kind.COUNTER, "Such messages that could not be kept."),
    Metric("notices", Kind.COUNTER, "Notices heard from the database.", ("topic",)),
    Metric("notice_gaps", Kind.COUNTER, "Times that notices may have been missed."),
    Metric("notices_listening", Kind.GAUGE, "1 while notices are heard."),
    Metric("world_turn", Kind.GAUGE, "1 while it is this process's turn to be the world."),
)


class _Measures(Collector):
    """All declared metrics, in the order in which they are declared."""

    def __init__(self) -> None:
        self.counters: Families[Amount] = Families()
        self.gauges: Families[Amount] = Families()
        self.histograms: Families[Distribution] = Families()
        for metric in METRICS:
            match metric.kind:
                case Kind.COUNTER:
                    self.counters.declare(metric.name, Family(metric.labels, Amount))
                case Kind.GAUGE:
                    self.gauges.declare(metric.name, Family(metric.labels, Amount))
                case Kind.SECONDS | Kind.PAUSES | Kind.AMOUNTS | Kind.BYTES:
                    make = partial(Distribution, _BUCKETS[metric.kind])
                    self.histograms.declare(metric.name, Family(metric.labels, make))

    def collect(self) -> Iterator[Shown]:
        """Implement `Collector.collect`."""
        for metric in METRICS:
            name = PREFIX + metric.name
            match metric.kind:
                case Kind.COUNTER:
                    counter = CounterMetricFamily(name, metric.doc, labels=metric.labels)
                    for values, amount in self.counters.family(metric.name):
                        counter.add_metric(values, amount.read())
                    yield counter
                case Kind.GAUGE:
                    gauge = GaugeMetricFamily(name, metric.doc, labels=metric.labels)
                    for values, amount in self.gauges.family(metric.name):
                        gauge.add_metric(values, amount.read())
                    yield gauge
                case Kind.SECONDS | Kind.PAUSES | Kind.AMOUNTS | Kind.BYTES:
                    histogram = HistogramMetricFamily(name, metric.doc, labels=metric.labels)
                    for values, spread in self.histograms.family(metric.name):
                        histogram.add_metric(values, spread.read(), spread.total)
                    yield histogram


@implementer(IMeter)
class PrometheusMeter:
    """
    Keeps the declared metrics in a registry of its own; all are counted in one thread.

    Attributes:
        registry: What ``/metrics`` shows.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._measures = _Measures()
        self.registry.register(self._measures)
        self._counter = self._measures.counters.find
        self._histogram = self._measures.histograms.find

    def count(self, metric: str, amount: float = 1.0, **labels: str) -> None:
        """Implement `IMeter.count`."""
        self._counter(metric, labels).value += amount

    def gauge(self, metric: str, value: float, **labels: str) -> None:
        """Implement `IMeter.gauge`."""
        self._measures.gauges.find(metric, labels).value = value

    def show(self, metric: str, source: Callable[[], float], **labels: str) -> None:
        """Have a gauge ask for its value whenever it is read."""
        self._measures.gauges.find(metric, labels).source = source

    def observe(self, metric: str, value: float, **labels: str) -> None:
        """Implement `IMeter.observe`."""
        self._histogram(metric, labels).observe(value)

    def collect(self, collector: Collector) -> None:
        """Show what a further collector knows, too."""
        self.registry.register(collector)


@implementer(IMeter)
class NullMeter:
    """Measures nothing; for tests of something else."""

    def count(self, metric: str, amount: float = 1.0, **labels: str) -> None:
        """Implement `IMeter.count`."""

    def gauge(self, metric: str, value: float, **labels: str) -> None:
        """Implement `IMeter.gauge`."""

    def observe(self, metric: str, value: float, **labels: str) -> None:
        """Implement `IMeter.observe`."""
