"""Prometheus metrics of one collector, in a registry of their own."""

import socket
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from driftline_collector.settings import Address

_SIZES = (1, 2, 5, 10, 20, 50, 100, 200)
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_LATENCIES = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)


class Metrics:
    """All metrics; docs/collector.md explains each."""

    def __init__(self) -> None:
        """Create the metrics, at zero."""
        self.registry = registry = CollectorRegistry()
        self.calls = Counter(
            "driftline_collector_calls",
            "Calls answered, by method and gRPC status.",
            ["method", "status"],
            registry=registry,
        )
        self.reports = Counter("driftline_collector_reports", "Reports committed.", registry=registry)
        self.sections = Counter("driftline_collector_sections", "Sections in committed reports.", registry=registry)
        self.commits = Counter("driftline_collector_commits", "Transactions that took reports.", registry=registry)
        self.batch_size = Histogram(
            "driftline_collector_commit_reports", "Reports in one transaction.", buckets=_SIZES, registry=registry
        )
        self.commit_seconds = Histogram(
            "driftline_collector_commit_seconds", "Duration of a transaction, s.", buckets=_SECONDS, registry=registry
        )
        self.queue_length = Gauge(
            "driftline_collector_queue_reports", "Reports that wait for a transaction.", registry=registry
        )
        self.certificates = Counter(
            "driftline_collector_certificates", "Client certificates issued, by how.", ["how"], registry=registry
        )
        self.assessments = Counter("driftline_collector_assessments", "CIs assessed.", registry=registry)
        self.detection_seconds = Histogram(
            "driftline_collector_detection_seconds",
            "From the reading that first saw a change, by skew-corrected host time, to its commit, s.",
            buckets=_LATENCIES,
            registry=registry,
        )
        self.job_failures = Counter(
            "driftline_collector_job_failures", "Failed runs of a background job.", ["job"], registry=registry
        )
        self.fleet = Gauge(
            "driftline_collector_live_sources", "Sources seen in the last 15 minutes.", registry=registry
        )


class MetricsServer:
    """Serves /metrics over plain HTTP; on a loopback address by default, because it asks for no proof."""

    def __init__(self, metrics: Metrics, listen: Address) -> None:
        """Listen; :meth:`start` serves.

        :raises OSError: where the address cannot be listened at.
        """
        app = make_wsgi_app(metrics.registry)
        kind = _ServerV6 if ":" in listen.host else ThreadingWSGIServer
        self._server = make_server(listen.host, listen.port, app, kind, _Quiet)
        # prometheus_client's own start_http_server takes half a second to stop.
        serve = {"poll_interval": 0.1}
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs=serve, name="metrics", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self._server.server_port)

    def start(self) -> None:
        """Start to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _ServerV6(ThreadingWSGIServer):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Write nothing: a line each scrape tells nobody anything."""
