"""Serves metrics and health over HTTP, from a thread that only reads.

/metrics     for Prometheus: the metrics of this shore, of the process, and of the build
/healthz     200 while the daemon's loop is running, else 503
/readyz      200 while it is connected to RabbitMQ as well, else 503
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from logbus import VERSION
from logbus.errors import UsageError
from logbus.native import accelerators
from logbus.native.threads import begin
from logbus.telemetry import common, gauge, is_alive, observed, samples, value
from logbus.telemetry.address import LOOPBACK, address_of
from logbus.telemetry.metrics import ABSENT, METRICS, SECONDS, Shore
from logbus.telemetry.metrics_server import MetricServer

logger = logging.getLogger("logbus.telemetry")

_FAMILIES = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}


def serve(listen: str, shore: Shore) -> int:
    """Serve on `host:port` from a thread; return the port (0 in `listen`: a free one).

    Raises UsageError for an address that is invalid, not this machine's, or in use.
    """
    for each in accelerators.found():
        gauge("logbus_accelerators", bool(each.version), library=each.name)
    gauge("logbus_build_info", 1, version=VERSION)
    host, port = address_of(listen)
    try:
        server = MetricServer(host, port)
    except OSError as error:
        hint = f"give another port, or an address of this machine, such as 127.0.0.1:{port}"
        raise UsageError(f"serve metrics on {listen!r}", error, hint) from error
    if host not in LOOPBACK:
        logger.warning("metrics are served on %s to anyone who reaches it: 127.0.0.1 keeps them local", listen)
    server.set_app(application(shore))
    begin(server.work, "metrics")
    return server.server_port


def families(shore: Shore) -> Iterator[Metric]:
    """Yield every metric of a shore in Prometheus's form, including those at zero."""
    now, shared = samples(), common()
    for name, metric in METRICS.items():
        if metric.shore not in {"both", shore}:
            continue
        if metric.kind == "histogram":
            yield _histogram(name, metric.meaning, shared)
            continue
        found = [(dict(labels), number) for (each, labels), number in now.items() if each == name]
        if not found and name not in ABSENT:
            found = [({}, 0.0)]
        yield _family(name, found, shared)


def _family(name: str, found: list[tuple[dict[str, str], float]], shared: dict[str, str]) -> Metric:
    metric = METRICS[name]
    labels = [*shared, *(found[0][0] if found else ())]
    family: CounterMetricFamily | GaugeMetricFamily = _FAMILIES[metric.kind](name, metric.meaning, labels=labels)
    for own, number in found:
        family.add_metric([*shared.values(), *own.values()], number)
    return family


def _histogram(name: str, meaning: str, shared: dict[str, str]) -> Metric:
    counts, total_s = observed(name)
    bounds = [*(f"{bound:g}" for bound in SECONDS), "+Inf"]
    family = HistogramMetricFamily(name, meaning, labels=list(shared))
    buckets = [(bound, float(number)) for bound, number in zip(bounds, accumulate(counts), strict=True)]
    family.add_metric(list(shared.values()), buckets, total_s)
    return family


class _Collector:
    def __init__(self, shore: Shore) -> None:
        self._shore = shore

    def collect(self) -> Iterable[Metric]:
        return families(self._shore)


def application(shore: Shore) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    """Return the WSGI application: GET /metrics, /healthz and /readyz, and nothing else."""
    registry = CollectorRegistry()
    registry.register(_Collector(shore))
    ProcessCollector(registry=registry)
    metrics: Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]] = make_wsgi_app(registry)

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _plain(start, "405 Method Not Allowed", b"only GET\n")
        match environ["PATH_INFO"]:
            case "/metrics":
                return metrics(environ, start)
            case "/healthz":
                return _state(start, good=is_alive(), bad=b"stuck\n")
            case "/readyz":
                return _state(start, good=is_alive() and value("logbus_connected") == 1, bad=b"not connected\n")
        return _plain(start, "404 Not Found", b"/metrics, /healthz or /readyz\n")

    return answer


def _state(start: StartResponse, *, good: bool, bad: bytes) -> Iterable[bytes]:
    return _plain(start, "200 OK", b"ok\n") if good else _plain(start, "503 Service Unavailable", bad)


def _plain(start: StartResponse, status: str, body: bytes) -> Iterable[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
