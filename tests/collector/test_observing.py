"""Health, metrics, and background work that fails."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.request import urlopen

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from tests.collector.conftest import Start
from tests.collector.harness import Agent, agent_of, now_ms, packages, refused

from driftline_collector.collector import Collector
from driftline_collector.errors import SettingsError
from driftline_collector.metrics import Metrics
from driftline_collector.settings import Address
from driftline_collector.worker import guarded


def metrics(collector: Collector) -> dict[str, float]:
    with urlopen(f"http://127.0.0.1:{collector.ports.metrics}/metrics", timeout=10) as page:
        lines = page.read().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def test_metrics_tell_what_was_done(collector: Collector, agent: Agent) -> None:
    agent.submit(packages(("openssl", "1")))
    changed = packages(("openssl", "2"))
    changed.previous_digest, changed.previous_observed_at_ms = packages(("openssl", "1")).digest, now_ms() - 5000
    agent.submit(changed)
    agent.renew()
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        agent_of(collector, enrolled=False).enrol("nonsense")
    seen = metrics(collector)
    assert seen['driftline_collector_calls_total{method="Submit",status="OK"}'] == 2
    assert seen['driftline_collector_calls_total{method="Enroll",status="UNAUTHENTICATED"}'] == 1
    assert seen["driftline_collector_reports_total"] == 2
    assert seen["driftline_collector_sections_total"] == 2
    assert seen["driftline_collector_commits_total"] == 2
    assert seen["driftline_collector_commit_seconds_count"] == 2
    assert seen['driftline_collector_certificates_total{how="enrolled"}'] == 1
    assert seen['driftline_collector_certificates_total{how="renewed"}'] == 1
    assert seen["driftline_collector_detection_seconds_count"] == 1
    assert seen["driftline_collector_queue_reports"] == 0


def test_health_needs_no_certificate_and_is_not_rate_limited(start: Start, tmp_path: Path) -> None:
    collector = start(enrol_burst_peer=1, enrol_rate_peer=0.01)
    agent = agent_of(collector, enrolled=False)
    with agent.enrol_channel() as channel:
        stub = HealthStub(channel)
        for service in ("", "driftline.v1.Collector", "driftline.v1.Enrolment"):
            reply = stub.Check(HealthCheckRequest(service=service), timeout=10)
            assert reply.status == HealthCheckResponse.SERVING
        with refused(grpc.StatusCode.NOT_FOUND, "nonsense"):
            stub.Check(HealthCheckRequest(service="nonsense"), timeout=10)


def test_health_says_when_the_database_is_away(
    collector: Collector, database_away: Callable[[], AbstractContextManager[None]]
) -> None:
    with database_away(), agent_of(collector, enrolled=False).enrol_channel() as channel:
        reply = HealthStub(channel).Check(HealthCheckRequest(), timeout=10)
        assert reply.status == HealthCheckResponse.NOT_SERVING


def test_a_failing_job_is_counted_and_harms_nothing() -> None:
    counted = Metrics()

    def fail() -> None:
        raise RuntimeError("nobody foresaw this")

    guarded("seal", counted, fail)
    assert counted.registry.get_sample_value("driftline_collector_job_failures_total", {"job": "seal"}) == 1


def test_an_unforeseen_failure_gives_an_incident_and_no_trace(
    collector: Collector, agent: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def commit(self, reports: object) -> None:
            raise RuntimeError("secret inner workings")

    collector.committer._ingest = Broken()  # type: ignore[assignment]  # broken on purpose
    with pytest.raises(grpc.RpcError) as caught:
        agent.submit(packages(("openssl", "1")))
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    details = caught.value.details() or ""
    assert "secret" not in details
    incident = details.rpartition(" ")[2]
    assert any(getattr(record, "incident", None) == incident for record in caplog.records)


def test_a_port_in_use_is_named(start: Start, collector: Collector, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"report_listen: cannot listen at 127\.0\.0\.1"):
        start(report_listen=Address("127.0.0.1", collector.ports.enrol))
