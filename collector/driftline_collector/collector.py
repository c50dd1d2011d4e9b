"""The collector as a whole: its parts, put together, started and stopped."""

import json
import logging
from dataclasses import asdict, dataclass

import grpc
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from driftline.v1.collector_pb2_grpc import add_CollectorServicer_to_server, add_EnrolmentServicer_to_server
from driftline_cmdb.database import Database, migrate
from driftline_cmdb.reports import Ingest
from driftline_collector.authority.authority import Authority
from driftline_collector.clock import Clock, now_ms
from driftline_collector.committer import Committer
from driftline_collector.errors import SettingsError
from driftline_collector.files import write_atomically
from driftline_collector.metrics import Metrics, MetricsServer
from driftline_collector.schedule import Schedule
from driftline_collector.service.collecting import Collecting
from driftline_collector.service.edge import Edge
from driftline_collector.service.enrolment import Enrolment
from driftline_collector.service.health import Health
from driftline_collector.service.identity import Identities
from driftline_collector.service.limits import Gate, RateLimit
from driftline_collector.service.refusals import Refusals
from driftline_collector.service.servers import enrol_server, report_server
from driftline_collector.settings import Settings
from driftline_collector.worker import Assessor, Jobs, Linker

log = logging.getLogger(__name__)

#: Seconds that stopping may take: calls, then the queue, then links, then the assessment.
_CALLS_S, _JOBS_S, _QUEUE_S, _LINKS_S, _ASSESS_S = 0.8, 0.3, 0.6, 0.1, 0.2


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that are listened at."""

    enrol: int
    report: int
    metrics: int


class Collector:
    """One collector in this process."""

    def __init__(self, settings: Settings, clock: Clock = now_ms) -> None:
        """Open or create authority and database, and listen; nothing is answered before :meth:`start`.

        :raises SettingsError: where an address cannot be listened at.
        :raises AuthorityError: where keys or certificates are missing or damaged.
        """
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.settings = settings
        self.metrics = Metrics()
        self.authority = Authority(settings.data, settings.names, clock)
        migrate(settings.database)
        self.database = Database(settings.database)
        self.schedule = Schedule(settings)
        self.assessor = Assessor(self.database, self.metrics, clock)
        self.linker = Linker(self.database, self.metrics, clock, self.assessor.wake)
        self.committer = Committer(
            Ingest(self.database), self.metrics, settings.commit_batch, settings.commit_queue, self._committed
        )
        self._jobs = Jobs(settings, self.database, self.authority, self.schedule, self.metrics, clock)
        gate = Gate(settings.concurrent_calls_source)
        refusals = Refusals(self.database, clock)
        collecting = Collecting(
            self.database,
            Identities(self.database, clock, refusals),
            self.committer,
            self.schedule,
            self.metrics,
            gate,
            clock,
        )
        self._report, report_port = report_server(
            settings,
            self.authority,
            Edge(self.metrics),
            lambda server: add_CollectorServicer_to_server(collecting, server),
        )
        enrolment = Enrolment(
            settings,
            self.database,
            self.authority,
            self.metrics,
            settings.report_address or f":{report_port}",
            clock,
            refusals,
        )
        health = Health(self.database, lambda: self.committer.alive)

        def register(server: grpc.Server) -> None:
            add_EnrolmentServicer_to_server(enrolment, server)
            add_HealthServicer_to_server(health, server)

        limit = RateLimit(
            settings.enrol_rate_peer, settings.enrol_burst_peer, settings.enrol_rate_all, settings.enrol_burst_all
        )
        edge = Edge(self.metrics, lambda method, peer: None if method == "Check" else limit.admit(peer))
        self._enrol, enrol_port = enrol_server(settings, self.authority, edge, register)
        try:
            self._metrics_server = MetricsServer(self.metrics, settings.metrics_listen)
        except OSError as error:
            raise SettingsError(f"metrics_listen: cannot listen at {settings.metrics_listen}: {error}") from error
        self.ports = Ports(enrol_port, report_port, self._metrics_server.port)

    def start(self) -> None:
        """Answer calls; write ``ports.json`` below the data directory."""
        self.committer.start()
        self.assessor.start()
        self.linker.start()
        self._jobs.start()
        self._metrics_server.start()
        self._report.start()
        self._enrol.start()
        write_atomically(self.settings.data / "ports.json", json.dumps(asdict(self.ports)).encode() + b"\n", 0o644)
        log.info("collector ready", extra=asdict(self.ports))

    def _committed(self) -> None:
        self.assessor.wake()
        self.linker.wake()

    def stop(self) -> bool:
        """Take no more calls, finish those that run, commit what is queued; within two seconds.

        :return: False where a transaction still runs, because the database does not answer.
        """
        ended = [server.stop(_CALLS_S) for server in (self._enrol, self._report)]
        self._jobs.stop(_JOBS_S)
        for event in ended:
            event.wait(_CALLS_S + 0.1)
        self.committer.stop(_QUEUE_S)
        self.linker.stop(_LINKS_S)
        self.assessor.stop(_ASSESS_S)
        self._metrics_server.stop()
        self.database.close()
        log.info("collector stopped")
        return not self.committer.alive
