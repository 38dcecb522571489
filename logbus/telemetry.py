"""Metrics and health: plain numbers, counted where things happen, served to Prometheus when `metrics:` is configured.

Each metric is defined once, in `METRICS`. Counting costs a dictionary entry; prometheus-client is imported only by
`serve`, which answers GET /metrics and GET /healthz from a thread that only reads.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Literal
from wsgiref.types import StartResponse, WSGIEnvironment

from logbus.errors import UsageError

if TYPE_CHECKING:
    from prometheus_client.core import Metric

logger = logging.getLogger("logbus.telemetry")

Kind = Literal["counter", "gauge"]
PORT_MAX = 65_535
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
ALIVE_WITHIN_S = 30.0

METRICS: dict[str, tuple[Kind, str]] = {
    "logbus_published_batches": ("counter", "Batches handed to the publisher."),
    "logbus_published_records": ("counter", "Records in those batches."),
    "logbus_published_bytes": ("counter", "Bytes of records in those batches, before compression."),
    "logbus_wire_bytes": ("counter", "Bytes of message bodies sent, resends included."),
    "logbus_resent_batches": ("counter", "Batches sent again after a lost connection, a nack or a return."),
    "logbus_nacked_batches": ("counter", "Batches refused by a full queue; they were sent again."),
    "logbus_returned_batches": ("counter", "Batches returned because no queue was bound; they were sent again."),
    "logbus_in_flight_batches": ("gauge", "Batches published and not yet confirmed."),
    "logbus_connected": ("gauge", "1 while the connection to RabbitMQ works, else 0."),
    "logbus_connections": ("counter", "Connections opened to RabbitMQ."),
    "logbus_certificate_expires_seconds": (
        "gauge",
        "When a certificate (certificate=ca, client or server) expires, in seconds since 1970.",
    ),
    "logbus_delivered_batches": ("counter", "Deliveries taken from the sink's queue."),
    "logbus_delivered_records": ("counter", "Records in those deliveries."),
    "logbus_delivered_bytes": ("counter", "Bytes of records in those deliveries, after decompression."),
    "logbus_written_bytes": ("counter", "Bytes that the sink wrote and committed."),
    "logbus_trimmed_bytes": ("counter", "Redelivered bytes that were already written: skipped."),
    "logbus_reordered_batches": ("counter", "Batches that arrived before their predecessor, and waited for it."),
    "logbus_unordered_batches": ("counter", "Batches whose predecessor did not arrive in time: written without it."),
    "logbus_gap_bytes": ("counter", "Bytes missing before those batches; they may still arrive."),
    "logbus_quarantined_messages": ("counter", "Messages that could not be decoded or written: sent to logs.dead."),
    "logbus_index_dropped_blocks": ("counter", "Blocks left out of a sink's index (why=busy or unsaved)."),
    "logbus_archive_deleted_files": ("counter", "Outputs that a file sink deleted, by keep, keep_days or keep_bytes."),
    "logbus_lost_bytes": ("counter", "Bytes that disappeared from a source before they could be read."),
    "logbus_ignored_files": ("counter", "Files that were not shipped because of ignore_older."),
    "logbus_missing_files": ("counter", "Files that were gone at a start: their unread bytes are lost."),
    "logbus_truncations": ("counter", "Files truncated or rewritten in place: a new stream began."),
    "logbus_disbelieved_times": ("counter", "Stated times in the future or from before 1990, of those looked at."),
    "logbus_undetected_records": ("counter", "Records without a stated severity, which got their input's default."),
    "logbus_dropped_records": ("counter", "Records dropped by the operator's filters (by=filter) or rate_limit."),
    "logbus_redactions": ("counter", "Texts replaced before they left the host."),
    "logbus_streams": ("gauge", "Streams being followed."),
    "logbus_behind_bytes": ("gauge", "Unconfirmed bytes of followed files, as of some seconds ago."),
    "logbus_held_lives": ("gauge", "Deleted or rotated files that are kept open."),
    "logbus_held_bytes": ("gauge", "Unread bytes of those files."),
    "logbus_accelerators": ("gauge", "1 for each accelerator (library=...) that is there, else 0."),
}
"""Name -> (kind, meaning). A counter is served with the suffix `_total`, as Prometheus requires."""

ABSENT = frozenset({"logbus_certificate_expires_seconds"})
"""Metrics without a sample until they have a value: a 0 would be a date."""

_values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
_beat_at_s = [0.0]


def count(name: str, amount: float = 1, **labels: str) -> None:
    """Add to a counter."""
    key = (name, tuple(sorted(labels.items())) if labels else ())
    _values[key] = _values.get(key, 0) + amount


def gauge(name: str, value: float, **labels: str) -> None:
    """Set a gauge."""
    _values[(name, tuple(sorted(labels.items())))] = value


def value(name: str, **labels: str) -> float:
    """Return the value of a metric; 0 if nothing was counted yet."""
    return _values.get((name, tuple(sorted(labels.items()))), 0)


def beat() -> None:
    """Record that the daemon's loop is running: /healthz answers 503 after 30 s without this."""
    _beat_at_s[0] = time.monotonic()


def families() -> "Iterator[Metric]":
    """Yield every metric in Prometheus's form, including those at zero."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415 - only when served

    now = dict(_values)
    for name, (kind, meaning) in METRICS.items():
        samples = [(labels, number) for (each, labels), number in now.items() if each == name]
        if not samples and name not in ABSENT:
            samples = [((), 0.0)]
        family_type = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
        family = family_type(name, meaning, labels=[key for key, _ in samples[0][0]] if samples else None)
        for labels, number in samples:
            family.add_metric([text for _, text in labels], number)
        yield family


class _Collector:
    def collect(self) -> "Iterable[Metric]":
        return families()


def application() -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    """Return the WSGI application: GET /metrics, GET /healthz, and nothing else."""
    from prometheus_client import CollectorRegistry, make_wsgi_app  # noqa: PLC0415 - only when served

    registry = CollectorRegistry()
    registry.register(_Collector())
    metrics: Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]] = make_wsgi_app(registry)

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _plain(start, "405 Method Not Allowed", b"only GET\n")
        if environ["PATH_INFO"] == "/metrics":
            return metrics(environ, start)
        if environ["PATH_INFO"] == "/healthz":
            alive = time.monotonic() - _beat_at_s[0] < ALIVE_WITHIN_S
            return _plain(start, "200 OK" if alive else "503 Service Unavailable", b"ok\n" if alive else b"stuck\n")
        return _plain(start, "404 Not Found", b"/metrics or /healthz\n")

    return answer


def _plain(start: StartResponse, status: str, body: bytes) -> Iterable[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]


def address_of(listen: str) -> tuple[str, int]:
    """Return host and port of `host:port`. Raises UsageError for anything else."""
    host, _, port = listen.rpartition(":")
    if not (port.isascii() and port.isdecimal() and int(port) <= PORT_MAX):
        cause = f"metrics {listen!r} names no port from 0 to {PORT_MAX}"
        raise UsageError("serve metrics", cause, "give host:port, such as 127.0.0.1:9600")
    if not host:
        raise UsageError("serve metrics", f"metrics {listen!r} names no host", f"write 127.0.0.1:{port}")
    return host.strip("[]"), int(port)


def serve(listen: str) -> int:
    """Serve metrics and health on `host:port` from a thread; return the port (0 in `listen`: a free one).

    Raises UsageError for an address that is invalid, not this machine's, or in use.
    """
    from logbus.metrics_server import MetricServer  # noqa: PLC0415 - only when served
    from logbus.native import accelerators  # noqa: PLC0415 - only when served

    for each in accelerators.found():
        gauge("logbus_accelerators", bool(each.version), library=each.name)
    host, port = address_of(listen)
    try:
        server = MetricServer(host, port)
    except OSError as error:
        hint = f"give another port, or an address of this machine, such as 127.0.0.1:{port}"
        raise UsageError(f"serve metrics on {listen!r}", error, hint) from error
    if host not in LOOPBACK:
        logger.warning("metrics are served on %s to anyone who reaches it: 127.0.0.1 keeps them local", listen)
    server.set_app(application())
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
    threading.Thread(target=server.work, name="metrics", daemon=True).start()  # signals are for the main thread
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return server.server_port
