"""Reports over real TLS: what is applied once, and what changes nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import grpc
import pytest
from sqlmodel import col, func, select
from tests.collector.conftest import Start
from tests.collector.harness import TARGET, Agent, MovedClock, agent_of, key_pem, now_ms, packages, refused

from driftline.facts import digest_of
from driftline.v1 import collector_pb2 as pb
from driftline.v1.collector_pb2_grpc import CollectorStub
from driftline.v1.utilization_pb2 import UtilizationBatch
from driftline_cmdb import sources
from driftline_cmdb.tables.elements import Holding, Revision
from driftline_cmdb.tables.sources import Source
from driftline_collector.collector import Collector
from driftline_collector.service import checks

INVALID = grpc.StatusCode.INVALID_ARGUMENT
OPENSSL = ("openssl", "3.0.13")


@pytest.fixture
def record_url(database_url: str) -> str:
    """SQLite and PostgreSQL."""
    return database_url


def state(collector: Collector) -> tuple[int, int, list[tuple[int, bytes | None]]]:
    """All that a report can change, in short, without what the record itself says of its CI."""
    agents = select(Source.id).where(Source.kind == "agent")
    with collector.database.read() as session:
        revision, holding = (
            select(func.count()).select_from(table).where(col(table.source_id).in_(agents))
            for table in (Revision, Holding)
        )
        revisions, holdings = session.exec(revision).one(), session.exec(holding).one()
        places = [
            (row.sequence, row.continuation)
            for row in session.exec(select(Source).where(Source.kind == "agent").order_by(Source.id))
        ]
    return revisions, holdings, places


def test_first_report_makes_a_ci_and_is_receipted(collector: Collector, agent: Agent) -> None:
    reply = agent.submit(packages(OPENSSL, ("sl", "5.02-1")))
    assert reply.receipt.sequence == 1
    assert abs(reply.instructions.server_time_ms - now_ms()) < 60_000
    assert 1 <= reply.instructions.check_in_after_s <= 23
    assert reply.instructions.inventory_interval_s == 3600
    revisions, holdings, places = state(collector)
    assert (revisions, holdings) == (1, 2)
    assert places == [(1, reply.receipt.continuation)]


def test_announce_names_what_is_lacking(agent: Agent) -> None:
    section = packages(OPENSSL)
    manifest = pb.Manifest(
        sections=[pb.SectionDigest(name="dpkg", digest=section.digest), pb.SectionDigest(name="os", digest=bytes(16))],
        observed_at_ms=now_ms(),
    )
    announce = pb.AnnounceRequest(stamp=agent.stamp(), manifest=manifest, claims=agent.claims)
    assert sorted(agent.send("Announce", announce).wanted) == ["dpkg", "os"]
    agent.submit(section)
    announce.stamp.CopyFrom(agent.stamp())
    assert list(agent.send("Announce", announce).wanted) == ["os"]


def test_utilization_carries_the_manifest(agent: Agent) -> None:
    section = packages(OPENSSL)
    agent.submit(section)
    batch = UtilizationBatch()
    minute = now_ms() // 60_000 - 1
    batch.series.add(
        metric="system.cpu.utilization", unit="1", decimals=4, minutes=[minute], min=[1], mean=[2], max=[3], last=[2]
    )
    request = pb.SubmitUtilizationRequest(
        stamp=agent.stamp(),
        batch=batch,
        manifest=pb.Manifest(sections=[pb.SectionDigest(name="dpkg", digest=bytes(16))], observed_at_ms=now_ms()),
    )
    reply = agent.send("SubmitUtilization", request)
    agent.received(reply.receipt)
    assert list(reply.wanted) == ["dpkg"]
    request.stamp.CopyFrom(agent.stamp())
    request.manifest.sections[0].digest = section.digest
    assert list(agent.send("SubmitUtilization", request).wanted) == []


def test_a_retry_after_a_lost_reply_gives_the_same_receipt_and_is_applied_once(
    collector: Collector, agent: Agent
) -> None:
    request = agent.submit_request(packages(OPENSSL))
    with agent.report_channel() as channel:
        # The reply is thrown away unread: the connection goes while the call runs, or just after it.
        CollectorStub(channel).Submit.future(request, timeout=10).result(timeout=10)
    before = state(collector)
    request.stamp.sent_at_ms += 4_000
    first = agent.send("Submit", request)
    second = agent.send("Submit", request)
    assert first.receipt == second.receipt
    assert before[2] == [(1, first.receipt.continuation)]
    assert state(collector) == before
    agent.received(first.receipt)
    agent.submit(packages(OPENSSL, ("sl", "5.02-1")))


def test_a_call_that_the_client_gave_up_is_applied_once(collector: Collector, agent: Agent) -> None:
    request = agent.submit_request(packages(OPENSSL))
    for _ in range(5):
        with agent.report_channel() as channel:
            call = CollectorStub(channel).Submit.future(request, timeout=10)
            call.cancel()
    reply = agent.send("Submit", request)
    revisions, holdings, places = state(collector)
    assert (revisions, holdings, places) == (1, 1, [(1, reply.receipt.continuation)])


def test_a_rolled_back_agent_is_refused(collector: Collector, agent: Agent, clock: MovedClock) -> None:
    agent.submit(packages(OPENSSL))
    before = state(collector)
    agent.sequence, agent.continuation = 0, b""
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "sequence 1", "new epoch"):
        agent.submit(packages(("openssl", "3.0.14")))
    assert state(collector) == before
    agent.epoch = "a-new-epoch"
    with refused(grpc.StatusCode.UNAVAILABLE, "come back"):
        agent.submit(packages(("openssl", "3.0.14")))
    assert state(collector) == before
    clock.ahead_ms += 61_000
    agent.submit(packages(("openssl", "3.0.14")))


def test_a_truncated_section_changes_nothing(collector: Collector, agent: Agent) -> None:
    good = packages(OPENSSL, ("sl", "5.02-1"))
    cut = good.content[:-3]
    before = state(collector)
    with refused(INVALID, "dpkg", "truncated"):
        agent.submit(pb.Section(name="dpkg", outcome=pb.READ, content=cut, digest=digest_of(cut), observed_at_ms=1))
    assert state(collector) == before


def test_a_lying_digest_changes_nothing(collector: Collector, agent: Agent) -> None:
    section = packages(OPENSSL)
    section.digest = digest_of(b"something else")
    before = state(collector)
    with refused(INVALID, "dpkg", "digest"):
        agent.submit(section)
    assert state(collector) == before


def test_one_bad_section_takes_the_whole_report_with_it(collector: Collector, agent: Agent) -> None:
    bad = packages(OPENSSL)
    bad.name, bad.digest = "rpm", bytes(16)
    before = state(collector)
    with refused(INVALID, "rpm"):
        agent.submit(packages(OPENSSL), bad)
    assert state(collector) == before


def test_an_oversized_message_changes_nothing(collector: Collector, agent: Agent) -> None:
    before = state(collector)
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "larger than max"):
        agent.submit(packages(*((f"package-{number}", "1" * 1000) for number in range(5000))))
    assert state(collector) == before


def test_what_unpacks_to_more_than_a_message_may_hold_is_refused(collector: Collector, agent: Agent) -> None:
    request = agent.submit_request()
    request.transactions.add(command_line=" " * (64 << 20))
    credentials = grpc.ssl_channel_credentials(agent.root_pem, key_pem(agent.key), agent.chain)
    options = (*TARGET, ("grpc.max_send_message_length", -1))
    address, gzip = f"127.0.0.1:{agent.report_port}", grpc.Compression.Gzip
    before = state(collector)
    with grpc.secure_channel(address, credentials, options, gzip) as channel:
        stub = CollectorStub(channel)
        with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "Decompressed message larger than max"):
            stub.Submit(request, timeout=20)
        assert state(collector) == before
        request.transactions[0].Clear()
        del request.transactions[:]
        agent.received(stub.Submit(request, timeout=20).receipt)


def test_a_text_that_no_database_takes_is_invalid(collector: Collector, agent: Agent) -> None:
    before = state(collector)
    with refused(INVALID, "dpkg"):
        agent.submit(packages(("open\0ssl", "1")))
    assert state(collector) == before


def test_an_agent_that_has_read_nothing_yet_may_announce(agent: Agent) -> None:
    stamp = agent.stamp()
    stamp.sequence = 0
    reply = agent.send("Announce", pb.AnnounceRequest(stamp=stamp, manifest=pb.Manifest(), claims=agent.claims))
    assert list(reply.wanted) == []
    assert reply.instructions.check_in_after_s


def test_a_damaged_request_is_invalid_not_internal(agent: Agent) -> None:
    for method in ("Announce", "Submit", "SubmitUtilization"):
        with agent.report_channel() as channel, refused(INVALID, method, "truncated"):
            channel.unary_unary(f"/driftline.v1.Collector/{method}")(b"\x0a\xff\x01", timeout=10)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda r: r.stamp.Clear(), "stamp.epoch"),
        (lambda r: setattr(r.stamp, "sequence", 0), "stamp.sequence"),
        (lambda r: setattr(r.stamp, "epoch", "../../etc"), "stamp.epoch"),
        (lambda r: setattr(r.stamp, "sent_at_ms", -1), "stamp.sent_at_ms"),
        (lambda r: setattr(r.stamp, "continuation", bytes(100)), "stamp.continuation"),
        (lambda r: setattr(r.stamp, "previous_epoch", "../../etc"), "stamp.previous_epoch"),
        (lambda r: setattr(r.stamp, "machine", bytes(33)), "stamp.machine"),
        (lambda r: setattr(r.stamp, "begun_for", "x" * 81), "stamp.begun_for"),
        (lambda r: setattr(r.stamp, "begun_for", "a\0b"), "stamp.begun_for"),
        (lambda r: setattr(r.claims, "hostname", "a\0b"), "claims.hostname"),
        (lambda r: setattr(r.claims, "fqdn", "x" * 300), "claims.fqdn"),
        (lambda r: setattr(r.claims, "board_serial_number", "x" * 257), "claims.board_serial_number"),
        (lambda r: setattr(r.claims, "cloud_instance_id", "\0"), "claims.cloud_instance_id"),
        (lambda r: setattr(r.claims, "container", "x" * 257), "claims.container"),
        (lambda r: r.claims.macs.extend(["x"] * 257), "claims.macs: 257 are more than 256"),
        (lambda r: r.claims.disk_serial_numbers.append("x" * 257), "claims.disk_serial_numbers"),
        (lambda r: r.claims.disk_serial_numbers.extend(["x"] * 257), "claims.disk_serial_numbers: 257"),
        (lambda r: r.claims.entity_serial_numbers.extend(["x"] * 257), "claims.entity_serial_numbers: 257"),
        (lambda r: r.claims.management_addresses.extend(["x"] * 65), "claims.management_addresses: 65"),
        (lambda r: r.sections.append(r.sections[0]), "twice"),
        (lambda r: setattr(r.sections[0], "name", "Robert'); --"), "section's name"),
        (lambda r: setattr(r.sections[0], "observed_at_ms", 2**62), "observed_at_ms"),
        (lambda r: r.transactions.add(started_at_ms=1, ended_at_ms=1, command_line="x" * 2_000_000), "command_line"),
        (lambda r: r.evidence.add(kind="rumour", started_at_ms=1), r"evidence[0].kind"),
        (lambda r: r.evidence.add(kind="sudo", started_at_ms=0), r"evidence[0].started_at_ms"),
        (lambda r: r.evidence.add(kind="sudo", started_at_ms=1, what="x" * 501), r"evidence[0].what"),
        (lambda r: [r.evidence.add(kind="sudo", started_at_ms=1) for _ in range(501)], "more than 500"),
        (lambda r: [r.sections.add(name=f"s{n}") for n in range(300)], "more than 200"),
    ],
)
def test_bounds_name_the_field(collector: Collector, agent: Agent, change: object, word: str) -> None:
    request = agent.submit_request(packages(OPENSSL))
    assert callable(change)
    change(request)
    before = state(collector)
    with refused(INVALID, word):
        agent.send("Submit", request)
    assert state(collector) == before


def test_batches_have_bounds(collector: Collector, agent: Agent) -> None:
    before = state(collector)
    for minutes, values, word in ((2000, 2000, "at most 1440"), (3, 2, "2 values for 3 minutes")):
        batch = UtilizationBatch()
        series = batch.series.add(metric="system.cpu.utilization", minutes=[1] * minutes)
        for name in ("min", "mean", "max", "last"):
            getattr(series, name).extend([1] * values)
        with refused(INVALID, "system.cpu.utilization", word):
            agent.send("SubmitUtilization", pb.SubmitUtilizationRequest(stamp=agent.stamp(), batch=batch))
    assert state(collector) == before


def test_a_revoked_certificate_is_refused_on_a_live_connection(collector: Collector, agent: Agent) -> None:
    with agent.report_channel() as channel:
        stub = CollectorStub(channel)
        agent.received(stub.Submit(agent.submit_request(packages(OPENSSL)), timeout=10).receipt)
        with collector.database.write() as session:
            sources.revoke_certificates(session, sources.find(session, agent.uid), "alice", "stolen", now_ms())
        before = state(collector)
        code = None
        for _ in range(200):  # what was known may be remembered for a second
            try:
                stub.Announce(pb.AnnounceRequest(stamp=agent.stamp(), manifest=MANIFEST), timeout=10)
            except grpc.RpcError as error:
                code = error.code()
                break
            threading.Event().wait(0.05)
        assert code is grpc.StatusCode.UNAUTHENTICATED
        with refused(grpc.StatusCode.UNAUTHENTICATED, "revoked", "join token"):
            stub.Submit(agent.submit_request(packages(OPENSSL)), timeout=10)
    assert state(collector) == before


MANIFEST = pb.Manifest(observed_at_ms=1)


def test_a_certificate_that_ends_on_a_live_connection_is_refused_cleanly(agent: Agent, clock: MovedClock) -> None:
    with agent.report_channel() as channel:
        stub = CollectorStub(channel)
        agent.received(stub.Submit(agent.submit_request(packages(OPENSSL)), timeout=10).receipt)
        clock.ahead_ms = int(timedelta(hours=25).total_seconds() * 1000)
        with refused(grpc.StatusCode.UNAUTHENTICATED, "expired", "renew"):
            stub.Submit(agent.submit_request(packages(OPENSSL)), timeout=10)


def test_a_quarantined_source_is_refused(collector: Collector, agent: Agent) -> None:
    with collector.database.write() as session:
        sources.quarantine(session, sources.find(session, agent.uid), "driftline", "two of it", now_ms())
    with refused(grpc.StatusCode.PERMISSION_DENIED, "quarantined", "two of it"):
        agent.submit(packages(OPENSSL))


def test_a_certificate_that_is_not_on_record_is_refused(collector: Collector, agent: Agent) -> None:
    issued = collector.authority.issue(agent.uid, agent.key.public_key(), timedelta(hours=1))
    agent.chain = issued.chain
    with refused(grpc.StatusCode.UNAUTHENTICATED, "not on record"):
        agent.submit(packages(OPENSSL))


def test_no_certificate_no_connection(agent: Agent) -> None:
    credentials = grpc.ssl_channel_credentials(agent.root_pem)
    channel = grpc.secure_channel(f"127.0.0.1:{agent.report_port}", credentials, TARGET)
    with channel, refused(grpc.StatusCode.UNAVAILABLE):
        CollectorStub(channel).Submit(agent.submit_request(), timeout=10)


def test_a_claimed_name_of_another_does_not_make_one_the_other(collector: Collector, agent: Agent) -> None:
    agent.submit(packages(OPENSSL))
    thief = agent_of(collector, "web1")
    thief.submit(packages(("openssl", "0-evil")))
    with collector.database.read() as session:
        query = select(Holding.source_id).join(Source, col(Source.id) == col(Holding.source_id))
        owners = session.exec(query.where(Source.kind == "agent")).all()
        assert len(set(owners)) == 2
        assert sources.find(session, agent.uid).sequence == 1


def test_many_agents_at_once_are_all_committed(start: Start) -> None:
    collector = start()
    agents = [agent_of(collector, f"host{number}") for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        for version in ("1", "2", "3"):
            list(pool.map(lambda agent, v=version: agent.submit(packages(("openssl", v))), agents))
    revisions, holdings, places = state(collector)
    assert revisions == holdings == 36
    assert sorted(places) == sorted((agent.sequence, agent.continuation) for agent in agents)
    registry = collector.metrics.registry
    assert registry.get_sample_value("driftline_collector_reports_total") == 36
    assert registry.get_sample_value("driftline_collector_commit_reports_sum") == 36


def test_one_source_cannot_take_all_threads(start: Start) -> None:
    collector = start(concurrent_calls_source=1)
    agent = agent_of(collector)
    entered, leave = threading.Event(), threading.Event()
    commit = collector.committer._ingest.commit

    class Slow:
        def commit(self, reports):  # type: ignore[no-untyped-def]  # a fake between two typed ends
            entered.set()
            leave.wait(10)
            return commit(reports)

    collector.committer._ingest = Slow()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(agent.send, "Submit", agent.submit_request(packages(OPENSSL)))
        assert entered.wait(10)
        with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "of this source", "come back in"):
            agent.send("Submit", agent.submit_request(packages(OPENSSL)))
        leave.set()
        assert first.result().receipt.sequence == 1


def test_every_list_of_claims_has_a_bound() -> None:
    fields = pb.HostClaims.DESCRIPTOR.fields
    assert {field.name for field in fields if field.is_repeated} == set(checks.CLAIMED)
