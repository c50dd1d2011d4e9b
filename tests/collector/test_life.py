"""What calls tell beside reports: an agent that stops, calls that are refused, machines that were retired."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest
from sqlmodel import select
from tests.collector.harness import HOUR_MS, Agent, MovedClock, new_key, now_ms, packages

from driftline.v1 import collector_pb2 as pb
from driftline.v1.collector_pb2_grpc import EnrolmentStub
from driftline_cmdb import record, sources
from driftline_cmdb.identity import retiring
from driftline_cmdb.tables.cis import Ci, Finding
from driftline_cmdb.tables.sources import Source
from driftline_collector.collector import Collector


@contextmanager
def refused(status: grpc.StatusCode, word: str) -> Iterator[None]:
    with pytest.raises(grpc.RpcError) as error:
        yield
    assert error.value.code() is status, error.value  # type: ignore[attr-defined]  # grpc's errors are calls
    assert word in error.value.details()  # type: ignore[attr-defined]  # grpc's errors are calls


def source_of(collector: Collector) -> Source:
    with collector.database.read() as session:
        return session.exec(select(Source).where(Source.kind == "agent")).one()


def leave(agent: Agent, reason: int = pb.AGENT_STOPPED, at_ms: int | None = None) -> None:
    agent.send("Leave", pb.LeaveRequest(reason=reason, at_ms=now_ms() if at_ms is None else at_ms))  # type: ignore[arg-type]  # also what is no reason


def decide(collector: Collector, decision: str) -> None:
    with collector.database.write() as session:
        getattr(retiring, decision)(session, session.exec(select(Ci)).one(), "carol", "scrapped", now_ms())


def test_a_last_word_is_kept_until_the_next_report(collector: Collector, agent: Agent) -> None:
    agent.submit(packages(("openssl", "1")))
    leave(agent, pb.HOST_REBOOTS)
    source = source_of(collector)
    assert source.left_reason == "HOST_REBOOTS" and source.left_ms is not None
    assert source.seen_ms is not None and source.left_ms >= source.seen_ms
    agent.submit(packages(("openssl", "2")))
    assert (source_of(collector).left_ms, source_of(collector).left_reason) == (None, None)


def test_a_last_word_said_again_is_written_once(collector: Collector, agent: Agent) -> None:
    agent.submit(packages(("openssl", "1")))
    leave(agent)
    first = source_of(collector).left_ms
    leave(agent)
    assert source_of(collector).left_ms == first


@pytest.mark.parametrize(
    ("reason", "at_ms", "word"), [(0, 5, "reason: 0 is none of AGENT_STOPPED"), (99, 5, "reason: 99"), (1, -1, "at_ms")]
)
def test_a_last_word_has_bounds(collector: Collector, agent: Agent, reason: int, at_ms: int, word: str) -> None:
    agent.submit(packages(("openssl", "1")))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, word):
        leave(agent, reason, at_ms)
    assert source_of(collector).left_ms is None


def test_a_damaged_last_word_is_invalid(agent: Agent) -> None:
    with agent.report_channel() as channel, refused(grpc.StatusCode.INVALID_ARGUMENT, "Leave"):
        channel.unary_unary("/driftline.v1.Collector/Leave")(b"\x08\xff", timeout=10)


def test_refused_calls_are_noted_once_a_minute(collector: Collector, agent: Agent, clock: MovedClock) -> None:
    agent.submit(packages(("openssl", "1")))
    assert source_of(collector).refused_ms is None
    with collector.database.write() as session:
        sources.revoke_certificates(session, sources.find(session, agent.uid), "alice", "stolen", now_ms())
    for _ in range(2):
        with refused(grpc.StatusCode.UNAUTHENTICATED, "revoked"):
            agent.renew()
    noted = source_of(collector)
    assert noted.refused_reason == "the certificate was revoked; enrol with a join token"
    clock.ahead_ms = 48 * HOUR_MS
    with refused(grpc.StatusCode.UNAUTHENTICATED, "expired"):
        leave(agent)
    assert source_of(collector).refused_ms == noted.refused_ms  # its clock moved, the minute is by time that passes


def test_an_expired_certificate_is_a_refused_call(collector: Collector, agent: Agent, clock: MovedClock) -> None:
    agent.submit(packages(("openssl", "1")))
    clock.ahead_ms = 48 * HOUR_MS
    with refused(grpc.StatusCode.UNAUTHENTICATED, "expired"):
        agent.submit(packages(("openssl", "2")))
    noted = source_of(collector)
    assert noted.refused_ms is not None and noted.seen_ms is not None and noted.refused_ms > noted.seen_ms
    assert noted.refused_reason == "the certificate has expired; renew it at the enrol port"


def test_a_renewal_without_the_old_key_is_nobodys_refusal(collector: Collector, agent: Agent) -> None:
    """Who has only the certificate, which every peer sees, cannot make driftline say that its holder is refused."""
    agent.submit(packages(("openssl", "1")))
    request, _ = agent.renew_request(old_key=new_key())
    with pytest.raises(grpc.RpcError), agent.enrol_channel() as channel:
        EnrolmentStub(channel).Renew(request, timeout=10)
    assert source_of(collector).refused_ms is None


def test_a_retired_machine_is_refused_in_every_call_and_a_finding(collector: Collector, agent: Agent) -> None:
    agent.submit(packages(("openssl", "1")))
    decide(collector, "retire")
    announce = pb.AnnounceRequest(stamp=agent.stamp(), claims=agent.claims)
    announce.stamp.sequence = agent.sequence
    announce.manifest.observed_at_ms = now_ms()
    calls = (
        lambda: agent.submit(packages(("openssl", "2"))),
        lambda: agent.send("SubmitUtilization", pb.SubmitUtilizationRequest(stamp=agent.stamp())),
        lambda: agent.send("Announce", announce),
        lambda: agent.send("OfferTexts", pb.OfferTextsRequest()),
    )
    for call in calls:
        with refused(grpc.StatusCode.PERMISSION_DENIED, "driftline ci reinstate web1, or stop its agent"):
            call()
    with collector.database.read() as session:
        finding = session.exec(select(Finding).where(Finding.kind == "retired reports")).one()
        assert finding.closed_ms is None and finding.message.startswith("web1 is retired, and web1 reports of it")
        kept = record.facts_of(session, session.exec(select(Ci)).one(), ["software.packages[*].version"])
        assert [one.value for one in kept] == ["1"]
    agent.renew()  # its certificate stays good, so that it can be reinstated
    decide(collector, "reinstate")
    agent.submit(packages(("openssl", "2")))
    with collector.database.read() as session:
        assert session.exec(select(Finding.closed_ms).where(Finding.kind == "retired reports")).one() is not None


def test_an_announcement_alone_is_a_finding_too(collector: Collector, agent: Agent) -> None:
    agent.submit(packages(("openssl", "1")))
    decide(collector, "retire")
    announce = pb.AnnounceRequest(stamp=agent.stamp())
    with refused(grpc.StatusCode.PERMISSION_DENIED, "was retired"):
        agent.send("Announce", announce)
    with collector.database.read() as session:
        assert session.exec(select(Finding).where(Finding.kind == "retired reports")).one().closed_ms is None


def test_what_is_disposed_of_renews_no_more(collector: Collector, agent: Agent) -> None:
    agent.submit(packages(("openssl", "1")))
    decide(collector, "retire")
    decide(collector, "dispose")
    with refused(grpc.StatusCode.UNAUTHENTICATED, "revoked"):
        agent.renew()
