"""Damaged requests: whatever comes in, the answer is a status with a meaning, never a failure of the collector."""

import random
from collections.abc import Iterator

import grpc
import pytest
from tests.collector.conftest import Start
from tests.collector.harness import Agent, agent_of, csr_of, join_token, new_key, now_ms, packages

from driftline.facts import digest_of
from driftline.v1 import collector_pb2 as pb
from driftline.v1.utilization_pb2 import UtilizationBatch
from driftline_collector.collector import Collector

FINE = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAVAILABLE,  # an epoch that was damaged is a new one, and waits
}


@pytest.fixture
def record_url(database_url: str) -> str:
    """SQLite and PostgreSQL: they refuse different things."""
    return database_url


def damaged(content: bytes, seed: int, count: int = 120) -> Iterator[bytes]:
    """Requests with bytes changed, cut out, doubled or cut off."""
    chance = random.Random(seed)
    for _ in range(count):
        out = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(out))
            match chance.randrange(5):
                case 0:
                    out[at] = chance.randrange(256)
                case 1:
                    out[at] ^= 1 << chance.randrange(8)
                case 2:
                    del out[at : at + chance.randint(1, 8)]
                case 3:
                    out[at:at] = out[at : at + chance.randint(1, 30)]
                case 4:
                    out[at] = 0
            if not out:
                break
        yield bytes(out)


def statuses(channel: grpc.Channel, method: str, requests: Iterator[bytes]) -> None:
    call = channel.unary_unary(f"/driftline.v1.{method}")
    for request in requests:
        try:
            call(request, timeout=20)
        except grpc.RpcError as error:
            assert error.code() in FINE, f"{method}: {error.code()} {error.details()} for {request!r}"


def _further(stamp: pb.Stamp) -> pb.Stamp:
    stamp.previous_epoch, stamp.machine, stamp.begun_for = "e" * 32, bytes(16), "other hardware"
    return stamp


def test_damaged_reports(collector: Collector, agent: Agent) -> None:
    agent.submit(packages(("openssl", "1")))
    section = packages(("openssl", "2"), ("sl", "5.02-1"))
    told = agent.stamp
    agent.stamp = lambda: _further(told())  # type: ignore[method-assign]  # as an agent of today fills it
    submit = agent.submit_request(section)
    submit.transactions.add(manager="apt", command_line="apt-get install sl", started_at_ms=now_ms(), ended_at_ms=1)
    submit.transactions[0].changes.add(action="install", name="sl", version_after="5.02-1")
    manifest = pb.Manifest(sections=[pb.SectionDigest(name="dpkg", digest=section.digest)], observed_at_ms=now_ms())
    batch = UtilizationBatch()
    batch.series.add(
        metric="system.cpu.utilization", unit="1", minutes=[now_ms() // 60_000], min=[1], mean=[2], max=[3], last=[2]
    )
    utilization = pb.SubmitUtilizationRequest(stamp=agent.stamp(), batch=batch, manifest=manifest)
    announce = pb.AnnounceRequest(stamp=agent.stamp(), manifest=manifest, claims=agent.claims)
    with agent.report_channel() as channel:
        statuses(channel, "Collector/Submit", damaged(submit.SerializeToString(), 1))
        statuses(channel, "Collector/SubmitUtilization", damaged(utilization.SerializeToString(), 2))
        statuses(channel, "Collector/Announce", damaged(announce.SerializeToString(), 3))
        leave = pb.LeaveRequest(reason=pb.HOST_REBOOTS, at_ms=now_ms())
        statuses(channel, "Collector/Leave", damaged(leave.SerializeToString(), 5))
    assert collector.committer.alive


def test_damaged_contents(agent: Agent) -> None:
    """Sections whose digest fits, but whose content is damaged."""
    whole = packages(("openssl", "2"), ("sl", "5.02-1"))
    whole_facts = whole.content
    requests = []
    for content in damaged(whole_facts, 4):
        section = pb.Section()
        section.CopyFrom(whole)
        section.content, section.digest = content, digest_of(content)
        requests.append(agent.submit_request(section).SerializeToString())
    with agent.report_channel() as channel:
        statuses(channel, "Collector/Submit", iter(requests))


def test_damaged_enrolments(start: Start) -> None:
    collector = start(enrol_burst_peer=10_000, enrol_burst_all=10_000)
    agent = agent_of(collector)
    token = join_token(collector.database, collector.authority.fingerprint, uses=1000)
    enroll = pb.EnrollRequest(join_token=token, csr=csr_of(new_key()), claims=agent.claims)
    renew, _ = agent.renew_request()
    own, _ = agent.renew_request()
    own.epoch, own.continuation, own.claims = agent.epoch, bytes(22), agent.claims.SerializeToString()
    with agent.enrol_channel() as channel:
        statuses(channel, "Enrolment/Enroll", damaged(enroll.SerializeToString(), 5))
        statuses(channel, "Enrolment/Renew", damaged(renew.SerializeToString(), 6))
        statuses(channel, "Enrolment/Renew", damaged(own.SerializeToString(), 7))
